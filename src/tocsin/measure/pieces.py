"""Pieces: how texts of any length are worked on in bounded memory.

A text is cut into pieces of at most `PIECE_BYTES`. Each is read with `MARGIN_BYTES` of its
surroundings on either side, so that windows reach over its edges; what is found in the
surroundings belongs to the next piece.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tocsin.measure.code_points import code_point_tables
from tocsin.measure.kernels import kernel
from tocsin.measure.tokens import tokenize

PIECE_BYTES = 512 << 10
MARGIN_BYTES = 4 << 10

PIECE_TOKENS = PIECE_BYTES + 2 * MARGIN_BYTES + 1
"""Tokens that a piece with its surroundings has at most, and one more."""

BLOCK_BYTES = 128 << 10
"""Bytes of short texts whose tokens are handed out at once; those of 512 KB lie outside the caches
that a core has of its own."""


@kernel(forceinline=True)
def piece_from(data, core_begin, text_begin, text_end):
    """The piece of a text that begins at `core_begin`.

    Returns:
      Where it ends, and the byte range to be read: with its surroundings, from a character on.
    """
    core_end = min(core_begin + PIECE_BYTES, text_end)
    begin = max(core_begin - MARGIN_BYTES, text_begin)
    while begin < core_begin and data[begin] & 0xC0 == 0x80:
        begin += 1
    return core_end, begin, min(core_end + MARGIN_BYTES, text_end)


class Tokens(NamedTuple):
    """Tokens of some pieces, one after the other.

    documents (int32 (pieces,)): number of each piece's document in the batch. cores (int32 (pieces,
    2)): byte range of the piece without its surroundings, in the batch's data. bounds (int32
    (pieces + 1,)): its tokens. starts, ends (int32 (tokens,)): byte range of each token in the
    batch's data. exact (uint64 (tokens,)): hashes.
    """

    documents: np.ndarray
    cores: np.ndarray
    bounds: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    exact: np.ndarray


class Tokenizer:
    """Splits batch after batch into tokens. Not for use by two threads at once."""

    def __init__(self, seed: int) -> None:
        """`seed`: keys the hashes."""
        self._seed = np.uint64(seed)
        self._tables = code_point_tables()
        self._arrays = [
            np.empty(PIECE_TOKENS, dtype) for dtype in ("int32", "int32", "u8", "u8", "u1")
        ]

    def tokens(self, data: np.ndarray, offsets: np.ndarray) -> Iterator[Tokens]:
        """Tokens of all texts of a batch, block by block; a block's arrays are reused for the next.

        Args:
          data: uint8, the texts one after the other.
          offsets: int32 (documents + 1,), where each begins.
        """
        documents = len(offsets) - 1
        document, core_begin = 0, int(offsets[0])
        numbers = np.empty(documents + len(data) // PIECE_BYTES + 1, np.int32)
        cores = np.empty((len(numbers), 2), np.int32)
        bounds = np.zeros(len(numbers) + 1, np.int32)
        starts, ends, exact, _, _ = self._arrays
        while document < documents:
            document, core_begin, pieces = _fill(
                data, offsets, document, core_begin, self._tables, self._seed, *self._arrays,
                numbers, cores, bounds,
            )  # fmt: skip
            last = bounds[pieces]
            yield Tokens(
                numbers[:pieces], cores[:pieces], bounds[: pieces + 1],
                starts[:last], ends[:last], exact[:last],
            )  # fmt: skip


@kernel()
def _fill(
    data, offsets, document, core_begin, tables, seed, starts, ends, exact, folded, kinds,
    documents, cores, bounds,
):  # fmt: skip
    """Writes the tokens of pieces from one on, as many as make a block.

    Returns:
      Document and place of the first piece that is left, and the number of those written.
    """
    pieces = 0
    used = 0
    found = 0
    while document < len(offsets) - 1:
        text_begin, text_end = np.int64(offsets[document]), np.int64(offsets[document + 1])
        core_end, begin, end = piece_from(data, core_begin, text_begin, text_end)
        if pieces and used + end - begin > BLOCK_BYTES:
            break
        used += end - begin
        count = tokenize(
            data, begin, end, tables, seed, starts[found:], ends[found:], exact[found:],
            folded[found:], kinds[found:],
        )  # fmt: skip
        for index in range(found, found + count):
            starts[index] += begin
            ends[index] += begin
        documents[pieces] = document
        cores[pieces, 0] = core_begin
        cores[pieces, 1] = core_end
        pieces += 1
        found += count
        bounds[pieces] = found
        core_begin = core_end
        if core_end == text_end:
            document += 1
    return document, core_begin, pieces
