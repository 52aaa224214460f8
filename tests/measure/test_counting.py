"""Counting for a profile, against `collections.Counter`."""

from __future__ import annotations

import random
from collections import Counter as Tally

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure import calls, reference
from measure.generated import prose, words_of
from tocsin.measure.counting import Counter, KeyCounts, merge_counts
from tocsin.measure.counts import CountTable
from tocsin.measure.profile import DOCUMENT_BYTES_COUNTED

TEXTS = [
    prose(random.Random(seed), words_of(random.Random(0), 60), 40).encode() for seed in range(30)
]

few_keys = st.lists(st.integers(0, 12) | st.integers(0, 2**64 - 1), max_size=60)


def columns(tally: Tally[int]) -> tuple[np.ndarray, np.ndarray]:
    keys = sorted(tally)
    return np.array(keys, np.uint64), np.array([tally[key] for key in keys], np.uint32)


def as_tally(part: tuple[np.ndarray, np.ndarray]) -> Tally[int]:
    keys, counts = part
    assert (keys.dtype, counts.dtype) == (np.uint64, np.uint32)
    assert keys.tolist() == sorted(set(keys.tolist()))
    return Tally(dict(zip(keys.tolist(), counts.tolist())))


@given(few_keys)
def test_count(keys: list[int]) -> None:
    counted = KeyCounts()
    counted.add(np.array(keys, np.uint64))
    assert as_tally(counted.columns()) == Tally(keys)


@given(st.lists(few_keys, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_merge_in_any_order(parts: list[list[int]], generator: random.Random) -> None:
    together = Tally(key for part in parts for key in part)
    generator.shuffle(parts)
    assert as_tally(merge_counts([columns(Tally(part)) for part in parts])) == together


@given(st.lists(few_keys, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_same_table_however_the_work_was_spread(
    parts: list[list[int]], generator: random.Random
) -> None:
    at_once = KeyCounts()
    at_once.add(np.array([key for part in parts for key in part], np.uint64))
    generator.shuffle(parts)
    merged = merge_counts([columns(Tally(part)) for part in parts])
    expected = CountTable.build(*at_once.columns()).slots
    np.testing.assert_array_equal(CountTable.build(*merged).slots, expected)


def test_counts_stop_at_the_largest() -> None:
    part = np.array([7], np.uint64), np.array([2**32 - 2], np.uint32)
    assert as_tally(merge_counts([part, part, part])) == Tally({7: 2**32 - 1})


@pytest.mark.parametrize("maximum_slots", [1 << 12, 1 << 14, 1 << 20])
def test_more_keys_than_slots(maximum_slots: int) -> None:
    """Tables grow, and what does not fit the largest is put by and added up in the end."""
    generator = np.random.default_rng(maximum_slots)
    keys = generator.integers(0, 2**64, 30_000, np.uint64)[generator.integers(0, 30_000, 90_000)]
    counted = KeyCounts(maximum_slots)
    for part in np.array_split(keys, 7):
        counted.add(part)
        middle = counted.columns()
    assert as_tally(middle) == as_tally(counted.columns()) == Tally(keys.tolist())


@pytest.mark.parametrize("first", [0, 2**63, 2**64 - 5_000])
def test_keys_that_crowd(first: int) -> None:
    """No hashes, but nothing forbids them."""
    keys = np.arange(5_000, dtype=np.uint64) + np.uint64(first)
    counted = KeyCounts()
    counted.add(keys)
    counted.add(keys[::2])
    expected = Tally([*keys.tolist(), *keys[::2].tolist()])
    assert as_tally(counted.columns()) == expected
    ones = np.ones(len(keys), np.uint32)
    crowded = [(keys, ones), (keys[::2], ones[::2]), (np.array([3 * 2**62], np.uint64), ones[:1])]
    crowded.sort(key=lambda part: int(part[0][0]))
    assert as_tally(merge_counts(crowded)) == expected + Tally([3 * 2**62])


def tally_of(counter: Counter) -> Tally[int]:
    keys, counts = counter.counts()
    assert (keys.dtype, counts.dtype) == (np.uint64, np.uint32)
    assert keys.tolist() == sorted(set(keys.tolist()))
    return Tally(dict(zip(keys.tolist(), counts.tolist())))


def expected_counts(texts: list[bytes], seed: int = calls.SEED) -> Tally[int]:
    """Counts of the texts by key."""
    tally: Tally[int] = Tally()
    for text in texts:
        folded = calls.tokenize(text[:DOCUMENT_BYTES_COUNTED], seed).folded
        tally.update(calls.word_and_pair_keys(folded, seed).tolist())
    return tally


def test_counter() -> None:
    texts = [*TEXTS, b"", b"\xff\xfe"]
    counter = calls.counted([calls.batch_of(texts[:7]), calls.batch_of(texts[7:])])
    learned = reference.Learned.of(texts, minimum=1)
    tally = tally_of(counter)
    assert tally == expected_counts(texts)
    assert sorted(tally.values()) == sorted(learned.counts.values())
    assert (counter.words, counter.documents) == (learned.words, learned.documents) == (1202, 32)


def test_counter_of_a_slice_of_a_batch() -> None:
    counter = calls.counted([calls.batch_of(TEXTS).slice(4, 9)])
    assert tally_of(counter) == expected_counts(TEXTS[4:13])


def test_counter_of_nothing() -> None:
    assert tally_of(calls.counted([])) == Tally()
    assert tally_of(calls.counted([calls.batch_of([b"", b" "])])) == Tally()


def test_no_document_is_counted_beyond_its_beginning() -> None:
    inside = b"word " * (DOCUMENT_BYTES_COUNTED // 5)
    text = inside + b"x" * (DOCUMENT_BYTES_COUNTED - len(inside)) + b"yz beyond beyond"
    counter = calls.counted([calls.batch_of([b"before", text])])
    assert tally_of(counter) == expected_counts([b"before", text])
    assert counter.words == 1 + DOCUMENT_BYTES_COUNTED // 5 + 1


def test_counter_asked_in_the_middle() -> None:
    batches = [calls.batch_of([text]) for text in TEXTS]
    counter = calls.counted(batches[:11])
    counter.counts()
    for part in batches[11:]:
        counter.count(part)
    assert tally_of(counter) == tally_of(calls.counted(batches))
