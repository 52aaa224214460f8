"""SIGKILL at any moment leaves no manifest or a complete result; the next run finishes the job."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

from e2e.conftest import Corpus
from e2e.processes import run_well, start
from e2e.results import FOLDERS, WHEN, files_below, findings, manifest_of, verify

_MOMENTS = 10


def _names(out: Path) -> list[str]:
    return [str(path.relative_to(out)) for path in files_below(out)]


def _interrupt(corpus: Corpus, out: Path, seconds: float, options: Sequence[str] = ()) -> bool:
    """Kills a scan after `seconds`; whether it was still running. Checks what it has left."""
    running = start("scan", corpus.folder, "-o", out, *options)
    interrupted = running.is_running(seconds)
    running.kill()
    if (out / "manifest.json").exists():
        verify(out)
    return interrupted


def _finish(corpus: Corpus, out: Path, scanned: Path) -> None:
    """Scans again after a crash; checks that the result is what it would have been without."""
    run_well("scan", corpus.folder, "-o", out)
    verify(out)
    assert findings(out, WHEN) == findings(scanned, WHEN)
    assert manifest_of(out)["totals"] == manifest_of(scanned)["totals"]
    assert _names(out) == _names(scanned)


def test_killed_at_any_moment(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    begun = time.monotonic()
    run_well("scan", corpus.folder, "-o", tmp_path / "whole")
    duration = time.monotonic() - begun
    dice = random.Random(20_251)
    interrupted = 0
    for moment in range(_MOMENTS):
        out = tmp_path / f"out-{moment}"
        seconds = duration * (moment + dice.random()) / _MOMENTS
        interrupted += _interrupt(corpus, out, seconds)
        _finish(corpus, out, scanned)
    assert interrupted >= _MOMENTS // 2  # else the machine was too uneven to test anything


def test_killed_again_and_again(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    for seconds in (1.0, 1.3, 1.6):
        _interrupt(corpus, tmp_path / "out", seconds)
    _finish(corpus, tmp_path / "out", scanned)


def test_leftovers_of_a_crash_go(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    for folder in (*FOLDERS, "profile", "."):
        leftover = tmp_path / "out" / folder / ".part-00000.parquet.0123456789ab.tmp"
        leftover.parent.mkdir(parents=True, exist_ok=True)
        leftover.write_bytes(b"PAR1")
    _finish(corpus, tmp_path / "out", scanned)


def test_parts_of_another_scan_are_not_taken_for_its_own(
    corpus: Corpus, scanned: Path, tmp_path: Path
) -> None:
    """An interrupted scan of other shards under other names has left more parts."""
    out = tmp_path / "out"
    (out / "documents").mkdir(parents=True)
    (out / "evidence").mkdir()
    for folder in ("documents", "evidence"):
        # The evidence of shard 1 in the place of shard 0, and a part that no shard will replace.
        content = (scanned / folder / "part-00001.parquet").read_bytes()
        (out / folder / "part-00000.parquet").write_bytes(content)
        (out / folder / "part-00009.parquet").write_bytes(content)
    _finish(corpus, out, scanned)


def test_killed_with_worker_processes(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    """They are of the command's process group, and take seconds to start."""
    options = ["--direct_num_workers=2"]
    assert any([_interrupt(corpus, tmp_path / "out", seconds, options) for seconds in (2, 4, 6)])
    _finish(corpus, tmp_path / "out", scanned)


def test_damaged_evidence_is_measured_again(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "evidence").mkdir(parents=True)
    content = (scanned / "evidence" / "part-00000.parquet").read_bytes()
    (out / "evidence" / "part-00000.parquet").write_bytes(content[: len(content) // 2])
    _finish(corpus, out, scanned)
