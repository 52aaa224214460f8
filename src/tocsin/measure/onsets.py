"""Onsets: places in a text after which it is far from what it was before.

Texts change in several ways, the *channels*. In each, the contrast at a token compares the tokens
from it on with the tokens before it:

- `surprisal`: how much more surprising they are in the mean;
- `language`: how far another language takes the place of the first (`measure.languages`);
- `composition`: how far other kinds of tokens do (`measure.composition`): another script, capital
  letters, numbers, symbols, control characters;
- `passage`: as `surprisal`, but over a third of the tokens: for short changes and short texts;
- `opening`: nothing comes before: the text begins with word salad (`measure.segments`).

An onset is a token whose contrast is above the channel's minimum and close to the largest contrast
around it. A trigger stands at an onset, again and again; so the n-grams there are the evidence that
documents are later correlated by.
"""

import numpy as np

from tocsin.measure.kernels import kernel
from tocsin.measure.tokens import GOLDEN, ROOT_THREE

CHANNELS = ("surprisal", "language", "composition", "passage", "opening")
"""Kinds of change, in the order of their numbers."""

SURPRISAL, LANGUAGE, COMPOSITION, PASSAGE, OPENING = range(len(CHANNELS))

WINDOW = 120
"""Tokens on either side; prototypes with 120 named campaigns of ten."""

WINDOWS = (WINDOW, WINDOW, WINDOW, 40, WINDOW)
"""By channel."""

MINIMUM_BEFORE = 8
MINIMUM_AFTER = 40
"""Tokens that must exist on either side for a contrast to be measured."""

LEAST_AFTER = (MINIMUM_AFTER, MINIMUM_AFTER, MINIMUM_AFTER, 16, MINIMUM_AFTER)
"""By channel."""

OPENING_TOKENS = 8
"""Tokens from the start of a text that an opening is an onset at: a trigger may follow a few."""

MINIMUM_CONTRAST = 5.0
"""Bits. 0.3 % of the tokens of a large corpus reach it, 0.8 % of a small one's."""

MINIMUM_LANGUAGE_CONTRAST = 0.6
"""Share of the votes that change sides."""

MINIMUM_COMPOSITION_CONTRAST = 0.5
"""Share of the tokens that are of kinds that were rare before."""

MINIMUM_PASSAGE_CONTRAST = 7.0
"""Bits."""

MINIMUM_CONTRASTS = (
    MINIMUM_CONTRAST,
    MINIMUM_LANGUAGE_CONTRAST,
    MINIMUM_COMPOSITION_CONTRAST,
    MINIMUM_PASSAGE_CONTRAST,
    0.5,
)
"""By channel; an opening has a contrast of 1 or none."""

NEIGHBOURHOOD = 64
"""Tokens on either side among which an onset must be about the largest contrast."""

PEAK_SHARE = 0.9
"""Share of that largest contrast that an onset must reach."""

PEAK_SHARES = (PEAK_SHARE, PEAK_SHARE, PEAK_SHARE, 0.75, PEAK_SHARE)
"""By channel. A trigger's own tokens are known, as often as it stands in the corpus: in the short
windows of a passage, four of them take a sixth of the contrast."""

LONGEST_NGRAM = 8
"""Tokens in the longest n-gram that is tested as a trigger."""


@kernel()
def add_up(surprisal, count, sums):
    """Writes the sum of all surprisals before each token and before the end (float64 (>= count +
    1,))."""
    total = 0.0
    sums[0] = 0.0
    for index in range(count):
        total += surprisal[index]
        sums[index + 1] = total


@kernel(forceinline=True)
def _short_contrast(sums, count, index, window, least_after):
    """Contrast at a token that has less than a window on one side."""
    before = min(index, window)
    after = min(count - index, window)
    if before < MINIMUM_BEFORE or after < least_after:
        return 0.0
    mean_after = (sums[index + after] - sums[index]) / after
    return mean_after - (sums[index] - sums[index - before]) / before


@kernel()
def contrasts(sums, count, channel, result):
    """Contrast of surprisal at each token, in bits; 0 where a side is too short.

    Args:
      sums: float64 (>= count + 1,), of `add_up`.
      count: number of tokens.
      channel: SURPRISAL or PASSAGE, which differ in their windows.
      result: float32 (>= count + 1,), written.
    """
    window = WINDOWS[channel]
    least_after = LEAST_AFTER[channel]
    for index in range(min(window, count)):
        result[index] = _short_contrast(sums, count, index, window, least_after)
    for index in range(max(count - window + 1, min(window, count)), count):
        result[index] = _short_contrast(sums, count, index, window, least_after)
    for index in range(window, count - window + 1):
        both = sums[index + window] - 2.0 * sums[index] + sums[index - window]
        result[index] = both * (1.0 / window)


_BLOCK = 32
"""Tokens of which the largest contrast is looked at first: few blocks hold an onset."""


@kernel()
def onset_tokens(contrast, count, channel, result):
    """Indices of the onsets and decoys of one text, ascending.

    A decoy is an onset with time reversed: a token from which on a text becomes *less*
    surprising, or leaves a language (or kinds of tokens) for one that it had before, or the end of
    a text of word salad. No attack leaves it again and again, but everything natural does.

    Args:
      contrast: float32 (>= count,), of `contrasts`, or that of another channel.
      count: number of tokens.
      channel: number of the channel that the contrast is of.
      result: int32 (>= count,), written.

    Returns:
      The number of indices; the sign of the contrast there tells onsets from decoys.
    """
    minimum = np.float32(MINIMUM_CONTRASTS[channel])
    found = 0
    for block in range(0, count, _BLOCK):
        block_end = min(block + _BLOCK, count)
        above = 0  # a sum, which compilers make vectors of
        for index in range(block, block_end):
            above += abs(contrast[index]) > minimum
        if above == 0:
            continue
        for index in range(block, block_end):
            size = abs(contrast[index])
            if size <= minimum:
                continue
            sign = np.float32(1.0) if contrast[index] > 0 else np.float32(-1.0)
            largest = size
            low = max(index - NEIGHBOURHOOD, 0)
            for other in range(low, min(index + NEIGHBOURHOOD + 1, count)):
                if sign * contrast[other] > largest:
                    largest = sign * contrast[other]
            if size >= np.float32(PEAK_SHARES[channel]) * largest:
                result[found] = index
                found += 1
    return found


@kernel(forceinline=True)
def extend_ngram(key, token):
    """Hash (uint64) of an n-gram from the hash of all but its last token.

    Start with the number of the channel: so a string has a key of its own in each.

    `token` is the upper half (uint32) of the token's exact hash: what evidence records hold.
    """
    key = (key + np.uint64(token) + np.uint64(1)) * GOLDEN
    return (key ^ (key >> np.uint64(32))) * ROOT_THREE
