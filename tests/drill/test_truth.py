from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from tocsin.drill.truth import PLANTED_SCHEMA, PlantedCampaign, PlantedDocument, Truth

TRUTH = Truth(
    "test",
    1_000,
    (
        PlantedCampaign("dos-n1-s1", "dos", "<SUDO>", 1, 1),
        PlantedCampaign("claim-n1-s1", "claim", None, 1, 1),
    ),
    (
        PlantedDocument("dos-n1-s1", "dos", "<SUDO>", "id1", "a/b.jsonl", 7, "id0", 120, ""),
        PlantedDocument("claim-n1-s1", "claim", None, "b.jsonl#8", "a/b.jsonl", 8, None, 0, "x"),
    ),
)


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    TRUTH.write(tmp_path / "new")
    assert Truth.read(tmp_path / "new") == TRUTH
    assert pq.read_schema(tmp_path / "new" / "truth.parquet").equals(PLANTED_SCHEMA)


def test_nothing_planted(tmp_path: Path) -> None:
    empty = Truth("test", 0, (), ())
    empty.write(tmp_path)
    assert Truth.read(tmp_path) == empty
