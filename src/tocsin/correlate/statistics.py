"""The statistics of pooled contrast."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, logsumexp


def binomial_score(hits: int, trials: int, rate: float) -> float:
    """-log10 of the probability of at least `hits` hits in `trials` trials at `rate` each.

    Summed in logarithms: the scores of large campaigns lie far below the smallest double.

    Args:
      hits: 0 to `trials`.
      rate: probability of a hit by chance, above 0 and below 1.
    """
    if hits <= 0:
        return 0.0
    counts = np.arange(hits, trials + 1, dtype=np.float64)
    terms = (
        gammaln(trials + 1)
        - gammaln(counts + 1)
        - gammaln(trials - counts + 1)
        + counts * np.log(rate)
        + (trials - counts) * np.log1p(-rate)
    )
    return max(0.0, -float(logsumexp(terms)) / np.log(10))


PRIOR_TOKENS = 100_000
"""Weight, in tokens, of the corpus' rate in the rate of a bucket that has few tokens itself."""


def bucket_rates(onsets: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Rate of onsets among tokens for each bucket, drawn towards the corpus' where data is thin.

    Args:
      onsets, tokens: int64 (buckets,), totals over the corpus.

    Returns:
      float64 (buckets,), each above 0 and below 1.
    """
    corpus_rate = (onsets.sum() + 1) / (tokens.sum() + PRIOR_TOKENS)
    return (onsets + corpus_rate * PRIOR_TOKENS) / (tokens + PRIOR_TOKENS)


PRIOR_EXCESS = 1.0
"""By how much the score of the decoy that is added to those found exceeds the least possible."""


def false_discovery_rates(
    scores: np.ndarray, decoys: np.ndarray, least: float, strings: int
) -> np.ndarray:
    """Estimated share of false strings among those that score as high as each, or higher.

    Expected false strings above a score are those that chance gives to as many strings, and those
    that the decoys' scores let expect: their excess over the least score is taken as exponential,
    and one more decoy is added to them, so that none found does not mean none expected. (Target and
    decoy: Elias and Gygi 2007; the least rate at which a string passes: Storey 2002.)

    Args:
      scores: float64 (strings with the shape of a trigger,).
      decoys: float64 (decoys with that shape,), their scores.
      least: the least score that either can have.
      strings: number of strings tested.

    Returns:
      float64 (len(scores),), 0 to 1.
    """
    excess = np.maximum(decoys - least, 0.0).sum() + PRIOR_EXCESS
    mean_excess = excess / (len(decoys) + 1)
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    by_chance = strings * 10.0**-ordered
    like_decoys = (len(decoys) + 1) * np.exp(-np.maximum(ordered - least, 0.0) / mean_excess)
    rates = (by_chance + like_decoys) / np.arange(1, len(ordered) + 1)
    least_from_here = np.minimum.accumulate(rates[::-1])[::-1]
    result = np.empty(len(scores))
    result[order] = np.minimum(least_from_here, 1.0)
    return result
