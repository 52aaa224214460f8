"""The same rows on a Flink cluster of three processes; one that is killed changes but the time.

`make test-flink` brings Flink and Beam's job server.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import Corpus
from e2e.engines.processes import free_port, kill, listens, running, wait_for, worker_pool
from e2e.processes import run_well
from e2e.results import WHEN, findings, manifest_of, rows, verify

_FOLDER = Path(os.environ.get("TOCSIN_FLINK", "build/flink")).absolute()
_LIBRARIES = _FOLDER / "dist" / "lib"
_JAR = next(_FOLDER.glob("beam-runners-flink-*-job-server-*.jar"), None)

_SLOTS = 2
"""Of each of the two task managers."""

_ENTRY = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"

# What Flink's own scripts open to it on Java 17.
_OPENED = [
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in (
        "java.lang", "java.lang.reflect", "java.net", "java.nio", "java.text", "java.time",
        "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "sun.net.util",
    )
]  # fmt: skip

pytestmark = [
    pytest.mark.skipif(not _LIBRARIES.exists(), reason="needs Flink: make test-flink"),
    pytest.mark.skipif(shutil.which("java") is None, reason="needs Java"),
]
needs_job_server = pytest.mark.skipif(
    _JAR is None, reason="needs Beam's job server, which Maven did not bring: deploy/flink/fetch.sh"
)


@dataclass
class Cluster:
    """`rest`: port of the job manager's API; `managers`: the task managers."""

    rest: int
    managers: list[subprocess.Popen]

    def ask(self, path: str) -> Any:
        """What the job manager says."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}/{path}", timeout=10) as answer:
            return json.load(answer)

    def task_managers(self) -> int:
        """How many have come forward."""
        try:
            return len(self.ask("taskmanagers")["taskmanagers"])
        except OSError:
            return 0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    rest, rpc = free_port(), free_port()
    settings = {
        "jobmanager.rpc.address": "127.0.0.1", "jobmanager.rpc.port": rpc,
        "jobmanager.bind-host": "127.0.0.1", "jobmanager.memory.process.size": "1024m",
        "rest.address": "127.0.0.1", "rest.bind-address": "127.0.0.1", "rest.port": rest,
        "taskmanager.host": "127.0.0.1", "taskmanager.bind-host": "127.0.0.1",
        "taskmanager.numberOfTaskSlots": _SLOTS,
        "restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": 10,
        "restart-strategy.fixed-delay.delay": "1 s",
        "jobmanager.execution.failover-strategy": "region",
        "heartbeat.interval": 1000, "heartbeat.timeout": 8000,
        "io.tmp.dirs": str(tmp_path / "flink"),
        # What Flink's own scripts work out; no task manager starts without.
        "taskmanager.cpu.cores": _SLOTS, "taskmanager.memory.task.heap.size": "256m",
        "taskmanager.memory.task.off-heap.size": "0m", "taskmanager.memory.managed.size": "128m",
        "taskmanager.memory.network.min": "128m", "taskmanager.memory.network.max": "128m",
        "taskmanager.memory.framework.heap.size": "128m",
        "taskmanager.memory.framework.off-heap.size": "128m",
        "taskmanager.memory.jvm-metaspace.size": "256m",
        "taskmanager.memory.jvm-overhead.min": "192m",
        "taskmanager.memory.jvm-overhead.max": "192m",
    }  # fmt: skip
    (tmp_path / "flink").mkdir()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text(
        "".join(f"{name}: {value}\n" for name, value in settings.items())
    )
    java = ["java", "-Xmx512m", "-Dlog4j2.level=INFO", *_OPENED, "-cp", f"{_LIBRARIES}/*"]
    configured = ["--configDir", str(tmp_path / "conf")]
    with contextlib.ExitStack() as started:
        manager = [*java, _ENTRY, *configured, "--executionMode", "cluster"]
        started.enter_context(running(manager, tmp_path / "job-manager"))
        managers = [
            started.enter_context(
                running([*java, _TASK_MANAGER, *configured], tmp_path / f"task-manager-{number}")
            )
            for number in range(2)
        ]
        cluster = Cluster(rest, managers)
        wait_for(lambda: cluster.task_managers() == 2)
        yield cluster


@pytest.fixture
def engine(cluster: Cluster, tmp_path: Path) -> Iterator[list[str]]:
    """Options for a scan on the cluster, with workers in processes that are started apart."""
    job, artifacts, expansion, pool = (free_port() for _ in range(4))
    server = [
        "java", "-Xmx768m", *_OPENED, "-jar", str(_JAR), "--job-host=127.0.0.1",
        f"--job-port={job}", f"--artifact-port={artifacts}", f"--expansion-port={expansion}",
        f"--flink-master=127.0.0.1:{cluster.rest}", f"--artifacts-dir={tmp_path}/artifacts",
    ]  # fmt: skip
    with running(server, tmp_path / "server"), worker_pool(pool, tmp_path / "workers"):
        wait_for(lambda: listens(job))
        yield [
            "--runner=PortableRunner", f"--job_endpoint=127.0.0.1:{job}",
            "--environment_type=EXTERNAL", f"--environment_config=127.0.0.1:{pool}",
        ]  # fmt: skip


def test_the_cluster_has_two_task_managers(cluster: Cluster) -> None:
    # A task manager comes forward first, and tells of its slots a moment later.
    wait_for(lambda: cluster.ask("overview")["slots-total"] == 2 * _SLOTS)
    assert len({process.pid for process in cluster.managers}) == 2


def test_a_task_manager_that_is_killed_is_missed(cluster: Cluster) -> None:
    kill(cluster.managers[0])
    wait_for(lambda: cluster.task_managers() == 1)


@needs_job_server
@pytest.mark.parametrize("parallelism", [1, 2, 4])
def test_the_same_rows(
    corpus: Corpus, scanned: Path, engine: list[str], tmp_path: Path, parallelism: int
) -> None:
    out = tmp_path / "out"
    started = time.monotonic()
    run_well("scan", corpus.folder, "-o", out, *engine, f"--parallelism={parallelism}")
    print(f"parallelism {parallelism}: {time.monotonic() - started:.1f} s")
    _same(out, scanned)


@needs_job_server
def test_a_task_manager_killed_in_mid_scan(
    corpus: Corpus, scanned: Path, engine: list[str], cluster: Cluster, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def kill_one() -> None:
        wait_for(lambda: any((out / "documents").glob("part-*")), 600)
        kill(cluster.managers[0])

    thread = threading.Thread(target=kill_one)
    thread.start()
    run_well("scan", corpus.folder, "-o", out, *engine, "--parallelism=2")
    thread.join()
    assert cluster.managers[0].poll() is not None
    _same(out, scanned)


@needs_job_server
def test_metrics_arrive(
    corpus: Corpus, engine: list[str], cluster: Cluster, tmp_path: Path
) -> None:
    run_well("scan", corpus.folder, "-o", tmp_path / "out", *engine)
    [job] = cluster.ask("jobs/overview")["jobs"]
    accumulators = cluster.ask(f"jobs/{job['jid']}/accumulators")
    assert "documents" in json.dumps(accumulators)


def _same(out: Path, scanned: Path) -> None:
    verify(out)
    assert findings(out, WHEN) == findings(scanned, WHEN)
    assert rows(out, "documents") == rows(scanned, "documents")
    assert manifest_of(out)["totals"] == manifest_of(scanned)["totals"]
