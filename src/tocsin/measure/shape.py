"""Shape of a text: what its bytes and code points are, and how much they repeat themselves.

One pass over the bytes of each document, without a profile and without tokens.
"""

from typing import NamedTuple

import numpy as np

from tocsin.measure.kernels import kernel
from tocsin.measure.tokens import decode

COMPRESSED_BYTES = 2 << 10
"""Bytes at the start of a document of which compressibility is measured."""

_MATCH = 4
_SLOT_BITS = 11
_KNUTH = np.uint32(2654435761)  # multiplicative hashing by the golden ratio, as LZ4 does


class Shape(NamedTuple):
    """Shape of each document of a batch; arrays of one entry a document.

    code_points (int64): their number; an invalid byte counts as one. invalid_bytes (int64).
    two_byte, three_byte, four_byte (float32): shares of the code points from U+0080, U+0800 and
    U+10000 on. byte_entropy (float32): of the distribution of bytes, bits, 0 to 8. ascii_letters,
    capitals, ascii_digits, white_space, punctuation, control_bytes (float32): shares of the bytes
    that are ASCII letters, capital ones, digits, white space, other printable ASCII, and the rest
    of ASCII. compressibility (float32): share of the places whose next four bytes stood shortly
    before (see `_repeated_bytes`).
    """

    code_points: np.ndarray
    invalid_bytes: np.ndarray
    two_byte: np.ndarray
    three_byte: np.ndarray
    four_byte: np.ndarray
    byte_entropy: np.ndarray
    ascii_letters: np.ndarray
    capitals: np.ndarray
    ascii_digits: np.ndarray
    white_space: np.ndarray
    punctuation: np.ndarray
    control_bytes: np.ndarray
    compressibility: np.ndarray


def empty_shape(documents: int) -> Shape:
    """Arrays for `documents` documents, not yet filled."""
    return Shape(
        *[np.empty(documents, "int64") for _ in range(2)],
        *[np.empty(documents, "f4") for _ in Shape._fields[2:]],
    )


@kernel(forceinline=True)
def _four_bytes(data, at):
    return (
        np.uint32(data[at])
        | np.uint32(data[at + 1]) << np.uint32(8)
        | np.uint32(data[at + 2]) << np.uint32(16)
        | np.uint32(data[at + 3]) << np.uint32(24)
    )


@kernel()
def _repeated_bytes(data, begin, end, latest):
    """Number of places in `data[begin:end]` whose next four bytes were seen shortly before: are
    the latest four with the same hash. This is what a fast compressor of the LZ77 family looks
    for; unlike one, it counts without a branch, a third of the time of following the copies."""
    latest[:] = 0
    repeated = 0
    for at in range(begin, end - _MATCH + 1):
        word = _four_bytes(data, at)
        slot = np.uint32(word * _KNUTH) >> np.uint32(32 - _SLOT_BITS)
        repeated += latest[slot] == word
        latest[slot] = word
    return repeated


@kernel()
def _histogram(data, begin, end, counts):
    """Counts the bytes of `data[begin:end]` in `counts`, int32 (4, 256): four rows, since
    the same byte twice in one row would wait for itself."""
    counts[:] = 0
    whole = begin + (end - begin) // 4 * 4
    for at in range(begin, whole, 4):
        counts[0, data[at]] += 1
        counts[1, data[at + 1]] += 1
        counts[2, data[at + 2]] += 1
        counts[3, data[at + 3]] += 1
    for at in range(whole, end):
        counts[0, data[at]] += 1
    for byte in range(256):
        counts[0, byte] += counts[1, byte] + counts[2, byte] + counts[3, byte]


@kernel()
def _code_points(data, begin, end, lengths):
    """Counts the characters of two, three and four bytes in `lengths` (int64, 5 entries), and
    invalid bytes in its first."""
    lengths[:] = 0
    at = begin
    while at < end:
        if data[at] < 0x80:
            at += 1
            while at + 8 <= end and (_four_bytes(data, at) | _four_bytes(data, at + 4)) & np.uint32(
                0x80808080
            ) == np.uint32(0):
                at += 8
            continue
        code_point, length = decode(data, at, end)
        lengths[0 if code_point < 0 else length] += 1
        at += length


_LOGS = np.array([count * np.log2(count) if count else 0.0 for count in range(1024)])
"""n log2 n of small counts."""


@kernel(forceinline=True)
def _n_log_n(count):
    return _LOGS[count] if count < len(_LOGS) else count * np.log2(np.float64(count))


@kernel()
def measure_shape(data, offsets, valid, shape):
    """Measures the shape of every document of a batch.

    Args:
      data: uint8, the texts one after the other.
      offsets: int32 (documents + 1,), where each text begins in `data`.
      valid: whether all texts are known to be valid UTF-8: then the first bytes of characters
        tell their lengths, and nothing is decoded.
      shape: `empty_shape(documents)`, written.
    """
    counts = np.zeros((4, 256), np.int32)
    lengths = np.zeros(5, np.int64)
    latest = np.empty(1 << _SLOT_BITS, np.uint32)
    for document in range(len(offsets) - 1):
        begin = np.int64(offsets[document])
        end = np.int64(offsets[document + 1])
        size = max(end - begin, 1)
        _histogram(data, begin, end, counts)
        of_bytes = counts[0]
        entropy = np.log2(np.float64(size))
        for byte in range(256):
            entropy -= _n_log_n(of_bytes[byte]) / size
        ascii_bytes = of_bytes[:0x80].sum()
        capitals = of_bytes[0x41:0x5B].sum()
        letters = capitals + of_bytes[0x61:0x7B].sum()
        digits = of_bytes[0x30:0x3A].sum()
        spaces = of_bytes[0x20] + of_bytes[0x09:0x0E].sum()
        punctuation = of_bytes[0x21:0x7F].sum() - letters - digits
        lengths[:] = 0
        if valid:
            lengths[2] = of_bytes[0xC0:0xE0].sum()
            lengths[3] = of_bytes[0xE0:0xF0].sum()
            lengths[4] = of_bytes[0xF0:].sum()
        elif ascii_bytes < end - begin:
            _code_points(data, begin, end, lengths)
        code_points = ascii_bytes + lengths.sum()
        compressed_end = min(end, begin + COMPRESSED_BYTES)
        repeated = _repeated_bytes(data, begin, compressed_end, latest)
        shape.code_points[document] = code_points
        shape.invalid_bytes[document] = lengths[0]
        shape.two_byte[document] = lengths[2] / max(code_points, 1)
        shape.three_byte[document] = lengths[3] / max(code_points, 1)
        shape.four_byte[document] = lengths[4] / max(code_points, 1)
        shape.byte_entropy[document] = max(entropy, 0.0)
        shape.ascii_letters[document] = letters / size
        shape.capitals[document] = capitals / size
        shape.ascii_digits[document] = digits / size
        shape.white_space[document] = spaces / size
        shape.punctuation[document] = punctuation / size
        others = ascii_bytes - letters - digits - spaces - punctuation
        shape.control_bytes[document] = others / size
        shape.compressibility[document] = repeated / max(compressed_end - begin - _MATCH + 1, 1)
