"""Which files of earlier nights live on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tocsin.beam import keeping
from tocsin.beam.keeping import JOINED_NIGHTS, kept_files
from tocsin.beam.memory import EXCERPTS, ONSETS
from tocsin.beam.night import Night
from tocsin.measure.batch import BUCKETS
from tocsin.measure.onsets import CHANNELS

_HELD = "evidence/held"


def _night(folder: Path, number: int, files: list[dict[str, Any]]) -> Night:
    return Night(
        str(folder), number, f"run{number}", 1, None, 0, {}, "", frozenset(), tuple(files), {}, {}
    )


def _statistics(documents: int) -> str:
    zeros = np.zeros((len(CHANNELS), len(BUCKETS)), int).tolist()
    summed = ("records", "documents", "dead_letters", "other_records", "text_bytes", "tokens")
    return json.dumps(
        {
            "shard": 0, **dict.fromkeys(summed, documents), "surprisal": 0.5,
            "dead_letter_reasons": {}, "groups": "00" * 1024, "bucket_tokens": zeros[0],
            "bucket_onsets": zeros, "bucket_decoys": zeros,
        }
    )  # fmt: skip


def _evidence(night: Night, kinds: tuple[str, ...] = (ONSETS, EXCERPTS, _HELD)) -> list[dict]:
    """Files of one row each, which is the night's number."""
    entries = {}
    for kind in kinds:
        path = Path(night.path(night.file(kind)))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"number": [night.number]}), path)
        entries[kind] = {
            "kind": kind, "path": night.file(kind), "night": night.number, "rows": 1,
            "sha256": "", "bytes": 1000,
        }  # fmt: skip
    if ONSETS in entries:
        excerpts = night.file(EXCERPTS) if EXCERPTS in entries else None
        entries[ONSETS] |= {"statistics": _statistics(night.number), "excerpts": excerpts}
    return list(entries.values())


def _numbers(night: Night, entry: dict) -> list[int]:
    return pq.read_table(night.path(entry["path"]))["number"].to_pylist()


def test_small_files_of_many_nights_are_joined(tmp_path: Path) -> None:
    files: list[dict] = []
    for number in range(1, JOINED_NIGHTS + 4):
        kinds = (ONSETS, EXCERPTS, _HELD) if number != JOINED_NIGHTS else (ONSETS, _HELD)
        night = _night(tmp_path, number, files)
        files = [*kept_files(night, False), *_evidence(night, kinds)]
    by_kind: dict[str, list[list[int]]] = {}
    for entry in files:
        by_kind.setdefault(entry["kind"], []).append(_numbers(night, entry))
    joined = list(range(1, JOINED_NIGHTS + 1))
    single = [[number] for number in range(JOINED_NIGHTS + 1, JOINED_NIGHTS + 4)]
    assert sorted(by_kind[ONSETS]) == [joined, *single]
    assert sorted(by_kind[EXCERPTS]) == [joined[:-1], *single]
    [first] = [entry for entry in files if entry["kind"] == ONSETS and entry["rows"] > 1]
    assert json.loads(first["statistics"])["documents"] == sum(joined)
    assert _numbers(night, {"path": first["excerpts"]}) == joined[:-1]
    assert {one["night"] for one in files if one.get("first_night")} == {JOINED_NIGHTS}


def test_large_nights_stay_by_themselves(tmp_path: Path) -> None:
    files: list[dict] = []
    for number in range(1, JOINED_NIGHTS + 4):
        night = _night(tmp_path, number, files)
        bytes_ = 5 << 20 if number == 2 else 1000
        files = [
            *kept_files(night, False),
            *[{**entry, "bytes": bytes_} for entry in _evidence(night)],
        ]
    assert sorted(_numbers(night, one) for one in files if one["kind"] == ONSETS) == [
        [1, 3, 4, 5, 6, 7, 8, 9], [2], [10], [11],
    ]  # fmt: skip


def test_nights_are_forgotten_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nights = [_night(tmp_path, number, []) for number in (1, 2, 3)]
    files = [entry for night in nights for entry in _evidence(night)]

    def left(number: int) -> set[int]:
        kept = kept_files(_night(tmp_path, number, files), False)
        assert len(kept) % 3 == 0
        return {entry["night"] for entry in kept}

    assert left(4) == {1, 2, 3}
    assert left(92) == {3}  # 89 nights old
    monkeypatch.setattr(keeping, "EVIDENCE_BYTES", 7000)
    assert left(4) == {2, 3}  # 3,000 bytes a night


def test_a_profile_that_rolls_is_replaced(tmp_path: Path) -> None:
    files = [{"kind": kind, "path": kind, "night": 1} for kind in ("profile", "shards", "known")]
    night = _night(tmp_path, 2, files)
    assert {one["kind"] for one in kept_files(night, True)} == {"known"}
    assert {one["kind"] for one in kept_files(night, False)} == {"profile", "known"}
