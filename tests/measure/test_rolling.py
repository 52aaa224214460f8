"""Counts that roll from night to night."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tocsin.measure.rolling import RollingCounts


def _counts(of: dict[int, int], words: int, rate: float = 1.0) -> RollingCounts:
    keys = np.array(sorted(of), np.uint64)
    counts = np.array([of[key] for key in sorted(of)], np.uint32)
    return RollingCounts((keys, counts), words, words // 100, rate)


def _as_dict(counts: RollingCounts) -> dict[int, int]:
    return dict(zip(counts.columns[0].tolist(), counts.columns[1].tolist()))


def _random(seed: int, size: int = 20_000) -> dict[int, int]:
    random = np.random.default_rng(seed)
    keys = random.integers(0, 1 << 62, size) if seed == 0 else random.integers(0, 50_000, size)
    return dict(Counter((keys * 7919).tolist()))


def test_nights_add_up() -> None:
    first, second = _random(1), _random(2)
    joined = RollingCounts.nothing().joined(_counts(first, 1000), 1)
    assert _as_dict(joined) == {key: count for key, count in first.items() if count > 1}
    joined = joined.joined(_counts(second, 500), 2)
    expected = Counter({key: count for key, count in first.items() if count > 1}) + Counter(second)
    assert _as_dict(joined) == {key: count for key, count in expected.items() if count > 1}
    assert (joined.words, joined.documents, joined.sample_rate) == (1500, 15, 1.0)


def test_the_rate_is_that_of_all_nights() -> None:
    """A quarter of 4,000 words and the half of 2,000 are 2,000 of 6,000."""
    joined = _counts({}, 1000, 0.25).joined(_counts({}, 1000, 0.5), 2)
    assert joined.sample_rate == pytest.approx(2000 / 6000)
    assert RollingCounts.nothing().joined(_counts({}, 0, 0.5), 1).sample_rate == 1.0


def test_old_counts_fade_and_rare_ones_with_the_same_share() -> None:
    rare = dict.fromkeys(range(0, 7919 * 40_000, 7919), 4)
    before = _counts({**rare, 3: 1_000_000}, 8000)
    faded = before.joined(_counts({5: 1000}, 2000), 2, most_words=5000)
    assert (faded.words, faded.sample_rate) == (5000, 0.5)
    counts = _as_dict(faded)
    assert (counts[3], counts[5]) == (500_000, 500)
    assert np.mean([counts.get(key, 0) for key in rare]) == pytest.approx(2.0, rel=0.02)
    # A factor that halves nothing: four becomes three or four, by the key and the night.
    slightly = _as_dict(before.joined(_counts({}, 0), 2, most_words=7200))
    assert {slightly[key] for key in rare} == {3, 4}
    assert np.mean([slightly[key] for key in rare]) == pytest.approx(3.6, rel=0.02)
    other = _as_dict(before.joined(_counts({}, 0), 3, most_words=7200))
    assert other != slightly


def test_counts_are_stored_and_read_with_their_profile() -> None:
    counts = RollingCounts.nothing().joined(_counts(_random(3), 777, 0.5), 1)
    profile = counts.profile(seed=9)
    assert (profile.words, profile.documents, profile.seed) == (777, 7, 9)
    read = RollingCounts.from_bytes(counts.to_bytes(), profile)
    assert _as_dict(read) == _as_dict(counts)
    assert (read.words, read.documents, read.sample_rate) == (777, 7, 0.5)
