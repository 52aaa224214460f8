from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tocsin.drill.reservoir import Reservoir


def sample(size: int, stream: int, generator: np.random.Generator) -> list[int]:
    reservoir = Reservoir[int](size, generator)
    for item in range(stream):
        if reservoir.wants_next():
            reservoir.take(item)
    return reservoir.items


@pytest.mark.parametrize(("size", "stream"), [(1, 12), (3, 12), (12, 12)])
def test_every_item_is_equally_likely(size: int, stream: int) -> None:
    generator = np.random.default_rng(1)
    runs = 6_000
    counts = Counter(item for _ in range(runs) for item in sample(size, stream, generator))
    expected = runs * size / stream
    assert set(counts) == set(range(stream))
    # Five standard deviations of a binomial count.
    tolerance = 5 * np.sqrt(expected * (1 - size / stream)) + 1e-9
    assert all(abs(count - expected) <= tolerance for count in counts.values())


def test_a_short_stream_is_taken_whole() -> None:
    assert sorted(sample(10, 4, np.random.default_rng(2))) == [0, 1, 2, 3]
    assert sample(5, 0, np.random.default_rng(2)) == []


def test_items_are_distinct() -> None:
    assert len(set(sample(50, 10_000, np.random.default_rng(3)))) == 50
