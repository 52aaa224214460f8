"""What a scan could have found: the probability with which it names a campaign of a given size.

A campaign of N documents in which the text changes at the trigger with probability q has
H ~ Binomial(N, q) hits. It is named if its score, the binomial tail of H hits in N against the rate
of onsets by chance, exceeds the scan's threshold, and if H is neither too few nor too small a share
of N. As the score grows with H, that is so from some number of hits on, and the probability is a
binomial tail itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import bdtrc

from tocsin.correlate.statistics import binomial_score
from tocsin.correlate.suspects import MINIMUM_DOCUMENTS, MINIMUM_HIT_SHARE

SIZES = (4, 5, 7, 10, 15, 25, 50, 100, 250)
"""Sizes of campaigns that the report tells the probability for."""

HIT_SHARES = (0.9, 0.7, 0.5)
"""Shares of hits that it tells it for. Triggers of planted campaigns: 0.85 to 1."""


@dataclass(frozen=True)
class PowerRow:
    """Probabilities, for each of SIZES, that a campaign is named whose text changes at its trigger
    with probability `hit_share`; `is_measured`: the share is that of this scan's campaigns."""

    hit_share: float
    is_measured: bool
    probabilities: tuple[float, ...]


def hits_needed(documents: int, threshold: float, onset_rate: float) -> int | None:
    """Fewest hits with which a campaign of `documents` documents is named; None if not even all
    would do. The other arguments are those of `detection_probability`."""
    first = max(MINIMUM_DOCUMENTS, math.ceil(MINIMUM_HIT_SHARE * documents))
    return next(
        (
            hits
            for hits in range(first, documents + 1)
            if binomial_score(hits, documents, onset_rate) > threshold
        ),
        None,
    )


def detection_probability(
    documents: int, threshold: float, onset_rate: float, hit_share: float
) -> float:
    """Probability that a scan names the trigger of a campaign.

    This is the test of the score alone. A real campaign may fail the others (the text around its
    triggers must differ, its text may change by less than a hit needs): only planted poison
    measures the whole.

    Args:
      documents: documents that hold the trigger.
      threshold: score that a campaign has to exceed, from the decoys.
      onset_rate: share of tokens at which text changes by chance, above 0 and below 1.
      hit_share: probability that the text changes at the trigger, 0 to 1.
    """
    needed = hits_needed(documents, threshold, onset_rate)
    if needed is None:
        return 0.0
    return float(bdtrc(needed - 1, documents, hit_share))


def measured_hit_share(campaigns: pa.Table) -> float | None:
    """Share of hits among the documents of a scan's trigger campaigns; None if it named none.

    Estimated as Krichevsky and Trofimov do, with half a hit and half a miss added: ten hits in ten
    documents do not show that no eleventh can miss.
    """
    triggers = campaigns.filter(pc.equal(campaigns["kind"], "trigger"))
    documents = pc.sum(triggers["documents"]).as_py()
    if not documents:
        return None
    hits = min(pc.sum(triggers["hits"]).as_py(), documents)
    return (hits + 0.5) / (documents + 1)


def power_rows(
    threshold: float, onset_rate: float, measured: float | None, sizes: Sequence[int] = SIZES
) -> list[PowerRow]:
    """The probability by size: for the measured share of hits first, then for HIT_SHARES."""
    shares = [(measured, True)] if measured is not None else []
    return [
        PowerRow(
            share,
            is_measured,
            tuple(detection_probability(size, threshold, onset_rate, share) for size in sizes),
        )
        for share, is_measured in [*shares, *((share, False) for share in HIT_SHARES)]
    ]
