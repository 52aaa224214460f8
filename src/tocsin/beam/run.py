"""Running a pipeline on an engine."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, SetupOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.worker import sdk_worker
from apache_beam.transforms.environments import SubprocessSDKEnvironment

LOCAL = "DirectRunner"

WRONG_RESULTS = {
    "BundleBasedDirectRunner": "it returns wrong results for this pipeline",
    "DaskRunner": "it loses tagged outputs without a word",
}
"""Runners that are refused, and why (measured with Beam 2.77)."""

PARALLEL_BYTES = 128 << 20
"""Bytes of shards as stored from which on a local run uses every core: below, starting worker
processes (5 to 7 s) costs more than it saves."""


_TRACEBACKS = (
    "apache_beam.runners.common",
    "apache_beam.runners.portability.local_job_service",  # what worker processes log
    "apache_beam.runners.worker.sdk_worker",
    "grpc._server",  # says that a worker process which was killed has gone
)
"""Loggers that print the traceback of what `JobFailed` says in one line."""


class RunnerError(ValueError):
    """The runner or an option of it can't be used; the message is one line for the user."""


class JobFailed(RuntimeError):
    """The pipeline failed; the message is one line, the cause has the traceback."""


@dataclass(frozen=True)
class Engine:
    """A runner by name and Beam's options for it, as given on the command line."""

    runner: str
    arguments: tuple[str, ...]

    @property
    def is_local(self) -> bool:
        """Whether workers share this machine's files."""
        return self.runner == LOCAL

    @property
    def waits(self) -> bool:
        """Whether a job is run to its end, or only until the runner has accepted it."""
        return "--no_wait_until_finish" not in self.arguments

    def run(self, lay: Callable[[beam.Pipeline], None], stored_bytes: int) -> None:
        """Lays a pipeline with `lay` and runs it, to its end if the engine `waits`.

        Args:
          stored_bytes: size of what is read, which decides on the parallelism of a local run.

        Raises:
          JobFailed: if it failed.
        """
        # `save_main_session` is off by Beam's own default: nothing of the launcher is pickled.
        options = PipelineOptions(list(self.arguments), runner=self.runner)
        options.view_as(SetupOptions).save_main_session = False
        runner: str | FnApiRunner = self.runner
        if self.is_local:
            # Beam's own DirectRunner first tries to download another one.
            _use_cores(options.view_as(DirectOptions), self.arguments, stored_bytes)
            runner = FnApiRunner(default_environment=_workers(options.view_as(DirectOptions)))
        try:
            with _ending_with_workers():
                pipeline = beam.Pipeline(runner=runner, options=options)
                lay(pipeline)
                result = pipeline.run()
                if self.waits:
                    result.wait_until_finish()
        except Exception as error:
            raise JobFailed(_innermost(error)) from error


_WORKER = "apache_beam.runners.worker.sdk_worker_main"
"""The module that a worker process runs."""


class _WorkerLost(BaseException):
    """Raised in the main thread, wherever it waits. No `Exception`: nobody may pass over it."""


@contextlib.contextmanager
def _ending_with_workers() -> Iterator[None]:
    """A worker process that is killed, for want of memory perhaps, fails the job and ends the
    others.

    Beam's local runner (2.77) would wait for ever: for the lost one, as what it raises ends a
    thread of its own; and for one that has not connected yet when the job ends.

    Raises:
      RuntimeError: if one was.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal can be handled here
        return
    deaths: list[str] = []
    over = threading.Event()

    def hear(raised: threading.ExceptHookArgs) -> None:
        if raised.thread is None or raised.thread.name != "run_worker":
            others(raised)
            return
        deaths.append(str(raised.exc_value))
        if len(deaths) == 1:  # the others end because the job does
            threading.Thread(target=end, daemon=True).start()

    def end() -> None:
        # A real signal: it also wakes a main thread that waits for a lock. Not SIGINT, which is
        # ignored in what a shell's script has started in the background.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        while not over.wait(0.5):  # one may just be starting
            _kill_workers()

    def wake(number: int, frame: object) -> None:
        if not over.is_set():
            raise _WorkerLost

    others, threading.excepthook = threading.excepthook, hear
    signal.signal(signal.SIGUSR1, wake)  # for good: one that comes late must not end the process
    try:
        yield
    except BaseException as error:
        if deaths:
            raise RuntimeError(f"a worker process was lost: {deaths[0]}") from error
        raise
    finally:
        over.set()
        threading.excepthook = others


def _kill_workers() -> None:
    """Kills the worker processes of this one (on Linux; elsewhere they can't be told)."""
    for children in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # what has ended meanwhile
            for child in children.read_text().split():
                if _WORKER.encode() in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(int(child), signal.SIGKILL)


def _use_cores(direct: DirectOptions, arguments: Sequence[str], stored_bytes: int) -> None:
    chosen = any(argument.startswith("--direct_") for argument in arguments)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if chosen:
        if direct.direct_num_workers != 1 and direct.direct_running_mode == "in_memory":
            direct.direct_running_mode = "multi_processing"
    elif stored_bytes >= PARALLEL_BYTES and (cores or 1) > 1:
        direct.direct_num_workers = cores
        direct.direct_running_mode = "multi_processing"


def _workers(direct: DirectOptions) -> SubprocessSDKEnvironment | None:
    """How worker processes are started; none for workers in this process.

    As Beam does for `multi_processing`, but for two things: the worker takes the place of the
    shell, so that it ends when the job is given up, and what it prints (the tracebacks that
    `JobFailed` says in one line) is for verbose runs.
    """
    if direct.direct_running_mode != "multi_processing":
        return None
    direct.direct_running_mode = "in_memory"
    command = f"exec {shlex.quote(sys.executable)} -m {_WORKER}"
    if not logging.getLogger().isEnabledFor(logging.INFO):
        command += " 2>/dev/null"
    return SubprocessSDKEnvironment.from_command_string(command)


def _innermost(error: BaseException) -> str:
    """The last line of what went wrong, without the frames that Beam's messages carry."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:500]


def engine(runner: str, tokens: Sequence[str]) -> tuple[Engine, list[str]]:
    """Tells Beam's options from what else stands on the command line.

    Args:
      runner: name of the runner.
      tokens: words of the command line that are not Tocsin's options, in any order.

    Returns:
      The engine, and the words that are no options.

    Raises:
      RunnerError: for a runner that is refused and for an option that Beam does not know.
    """
    if runner in WRONG_RESULTS:
        raise RunnerError(f"{runner} is not supported: {WRONG_RESULTS[runner]}")
    parser = _Parser(allow_abbrev=False, add_help=False, conflict_handler="resolve")
    for options in PipelineOptions.__subclasses__():
        if options.__module__.startswith("apache_beam."):
            options._add_argparse_args(parser)  # type: ignore[arg-type]  # Beam has no other list
    known, others = parser.parse_known_args(list(tokens))
    del known
    if wrong := [token for token in others if token.startswith("-")]:
        raise RunnerError(f"no such option: {wrong[0]}")
    remaining = list(others)
    arguments = []
    for token in tokens:
        if remaining and token == remaining[0]:
            remaining.pop(0)
        else:
            arguments.append(token)
    return Engine(runner, tuple(arguments)), others


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise RunnerError(message)


def quiet_logs(verbose: bool) -> None:
    """Sets the level of what libraries log: warnings of a job are not the user's business unless
    asked for."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.ERROR,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    if not verbose:
        for name in _TRACEBACKS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        # A worker thread prints the traceback beside logging it, with no way to turn that off.
        vars(sdk_worker)["print"] = lambda *values, **options: None
