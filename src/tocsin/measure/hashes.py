"""Hashes that identify a document: of its content, and of its content normalised."""

from __future__ import annotations

import functools
import itertools
import unicodedata

import numpy as np
import pyarrow as pa
import xxhash

from tocsin.measure.code_points import TABLE_SIZE
from tocsin.measure.kernels import kernel
from tocsin.measure.tokens import decode
from tocsin.measure.vectors import (
    BLOCK,
    blank_mask,
    control_space_mask,
    copy_folded,
    low_bits,
    lowest_bit,
    not_ascii_mask,
    null_mask,
    separator_mask,
)

HASH_BYTES = 16
HASH_TYPE = pa.binary(HASH_BYTES)


def content_hashes(data: memoryview, offsets: np.ndarray) -> pa.Array:
    """XXH3-128 of each text, canonical big-endian.

    Args:
      data: the texts one after the other.
      offsets: int (documents + 1,), where each begins.

    Returns:
      binary(16), one a document.
    """
    bounds = offsets.tolist()
    digests = b"".join(
        [xxhash.xxh3_128_digest(data[begin:end]) for begin, end in itertools.pairwise(bounds)]
    )
    return pa.Array.from_buffers(HASH_TYPE, len(bounds) - 1, [None, pa.py_buffer(digests)])


def normalized_hashes(data: memoryview, offsets: np.ndarray) -> pa.Array:
    """XXH3-128 of each text after `normalize`.

    Args, returns: as `content_hashes`. Invalid UTF-8 counts as U+FFFD.
    """
    bounds = offsets.tolist()
    values = np.frombuffer(data, np.uint8)
    normalized = np.empty(GROWTH * (bounds[-1] - bounds[0]) + BLOCK, np.uint8)
    ends = np.empty(len(bounds), np.int64)
    simple = np.empty(len(bounds) - 1, np.bool_)
    _normalize_simple(values, offsets, normalization_table(), normalized, ends, simple)
    ready = normalized.data
    digests = []
    places = zip(simple.tolist(), itertools.pairwise(ends.tolist()), itertools.pairwise(bounds))
    for is_simple, (start, end), (begin, stop) in places:
        form: bytes | memoryview
        if is_simple:
            form = ready[start:end]
        else:
            form = normalize(bytes(data[begin:stop]).decode("utf-8", "replace")).encode()
        digests.append(xxhash.xxh3_128_digest(form))
    return pa.Array.from_buffers(
        HASH_TYPE, len(bounds) - 1, [None, pa.py_buffer(b"".join(digests))]
    )


def normalize(text: str) -> str:
    """The normalised form of a text: NFKC, case-folded, runs of white space as one space."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


GROWTH = 3
"""Bytes of normalised text for each byte of text at most: `_normalize_simple`'s characters become
at most three, and only those of two bytes and more become several."""

_NO_FORM = 0
_WHITE_SPACE = 0x20
_CODE_POINT_BITS = 21


@functools.lru_cache(maxsize=1)
def normalization_table() -> np.ndarray:
    """uint64 (TABLE_SIZE,): the normalised form of each code point that has one of its own.

    Up to three code points of 21 bits, the first in the lowest. _NO_FORM where the form depends on
    the neighbours (marks, jamo) or is longer: texts with such characters go through `normalize`.
    """
    forms = np.zeros(TABLE_SIZE, np.uint64)
    for code_point in range(1, TABLE_SIZE):
        character = chr(code_point)
        category = unicodedata.category(character)
        if category[0] == "M" or category in ("Cs", "Cn") or 0x1100 <= code_point < 0x1200:
            continue
        if character.isspace():
            forms[code_point] = _WHITE_SPACE
            continue
        form = normalize(f"a{character}a")[1:-1]  # between letters: white space survives
        if not form or len(form) > 3 or any(unicodedata.category(c)[0] == "M" for c in form):
            continue
        if any(ord(c) >= 0x1100 and ord(c) < 0x1200 for c in form) or " " in form:
            continue
        packed = 0
        for place, c in enumerate(form):
            packed |= ord(c) << _CODE_POINT_BITS * place
        forms[code_point] = packed
    forms.setflags(write=False)
    return forms


@kernel(forceinline=True)
def _encode(code_point, result, at):
    """Writes a code point as UTF-8; where it ends."""
    if code_point < 0x80:
        result[at] = code_point
        return at + 1
    if code_point < 0x800:
        result[at] = 0xC0 | code_point >> 6
        result[at + 1] = 0x80 | code_point & 0x3F
        return at + 2
    if code_point < 0x10000:
        result[at] = 0xE0 | code_point >> 12
        result[at + 1] = 0x80 | code_point >> 6 & 0x3F
        result[at + 2] = 0x80 | code_point & 0x3F
        return at + 3
    result[at] = 0xF0 | code_point >> 18
    result[at + 1] = 0x80 | code_point >> 12 & 0x3F
    result[at + 2] = 0x80 | code_point >> 6 & 0x3F
    result[at + 3] = 0x80 | code_point & 0x3F
    return at + 4


@kernel()
def _fold_ascii(data, at, end, result, out, after_space):
    """Folds ASCII from `at` on, up to `end` at most; 128 bytes can be read from `at`.

    Returns:
      Where it stopped in `data` and in `result`, and whether the last character is white space.
    """
    place = np.uint64(at)
    size = min(end - at, BLOCK)
    halt = not_ascii_mask(data, place) | null_mask(data, place)
    size = min(size, lowest_bit(halt))
    white = (
        blank_mask(data, place) | control_space_mask(data, place) | separator_mask(data, place)
    ) & low_bits(size)
    one = np.uint64(1)
    # White space after white space is dropped; what is between two drops is copied as a whole.
    dropped = white & (white << one | np.uint64(after_space))
    kept = low_bits(size) & ~dropped
    while kept != 0:
        first = lowest_bit(kept)
        length = lowest_bit(~(kept >> np.uint64(first)))
        copy_folded(data, np.uint64(at + first), result, np.uint64(out))
        out += length
        kept &= ~(low_bits(length) << np.uint64(first))
    if size > 0:
        after_space = white >> np.uint64(size - 1) & one != 0
    return at + size, out, after_space


@kernel()
def _normalize_simple(data, offsets, forms, result, ends, simple):
    """`normalize` of the texts all of whose characters have a form of their own.

    Args:
      data, offsets: the texts.
      forms: `normalization_table()`.
      result: uint8, GROWTH * the texts' bytes and BLOCK more; written, one after the other.
      ends: int64 (documents + 1,), written: where each begins in `result`, and the last ends.
      simple: bool (documents,), written: whether the text is such.
    """
    out = np.int64(0)
    ends[0] = 0
    for document in range(len(offsets) - 1):
        begin = out
        at = np.int64(offsets[document])
        text_end = np.int64(offsets[document + 1])
        after_space = True
        while at < text_end:
            byte = data[at]
            if 0 < byte < 0x80 and at + 2 * BLOCK <= len(data):
                at, out, after_space = _fold_ascii(data, at, text_end, result, out, after_space)
                continue
            code_point, length = decode(data, at, text_end)
            if code_point < 0 or code_point >= TABLE_SIZE:
                break
            form = forms[code_point]
            if form == _NO_FORM:
                break
            at += length
            if form == _WHITE_SPACE:
                if not after_space:
                    result[out] = _WHITE_SPACE
                    out += 1
                after_space = True
                continue
            after_space = False
            while form != 0:
                out = _encode(np.int64(form & np.uint64(0x1FFFFF)), result, out)
                form >>= np.uint64(_CODE_POINT_BITS)
        simple[document] = at >= text_end
        if not simple[document]:
            out = begin
        elif after_space and out > begin:
            out -= 1
        ends[document + 1] = out


def group_hashes(groups: pa.Array) -> np.ndarray:
    """uint32 hash of each group's name (the lower half of its XXH3-64)."""
    encoded = groups.dictionary_encode()
    names = [
        xxhash.xxh3_64_intdigest(name.as_py().encode()) & 0xFFFFFFFF for name in encoded.dictionary
    ]
    return np.array(names, np.uint32)[encoded.indices.to_numpy(zero_copy_only=False)]
