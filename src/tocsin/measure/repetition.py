"""Repetition within a document, by the measures of Gopher, and the layout of its words and lines.

The measures are those of Rae et al. 2021 ("Scaling Language Models: Methods, Analysis & Insights
from Training Gopher", table A1). What the paper leaves open is settled so:

- a *word* is a run without white space; but each character of a script without spaces is one;
- *bytes* are those of words: white space counts nowhere, and what is equal but for white space is
  equal;
- a *duplicate* repeats something earlier; the first of several is none;
- the most frequent n-gram (of equals the longest) counts from two occurrences on, and at most for
  the whole text.

N-grams are counted level by level, as by the Apriori algorithm: one that occurs twice begins
with a shorter one that does, so of each level only the words that are left have to be looked
up. Comparisons reach over a piece of a text (`measure.pieces.PIECE_BYTES`), which bounds their
memory; the counts of pieces are added up.
"""

from typing import NamedTuple

import numpy as np

from tocsin.measure.code_points import CHARACTER
from tocsin.measure.kernels import kernel
from tocsin.measure.tokens import absorb, mix

MOST_FREQUENT = (2, 3, 4)
"""Lengths n of which the most frequent n-gram is measured."""

DUPLICATE = (5, 6, 7, 8, 9, 10)
"""Lengths n of which the duplicate n-grams are measured."""

_LONGEST = DUPLICATE[-1]


class Repetition(NamedTuple):
    """Layout and repetition of each document of a batch; arrays of one entry a document.

    words (int64): their number. longest_word (int64): bytes of the longest. lines
    (int64): lines that hold something. symbol_ratio (float32): number signs and ellipses per
    word. duplicate_lines, duplicate_paragraphs (float32): share of the lines or paragraphs that
    repeat an earlier one; duplicate_line_bytes, duplicate_paragraph_bytes (float32): their share
    of the bytes. top_2gram to top_4gram (float32): share of the bytes in the most frequent
    n-gram. duplicate_5grams to duplicate_10grams (float32): share of the bytes in n-grams that
    repeat an earlier one.
    """

    words: np.ndarray
    longest_word: np.ndarray
    lines: np.ndarray
    symbol_ratio: np.ndarray
    duplicate_lines: np.ndarray
    duplicate_line_bytes: np.ndarray
    duplicate_paragraphs: np.ndarray
    duplicate_paragraph_bytes: np.ndarray
    top_2gram: np.ndarray
    top_3gram: np.ndarray
    top_4gram: np.ndarray
    duplicate_5grams: np.ndarray
    duplicate_6grams: np.ndarray
    duplicate_7grams: np.ndarray
    duplicate_8grams: np.ndarray
    duplicate_9grams: np.ndarray
    duplicate_10grams: np.ndarray


def empty_repetition(documents: int) -> Repetition:
    """Arrays for `documents` documents, not yet filled."""
    return Repetition(
        *[np.empty(documents, "int64") for _ in range(3)],
        *[np.empty(documents, "f4") for _ in Repetition._fields[3:]],
    )


class Words(NamedTuple):
    """Working memory for the words of a piece; see `new_words`.

    keys, sizes: hash and bytes of each word; ends, following: where it ends and the next begins;
    newlines: their number between. The rest is for n-grams: ngrams, left: hash and first word of
    those that are left; slots: theirs in `table`; seen: counts by hash alone.
    """

    keys: np.ndarray
    sizes: np.ndarray
    ends: np.ndarray
    following: np.ndarray
    newlines: np.ndarray
    ngrams: np.ndarray
    left: np.ndarray
    slots: np.ndarray
    table: np.ndarray
    seen: np.ndarray


def new_words(tokens: int) -> Words:
    """Working memory for pieces of up to `tokens` tokens (80 bytes each, or more)."""
    capacity = capacity_for(tokens, 2)
    dtypes = ["u8", "int32", "int32", "int32", "int32", "u8", "int32", "int32"]
    arrays = [np.empty(tokens, dtype) for dtype in dtypes]
    arrays += [np.empty(capacity, "u8"), np.empty(2 * capacity, "u1")]
    return Words(*arrays)


# Places in the sums of a document.
_BYTES, _WORDS, _LONGEST_WORD, _SYMBOLS = 0, 1, 2, 3
_LINES, _DUPLICATE_LINES, _DUPLICATE_LINE_BYTES = 4, 5, 6
_PARAGRAPHS, _DUPLICATE_PARAGRAPHS, _DUPLICATE_PARAGRAPH_BYTES = 7, 8, 9
_NGRAMS = 8  # the place of the n-grams of length n is _NGRAMS + n
SUMS = _NGRAMS + _LONGEST + 1
"""Entries in the sums of a document."""

_COUNT_BITS = np.uint64(20)
_COUNT_MASK = np.uint64((1 << 20) - 1)
_NEWLINE = 0x0A


@kernel()
def capacity_for(keys, room):
    """Power of two of at least `room` slots a key."""
    capacity = 16
    while capacity < room * keys:
        capacity *= 2
    return capacity


@kernel(forceinline=True)
def count_key(key, table, mask):
    """Counts `key` in the open-addressed `table`; its slot.

    A slot holds 44 bits of the key and 20 of its count: a piece has fewer words than that.
    """
    tag = (key & ~_COUNT_MASK) | (np.uint64(1) << _COUNT_BITS)
    slot = (key >> np.uint64(4)) & mask
    while table[slot] != 0 and table[slot] & ~_COUNT_MASK != tag:
        slot = (slot + np.uint64(1)) & mask
    table[slot] = (tag | (table[slot] & _COUNT_MASK)) + np.uint64(1)
    return slot


@kernel()
def _split_words(data, begin, starts, ends, exact, kinds, first, last, words, sums):
    """Joins the tokens from `first` to `last` to words; their number."""
    count = 0
    key = np.uint64(0)
    size = np.int64(0)
    longest = sums[_LONGEST_WORD]
    for index in range(first, last):
        own = np.int64(ends[index] - starts[index])
        at = begin + starts[index]
        byte = data[at]
        if byte == 0x23:  # number sign
            sums[_SYMBOLS] += own
        elif byte == 0x2E:  # full stop
            sums[_SYMBOLS] += own >= 3
        elif byte == 0xE2 and own >= 3 and data[at + 1] == 0x80 and data[at + 2] == 0xA6:
            sums[_SYMBOLS] += own // 3  # horizontal ellipsis
        key = absorb(key, exact[index])
        size += own
        longest = max(longest, size)
        words.keys[count] = key
        words.sizes[count] = size
        following = min(index + 1, last - 1)
        ends_here = (
            (starts[following] != ends[index])
            | (kinds[index] & 15 == CHARACTER)
            | (kinds[following] & 15 == CHARACTER)
        )
        words.ends[count] = ends[index]
        words.following[count] = starts[following]
        # Without a branch: where words end can't be predicted.
        count += ends_here
        key = np.uint64(0) if ends_here else key
        size = 0 if ends_here else size
    # The last token ended a word, for it begins before its end, where it follows itself.
    sums[_LONGEST_WORD] = longest
    sums[_WORDS] += count
    return count


@kernel()
def _add_lines(data, begin, words, count, sums):
    """The lines and paragraphs of the first `count` words."""
    lines = 1
    for index in range(count):
        newlines = 0
        for at in range(begin + words.ends[index], begin + words.following[index]):
            newlines += data[at] == _NEWLINE
        words.newlines[index] = newlines
        lines += newlines > 0
    words.newlines[count - 1] = 2
    table = words.table[: capacity_for(2 * lines, 2)]
    table[:] = 0
    mask = np.uint64(len(table) - 1)
    line = paragraph = np.uint64(0)
    line_bytes = paragraph_bytes = np.int64(0)
    for index in range(count):
        line = absorb(line, words.keys[index])
        line_bytes += words.sizes[index]
        if words.newlines[index] == 0:
            continue
        paragraph = absorb(paragraph, line)
        paragraph_bytes += line_bytes
        sums[_BYTES] += line_bytes
        sums[_LINES] += 1
        if table[count_key(mix(line), table, mask)] & _COUNT_MASK > 1:
            sums[_DUPLICATE_LINES] += 1
            sums[_DUPLICATE_LINE_BYTES] += line_bytes
        line = np.uint64(0)
        line_bytes = 0
        if words.newlines[index] < 2:
            continue
        sums[_PARAGRAPHS] += 1
        # Keys of paragraphs are told apart from those of lines by one more step.
        if table[count_key(mix(absorb(paragraph, np.uint64(1))), table, mask)] & _COUNT_MASK > 1:
            sums[_DUPLICATE_PARAGRAPHS] += 1
            sums[_DUPLICATE_PARAGRAPH_BYTES] += paragraph_bytes
        paragraph = np.uint64(0)
        paragraph_bytes = 0


@kernel()
def _extend(words, length, alive):
    """Makes the n-grams that are left one word longer, and drops those that surely occur once;
    how many are left."""
    seen = words.seen[: capacity_for(alive, 4)]
    seen[:] = 0
    mask = np.uint64(len(seen) - 1)
    for number in range(alive):
        key = absorb(words.ngrams[number], words.keys[words.left[number] + length - 1])
        words.ngrams[number] = key
        place = (key >> np.uint64(33)) & mask
        seen[place] = min(seen[place] + 1, 2)
    kept = 0
    for number in range(alive):
        key = words.ngrams[number]
        words.left[kept] = words.left[number]
        words.ngrams[kept] = key
        kept += seen[(key >> np.uint64(33)) & mask] > 1
    return kept


@kernel()
def _add_ngrams(words, count, sums):
    """The n-grams of the first `count` words."""
    for index in range(count):
        words.left[index] = index
        words.ngrams[index] = absorb(np.uint64(0), words.keys[index])
    alive = count
    for length in range(2, _LONGEST + 1):
        # Fewer than `length` words before the end, no n-gram begins.
        while alive > 0 and words.left[alive - 1] + length > count:
            alive -= 1
        alive = _extend(words, length, alive)
        if alive < 2:
            return
        table = words.table[: capacity_for(alive, 2)]
        table[:] = 0
        mask = np.uint64(len(table) - 1)
        covered = 0
        for number in range(alive):
            slot = count_key(mix(words.ngrams[number]), table, mask)
            words.slots[number] = slot
            if length >= DUPLICATE[0] and table[slot] & _COUNT_MASK > 1:
                end = words.left[number] + length
                for word in range(max(covered, words.left[number]), end):
                    sums[_NGRAMS + length] += words.sizes[word]
                covered = end
        kept = 0
        most = np.int64(1)
        most_bytes = np.int64(0)
        for number in range(alive):
            occurrences = np.int64(table[words.slots[number]] & _COUNT_MASK)
            if length < DUPLICATE[0] and occurrences >= max(most, 2):
                size = words.sizes[words.left[number] : words.left[number] + length].sum()
                if occurrences > most or size > most_bytes:
                    most = occurrences
                    most_bytes = size
            words.left[kept] = words.left[number]
            words.ngrams[kept] = words.ngrams[number]
            kept += occurrences > 1
        if length < DUPLICATE[0]:
            sums[_NGRAMS + length] += most * most_bytes
        alive = kept


@kernel()
def add_repetition(data, begin, starts, ends, exact, kinds, first, last, words, sums):
    """Adds what the tokens from `first` to `last` of a piece say to the sums of a document.

    Args:
      data: uint8, the text; `begin`: where the piece begins in it.
      starts, ends, exact, kinds: the tokens of the piece, of `tokenize`.
      words: `new_words(tokens)`, scratch.
      sums: int64 (SUMS,), zeroed at the beginning of a document; added to.
    """
    if first == last:
        return
    count = _split_words(data, begin, starts, ends, exact, kinds, first, last, words, sums)
    _add_lines(data, begin, words, count, sums)
    _add_ngrams(words, count, sums)


@kernel()
def write_repetition(sums, document, repetition):
    """Writes the entries of `document` from its sums."""
    total = max(sums[_BYTES], 1)
    repetition.words[document] = sums[_WORDS]
    repetition.longest_word[document] = sums[_LONGEST_WORD]
    repetition.lines[document] = sums[_LINES]
    repetition.symbol_ratio[document] = sums[_SYMBOLS] / max(sums[_WORDS], 1)
    repetition.duplicate_lines[document] = sums[_DUPLICATE_LINES] / max(sums[_LINES], 1)
    repetition.duplicate_line_bytes[document] = sums[_DUPLICATE_LINE_BYTES] / total
    paragraphs = max(sums[_PARAGRAPHS], 1)
    repetition.duplicate_paragraphs[document] = sums[_DUPLICATE_PARAGRAPHS] / paragraphs
    repetition.duplicate_paragraph_bytes[document] = sums[_DUPLICATE_PARAGRAPH_BYTES] / total
    repetition.top_2gram[document] = min(sums[_NGRAMS + 2] / total, 1.0)
    repetition.top_3gram[document] = min(sums[_NGRAMS + 3] / total, 1.0)
    repetition.top_4gram[document] = min(sums[_NGRAMS + 4] / total, 1.0)
    repetition.duplicate_5grams[document] = sums[_NGRAMS + 5] / total
    repetition.duplicate_6grams[document] = sums[_NGRAMS + 6] / total
    repetition.duplicate_7grams[document] = sums[_NGRAMS + 7] / total
    repetition.duplicate_8grams[document] = sums[_NGRAMS + 8] / total
    repetition.duplicate_9grams[document] = sums[_NGRAMS + 9] / total
    repetition.duplicate_10grams[document] = sums[_NGRAMS + 10] / total
