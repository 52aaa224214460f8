from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.correlate.statistics import PRIOR_TOKENS, binomial_score, bucket_rates


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
