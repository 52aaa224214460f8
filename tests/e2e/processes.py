"""Starting `tocsin` as processes, quickly: each is forked from one that has imported everything."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import runpy
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_COMMAND = Path(__file__).with_name("command.py")
_SECONDS = 180.0

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["tocsin.cli", "tocsin.commands.scan", "tocsin.commands.profile", "tocsin.commands.filter"]
)


@dataclass(frozen=True)
class Finished:
    """How a command has ended: exit code (negative: killed by that signal) and what it said."""

    code: int
    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        """The lines of `err` but for progress, which a slow machine shows."""
        lines = self.err.strip().splitlines()
        return [line for line in lines if not re.match(r"\w+ +[\d,]+ documents ", line)]


class Running:
    """A command that has been started."""

    def __init__(self, process: ForkServerProcess, folder: Path) -> None:
        self._process = process
        self._folder = folder

    def wait(self, seconds: float = _SECONDS) -> Finished:
        """Waits for its end; kills it and fails when it takes longer than `seconds`."""
        self._process.join(seconds)
        code = self._process.exitcode
        if code is None:
            self.kill()
        said = [
            file.read_text("utf-8", "replace") if file.exists() else ""
            for file in (self._folder / "stdout", self._folder / "stderr")
        ]
        assert code is not None, f"still running after {seconds} s: {said}"
        return Finished(code, *said)

    def is_running(self, seconds: float) -> bool:
        """Whether it still runs `seconds` from now."""
        self._process.join(seconds)
        return self._process.exitcode is None

    def kill(self) -> None:
        """SIGKILL to the process and all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            assert self._process.pid
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()


def start(*arguments: object, environment: Mapping[str, str | None] | None = None) -> Running:
    """Starts `tocsin` with `arguments`."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    process = _context.Process(
        target=runpy.run_path,
        args=(
            str(_COMMAND),
            {
                "arguments": [str(argument) for argument in arguments],
                "folder": str(folder),
                "environment": dict(environment or {}),
            },
        ),
    )
    process.start()
    return Running(process, folder)


def run(*arguments: object, environment: Mapping[str, str | None] | None = None) -> Finished:
    """Runs `tocsin` with `arguments` to its end."""
    return start(*arguments, environment=environment).wait()


def run_well(*arguments: object, environment: Mapping[str, str | None] | None = None) -> Finished:
    """Runs `tocsin` with `arguments`, which has to succeed."""
    finished = run(*arguments, environment=environment)
    assert finished.code == 0, finished
    assert "Traceback" not in finished.err, finished
    assert "ERROR" not in finished.err, finished
    return finished
