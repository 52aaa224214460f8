"""Which shingles stand in several documents? Counted over all shards at a byte and a half each.

Nine of ten shingles stand in one document alone and say nothing; but no shard knows which. So each
shard first sends nothing but its shingles' hashes, cut to a few bits and sorted, in the coding of
Elias and Fano: 2 + log2(values / hashes) bits a hash, close to the least that any coding could take
(Fano 1971; Elias 1974). Added up, they tell which hashes are frequent, and only these travel with
their documents. Cut hashes collide, so that some are taken for frequent that are not; with
their documents they are counted again, by the whole hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tocsin.measure.shingles import SHINGLE_BITS

MINIMUM_BITS = 20


def prefix_bits(stored_bytes: int) -> int:
    """Bits of the hashes to count for a corpus of so many bytes: a value for two to four bytes.
    Compressed text has a sample in 25 bytes, so one hash in ten meets another by chance."""
    return max(MINIMUM_BITS, min(SHINGLE_BITS, int(stored_bytes).bit_length() - 2))


def prefixes(hashes: np.ndarray, bits: int) -> np.ndarray:
    """The upper `bits` of hashes of SHINGLE_BITS (uint64)."""
    return hashes >> np.uint64(SHINGLE_BITS - bits)


def pack_sorted(values: np.ndarray, bits: int) -> bytes:
    """Ascending numbers below 2^bits (uint64, repetitions allowed) in the coding of Elias and Fano:
    the lower bits of each as they are; the upper ones as the places of ones in a row of bits."""
    count = len(values)
    low_bits = max(bits - max(count, 1).bit_length(), 0)
    lows = values[:, None] >> np.arange(low_bits, dtype=np.uint64) & np.uint64(1)
    highs = np.zeros(count + (1 << (bits - low_bits)), np.uint8)
    highs[(values >> np.uint64(low_bits)).astype(np.int64) + np.arange(count)] = 1
    header = np.array([bits, low_bits, count], np.uint32)
    parts: list[np.ndarray] = [header, np.packbits(lows.astype(np.uint8)), np.packbits(highs)]
    return b"".join(part.tobytes() for part in parts)


def unpack_sorted(packed: bytes) -> np.ndarray:
    """The numbers (uint64) that `pack_sorted` was given."""
    bits, low_bits, count = np.frombuffer(packed, np.uint32, 3).tolist()
    data = np.frombuffer(packed, np.uint8, offset=12)
    low_bytes = -(-count * low_bits // 8)
    lows = np.unpackbits(data[:low_bytes], count=count * low_bits).reshape(count, low_bits)
    highs = np.unpackbits(data[low_bytes:], count=count + (1 << (bits - low_bits)))
    values = (np.flatnonzero(highs) - np.arange(count)).astype(np.uint64) << np.uint64(low_bits)
    powers = np.uint64(1) << np.arange(low_bits, dtype=np.uint64)
    return values | (lows * powers).sum(axis=1, dtype=np.uint64)


def split(values: np.ndarray, bits: int, partitions: int) -> Iterator[tuple[int, bytes]]:
    """Numbers below 2^bits (uint64, in any order), packed by partition of their range; partitions
    without any are left out."""
    bounds = [(number << bits) // partitions for number in range(partitions + 1)]
    values = np.sort(values)
    places = np.searchsorted(values, np.array(bounds, np.uint64))
    for number in range(partitions):
        inside = values[places[number] : places[number + 1]]
        if len(inside):
            width = (bounds[number + 1] - bounds[number] - 1).bit_length()
            yield number, pack_sorted(inside - np.uint64(bounds[number]), width)


def frequent(
    number: int,
    blocks: Iterable[bytes],
    bits: int,
    partitions: int,
    least: int,
    most: int,
    earlier: Iterable[bytes] = (),
) -> np.ndarray:
    """Of a partition, the numbers (uint64, ascending) in `blocks` that occur from `least` to `most`
    times in these and in `earlier`.

    Args:
      number: of the partition.
      blocks, earlier: what `split` gave for it, of any shards in any order.
      bits, partitions: as `split` was given.
    """
    values, counts = np.unique(
        np.concatenate([np.zeros(0, np.uint64), *map(unpack_sorted, blocks)]), return_counts=True
    )
    for block in earlier if len(values) else ():
        others = unpack_sorted(block)
        counts += np.searchsorted(others, values, side="right") - np.searchsorted(others, values)
    chosen = values[(counts >= least) & (counts <= most)]
    return chosen + np.uint64((number << bits) // partitions)


def is_among(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mask of the `values` that are among the ascending `chosen`."""
    if not len(chosen):
        return np.zeros(len(values), np.bool_)
    places = np.searchsorted(chosen, values)
    places[places == len(chosen)] = 0
    return np.asarray(chosen[places] == values)
