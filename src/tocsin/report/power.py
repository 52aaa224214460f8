"""What a scan could have found: the smallest campaign whose score passes the scan's threshold."""

from __future__ import annotations

import math

from tocsin.correlate.statistics import binomial_score
from tocsin.correlate.suspects import MINIMUM_DOCUMENTS

_MOST_DOCUMENTS = 1000


def smallest_campaign(threshold: float, onset_rate: float, hit_share: float) -> int | None:
    """Number of documents from which a trigger's score exceeds the threshold.

    This is the score test alone. A real campaign may fail the others, and its text may change by
    less than a hit needs: only planted poison measures that.

    Args:
      threshold: score that a campaign had to exceed, from the decoys.
      onset_rate: share of tokens at which text changes by chance, 0 to 1.
      hit_share: share of the documents with the trigger in which the text changes at it, 0 to 1.

    Returns:
      Documents that hold the trigger, or None if even 1000 would not have done.
    """
    if not (0 < onset_rate < hit_share <= 1):
        return None
    for hits in range(MINIMUM_DOCUMENTS, math.floor(_MOST_DOCUMENTS * hit_share) + 1):
        documents = math.ceil(hits / hit_share)
        if binomial_score(hits, documents, onset_rate) > threshold:
            return documents
    return None
