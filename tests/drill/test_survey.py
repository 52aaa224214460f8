from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

from tocsin.corpus.batches import FieldNames
from tocsin.drill.materials import SHARED_LANGUAGE
from tocsin.drill.reservoir import Reservoir
from tocsin.drill.shard_files import Record, find_shards, read_records
from tocsin.drill.survey import Carriers, Survey, occurring, survey


def reservoir(size: int, seed: int = 1) -> Reservoir[Record]:
    return Reservoir(size, np.random.default_rng(seed))


def test_counts_carriers_and_samples(corpus: Path) -> None:
    shards = find_shards(corpus)
    everything = reservoir(1_000)
    known = survey(shards, [Carriers(everything)], FieldNames())
    records = [list(read_records(shard)) for shard in shards]
    # A broken line is a record, too; a blank one is not.
    assert known.first_records.tolist() == [0, 61, 122, 183]
    assert known.records == 183
    suitable = [r for shard in records for r in shard if r and len(r["text"]) >= 200]
    assert 100 < len(suitable) < 180
    assert everything.items == suitable
    assert set(known.samples) == {
        "en", "source:site0", "source:site1", "source:site2", SHARED_LANGUAGE,
    }  # fmt: skip
    assert sorted(known.samples[SHARED_LANGUAGE]) == sorted(
        r["text"] for shard in records for r in shard if r
    )


def test_carriers_come_from_all_shards_in_proportion(corpus: Path) -> None:
    sources = {"site0": 0, "site1": 0, "site2": 0}
    for seed in range(60):
        sample = reservoir(10, seed)
        survey(find_shards(corpus), [Carriers(sample)], FieldNames())
        for record in sample.items:
            sources[record["source"]] += 1
    # 200 expected of each, with a standard deviation of 12.
    assert all(abs(count - 200) < 60 for count in sources.values())


@pytest.mark.parametrize(
    "record",
    [
        {"id": "a", "text": "x" * 199},
        {"id": "a", "text": "x" * 1_000_001},
        {"id": 1.5, "text": "x" * 300},
        {"id": "a", "text": None},
        {"id": "a"},
        [1],
    ],
)
def test_unsuitable_carriers(tmp_path: Path, record: object) -> None:
    (tmp_path / "s.jsonl").write_bytes(orjson.dumps(record))
    sample = reservoir(1)
    assert survey([tmp_path / "s.jsonl"], [Carriers(sample)], FieldNames()).records == 1
    assert sample.items == []


def test_fields_have_the_names_they_are_given(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_bytes(orjson.dumps({"key": 7, "body": "needle " * 50}))
    fields = FieldNames(text="body", id="key")
    sample = reservoir(1)
    survey([tmp_path / "s.jsonl"], [Carriers(sample)], fields)
    assert len(sample.items) == 1
    found = occurring([tmp_path / "s.jsonl"], ["needle n", "absent"], [7, 8, None], fields)
    assert found == ({"needle n"}, {7})


def test_place_skips_empty_shards() -> None:
    known = Survey(np.array([0, 2, 2, 5]), {})
    assert [known.place(number) for number in range(5)] == [(0, 0), (0, 1), (2, 0), (2, 1), (2, 2)]
