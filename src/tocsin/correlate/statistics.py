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
