"""The page of the benchmarks, from made-up results."""

from __future__ import annotations

from pathlib import Path

from benchmarks.commands import Commands, Run
from benchmarks.page import KERNEL, Results, page, targets
from benchmarks.peers import PeerSpeed
from benchmarks.text import FORMATS, Text
from evals.machine import Machine
from evals.usage import Usage


def results() -> Results:
    """120 MB scanned in 6 s, of which 2 are start-up: 30 MB/CPU-s."""
    start = Run(Usage(3.0, 2.0, 200_000_000), 0)
    scan = Run(Usage(7.0, 6.0, 400_000_000), 120_000_000)
    commands = Commands(
        scans=dict.fromkeys(FORMATS, scan),
        two_workers=Run(Usage(9.0, 12.0, 400_000_000), 120_000_000),
        start=start,
        two_workers_start=Run(Usage(7.0, 8.0, 200_000_000), 0),
        cold_start=start,
        profile=Run(Usage(4.0, 3.0, 400_000_000), 120_000_000),
        profile_start=start,
        long_document=Run(Usage(9.0, 8.0, 1_600_000_000), 100_000_000),
    )
    return Results(
        Machine("a processor", 2, {"tocsin": "1"}),
        Text({}, 10, 120_000_000, "made up"),
        {"read jsonl.zst": 5.0, KERNEL: 8.0},
        commands,
        (PeerSpeed("slow", "0.1", 0.1, 200.0), PeerSpeed("without a target", "2", 60.0, 0.0)),
    )


def test_targets_say_what_is_missed() -> None:
    rows = {row[0]: row[1:] for row in targets(results()).rows}
    assert rows["whole scan from jsonl.zst, one worker, start-up apart, MB/CPU-s"] == (
        "60", "30", "**no**",
    )  # fmt: skip
    assert rows["the same as a share of reading alone"] == ("0.18", "0.15", "**no**")
    assert rows["learning a profile, start-up apart, MB/CPU-s"] == ("80", "120", "yes")
    assert rows["two workers over one, wall clock, start-up apart"] == ("1.8", "2", "yes")
    assert rows["fused kernel, ns/byte"] == ("8.5", "8", "yes")
    assert rows["the same with a document of 100 MB, GB, once"] == ("1.5", "1.6", "**no**")
    assert rows["whole scan over slow"] == ("200", "300", "yes")
    assert "whole scan over without a target" not in rows


def test_page_has_every_table(tmp_path: Path) -> None:
    written = page(results())
    for heading in ("Targets", "Whole commands", "Stages", "Others on documents"):
        assert f"### {heading}" in written
    assert "| without a target | 2 | 60 | 0.5 |" in written
