"""What the user sees while a command works: progress on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)

from tocsin.beam.job import CorpusJob
from tocsin.beam.progress import STAGES, Progress, StageProgress
from tocsin.beam.run import Engine
from tocsin.report.visible import visible

_PLAIN_WIDTH = 160
"""Columns where there is no terminal: room for a row of the table of campaigns, unbroken."""

out = Console(
    highlight=False,
    soft_wrap=True,
    markup=False,
    width=None if sys.stdout.isatty() else _PLAIN_WIDTH,
)
errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)

_MESSAGE_CHARACTERS = 1_000
_LINE_SECONDS = 10.0
_PATIENT_SECONDS = 2.0
_BAR_SECONDS = 0.25


def fail(message: str) -> None:
    """Says in one line why the command ends. The message may quote the corpus and its names."""
    errors.print("tocsin: " + visible(" ".join(message.split()), _MESSAGE_CHARACTERS))


_Job = TypeVar("_Job", bound=CorpusJob)


@contextlib.contextmanager
def watched(job: _Job, engine: Engine, stored_bytes: int) -> Iterator[_Job]:
    """The job to run in the block, its progress shown where workers can tell it: on this machine.
    Others have no access to the table of progress; their engine shows what they do."""
    if not engine.is_local:
        yield job
        return
    job, progress = job.watched()
    with watch(progress, stored_bytes):
        yield job


@contextlib.contextmanager
def quiet(console: Console) -> Iterator[None]:
    """Prints nothing to a console while the block runs."""
    was, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = was


@contextlib.contextmanager
def working(on: str) -> Iterator[None]:
    """Says that a command is at work while the block runs, which must print nothing: a clock on a
    terminal, elsewhere a line if it takes longer than _PATIENT_SECONDS."""
    if errors.is_terminal:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Bars(*columns, console=errors, transient=True) as bars:
            bars.add_task(on, total=None)
            yield
        return
    line = threading.Timer(_PATIENT_SECONDS, lambda: errors.print(f"{on} ..."))
    line.daemon = True
    line.start()
    try:
        yield
    finally:
        line.cancel()


@contextlib.contextmanager
def watch(progress: Progress, stored_bytes: int) -> Iterator[None]:
    """Shows the progress of a job of `stored_bytes` while the block runs; then forgets it."""
    done = threading.Event()
    show = _bars if errors.is_terminal else _lines
    thread = threading.Thread(target=show, args=(progress, stored_bytes, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        with contextlib.suppress(OSError):
            os.unlink(progress.path)


def _describe(stage: str, state: StageProgress, shards: int, seconds: float) -> str:
    rate = state.text_bytes / 1e6 / max(seconds, 1e-3)
    return (
        f"{stage:<8}{state.documents:>12,} documents  {rate:6.1f} MB/s  "
        f"{state.shards_done}/{shards} shards"
    )


def _bars(progress: Progress, stored_bytes: int, done: threading.Event) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=errors) as bars:
        tasks: dict[str, TaskID] = {}
        started: dict[str, float] = {}
        finished = False
        while not finished:
            finished = done.wait(_BAR_SECONDS)
            for stage in STAGES:
                state = progress.read(stage)
                if not state.stored_bytes:
                    continue
                started.setdefault(stage, time.monotonic())
                if stage not in tasks:
                    tasks[stage] = bars.add_task(stage, total=stored_bytes)
                if bars.tasks[tasks[stage]].finished:
                    continue
                seconds = time.monotonic() - started[stage]
                bars.update(
                    tasks[stage],
                    completed=state.stored_bytes,
                    description=_describe(stage, state, progress.shards, seconds),
                )


def _lines(progress: Progress, stored_bytes: int, done: threading.Event) -> None:
    started: dict[str, float] = {}
    said: dict[str, int] = {}
    next_line = time.monotonic() + _LINE_SECONDS
    while not done.wait(_BAR_SECONDS):
        for stage in STAGES:
            if progress.read(stage).stored_bytes:
                started.setdefault(stage, time.monotonic())
        if time.monotonic() < next_line:
            continue
        next_line += _LINE_SECONDS
        for stage in started:
            state = progress.read(stage)
            if said.get(stage) == state.stored_bytes:
                continue
            said[stage] = state.stored_bytes
            seconds = time.monotonic() - started[stage]
            left = seconds * (stored_bytes / state.stored_bytes - 1)
            errors.print(_describe(stage, state, progress.shards, seconds) + f"  {left:.0f} s left")
