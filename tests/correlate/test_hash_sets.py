from __future__ import annotations

import random
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tocsin.correlate.hash_sets import (
    frequent,
    is_among,
    pack_sorted,
    prefix_bits,
    prefixes,
    split,
    unpack_sorted,
)
from tocsin.measure.shingles import SHINGLE_BITS


@given(st.integers(1, 40).flatmap(lambda bits: st.tuples(
    st.just(bits), st.lists(st.integers(0, (1 << bits) - 1), max_size=50)
)))  # fmt: skip
def test_packed_numbers_come_back(numbers: tuple[int, list[int]]) -> None:
    bits, values = numbers
    packed = pack_sorted(np.array(sorted(values), np.uint64), bits)
    assert unpack_sorted(packed).tolist() == sorted(values)


def test_size_is_close_to_what_theory_allows() -> None:
    values = np.sort(np.random.default_rng(0).integers(0, 1 << 27, 60_000, np.uint64))
    bits = 8 * len(pack_sorted(values, 27)) / len(values)
    assert bits < 2 + np.log2((1 << 27) / len(values)) + 0.1


def test_frequent_numbers_of_several_shards() -> None:
    generator = random.Random(0)
    shards = [[generator.randrange(1 << 21) % 3001 * 690 for _ in range(4000)] for _ in range(3)]
    counts = Counter(value for shard in shards for value in shard)
    for partitions in (1, 3, 16):
        blocks: dict[int, list[bytes]] = {}
        for shard in shards:
            for number, block in split(np.array(shard, np.uint64), 21, partitions):
                blocks.setdefault(number, []).append(block)
        found = [
            value
            for number, some in sorted(blocks.items())
            for value in frequent(number, reversed(some), 21, partitions, 4, 6).tolist()
        ]
        assert found == sorted(value for value, count in counts.items() if 4 <= count <= 6)


def test_numbers_of_tonight_that_earlier_ones_make_frequent() -> None:
    generator = random.Random(1)
    tonight, earlier = ([generator.randrange(300) * 7 for _ in range(size)] for size in (200, 900))
    counts = Counter([*tonight, *earlier])
    for partitions in (1, 5):
        blocks: list[dict[int, list[bytes]]] = [{}, {}]
        for found, values in zip(blocks, (tonight, earlier)):
            for part in (values[::2], values[1::2]):
                for number, block in split(np.array(part, np.uint64), 12, partitions):
                    found.setdefault(number, []).append(block)
        frequent_ones = [
            value
            for number in range(partitions)
            for value in frequent(
                number, blocks[0].get(number, []), 12, partitions, 4, 6, blocks[1].get(number, [])
            ).tolist()
        ]
        assert frequent_ones == sorted(one for one in set(tonight) if 4 <= counts[one] <= 6)


def test_nothing() -> None:
    assert list(split(np.zeros(0, np.uint64), 30, 4)) == []
    assert is_among(np.array([3, 4], np.uint64), np.zeros(0, np.uint64)).tolist() == [False] * 2


def test_values_among_others() -> None:
    found = is_among(np.array([9, 2, 5, 1], np.uint64), np.array([2, 5, 7], np.uint64))
    assert found.tolist() == [False, True, True, False]


def test_bits_grow_with_the_corpus_and_end_with_the_hash() -> None:
    assert prefix_bits(1000) == 20
    assert prefix_bits(1 << 26) == 25
    assert prefix_bits(1 << 60) == SHINGLE_BITS
    top = np.array([(1 << SHINGLE_BITS) - 1], np.uint64)
    assert prefixes(top, 20).tolist() == [(1 << 20) - 1]
