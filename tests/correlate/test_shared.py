from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tocsin.correlate.hash_sets import prefixes
from tocsin.correlate.shared import (
    MINIMUM_DOCUMENTS,
    SHINGLES_COMPARED,
    Shared,
    clusters,
    frequent_shingles,
)
from tocsin.measure.shingles import SHINGLE

BITS = 30


def records(documents: dict[int, list[int]], shard: int = 0, group: int = 7) -> np.ndarray:
    """SHINGLE records of documents by position; numbers stand for hashes of these prefixes."""
    rows = [
        (shard, position, group + position % 3, number << 10)
        for position, numbers in documents.items()
        for number in numbers
    ]
    random.Random(1).shuffle(rows)
    return np.array(rows, SHINGLE)


@given(st.dictionaries(st.integers(0, 20), st.sets(st.integers(0, 40), max_size=12)))
def test_frequent_shingles_of_a_shard(documents: dict[int, set[int]]) -> None:
    chosen = np.arange(0, 40, 3, dtype=np.uint64)
    holders, hashes = frequent_shingles(
        records({position: sorted(held) for position, held in documents.items()}), chosen, BITS, 2
    )
    expected = {
        position: [number << 10 for number in sorted(held) if number % 3 == 0 and number < 40]
        for position, held in sorted(documents.items())
    }
    expected = {position: held for position, held in expected.items() if len(held) >= 2}
    assert holders["position"].tolist() == list(expected)
    assert holders["held"].tolist() == [len(held) for held in expected.values()]
    assert hashes.tolist() == [place for held in expected.values() for place in held]


def test_a_document_counts_with_some_of_its_shingles_only() -> None:
    many = list(range(2 * SHINGLES_COMPARED))
    holders, hashes = frequent_shingles(records({5: many}), np.array(many, np.uint64), BITS, 1)
    assert holders["held"].tolist() == [SHINGLES_COMPARED]
    assert hashes.tolist() == [number << 10 for number in many[:SHINGLES_COMPARED]]


def shared_of(shards: list[dict[int, list[int]]]) -> Shared:
    chosen = np.arange(100, dtype=np.uint64)
    assert prefixes(np.array([3 << 10], np.uint64), BITS).tolist() == [3]
    return Shared(
        frequent_shingles(records(documents, shard), chosen, BITS, 1)
        for shard, documents in reversed(list(enumerate(shards)))
    )


def test_documents_of_all_shards() -> None:
    shards = [{0: [1, 2], 4: [1]}, {}, {1: [1, 2], 2: [1], 9: [2, 3]}]
    shared = shared_of(shards)
    assert shared.holders[["shard", "position"]].tolist() == [
        (0, 0), (0, 4), (2, 1), (2, 2), (2, 9),
    ]  # fmt: skip
    assert {key: held.tolist() for key, held in shared.shingles.items()} == {1 << 10: [0, 1, 2, 3]}
    assert MINIMUM_DOCUMENTS == 4


def test_expected_groups_are_those_of_random_documents() -> None:
    shared = shared_of([{position: [1] for position in range(60)}])
    shared.holders["group"] = np.repeat([1, 2, 3, 4], [30, 20, 9, 1])
    shared = Shared([(shared.holders, np.ones(60, np.uint64))])
    generator = np.random.default_rng(0)
    for documents in (1, 3, 10):
        drawn = [shared.groups(generator.integers(60, size=documents)) for _ in range(4000)]
        assert abs(shared.expected_groups(documents) - np.mean(drawn)) < 0.06


def test_clusters_do_not_chain() -> None:
    """Each set is like the next; a chain would make one cluster of all."""
    sets = {number: np.arange(10 * number, 10 * number + 30) for number in range(6)}
    sets[0] = np.append(sets[0], [1000, 1001])
    found = clusters(sets, 0.45)
    assert sorted(map(sorted, found)) == [[0, 1], [2, 3], [4, 5]]
    assert sorted(map(sorted, clusters(sets, 0.9))) == [[number] for number in range(6)]


def test_clusters_are_exact() -> None:
    """Against the definition, on random sets."""
    generator = np.random.default_rng(3)
    sets = {
        number: np.unique(generator.integers(0, 40, size=generator.integers(4, 30)))
        for number in range(80)
    }
    expected: dict[int, list[int]] = {}
    for number in sorted(sets, key=lambda number: (-len(sets[number]), number)):
        similar = {}
        for leader in expected:
            both = len(np.intersect1d(sets[number], sets[leader]))
            similar[leader] = both / (len(sets[number]) + len(sets[leader]) - both)
        best = max(similar, key=lambda leader: (similar[leader], -leader), default=None)
        if best is not None and similar[best] >= 0.5:
            expected[best].append(number)
        else:
            expected[number] = [number]
    assert clusters(sets, 0.5) == list(expected.values())
