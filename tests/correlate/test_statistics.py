from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.correlate.statistics import (
    PRIOR_EXCESS,
    PRIOR_TOKENS,
    binomial_score,
    bucket_rates,
    false_discovery_rates,
)


def log10(value: Fraction) -> float:
    """Also of what is far below the smallest double."""
    return math.log10(value.numerator) - math.log10(value.denominator)


def exact_score(hits: int, trials: int, rate: Fraction) -> float:
    """The binomial tail, term by term in whole numbers."""
    hit, miss, one = rate.numerator, rate.denominator - rate.numerator, rate.denominator
    tail = sum(
        math.comb(trials, count) * hit**count * miss ** (trials - count)
        for count in range(hits, trials + 1)
    )
    return -log10(Fraction(tail, one**trials))


@given(st.data(), st.integers(1, 60), st.integers(1, 9999))
def test_score_is_the_binomial_tail(data: st.DataObject, trials: int, rate: int) -> None:
    hits = data.draw(st.integers(0, trials))
    found = binomial_score(hits, trials, rate / 10_000)
    assert found == pytest.approx(exact_score(hits, trials, Fraction(rate, 10_000)), abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "trials", "rate"), [(250, 260, 1000), (400, 2000, 500), (2000, 2000, 300)]
)
def test_score_of_large_campaigns(hits: int, trials: int, rate: int) -> None:
    """Their probabilities are too small for a double."""
    expected = exact_score(hits, trials, Fraction(1, rate))
    assert expected > 308
    assert binomial_score(hits, trials, 1 / rate) == pytest.approx(expected, rel=1e-9)


def test_no_hit_is_no_evidence() -> None:
    assert binomial_score(0, 100, 0.01) == 0
    assert binomial_score(0, 0, 0.01) == 0


def test_a_few_hits_of_many() -> None:
    assert binomial_score(1, 10**6, 0.01) == pytest.approx(0, abs=1e-9)
    assert binomial_score(1, 1, 1e-3) == pytest.approx(3)
    assert binomial_score(10, 10, 1e-3) == pytest.approx(30)


def test_bucket_rates() -> None:
    """Each bucket as if PRIOR_TOKENS tokens more of it had been seen at the rate of the corpus."""
    onsets = np.array([0, 300, 0, 7], np.int64)
    tokens = np.array([0, 100_000, 50_000, 10**9], np.int64)
    corpus = Fraction(307 + 1, 150_000 + 10**9 + PRIOR_TOKENS)
    expected = [
        (seen + corpus * PRIOR_TOKENS) / Fraction(size + PRIOR_TOKENS)
        for seen, size in zip(onsets.tolist(), tokens.tolist())
    ]
    np.testing.assert_allclose(bucket_rates(onsets, tokens), [float(rate) for rate in expected])


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=5))
def test_bucket_rates_can_be_scored(buckets: list[tuple[int, int]]) -> None:
    tokens = np.array([max(pair) for pair in buckets], np.int64)
    onsets = np.array([min(pair) for pair in buckets], np.int64)
    rates = bucket_rates(onsets, tokens)
    assert (rates > 0).all() and (rates < 1).all()


def naive_false_discovery_rate(
    score: float, scores: list[float], decoys: list[float], least: float, strings: int
) -> float:
    """From the definition, for one string: the least rate at a cut that it passes."""
    mean_excess = (sum(max(decoy - least, 0) for decoy in decoys) + PRIOR_EXCESS) / (
        len(decoys) + 1
    )
    rates = []
    for cut in scores:
        if cut <= score:
            by_chance = strings * 10**-cut
            like_decoys = (len(decoys) + 1) * math.exp(-max(cut - least, 0) / mean_excess)
            passing = sum(other >= cut for other in scores)
            rates.append((by_chance + like_decoys) / passing)
    return min(1.0, *rates)


score_lists = st.lists(st.floats(0, 60), max_size=12, unique=True)


@given(score_lists, score_lists, st.floats(0, 15), st.integers(0, 10**9))
def test_false_discovery_rates(
    scores: list[float], decoys: list[float], least: float, strings: int
) -> None:
    found = false_discovery_rates(np.array(scores), np.array(decoys), least, strings)
    expected = [
        naive_false_discovery_rate(score, scores, decoys, least, strings) for score in scores
    ]
    assert found == pytest.approx(expected, rel=1e-9)


def test_false_discovery_rates_cover_the_false_strings() -> None:
    """Where decoys behave as natural strings do, about so many of those reported at a rate are
    false: at most, for one decoy is added."""
    generator = np.random.default_rng(1)
    least, allowed = 6.0, 0.2
    shares = []
    for _ in range(300):
        natural, decoys = (least + generator.exponential(2.0, 60) for _ in range(2))
        planted = least + generator.uniform(4.0, 40.0, 30)
        scores = np.concatenate([natural, planted])
        reported = false_discovery_rates(scores, decoys, least, 0) <= allowed
        shares.append(reported[:60].sum() / max(reported.sum(), 1))
    assert 0.1 < np.mean(shares) < allowed + 0.02
