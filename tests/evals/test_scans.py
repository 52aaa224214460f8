from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from evals import scans
from evals.scans import EvaluationError, run_scan
from evals.usage import Usage

from tocsin.drill.outcome import ScanOutput, read_scan
from tocsin.drill.poison import DrillError

WriteScan = Callable[[ScanOutput, Path, Path], None]


def test_reads_what_the_contract_says(
    tmp_path: Path, scan: ScanOutput, write_scan: WriteScan
) -> None:
    write_scan(scan, tmp_path / "out", tmp_path / "corpus")
    assert read_scan(tmp_path / "out", tmp_path / "corpus") == replace(scan, text_bytes=7 * 113)


def test_empty_folders_are_empty_tables(
    tmp_path: Path, scan: ScanOutput, write_scan: WriteScan
) -> None:
    nothing_found = replace(scan, flags=(), campaigns=(), text_bytes=7 * 113)
    write_scan(nothing_found, tmp_path / "out", tmp_path / "corpus")
    assert read_scan(tmp_path / "out", tmp_path / "corpus") == nothing_found


def test_no_manifest_no_result(tmp_path: Path) -> None:
    with pytest.raises(DrillError, match=r"no manifest\.json"):
        read_scan(tmp_path, tmp_path)


def test_a_failed_scan_is_told_with_its_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(command: Sequence[str], log: Path) -> tuple[int, Usage]:
        assert command[1:] == ["-m", "tocsin.cli", "scan", str(tmp_path), "-o", str(log)[:-4]]
        log.write_text("\n".join(f"line {number}" for number in range(100)))
        return 3, Usage(0.0, 0.0, 0)

    monkeypatch.setattr(scans, "run_measured", failing)
    with pytest.raises(EvaluationError, match=r"exit code 3:\nline 80\n(.*\n)*line 99$"):
        run_scan(tmp_path, tmp_path / "new" / "out")
