from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom

from tocsin.correlate.suspects import MINIMUM_DOCUMENTS
from tocsin.report.power import (
    HIT_SHARES,
    SIZES,
    detection_probability,
    hits_needed,
    measured_hit_share,
    power_rows,
)

RATE = 0.003


def score(hits: int, documents: int, rate: float) -> float:
    return float(-binom.logsf(hits - 1, documents, rate) / math.log(10))


@pytest.mark.parametrize("documents", [4, 8, 25, 100])
@pytest.mark.parametrize("threshold", [6.8, 12.0, 40.0])
def test_one_hit_less_than_needed_does_not_do(documents: int, threshold: float) -> None:
    needed = hits_needed(documents, threshold, RATE)
    fewest = max(MINIMUM_DOCUMENTS, math.ceil(documents / 2))
    if needed is None:
        assert score(documents, documents, RATE) <= threshold
    else:
        assert score(needed, documents, RATE) > threshold
        assert needed == fewest or score(needed - 1, documents, RATE) <= threshold


@pytest.mark.parametrize(("documents", "share"), [(4, 0.9), (10, 0.5), (10, 0.8), (50, 0.52)])
def test_probability_against_simulated_campaigns(documents: int, share: float) -> None:
    random = np.random.default_rng(documents)
    hits = random.binomial(documents, share, 20_000)
    named = [
        count >= MINIMUM_DOCUMENTS and count >= documents / 2 and score(count, documents, RATE) > 9
        for count in range(documents + 1)
    ]
    expected = np.array(named)[hits].mean()
    assert detection_probability(documents, 9, RATE, share) == pytest.approx(expected, abs=0.015)


def test_the_extremes() -> None:
    assert detection_probability(3, 0.1, RATE, 1.0) == 0
    assert detection_probability(4, 0.1, RATE, 1.0) == 1
    assert detection_probability(4, 1e6, RATE, 1.0) == 0
    assert detection_probability(250, 9, RATE, 0.0) == 0
    assert detection_probability(0, 9, RATE, 0.9) == 0


def campaigns(*rows: tuple[str, int, int]) -> pa.Table:
    columns = {"kind": pa.string(), "documents": pa.int64(), "hits": pa.int64()}
    return pa.Table.from_pylist([dict(zip(columns, row)) for row in rows], pa.schema(columns))


def test_the_measured_share_is_that_of_triggers() -> None:
    assert measured_hit_share(campaigns()) is None
    assert measured_hit_share(campaigns(("payload", 40, 1))) is None
    many = campaigns(("trigger", 50, 40), ("trigger", 10, 9), ("payload", 40, 1))
    assert measured_hit_share(many) == 49.5 / 61
    assert measured_hit_share(campaigns(("trigger", 10, 10))) == 10.5 / 11
    assert measured_hit_share(campaigns(("trigger", 10, 12))) == 10.5 / 11


def test_rows_begin_with_what_was_measured() -> None:
    rows = power_rows(9.1, RATE, 0.93)
    assert [row.hit_share for row in rows] == [0.93, *HIT_SHARES]
    assert [row.is_measured for row in rows] == [True, False, False, False]
    assert [row.hit_share for row in power_rows(9.1, RATE, None)] == list(HIT_SHARES)
    for row in rows:
        assert len(row.probabilities) == len(SIZES)
        expected = [detection_probability(size, 9.1, RATE, row.hit_share) for size in SIZES]
        assert list(row.probabilities) == expected
