"""What is measured of each token of a piece: its surprisal, its language, its kind, and how far the
text changes at it."""

from typing import Any, NamedTuple

import numpy as np

from tocsin.measure.code_points import SCRIPTS
from tocsin.measure.composition import KINDS, composition_contrasts, token_compositions
from tocsin.measure.kernels import kernel
from tocsin.measure.languages import language_contrasts, language_votes
from tocsin.measure.onsets import (
    CHANNELS,
    COMPOSITION,
    LANGUAGE,
    MINIMUM_AFTER,
    OPENING,
    OPENING_TOKENS,
    PASSAGE,
    SURPRISAL,
    WINDOW,
    add_up,
    contrasts,
)
from tocsin.measure.pieces import PIECE_TOKENS
from tocsin.measure.repetition import Words, new_words
from tocsin.measure.segments import SEGMENT_TYPES, segment_type
from tocsin.measure.surprisal import own_capacity, surprisals
from tocsin.measure.tokens import tokenize


class Scratch(NamedTuple):
    """Working memory of the kernel for one piece; see `new_scratch`."""

    starts: np.ndarray
    ends: np.ndarray
    exact: np.ndarray
    folded: np.ndarray
    kinds: np.ndarray
    word_codes: np.ndarray
    pair_codes: np.ndarray
    surprisal: np.ndarray
    languages: np.ndarray
    compositions: np.ndarray
    onset: np.ndarray
    word_slots: np.ndarray
    pair_slots: np.ndarray
    sums: np.ndarray
    pairs: np.ndarray
    own: np.ndarray
    words: Words
    contrasts: np.ndarray
    blocks: np.ndarray


def new_scratch() -> Scratch:
    """Working memory (about 100 MB, touched only as far as a piece needs it). `contrasts`: float32
    (channels, tokens)."""
    size = PIECE_TOKENS
    dtypes = [
        "int32",
        "int32",
        "u8",
        "u8",
        "u1",
        "u1",
        "u1",
        "f4",
        "u1",
        "u1",
        "int32",
        "int32",
        "int32",
        "f8",
        "u8",
    ]
    arrays: list[Any] = [np.empty(size, dtype) for dtype in dtypes]
    arrays += [np.empty(own_capacity(size), np.uint32), new_words(size)]
    arrays.append(np.empty((len(CHANNELS), size), np.float32))
    arrays.append(np.empty((size // 8 + 2, len(KINDS)), np.int32))
    return Scratch(*arrays)


@kernel()
def type_of(data, begin, scratch, low, high, scripts):
    """Type of the tokens from `low` to `high` of a piece, see `segment_type`."""
    return segment_type(
        data, begin, scratch.starts, scratch.ends, scratch.exact, scratch.folded, scratch.kinds,
        scratch.word_codes, scratch.pair_codes, low, high, scripts, scratch.words.table,
    )  # fmt: skip


OPENING_SURPRISAL = 10.0
"""Bits of mean surprisal below which no beginning of a text is looked at: word salad is above."""

_WORD_SALAD = SEGMENT_TYPES.index("word_salad")


@kernel()
def _opening_contrasts(data, begin, count, opens, closes, scratch, result):
    """Contrast of the channel `opening` at each token of a piece: 1 at the first OPENING_TOKENS of
    a text that begins with word salad, -1 at the last of one that ends so."""
    result[:count] = 0.0
    if count < MINIMUM_AFTER:
        return
    scripts = np.zeros(len(SCRIPTS), np.int64)
    first_end = min(WINDOW, count)
    last_begin = max(count - WINDOW, 0)
    if (
        opens
        and scratch.surprisal[:first_end].mean() > OPENING_SURPRISAL
        and type_of(data, begin, scratch, 0, first_end, scripts) == _WORD_SALAD
    ):
        result[:OPENING_TOKENS] = 1.0
    if (
        closes
        and scratch.surprisal[last_begin:count].mean() > OPENING_SURPRISAL
        and type_of(data, begin, scratch, last_begin, count, scripts) == _WORD_SALAD
    ):
        result[count - OPENING_TOKENS + 1 : count] = -1.0


@kernel()
def measure_piece(data, begin, end, opens, closes, tables, votes, slots, words, seed, scratch):
    """Tokens, surprisal, languages and contrasts of `data[begin:end]`, left in `scratch`.

    `opens`, `closes`: whether the text begins or ends there.

    Returns:
      The number of tokens.
    """
    count = tokenize(
        data, begin, end, tables, seed,
        scratch.starts, scratch.ends, scratch.exact, scratch.folded, scratch.kinds,
    )  # fmt: skip
    own = scratch.own[: own_capacity(count)]
    own[:] = 0
    surprisals(
        scratch.folded, count, slots, words, seed, scratch.pairs, scratch.word_codes,
        scratch.pair_codes, scratch.word_slots, scratch.pair_slots, own, scratch.surprisal,
    )  # fmt: skip
    add_up(scratch.surprisal, count, scratch.sums)
    contrasts(scratch.sums, count, SURPRISAL, scratch.contrasts[SURPRISAL])
    contrasts(scratch.sums, count, PASSAGE, scratch.contrasts[PASSAGE])
    language_votes(scratch.folded, scratch.kinds, count, votes, scratch.languages)
    # Slots of own counts have served their time.
    language_contrasts(scratch.languages, count, scratch.word_slots, scratch.contrasts[LANGUAGE])
    token_compositions(
        data, begin, scratch.starts, scratch.ends, scratch.exact, scratch.folded, scratch.kinds,
        count, scratch.compositions,
    )  # fmt: skip
    composition_contrasts(
        scratch.compositions, count, scratch.blocks, scratch.contrasts[COMPOSITION]
    )
    _opening_contrasts(data, begin, count, opens, closes, scratch, scratch.contrasts[OPENING])
    return count
