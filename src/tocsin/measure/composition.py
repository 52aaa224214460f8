"""Composition: what kinds of tokens a text is made of, and where that changes.

Surprisal is blind to changes that keep words common: to capital letters and to numbers (counts are
of folded tokens), to a language of another script that the corpus knows as well. So each token
has a kind, and the contrast of composition at a token is the share of kinds that are new there.
"""

from __future__ import annotations

import numpy as np

from tocsin.measure.code_points import CHARACTER, CONTROL, DIGIT, LETTER, MARK, SCRIPTS
from tocsin.measure.kernels import kernel
from tocsin.measure.onsets import (
    MINIMUM_AFTER,
    MINIMUM_BEFORE,
    MINIMUM_COMPOSITION_CONTRAST,
    WINDOW,
)

_LETTERS = ("latin", "greek", "cyrillic", "hebrew", "arabic", "indic", "thai", "han", "hangul")

KINDS = (
    "none", "capitals", *_LETTERS, "other_script", "number", "ascii_mark", "other_mark", "control",
)  # fmt: skip
"""Names of the kinds of tokens in the order of their numbers. `none`: combining marks by
themselves; `capitals`: Latin words of two letters or more that a capital follows the first letter
in; `han`: kana too, which Japanese mixes with it; `other_script`: letters of all other scripts;
`control`: control and format characters and invalid bytes."""

_CAPITALS = KINDS.index("capitals")
_NUMBER, _ASCII_MARK, _OTHER_MARK, _CONTROL = range(len(KINDS) - 4, len(KINDS))
_LATIN = SCRIPTS.index("latin")

_OF_SCRIPT = np.array(
    [
        KINDS.index({"kana": "han", "other": "other_script"}.get(script, script))
        for script in SCRIPTS
    ],
    np.uint8,
)

_GAINED = 0.5
"""Share of what is lost for good that what is new must reach to be an onset: where a text turns
from one kind to another, as much is lost as is new, but for the noise of windows."""

LEAST_COMPOSITION_CONTRAST = MINIMUM_COMPOSITION_CONTRAST / 2
"""What the sweep still asks for: below, a contrast may be taken for 0."""

_STRIDE = 8
"""Tokens between the places where the change is looked for before it is measured; windows are
multiples of it."""


@kernel()
def token_compositions(data, begin, starts, ends, exact, folded, kinds, count, result):
    """Kind (an index into KINDS, uint8) of each token of a piece.

    Args:
      data: uint8, the text; `begin`: where the piece begins in it.
      starts, ends, exact, folded, kinds: the tokens of the piece, of `tokenize`.
      count: number of tokens.
      result: uint8 (>= count,), written.
    """
    for index in range(count):
        kind = kinds[index] & 15
        script = kinds[index] >> 4
        found = np.uint8(0)
        if kind in (LETTER, CHARACTER):
            found = _OF_SCRIPT[script]
            if script == _LATIN and exact[index] != folded[index]:
                second = begin + starts[index] + 1
                # ASCII alone: one look at the second byte tells `The` from `THE` and `tHe`.
                if second < begin + ends[index] and 0x41 <= data[second] <= 0x5A:
                    found = np.uint8(_CAPITALS)
        elif kind == DIGIT:
            found = np.uint8(_NUMBER)
        elif kind == MARK:
            ascii_mark = data[begin + starts[index]] < 0x80
            found = np.uint8(_ASCII_MARK if ascii_mark else _OTHER_MARK)
        elif kind == CONTROL:
            found = np.uint8(_CONTROL)
        result[index] = found


@kernel(forceinline=True)
def _add(kinds, first, last, counts):
    counts[:] = 0
    for index in range(first, last):
        counts[kinds[index]] += 1


@kernel()
def composition_contrasts(kinds, count, blocks, result):
    """Contrast of composition at each token: the share of the WINDOW tokens from it on that is of
    kinds in excess of their share before: in the WINDOW tokens before it, or in all the text before
    those, whichever is larger.

    Negative, by the same measure seen from the end of the text, where that is more than twice as
    large: where kinds end that do not come again, and nothing new begins. Only changes of at least
    MINIMUM_COMPOSITION_CONTRAST between the windows are measured, and contrasts of
    LEAST_COMPOSITION_CONTRAST; 0 elsewhere.

    Args:
      kinds: uint8 (>= count,), of `token_compositions`.
      count: number of tokens.
      blocks: int32 (>= count // 8 + 2, len(KINDS)), scratch.
      result: float32 (>= count,), written, -1 to 1.
    """
    result[:count] = 0.0
    if count < MINIMUM_BEFORE + MINIMUM_AFTER:
        return
    full = count // _STRIDE
    blocks[0] = 0
    for block in range(full):
        blocks[block + 1] = blocks[block]
        for index in range(block * _STRIDE, (block + 1) * _STRIDE):
            blocks[block + 1, kinds[index]] += 1
    total = blocks[full].copy()
    for index in range(full * _STRIDE, count):
        total[kinds[index]] += 1
    reach = WINDOW // _STRIDE
    before = np.zeros(len(KINDS), np.int64)
    after = np.zeros(len(KINDS), np.int64)
    for block in range(1, full):
        # Both windows at the block's first token, in whole blocks, and what lies beyond them.
        low, high = max(block - reach, 0), min(block + reach, full)
        further = min(high + 1, full)
        tokens_before, tokens_after = (block - low) * _STRIDE, (high - block) * _STRIDE
        scale_before, scale_after = 1.0 / tokens_before, 1.0 / tokens_after
        # In whole numbers, which compilers make vectors of.
        differences = 0
        for kind in range(len(KINDS)):
            here = blocks[block, kind]
            differences += abs(
                (blocks[high, kind] - here) * tokens_before
                - (here - blocks[low, kind]) * tokens_after
            )
        change = differences * scale_before * scale_after
        # A token further on, half the change differs by one token of each window at most, and so do
        # gain and loss; and the text may end with a part of a block.
        slack = _STRIDE * (scale_before + scale_after)
        if high == full:
            slack += _STRIDE * scale_after
        if 0.5 * change + slack < MINIMUM_COMPOSITION_CONTRAST:
            continue
        scale_earlier = 1.0 / max(low * _STRIDE, 1)
        scale_later = 1.0 / max(count - high * _STRIDE, 1)
        scale_further = 1.0 / max(count - further * _STRIDE, 1)
        gain = loss = 0.0
        for kind in range(len(KINDS)):
            share_before = (blocks[block, kind] - blocks[low, kind]) * scale_before
            share_after = (blocks[high, kind] - blocks[block, kind]) * scale_after
            known = max(share_before, blocks[low, kind] * scale_earlier)
            gain += max(share_after - known, 0.0)
            later = min(
                (total[kind] - blocks[high, kind]) * scale_later,
                (total[kind] - blocks[further, kind]) * scale_further,
            )
            loss += max(share_before - max(share_after, later), 0.0)
        if max(gain, loss) + slack < LEAST_COMPOSITION_CONTRAST:
            continue
        first = max(block * _STRIDE, MINIMUM_BEFORE)
        last = min((block + 1) * _STRIDE, count - MINIMUM_AFTER + 1)
        if first >= last:
            continue
        begin, end = max(first - WINDOW, 0), min(first + WINDOW, count)
        _add(kinds, begin, first, before)
        _add(kinds, first, end, after)
        for index in range(first, last):
            if index > first:  # both windows move on by a token
                before[kinds[index - 1]] += 1
                after[kinds[index - 1]] -= 1
                if index > WINDOW:
                    before[kinds[index - WINDOW - 1]] -= 1
                if index + WINDOW <= count:
                    after[kinds[index + WINDOW - 1]] += 1
            begin, end = max(index - WINDOW, 0), min(index + WINDOW, count)
            # What lies beyond the windows, in whole blocks.
            earlier = blocks[begin // _STRIDE]
            earlier_tokens = max(begin // _STRIDE * _STRIDE, 1)
            later_block = min(-(-end // _STRIDE), full)
            later_tokens = max(count - later_block * _STRIDE, 1)
            gained = lost = 0.0
            for kind in range(len(KINDS)):
                if before[kind] == 0 and after[kind] == 0:
                    continue  # most kinds
                share_before = before[kind] / (index - begin)
                share_after = after[kind] / (end - index)
                known = max(share_before, earlier[kind] / earlier_tokens)
                gained += max(share_after - known, 0.0)
                later = (total[kind] - blocks[later_block, kind]) / later_tokens
                lost += max(share_before - max(share_after, later), 0.0)
            result[index] = gained if gained >= _GAINED * lost else -lost
