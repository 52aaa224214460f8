from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from measure.baseline import Baseline
from measure.calls import batch_of, tokenize

from correlate.leads import words
from tocsin.correlate import reading
from tocsin.correlate.passages import ANCHOR
from tocsin.correlate.reading import AROUND_BYTES, READ_SCHEMA, STORY_BYTES, Leads, Reader
from tocsin.correlate.stories import MEMBER
from tocsin.measure.shingles import SAMPLE_TOKENS, sample_hashes, shingle_hash

NO_ANCHORS = np.zeros(0, ANCHOR)
NO_MEMBERS = np.zeros(0, MEMBER)


def hashes_of(text: str, seed: int) -> list[int]:
    """Hashes of all shingles of a text."""
    tokens = tokenize(text.encode(), seed).exact
    count = len(tokens) - SAMPLE_TOKENS + 1
    orders = np.zeros(max(count, 0), np.uint64)
    sample_hashes(tokens, len(tokens), 0, count, orders)
    return shingle_hash(orders).tolist()


def test_rows_of_a_passage(baseline: Baseline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a search by the definition, in documents of one piece and of several."""
    seed = baseline.profile.seed
    passage = words("passage", 20)
    texts = [
        words("a", 400),
        f"{words('b', 300)} {passage} {words('b2', 300)} {passage}",
        passage,
        "",
        f"{words('c', 60_000)} {passage} {words('c2', 60_000)}",
        f"{words('d', 30)} {' '.join(passage.split()[:12])} {words('d2', 30)}",
    ]
    anchors = np.array([(value, 7) for value in hashes_of(passage, seed)[2:9:3]], ANCHOR)
    reader = Reader(Leads(np.sort(anchors, order="hash"), NO_MEMBERS), seed)
    assert reader.needs(3)
    batch = batch_of([text.encode() for text in texts])
    rows = reader.read(batch, 3).to_pylist()
    wanted = set(anchors["hash"].tolist())
    assert [row["position"] for row in rows] == [
        number for number, text in enumerate(texts) if wanted & set(hashes_of(text, seed))
    ]
    assert [row["position"] for row in rows] == [1, 2, 4, 5]
    third = " ".join(passage.split()[2 : 2 + SAMPLE_TOKENS])
    for row in rows:
        text = texts[row["position"]].encode()
        assert (row["kind"], row["lead"], row["shard"]) == ("passage", 7, 3)
        assert row["length"] == len(text)
        assert text[row["start"] : row["end"]].decode() == third
        assert row["start"] == text.find(third.encode())
        first = row["context_start"]
        assert first == max(row["start"] - AROUND_BYTES, 0)
        assert text[first : first + len(row["context"])] == row["context"]
        assert len(row["context"]) <= 2 * AROUND_BYTES + reading.LONGEST_BYTES


def test_many_matches_find_room(baseline: Baseline) -> None:
    seed = baseline.profile.seed
    text = words("many", 9000)
    anchors = np.array([(value, 0) for value in hashes_of(text, seed)], ANCHOR)
    reader = Reader(Leads(np.sort(anchors, order="hash"), NO_MEMBERS), seed)
    [row] = reader.read(batch_of([text.encode()]), 0).to_pylist()
    assert row["start"] == 0
    assert len(row["context"]) == reading.LONGEST_BYTES


def test_beginnings_of_stories(baseline: Baseline) -> None:
    members = np.zeros(3, MEMBER)
    members["shard"] = [0, 2, 2]
    members["position"] = [4, 11, 99]
    members["story"] = [1, 5, 6]
    reader = Reader(Leads(NO_ANCHORS, members), baseline.profile.seed)
    assert [reader.needs(shard) for shard in range(4)] == [True, False, True, False]
    texts = [words(number, 500).encode() for number in range(3)]
    assert reader.read(batch_of(texts, first=10), 0).num_rows == 0
    [row] = reader.read(batch_of(texts, first=10), 2).to_pylist()
    assert (row["kind"], row["lead"], row["position"]) == ("story", 5, 11)
    assert row["context"] == texts[1][:STORY_BYTES]


def test_nothing_to_read_for(baseline: Baseline) -> None:
    reader = Reader(Leads(NO_ANCHORS, NO_MEMBERS), baseline.profile.seed)
    assert not reader.needs(0)
    found = reader.read(batch_of([b"a b c d e f g h i j"]), 0)
    assert pa.Table.from_batches([found], READ_SCHEMA).num_rows == 0


def test_any_bytes_are_read(baseline: Baseline) -> None:
    generator = random.Random(0)
    texts = [generator.randbytes(generator.randrange(400)) for _ in range(50)]
    some = [value for text in texts[:25] for value in hashes_bytes(text, baseline.profile.seed)]
    anchors = np.unique(np.array([(value, 1) for value in some], ANCHOR))
    rows = Reader(Leads(anchors, NO_MEMBERS), baseline.profile.seed).read(batch_of(texts), 0)
    expected = [
        number
        for number, text in enumerate(texts)
        if set(hashes_bytes(text, baseline.profile.seed)) & set(some)
    ]
    assert rows["position"].to_pylist() == expected


def hashes_bytes(text: bytes, seed: int) -> list[int]:
    """As `hashes_of`, of bytes that need not be UTF-8."""
    tokens = tokenize(text, seed).exact
    count = max(len(tokens) - SAMPLE_TOKENS + 1, 0)
    orders = np.zeros(count, np.uint64)
    if count:
        sample_hashes(tokens, len(tokens), 0, count, orders)
    return shingle_hash(orders).tolist()
