from __future__ import annotations

import math

import pytest
from scipy.stats import binom

from tocsin.correlate.suspects import MINIMUM_DOCUMENTS
from tocsin.report.power import smallest_campaign


def score(hits: int, documents: int, rate: float) -> float:
    return float(-binom.logsf(hits - 1, documents, rate) / math.log(10))


@pytest.mark.parametrize("hit_share", [1.0, 0.5, 0.8])
@pytest.mark.parametrize("threshold", [12.0, 30.0])
def test_the_smallest_passes_and_one_hit_less_does_not(threshold: float, hit_share: float) -> None:
    documents = smallest_campaign(threshold, 0.003, hit_share)
    assert documents is not None
    hits = math.floor(documents * hit_share)
    assert score(hits, documents, 0.003) > threshold
    assert score(hits - 1, math.ceil((hits - 1) / hit_share), 0.003) <= threshold


def test_a_trigger_needs_several_documents_whatever_its_score() -> None:
    assert smallest_campaign(0.1, 1e-6, 1.0) == MINIMUM_DOCUMENTS


def test_out_of_reach() -> None:
    assert smallest_campaign(1e6, 0.003, 1.0) is None
    assert smallest_campaign(9.0, 0.6, 0.5) is None
    assert smallest_campaign(9.0, 0.0, 1.0) is None
