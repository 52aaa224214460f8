from __future__ import annotations

import itertools
import random
from collections import Counter as Tally

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from measure import calls
from measure.baseline import Baseline
from measure.generated import hostile_texts, prose, salad, words_of
from tocsin.measure.batch import BUCKETS, MEASURED_SCHEMA, Measurement, Measurer, text_buffers
from tocsin.measure.hashes import normalize
from tocsin.measure.languages import LANGUAGES
from tocsin.measure.onsets import SURPRISAL

TEXTS = [
    prose(random.Random(seed), words_of(random.Random(0), 60), 40).encode() for seed in range(30)
]


def test_schema_of_documents() -> None:
    identity = [
        ("doc_id", pa.string()),
        ("source_uri", pa.dictionary(pa.int32(), pa.string())),
        ("position", pa.int64()),
        ("group", pa.string()),
        ("content_hash", pa.binary(16)),
        ("normalized_hash", pa.binary(16)),
        ("byte_length", pa.int64()),
        ("tokens", pa.int64()),
        ("bucket", pa.dictionary(pa.int8(), pa.string())),
    ]
    assert [(field.name, field.type) for field in MEASURED_SCHEMA][: len(identity)] == identity
    features = list(MEASURED_SCHEMA)[len(identity) :]
    assert all(
        pa.types.is_integer(feature.type)
        or pa.types.is_floating(feature.type)
        or feature.type in (pa.dictionary(pa.int8(), pa.string()), pa.string())
        for feature in features
        if feature.name not in ("language", "signature")
    )
    assert not any(field.nullable for field in MEASURED_SCHEMA)


def test_buckets() -> None:
    assert len(set(BUCKETS)) == len(BUCKETS) == 33
    assert BUCKETS[0] == "other/prose" and BUCKETS[-1] == "hangul/data"


def test_text_buffers_of_a_slice() -> None:
    batch = calls.batch_of([b"a", b"", b"bcd", b"e"])
    for first, rows in ((0, 4), (1, 2), (2, 2), (3, 0), (4, 0)):
        data, offsets = text_buffers(batch.slice(first, rows))
        found = [bytes(data[begin:end]) for begin, end in itertools.pairwise(offsets)]
        assert found == [b"a", b"", b"bcd", b"e"][first : first + rows]
    empty = pa.RecordBatch.from_pylist([], calls.batch_of([]).schema)
    assert [len(part) for part in text_buffers(empty)] == [0, 1]


def test_identity_of_documents(baseline: Baseline) -> None:
    texts = [b"One  text", b"", "Zwei\xa0TEXTE".encode(), b"\xff"]
    batch = calls.batch_of(texts, ["a.org", "b.org", "a.org", "a.org"], first=17)
    found = calls.measure(batch, baseline.profile, "gs://bucket/x.jsonl", shard=5)
    assert found.documents.schema.equals(MEASURED_SCHEMA)
    found.documents.validate(full=True)
    columns = found.documents.to_pydict()
    assert columns["doc_id"] == ["d17", "d18", "d19", "d20"]
    assert columns["source_uri"] == ["gs://bucket/x.jsonl"] * 4
    assert columns["position"] == [17, 18, 19, 20]
    assert columns["group"] == ["a.org", "b.org", "a.org", "a.org"]
    assert columns["byte_length"] == [9, 0, 11, 1]
    assert columns["content_hash"] == [xxhash.xxh3_128_digest(text) for text in texts]
    assert columns["normalized_hash"] == [
        xxhash.xxh3_128_digest(normalize(text.decode("utf-8", "replace")).encode())
        for text in texts
    ]
    for name, array in found.features._asdict().items():
        if name not in ("bucket", "language"):
            assert columns[name] == array.tolist(), name
    assert columns["bucket"] == [BUCKETS[number] for number in found.features.bucket]
    assert columns["language"] == [LANGUAGES[number] for number in found.features.language]


def onset_rows(onsets: np.ndarray) -> list[tuple[object, ...]]:
    return [tuple(map(str, row)) for row in onsets]


def assert_same(parts: list[Measurement], whole: Measurement) -> None:
    documents = pa.Table.from_batches([part.documents for part in parts])
    assert documents.to_pydict() == pa.Table.from_batches([whole.documents]).to_pydict()
    together = np.concatenate([part.evidence["onsets"] for part in parts])
    assert onset_rows(together) == onset_rows(whole.evidence["onsets"])


def changing_texts(baseline: Baseline, count: int) -> list[bytes]:
    """Texts in which something changes at about every second hundred words."""
    generator = random.Random(4)
    texts = []
    for _ in range(count):
        parts = [prose(generator, baseline.words, generator.randrange(20, 150))]
        for _ in range(generator.randrange(3)):
            parts.append(salad(generator, baseline.words, generator.randrange(20, 150)))
            parts.append(prose(generator, baseline.words, generator.randrange(20, 150)))
        texts.append(" ".join(parts).encode())
    return texts


@pytest.mark.parametrize("cuts", [[], [1, 2, 3], [7, 7, 30], [0, 40, 41, 80]])
def test_documents_do_not_depend_on_their_batch(baseline: Baseline, cuts: list[int]) -> None:
    texts = [*changing_texts(baseline, 76), b"", b"\xff\xfe\x00", b"x", b" "]
    batch = calls.batch_of(texts, [f"g{number % 7}" for number in range(len(texts))])
    whole = calls.measure(batch, baseline.profile)
    assert len(whole.evidence["onsets"]) > 500 and {-1, 1} == set(
        whole.evidence["onsets"]["direction"].tolist()
    )
    measurer = Measurer(baseline.profile)  # the same one: nothing is left from batch to batch
    parts = []
    for first, last in zip([0, *cuts], [*cuts, len(texts)]):
        parts.append(measurer.measure(batch.slice(first, last - first), "corpus/a.jsonl", 3))
    assert_same(parts, whole)


@settings(max_examples=40)
@given(texts=st.lists(hostile_texts, max_size=6), cut=st.integers(0, 6))
def test_hostile_documents_do_not_depend_on_their_batch(
    baseline: Baseline, texts: list[bytes], cut: int
) -> None:
    batch = calls.batch_of(texts)
    measurer = Measurer(baseline.profile)
    parts = [batch.slice(0, cut), batch.slice(cut)]
    assert_same(
        [measurer.measure(part, "corpus/a.jsonl", 3) for part in parts],
        calls.measure(batch, baseline.profile),
    )


def test_onsets_name_their_document(baseline: Baseline) -> None:
    texts = changing_texts(baseline, 40)
    batch = calls.batch_of(texts, [f"g{number % 7}" for number in range(len(texts))], first=100)
    found = calls.measure(batch, baseline.profile, shard=9)
    onsets = found.evidence["onsets"]
    assert set(onsets["shard"].tolist()) == {9}
    of_document = Tally(onsets["position"][onsets["channel"] == SURPRISAL].tolist())
    for number, position in enumerate(range(100, 140)):
        assert (
            of_document[position] == found.features.onsets[number] + found.features.decoys[number]
        )
    for onset in onsets:
        group = f"g{(onset['position'] - 100) % 7}".encode()
        assert onset["group"] == xxhash.xxh3_64_intdigest(group) & 0xFFFFFFFF
        assert onset["bucket"] == found.features.bucket[onset["position"] - 100]


def test_more_onsets_than_there_was_room_for(baseline: Baseline) -> None:
    texts = changing_texts(baseline, 40) * 12
    batch = calls.batch_of(texts)
    measurer = Measurer(baseline.profile)
    small = measurer.measure(batch.slice(0, 40), "corpus/a.jsonl", 3)
    large = measurer.measure(batch, "corpus/a.jsonl", 3)
    assert len(large.evidence["onsets"]) == 12 * len(small.evidence["onsets"]) > 4096
    fields = [name for name in large.evidence["onsets"].dtype.names or () if name != "position"]
    expected = np.tile(small.evidence["onsets"][fields], 12)
    assert onset_rows(large.evidence["onsets"][fields]) == onset_rows(expected)
    assert large.features.onsets.tolist() == 12 * small.features.onsets.tolist()
