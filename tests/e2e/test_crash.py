"""SIGKILL at any moment leaves no manifest or a complete result; the next run finishes the job."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from e2e.conftest import Corpus
from e2e.processes import run_well, start
from e2e.results import FOLDERS, WHEN, files_below, findings, manifest_of, verify

_MOMENTS = 10
_POLL_SECONDS = 0.002


def _names(out: Path) -> list[str]:
    return [str(path.relative_to(out)) for path in files_below(out)]


def _interrupt(
    corpus: Corpus, out: Path, files: int, seconds: float = 0.0, options: Sequence[str] = ()
) -> bool:
    """Kills a scan `seconds` after it has written so many files; whether it was still running.
    Checks what it has left."""
    running = start("scan", corpus.folder, "-o", out, *options)
    while len(files_below(out)) < files and running.is_running(_POLL_SECONDS):
        pass
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
    """The moments are spread over what a scan writes, not over seconds: machines differ."""
    dice = random.Random(20_251)
    files = len(_names(scanned))
    interrupted = 0
    for moment in range(_MOMENTS):
        out = tmp_path / f"out-{moment}"
        interrupted += _interrupt(corpus, out, files * moment // _MOMENTS, dice.random() / 20)
        _finish(corpus, out, scanned)
    assert interrupted >= _MOMENTS // 2  # else the machine was too uneven to test anything


def test_killed_again_and_again(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    for files in (2, 3, 4):
        _interrupt(corpus, tmp_path / "out", files)
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
    """They are of the command's process group."""
    options = ["--direct_num_workers=2"]
    assert _interrupt(corpus, tmp_path / "out", 1, options=options)
    _finish(corpus, tmp_path / "out", scanned)


def test_damaged_evidence_is_measured_again(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "evidence").mkdir(parents=True)
    content = (scanned / "evidence" / "part-00000.parquet").read_bytes()
    (out / "evidence" / "part-00000.parquet").write_bytes(content[: len(content) // 2])
    _finish(corpus, out, scanned)
