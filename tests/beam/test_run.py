from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, NoReturn

import apache_beam as beam
import pytest
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from tocsin.beam import run
from tocsin.beam.run import LOCAL, Engine, JobFailed, RunnerError, engine, quiet_logs


@pytest.mark.parametrize(
    ("tokens", "arguments", "inputs"),
    [
        ([], [], []),
        (["a", "b"], [], ["a", "b"]),
        (["a", "--direct_num_workers", "2", "b"], ["--direct_num_workers", "2"], ["a", "b"]),
        (["--direct_num_workers=2", "a", "b"], ["--direct_num_workers=2"], ["a", "b"]),
        (["2", "--direct_num_workers", "2"], ["--direct_num_workers", "2"], ["2"]),
        (["--project=p", "gs://b/a", "--region", "r"], ["--project=p", "--region", "r"], ["gs://b/a"]),
        (["--save_main_session", "a"], ["--save_main_session"], ["a"]),
        (
            ["--experiments=x", "a", "--experiments", "y"],
            ["--experiments=x", "--experiments", "y"],
            ["a"],
        ),
        (["--setup_file", "./setup.py", "--num_workers=9", "corpus/*.parquet"],
         ["--setup_file", "./setup.py", "--num_workers=9"], ["corpus/*.parquet"]),
    ],
)  # fmt: skip
def test_options_of_beam_are_told_from_inputs(
    tokens: list[str], arguments: list[str], inputs: list[str]
) -> None:
    assert engine("AnyRunner", tokens) == (Engine("AnyRunner", tuple(arguments)), inputs)


@pytest.mark.parametrize(
    ("tokens", "saying"),
    [
        (["--no_such_option"], "no such option: --no_such_option"),
        (["--no_such_option=1", "a"], "no such option: --no_such_option=1"),
        (["a", "-x"], "no such option: -x"),
        # No abbreviations: a typing error is no option.
        (["--direct_num_worker", "2"], "no such option: --direct_num_worker"),
        (["--direct_num_workers", "two"], "invalid int value: 'two'"),
        (["--direct_num_workers"], "expected one argument"),
        (["--direct_running_mode=in_space"], "invalid choice: 'in_space'"),
    ],
)
def test_what_beam_does_not_know_is_refused(tokens: list[str], saying: str) -> None:
    with pytest.raises(RunnerError, match=saying) as raised:
        engine(LOCAL, tokens)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("runner", ["DaskRunner", "BundleBasedDirectRunner"])
def test_runners_with_wrong_results_are_refused(runner: str) -> None:
    with pytest.raises(RunnerError, match=runner):
        engine(runner, [])


def _square(number: int) -> int:
    return number * number


class _Keep(beam.DoFn):
    """Keeps elements where the test sees them: the local runner works in this process."""

    seen: list[int] = []

    def process(self, element: int) -> Iterator[int]:
        self.seen.append(element)
        yield element


def _lay(pipeline: beam.Pipeline) -> None:
    pipeline | beam.Create([1, 2, 3]) | beam.Map(_square) | beam.ParDo(_Keep())


def test_a_job_runs_to_its_end() -> None:
    _Keep.seen.clear()
    Engine(LOCAL, ()).run(_lay, stored_bytes=0)
    assert sorted(_Keep.seen) == [1, 4, 9]


def _fail(number: int) -> NoReturn:
    raise ValueError(f"no\nluck with {number}")


def test_a_failed_job_is_said_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    quiet_logs(verbose=False)

    def lay(pipeline: beam.Pipeline) -> None:
        pipeline | beam.Create([7]) | "Step" >> beam.Map(_fail)

    with pytest.raises(JobFailed) as raised:
        Engine(LOCAL, ()).run(lay, stored_bytes=0)
    assert "luck with 7" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value.__cause__, Exception)
    assert "Traceback" not in capfd.readouterr().err


def test_a_pipeline_that_can_not_be_laid_is_a_failed_job() -> None:
    def lay(pipeline: beam.Pipeline) -> None:
        raise ValueError("two steps of one name")

    with pytest.raises(JobFailed, match="two steps of one name"):
        Engine(LOCAL, ()).run(lay, stored_bytes=0)


@pytest.mark.parametrize(
    ("arguments", "stored_bytes", "cores", "expected"),
    [
        ([], 0, 8, (1, "in_memory")),
        ([], run.PARALLEL_BYTES - 1, 8, (1, "in_memory")),
        ([], run.PARALLEL_BYTES, 8, (8, "multi_processing")),
        ([], run.PARALLEL_BYTES, 1, (1, "in_memory")),
        (["--direct_num_workers=1"], run.PARALLEL_BYTES, 8, (1, "in_memory")),
        (["--direct_num_workers=2"], 0, 8, (2, "multi_processing")),
        (["--direct_num_workers", "2"], 0, 8, (2, "multi_processing")),
        (
            ["--direct_num_workers=2", "--direct_running_mode=multi_threading"],
            run.PARALLEL_BYTES,
            8,
            (2, "multi_threading"),
        ),
    ],
)
def test_parallelism_of_a_local_run(
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    stored_bytes: int,
    cores: int,
    expected: tuple[int, str],
) -> None:
    monkeypatch.setattr(run.os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    seen: dict[str, Any] = {}

    class Pipeline:
        def __init__(self, runner: Any, options: Any) -> None:
            seen.update(options.get_all_options(), environment=runner._default_environment)
            raise RuntimeError("seen")

    monkeypatch.setattr(run.beam, "Pipeline", Pipeline)
    with pytest.raises(JobFailed, match="seen"):
        Engine(LOCAL, tuple(arguments)).run(_lay, stored_bytes)
    mode = seen["direct_running_mode"]
    if isinstance(seen["environment"], SubprocessSDKEnvironment):
        mode = "multi_processing"
    assert (seen["direct_num_workers"], mode) == expected


def test_what_beam_logs_is_shown_on_demand() -> None:
    """On a root logger of its own: pytest has one already."""
    logger = logging.getLogger("apache_beam.runners.common")
    before = logger.level
    try:
        logger.setLevel(logging.NOTSET)
        quiet_logs(verbose=True)
        assert logger.level == logging.NOTSET
        quiet_logs(verbose=False)
        assert not logger.isEnabledFor(logging.ERROR)
    finally:
        logger.setLevel(before)


@pytest.mark.parametrize("interrupt", [signal.default_int_handler, signal.SIG_IGN])
def test_a_lost_worker_fails_the_job(interrupt: Any) -> None:
    """Beam's local runner waits for it for ever; the exception ends a thread of its own. A shell's
    script has SIGINT ignored in what it starts in the background."""

    def lose() -> None:
        raise RuntimeError("Worker subprocess exited with return code -9")

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with (
            pytest.raises(RuntimeError, match="a worker process was lost"),
            run._ending_with_workers(),
        ):
            threading.Thread(target=lose, name="run_worker").start()
            time.sleep(20)
    finally:
        signal.signal(signal.SIGINT, before)


def test_workers_lost_later_do_not_interrupt_the_end() -> None:
    """A worker that the end of the job ends is no new reason to stop."""

    def lose() -> None:
        raise RuntimeError("Worker subprocess exited with return code 1")

    cleaned_up = False
    with pytest.raises(RuntimeError, match="lost: Worker"), run._ending_with_workers():
        try:
            threading.Thread(target=lose, name="run_worker").start()
            time.sleep(20)
        finally:
            second = threading.Thread(target=lose, name="run_worker")
            second.start()
            second.join()
            time.sleep(0.1)
            cleaned_up = True
    assert cleaned_up


def test_a_lost_worker_ends_the_others() -> None:
    """Beam would wait for one that has not connected yet when the job ends."""
    command = [sys.executable, "-c", "import time; time.sleep(60)", run._WORKER]
    others = [subprocess.Popen(command) for _ in range(2)]
    bystander = subprocess.Popen([*command[:-1], "something else"])

    def lose() -> None:
        raise RuntimeError("Worker subprocess exited with return code -9")

    with pytest.raises(RuntimeError, match="was lost"), run._ending_with_workers():
        try:
            threading.Thread(target=lose, name="run_worker").start()
            time.sleep(20)
        finally:
            assert [other.wait(20) for other in others] == [-signal.SIGKILL] * 2
            assert bystander.poll() is None
            bystander.kill()
            bystander.wait()


def test_an_engine_waits_unless_it_is_told_not_to() -> None:
    assert Engine("DataflowRunner", ("--project=p",)).waits
    assert not Engine("DataflowRunner", ("--project=p", "--no_wait_until_finish")).waits
    assert Engine("DirectRunner", ()).is_local
    assert not Engine("PortableRunner", ()).is_local
