"""Tokens: the units that surprisal is counted in and triggers are made of.

A token is a run of letters, a run of digits, a run of one and the same punctuation mark, symbol
or control character, or a single character of a script without word spaces. White space
separates tokens and belongs to none. (A rule of eighty dashes is one token: as eighty, it would
be the most predictable text there is, and hide the gibberish around it.) Each token has two
64-bit hashes: *exact* (its characters, for triggers: case and digits kept) and *folded* (lower
case, digits by their number only, repetitions up to four, for counts).
"""

import numpy as np

from tocsin.measure.code_points import (
    CHARACTER,
    COMBINING,
    CONTROL,
    DIGIT,
    LETTER,
    SPACE,
    TABLE_SIZE,
)
from tocsin.measure.kernels import kernel

# Odd 64-bit constants with well-mixed bits: the fractional parts of the golden ratio, of
# sqrt(2) and of sqrt(3).
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
ROOT_TWO = np.uint64(0x6A09E667F3BCC909)
ROOT_THREE = np.uint64(0xBB67AE8584CAA73B)


@kernel(forceinline=True)
def mix(value):
    """Finaliser of a 64-bit hash (Stafford's variant 13 of the MurmurHash3 finaliser)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel(forceinline=True)
def absorb(state, word):
    """Hashes 64 more bits into `state`; the rotation brings high bits to where they count."""
    state = (state ^ word) * GOLDEN
    return (state << np.uint64(31)) | (state >> np.uint64(33))


@kernel()
def decode(data, at, end):
    """Code point at `at` and its length in bytes; an invalid byte gives (-1, 1).

    Rejects overlong forms, surrogates and values over U+10FFFF, as Python's decoder does.
    """
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    if first < 0xC2 or first > 0xF4:
        return np.int64(-1), 1
    if first < 0xE0:
        length = 2
        value = first & 0x1F
        least = 0x80
    elif first < 0xF0:
        length = 3
        value = first & 0x0F
        least = 0x800
    else:
        length = 4
        value = first & 0x07
        least = 0x10000
    if at + length > end:
        return np.int64(-1), 1
    for offset in range(1, length):
        byte = np.int64(data[at + offset])
        if byte & 0xC0 != 0x80:
            return np.int64(-1), 1
        value = (value << 6) | (byte & 0x3F)
    if value < least or value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
        return np.int64(-1), 1
    return value, length


@kernel(forceinline=True)
def class_of(code_point, classes):
    if code_point < 0:
        return CONTROL
    if code_point < TABLE_SIZE:
        return np.int64(classes[code_point])
    if code_point < 0x40000:
        return CHARACTER
    return CONTROL


@kernel(forceinline=True)
def _repeats(data, at, length):
    """Whether the `length` bytes at `at` are the same as those before."""
    same = True
    for offset in range(length):
        same &= data[at + offset] == data[at + offset - length]
    return same


@kernel()
def tokenize(data, begin, end, tables, seed, starts, ends, exact, folded, kinds):
    """Splits `data[begin:end]` into tokens and hashes them.

    Args:
      data: uint8 array of UTF-8 text; invalid bytes become control tokens.
      begin, end: byte range within `data`.
      tables: `code_point_tables()`.
      seed: uint64 that keys all hashes.
      starts, ends: int32 arrays for the byte range of each token, relative to `begin`.
      exact, folded: uint64 arrays for the hashes.
      kinds: uint8 array for what each token is: its first character's class in the lower
        half, its script (an index into SCRIPTS) in the upper. All five arrays hold at least
        `end - begin` entries: no text has more tokens than bytes.

    Returns:
      The number of tokens.
    """
    classes, lower, scripts = tables
    count = 0
    at = begin
    while at < end:
        byte = data[at]
        if byte < 0x80:
            code_point = np.int64(byte)
            length = 1
        else:
            code_point, length = decode(data, at, end)
        kind = class_of(code_point, classes)
        if kind == SPACE:
            at += length
            continue
        start = at
        script = np.int64(scripts[code_point]) if 0 <= code_point < TABLE_SIZE else 0
        kinds[count] = kind | script << 4
        exact_hash = seed
        if kind == LETTER:
            folded_hash = seed
            exact_word = np.uint64(0)
            folded_word = np.uint64(0)
            filled = np.uint64(0)
            while True:
                # Three code points of 21 bits are hashed at once: a multiplication for each
                # would have to wait for the one before.
                exact_word |= np.uint64(code_point) << filled
                if code_point < TABLE_SIZE:
                    code_point = np.int64(lower[code_point])
                folded_word |= np.uint64(code_point) << filled
                filled += np.uint64(21)
                if filled == 63:
                    exact_hash = absorb(exact_hash, exact_word)
                    folded_hash = absorb(folded_hash, folded_word)
                    exact_word = np.uint64(0)
                    folded_word = np.uint64(0)
                    filled = np.uint64(0)
                at += length
                if at >= end:
                    break
                byte = data[at]
                if byte < 0x80:
                    code_point = np.int64(byte)
                    length = 1
                else:
                    code_point, length = decode(data, at, end)
                kind = class_of(code_point, classes)
                if kind != LETTER and kind != COMBINING:
                    break
            exact_hash = absorb(exact_hash, exact_word)
            folded_hash = absorb(folded_hash, folded_word)
        elif kind == DIGIT:
            digits = 0
            while True:
                digits += 1
                exact_hash = absorb(exact_hash, np.uint64(code_point))
                at += length
                if at >= end:
                    break
                code_point, length = decode(data, at, end)
                if class_of(code_point, classes) != DIGIT:
                    break
            folded_hash = (seed ^ np.uint64(digits + 0x200000)) * ROOT_TWO
        else:
            invalid = code_point < 0
            if invalid:  # an invalid byte is told apart from the code point of its value
                code_point = np.int64(data[at]) + 0x110000
            at += length
            if kind != CHARACTER:
                while at + length <= end and _repeats(data, at, length):
                    if invalid and decode(data, at, end)[0] >= 0:
                        break  # the same byte, but here it begins a valid character
                    at += length
            repeated = (at - start) // length
            exact_hash = (exact_hash ^ np.uint64(code_point)) * ROOT_THREE + np.uint64(repeated)
            folded_hash = (seed ^ np.uint64(code_point)) * ROOT_THREE + np.uint64(min(repeated, 4))
        starts[count] = start - begin
        ends[count] = at - begin
        exact[count] = mix(exact_hash)
        folded[count] = mix(folded_hash)
        count += 1
    return count
