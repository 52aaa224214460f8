"""The same rows on Prism: Beam's portable protocol between processes, as Flink speaks it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import Corpus
from e2e.engines.processes import free_port, listens, running, wait_for, worker_pool
from e2e.processes import run_well
from e2e.results import WHEN, findings, manifest_of, rows, verify

_PRISM = Path(os.environ.get("TOCSIN_PRISM", "build/prism/prism")).absolute()

pytestmark = pytest.mark.skipif(not _PRISM.exists(), reason="needs Prism: make test-prism")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[list[str]]:
    """Options for a scan on Prism, with workers in processes that are started apart from it."""
    job, pool = free_port(), free_port()
    prism = [str(_PRISM), f"-job_port={job}", "-serve_http=false", "-log_level=warn"]
    with running(prism, tmp_path / "prism"), worker_pool(pool, tmp_path / "workers"):
        wait_for(lambda: listens(job))
        yield [
            "--runner=PortableRunner", f"--job_endpoint=localhost:{job}",
            "--environment_type=EXTERNAL", f"--environment_config=localhost:{pool}",
        ]  # fmt: skip


@pytest.mark.parametrize("ranges", [[], ["--range-bytes=400000"]], ids=["shards", "ranges"])
def test_the_same_rows(
    corpus: Corpus, scanned: Path, engine: list[str], tmp_path: Path, ranges: list[str]
) -> None:
    out = tmp_path / "out"
    run_well("scan", corpus.folder, "-o", out, *ranges, *engine)
    verify(out)
    assert findings(out, WHEN) == findings(scanned, WHEN)
    assert rows(out, "documents") == rows(scanned, "documents")
    assert manifest_of(out)["totals"] == manifest_of(scanned)["totals"]
    assert manifest_of(out)["runner"] == "PortableRunner"
