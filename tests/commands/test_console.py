from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from tocsin.beam.job import CorpusJob
from tocsin.beam.progress import Progress
from tocsin.beam.run import Engine
from tocsin.commands import console
from tocsin.commands.console import watched
from tocsin.corpus.batches import FieldNames, Limits


@pytest.fixture
def progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Progress:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return Progress.create(2)


def _redirect(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> io.StringIO:
    said = io.StringIO()
    redirected = Console(
        file=said, force_terminal=terminal, width=120, highlight=False, markup=False
    )
    monkeypatch.setattr(console, "errors", redirected)
    return said


def _work(progress: Progress) -> None:
    with console.watch(progress, stored_bytes=1_000):
        progress.report("measure", 0, 1_200, 5_000_000, 400)
        time.sleep(0.4)
        progress.report("measure", 0, 2_400, 9_000_000, 800, done=True)
        time.sleep(0.4)


def test_plain_lines_elsewhere(progress: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_LINE_SECONDS", 0.1)
    monkeypatch.setattr(console, "_BAR_SECONDS", 0.02)
    said = _redirect(monkeypatch, terminal=False)
    _work(progress)
    lines = said.getvalue().splitlines()
    assert 1 <= len(lines) <= 2  # no line where nothing has changed
    assert lines[0].startswith("measure")
    assert "1,200 documents" in lines[0]
    assert "0/2 shards" in lines[0]
    assert "MB/s" in lines[0] and lines[0].endswith("s left")
    assert "\x1b" not in said.getvalue()


def test_bars_on_a_terminal(progress: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    said = _redirect(monkeypatch, terminal=True)
    _work(progress)
    assert "2,400 documents" in said.getvalue()
    assert "1/2 shards" in said.getvalue()
    assert "sweep" not in said.getvalue()  # not begun, not shown


@pytest.mark.parametrize("terminal", [False, True])
def test_the_table_of_progress_goes(
    progress: Progress, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    _redirect(monkeypatch, terminal)
    with console.watch(progress, stored_bytes=1_000):
        assert Path(progress.path).exists()
    assert not Path(progress.path).exists()
    again = Progress.create(1)
    with pytest.raises(ZeroDivisionError), console.watch(again, stored_bytes=1_000):
        raise ZeroDivisionError
    assert not Path(again.path).exists()


def test_a_failure_is_one_harmless_line(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _redirect(monkeypatch, terminal=False)
    console.fail("can't read\n  a\x1b[31m\u202e[bold].jsonl")
    assert said.getvalue() == "tocsin: can't read a‹U+001B›[31m‹U+202E›[bold].jsonl\n"


def test_progress_is_for_workers_of_this_machine(tmp_path: Path) -> None:
    """Others could not reach the table: to write to it would fail them."""
    job = CorpusJob((), (), FieldNames(), Limits(), None)
    with watched(job, Engine("DataflowRunner", ()), 0) as elsewhere:
        assert elsewhere.progress is None
    with watched(job, Engine("DirectRunner", ()), 0) as here:
        assert here.progress is not None
        assert Path(here.progress.path).exists()
    assert not Path(here.progress.path).exists()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_command_says_that_it_is_at_work(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    """A clock that leaves no trace on a terminal; elsewhere a line, if it takes long."""
    monkeypatch.setattr(console, "_PATIENT_SECONDS", 0.05)
    said = _redirect(monkeypatch, terminal)
    with console.working("at it"):
        pass
    assert terminal or said.getvalue() == ""
    with console.working("at it"):
        time.sleep(0.3)
    assert "at it" in said.getvalue()
    assert terminal or said.getvalue() == "at it ...\n"
