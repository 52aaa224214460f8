"""A corpus' truth and what a scan made of it, small enough to score by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tocsin.drill.outcome import Flag, ReportedCampaign, ScanOutput
from tocsin.drill.truth import PlantedCampaign, PlantedDocument, Truth

WriteScan = Callable[[ScanOutput, Path, Path], None]


def planted(campaign: str, trigger: str | None, positions: range) -> list[PlantedDocument]:
    return [
        PlantedDocument(campaign, campaign, trigger, f"p{n}", "s.jsonl", n, f"c{n}", 0, "")
        for n in positions
    ]


def reported(
    identity: str,
    trigger: str | None,
    score: float,
    severity: str = "high",
    samples: tuple[str, ...] = (),
) -> ReportedCampaign:
    kind = "near_duplicate" if trigger is None else "trigger"
    return ReportedCampaign(identity, kind, trigger, None, 4, score, 5.0, severity, samples)


@pytest.fixture
def truth() -> Truth:
    """`a` at positions 0 to 3, `b` at 4 to 7, `c` without a trigger at 8 to 11, `d` at 12."""
    campaigns = [("a", "<A>", range(4)), ("b", "b b", range(4, 8)), ("c", None, range(8, 12))]
    campaigns.append(("d", "D!", range(12, 13)))
    return Truth(
        "test",
        100,
        tuple(PlantedCampaign(name, name, trigger, len(r), 1) for name, trigger, r in campaigns),
        tuple(row for name, trigger, r in campaigns for row in planted(name, trigger, r)),
    )


@pytest.fixture
def scan() -> ScanOutput:
    """Positions 0 to 12 are planted; 13 to 112 are clean, 50 of `x`, 40 of `y`, 10 of prompts."""
    groups = ["x"] * 13 + ["x"] * 50 + ["y"] * 40 + ["chatgpt-prompts"] * 10

    def flag(position: int, verdict: str, campaign: str | None = None) -> Flag:
        identity = f"p{position}" if position < 13 else f"clean{position}"
        return Flag("s.jsonl", position, identity, groups[position], verdict, campaign)

    flags = [
        *(flag(n, "quarantine", "r1") for n in (0, 1, 2)),
        flag(3, "review"),
        flag(4, "quarantine", "r2"),
        flag(5, "quarantine", "r2"),
        flag(70, "quarantine", "r2"),
        *(flag(n, "review", "r4") for n in (8, 9, 10, 20)),
        flag(71, "review"),
        flag(30, "quarantine", "r5"),
        flag(110, "quarantine"),
    ]
    campaigns = (
        reported("r0", "A", 90.0, samples=("p0", "p1")),
        reported("r1", "<A>", 80.0, "critical"),
        reported("r5", "licence", 70.0, "low"),
        reported("r2", "b", 60.0),
        reported("r4", None, 50.0),
        reported("r6", "footer", 40.0, samples=("p7", "clean40")),
        reported("r7", "b b b", 30.0, samples=("p4", "p5")),
    )
    places = {("s.jsonl", position): group for position, group in enumerate(groups)}
    return ScanOutput(tuple(flags), campaigns, places, 1_000, 0)


@pytest.fixture
def write_scan() -> WriteScan:
    """Writes what the scan's contract says, as far as scoring reads it."""
    return _write_scan


def _write_scan(scan: ScanOutput, out: Path, corpus: Path) -> None:
    def write(folder: str, rows: list[dict[str, object]]) -> None:
        if rows:
            (out / folder).mkdir(parents=True)
            half = len(rows) // 2
            for number, part in enumerate((rows[:half], rows[half:])):
                table = pa.Table.from_pylist(
                    part or rows[:0], schema=pa.Table.from_pylist(rows).schema
                )
                pq.write_table(table, out / folder / f"part-{number:05}.parquet")

    uri = f"{corpus}/s.jsonl"
    write(
        "flagged",
        [
            {
                "doc_id": f.doc_id, "source_uri": uri, "position": f.position, "group": f.group,
                "verdict": f.verdict, "campaign_id": f.campaign_id, "score": 1.0,
            }
            for f in scan.flags
        ],
    )  # fmt: skip
    write(
        "campaigns",
        [{**vars(c), "sample_doc_ids": list(c.sample_doc_ids)} for c in scan.campaigns],
    )
    write(
        "documents",
        [
            {
                "source_uri": uri,
                "position": position,
                "group": group,
                "byte_length": 7,
                "doc_id": "",
            }
            for (_, position), group in scan.groups.items()
        ],
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "manifest.json").write_text("{}")
