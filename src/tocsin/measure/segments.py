"""Segments: the part of a text that stands out from the rest of it, and what kind of text it is.

The best segment is the run of tokens with the largest sum of surprisal above the level of the
text itself (Kadane's maximal sum; Ruzzo and Tompa 1999). Compared with a document's own level, a
rare language has no segment; compared with a fixed one, all of it would be. Onsets need a window
of undisturbed text before; segments don't, but their ends are found with the document's own noise.

The type of a segment decides what a campaign means that begins with one: word salad is an attack,
a table is not.
"""

from typing import NamedTuple

import numpy as np

from tocsin.measure.code_points import CHARACTER, CONTROL, DIGIT, LETTER, MARK, SCRIPTS
from tocsin.measure.kernels import kernel
from tocsin.measure.repetition import capacity_for, count_key
from tocsin.measure.tokens import absorb, mix

SEGMENT_TYPES = (
    "none",
    "prose",
    "word_salad",
    "encoded_blob",
    "table",
    "repetition",
    "list",
    "code",
    "other_language",
    "other_script",
)
"""Types in the order of their numbers. encoded_blob: base64, hexadecimal, minified code, long URLs;
table: numbers; list: names or words one by one; code: a third of the tokens are punctuation;
other_language: words that the corpus hardly knows, but that recur as in a language."""

(
    _NONE, _PROSE, _WORD_SALAD, _ENCODED_BLOB, _TABLE, _REPETITION, _LIST, _CODE, _OTHER_LANGUAGE,
    _OTHER_SCRIPT,
) = range(len(SEGMENT_TYPES))  # fmt: skip

MARGIN = 2.0
"""Bits above the level of a text from which on a token speaks for a segment."""

MINIMUM_TOKENS = 16
"""Tokens that a segment, and the rest of the document, must have."""

TOKENS_TYPED = 120
"""Tokens at the start of a segment that its type is read from."""

SALAD_TOKENS = 40
"""Tokens without which no segment of one script is called word salad: it was chosen for its
surprisal, and a short one in a rare style can't be told from it. Of 278 planted segments (`dos`,
`dos-ascii`, `dos-words`), 95 % had at most 23 % of their pairs seen, and 95 % at most 4 % of their
words repeated; of 44 clean segments of contrast 4, 95 % had at least 27 % of their pairs seen."""

_HAN = SCRIPTS.index("han")  # kana and Hangul follow

_LONG_WORD = 40
"""Bytes of a run without white space from which on it is no word of a language."""


class Segments(NamedTuple):
    """The best segment of each document of a batch; arrays of one entry a document.

    segment_start, segment_end (int64): byte range, -1 where there is none. segment_contrast
    (float32): mean surprisal within minus that of the rest of the document, bits. segment_type,
    onset_type (int8): indices into SEGMENT_TYPES, of that segment and of the window after the
    best onset.
    """

    segment_start: np.ndarray
    segment_end: np.ndarray
    segment_contrast: np.ndarray
    segment_type: np.ndarray
    onset_type: np.ndarray


def empty_segments(documents: int) -> Segments:
    """Arrays for `documents` documents, not yet filled."""
    return Segments(*[np.empty(documents, dtype) for dtype in ("int64", "int64", "f4", "i1", "i1")])


@kernel()
def best_segment(surprisal, first, last):
    """The run of `surprisal[first:last]` with the largest sum above its mean plus MARGIN.

    Returns:
      (begin, end, excess): tokens, and that sum in bits; the first of equals.
    """
    total = np.float64(0.0)
    for index in range(first, last):
        total += surprisal[index]
    level = np.float64(total / max(last - first, 1) + MARGIN)
    best = np.float64(0.0)
    best_begin = best_end = np.int64(first)
    begin = np.int64(first)
    excess = np.float64(0.0)
    for index in range(first, last):
        excess += surprisal[index] - level
        if excess > best:
            best = excess
            best_begin = begin
            best_end = index + 1
        if excess <= 0.0:
            excess = 0.0
            begin = index + 1
    return best_begin, best_end, best


@kernel()
def _same_script(one, other):
    """Whether two scripts (indices into SCRIPTS) are written side by side in one language, as
    ideographs, kana and Hangul are."""
    return one == other or (one >= _HAN and other >= _HAN)


@kernel()
def segment_type(
    data, begin, starts, ends, exact, folded, kinds, word_codes, pair_codes, low, high, scripts,
    table,
):  # fmt: skip
    """Type (an index into SEGMENT_TYPES) of the tokens from `low` to `high` of a piece.

    Args:
      data: uint8, the text; `begin`: where the piece begins in it.
      starts, ends, exact, folded, kinds: the tokens of the piece, of `tokenize`.
      word_codes, pair_codes: of `surprisals`.
      low, high: tokens.
      scripts: int64, tokens of each script in the document.
      table: uint64 (capacity_for(2 * TOKENS_TYPED, 2),) or more; scratch.
    """
    high = min(high, low + TOKENS_TYPED)
    count = high - low
    if count < MINIMUM_TOKENS:
        return _NONE
    table = table[: capacity_for(2 * TOKENS_TYPED, 2)]
    table[:] = 0
    mask = np.uint64(len(table) - 1)
    classes = np.zeros(16, np.int64)
    own_scripts = np.zeros(len(scripts), np.int64)
    size = long_size = run = 0
    newlines = separators = 0
    unseen_words = seen_pairs = 0
    repeated_words = repeated_pairs = words = 0
    switches = neighbours = 0
    previous_script = -1
    for index in range(low, high):
        kind = np.int64(kinds[index])
        own = np.int64(ends[index] - starts[index])
        classes[kind & 15] += 1
        own_scripts[kind >> 4] += 1
        size += own
        run += own
        last = index + 1 == high
        if last or starts[index + 1] != ends[index]:
            long_size += run if run >= _LONG_WORD else 0
            run = 0
        if kind & 15 == CHARACTER:
            run = 0
        if not last:
            for at in range(begin + ends[index], begin + starts[index + 1]):
                newlines += data[at] == 0x0A
        byte = data[begin + starts[index]]
        if byte == 0x2C or byte == 0x3B or byte == 0x7C:  # comma, semicolon, vertical bar
            separators += 1
            run = 0
        seen_pairs += pair_codes[index] > 0
        if index > low:
            key = mix(absorb(absorb(np.uint64(1), exact[index - 1]), exact[index]))
            slot = count_key(key, table, mask)
            repeated_pairs += table[slot] & np.uint64(0xFFFFF) > 1
        if kind & 15 == LETTER or kind & 15 == CHARACTER:
            words += 1
            unseen_words += word_codes[index] == 0
            slot = count_key(folded[index], table, mask)
            repeated_words += table[slot] & np.uint64(0xFFFFF) > 1
            script = kind >> 4
            if previous_script >= 0:
                neighbours += 1
                switches += not _same_script(script, previous_script)
            previous_script = script
    marks = classes[MARK]
    digits = classes[DIGIT]
    if 2 * long_size >= size:
        return _ENCODED_BLOB
    if 2 * repeated_pairs >= count:
        return _REPETITION
    if 4 * digits >= count:
        return _TABLE
    unseen_pairs = count - seen_pairs
    mixed = 10 * switches >= max(neighbours, 1)
    if mixed and 2 * words >= count and 3 * unseen_pairs >= count:
        return _WORD_SALAD
    novel = count >= SALAD_TOKENS and 4 * unseen_pairs >= 3 * count
    if novel and 10 * repeated_words <= words and 2 * words >= count:
        return _WORD_SALAD
    if 3 * marks >= count or 3 * classes[CONTROL] >= count:
        return _LIST if 10 * separators >= 6 * marks else _CODE
    script = own_scripts[1:].argmax() + 1
    rest = (scripts - own_scripts)[1:].argmax() + 1
    if 4 * own_scripts[script] >= count and not _same_script(script, rest) and not mixed:
        return _OTHER_SCRIPT
    if 4 * newlines >= count or 4 * separators >= count:
        return _LIST
    if 4 * repeated_words >= words and 10 * unseen_words >= 3 * words:
        return _OTHER_LANGUAGE
    return _PROSE
