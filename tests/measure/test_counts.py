from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from measure import calls, reference
from measure.generated import hostile_texts
from tocsin.measure.counts import (
    DECODED_COUNTS,
    MAXIMUM_LOAD,
    SLOTS_PER_BUCKET,
    CountTable,
    encode_counts,
)


@given(hostile_texts)
def test_keys_of_words_and_pairs(text: bytes) -> None:
    """Keys are equal where words or pairs are, and only there."""
    keys = calls.word_and_pair_keys(calls.tokenize(text).folded).tolist()
    identities = list(reference.keys([token.folded for token in reference.tokens(text)]))
    assert len(keys) == len(identities)
    assert len(set(keys)) == len(set(identities)) == len(set(zip(keys, identities)))


def test_codes_of_counts() -> None:
    counts = np.unique(np.concatenate([np.arange(1, 5000), 2 ** np.arange(32), 3 ** np.arange(20)]))
    decoded = DECODED_COUNTS[encode_counts(counts.astype(np.uint32))]
    for count, value in zip(counts.tolist(), decoded.tolist()):
        assert value == pytest.approx(reference.represented(count), rel=1e-6)
        assert value <= count < value * 2**0.125


def test_table_holds_every_key_while_it_is_sparse() -> None:
    generator = np.random.default_rng(1)
    keys = np.sort(generator.integers(0, 2**64, 150, np.uint64))
    counts = generator.integers(1, 10_000, 150).astype(np.uint32)
    table = CountTable.build(keys, counts)
    assert calls.look_up(table, keys).tolist() == encode_counts(counts).tolist()


def test_keys_that_were_not_counted_are_not_found() -> None:
    generator = np.random.default_rng(2)
    keys = np.sort(generator.integers(0, 2**64, 9000, np.uint64))
    table = CountTable.build(keys, np.full(len(keys), 3, np.uint32))
    unseen = np.setdiff1d(generator.integers(0, 2**64, 60_000, np.uint64), keys)
    # Expected: 60,000 * 3e-7 at most.
    assert np.count_nonzero(calls.look_up(table, unseen)) <= 1
    assert not calls.look_up(CountTable.build(keys[:0], np.empty(0, np.uint32)), unseen[:99]).any()


def test_neighbours_in_a_bucket_are_told_apart() -> None:
    # All in the first bucket; from 1, as 0 and 1 have one tag.
    keys = np.arange(1, SLOTS_PER_BUCKET + 1, dtype=np.uint64)
    table = CountTable.build(keys, np.arange(1, SLOTS_PER_BUCKET + 1, dtype=np.uint32))
    assert calls.look_up(table, keys).tolist() == list(range(1, SLOTS_PER_BUCKET + 1))
    assert calls.look_up(table, keys + np.uint64(SLOTS_PER_BUCKET)).tolist() == [0] * len(keys)


def test_tables_grow_until_they_are_sparse() -> None:
    for size in (0, 1, 614, 615, 5000):
        keys = np.arange(size, dtype=np.uint64) << np.uint64(50)
        slots = CountTable.build(keys, np.ones(size, np.uint32)).slots
        assert len(slots) & (len(slots) - 1) == 0
        assert size <= MAXIMUM_LOAD * len(slots) and (
            len(slots) == 1024 or size > 0.29 * len(slots)
        )


def test_where_room_lacks_the_rarest_are_dropped() -> None:
    generator = np.random.default_rng(3)
    keys = np.sort(generator.integers(0, 2**64, 3000, np.uint64))
    counts = generator.integers(1, 40, 3000).astype(np.uint32)
    table = CountTable.build(keys, counts, maximum_bytes=4096)
    assert len(table.slots) == 1024
    # By hand: the keys of the highest codes, ties by key, each bucket filled in this order.
    codes = encode_counts(counts).astype(int)
    ranked = sorted(zip((-codes).tolist(), keys.tolist()))[: int(MAXIMUM_LOAD * 1024)]
    buckets: dict[int, list[int]] = {}
    for _, key in ranked:
        buckets.setdefault(calls.bucket_of_key(table, key), []).append(key)
    held = {key for bucket in buckets.values() for key in bucket[:SLOTS_PER_BUCKET]}
    assert max(buckets) < 1024 // SLOTS_PER_BUCKET
    assert any(len(bucket) > SLOTS_PER_BUCKET for bucket in buckets.values())
    found = calls.look_up(table, keys)
    assert set(keys[found > 0].tolist()) == held
    assert (found[found > 0] == encode_counts(counts)[found > 0]).all()
