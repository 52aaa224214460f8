"""The seed that a corpus keys its own profile with."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tocsin.beam import learn
from tocsin.beam.packing import pack
from tocsin.corpus.batches import DOCUMENT_SCHEMA

_TEXTS = [f"document {number}".encode() for number in range(40)]


def _digest(texts: list[bytes]) -> bytes:
    rows = [
        {"position": at, "doc_id": "d", "group": "g", "text": text} for at, text in enumerate(texts)
    ]
    batch = pa.RecordBatch.from_pylist(rows, DOCUMENT_SCHEMA)
    return pack(learn._content_numbers(batch).sum(axis=0, dtype=np.uint64))


def _seed(*shards: list[bytes]) -> int:
    return learn._seed_of(learn._add_digests([_digest(texts) for texts in shards]))


def test_it_is_the_same_in_whatever_shards_and_order() -> None:
    expected = _seed(_TEXTS)
    assert _seed(_TEXTS[::-1]) == expected
    assert _seed(_TEXTS[30:], [], _TEXTS[:30]) == expected
    halves = [learn._add_digests([_digest(part)]) for part in (_TEXTS[:7], _TEXTS[7:])]
    assert learn._seed_of(learn._add_digests(halves)) == expected  # as an engine may combine


def test_it_is_another_for_any_other_document() -> None:
    seeds = {
        _seed(_TEXTS),
        _seed(_TEXTS[1:]),
        _seed([*_TEXTS, b"one more"]),
        _seed([*_TEXTS, _TEXTS[0]]),
        _seed([*_TEXTS, _TEXTS[0], _TEXTS[0]]),  # two of a kind do not cancel each other
        _seed([b"Document 0", *_TEXTS[1:]]),
    }
    assert len(seeds) == 6
    assert all(0 <= seed < 1 << 64 for seed in seeds)


def test_of_nothing() -> None:
    assert _seed() == _seed([])
