"""Counts of words and word pairs: the corpus' own picture of what is normal.

While learning, counts are sorted columns of (64-bit key, count), see `measure.counting`, which
merge by addition in any order and so give the same profile however the work was spread. For
measuring they are laid into a `CountTable`: a sparse hash table in which every slot holds a check
tag, so that an unseen pair looks unseen (a table of plain counters half full of collisions made
random pairs look a quarter seen, and recall collapsed).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.measure.kernels import kernel, least_difference, prefetch
from tocsin.measure.tokens import GOLDEN, ROOT_TWO

SLOTS_PER_BUCKET = 8
"""Slots probed for a key: 32 bytes, half a cache line."""

MAXIMUM_LOAD = 0.6
"""Share of slots in use. A bucket overflows with probability 0.06 there (Poisson, mean 4.8)."""

_EXACT_CODES = 16
_STEPS_PER_OCTAVE = 8


def _decoded_counts() -> np.ndarray:
    codes = np.arange(256, dtype=np.float64)
    octaves = np.log2(_EXACT_CODES) + (codes - _EXACT_CODES) / _STEPS_PER_OCTAVE
    counts = np.where(codes < _EXACT_CODES, codes, np.exp2(octaves)).astype(np.float32)
    counts.setflags(write=False)
    return counts


DECODED_COUNTS = _decoded_counts()
"""float32 (256,): the count that a slot's 8-bit code stands for, exact below 16, then in
steps of an eighth of an octave up to 2^34."""


def encode_counts(counts: np.ndarray) -> np.ndarray:
    """8-bit codes (uint8) of positive counts, rounded down to a representable count."""
    return (np.searchsorted(DECODED_COUNTS, counts.astype(np.float32), side="right") - 1).astype(
        np.uint8
    )


@kernel(forceinline=True)
def pair_key(previous, current):
    """Key of two neighbouring words; both hashes are uniform, so their combination is too."""
    return previous * GOLDEN + current


@kernel(forceinline=True)
def first_word(seed):
    """What stands before the first word of a text."""
    return seed * ROOT_TWO + GOLDEN


@kernel()
def word_and_pair_keys(folded, count, seed, keys):
    """Writes the keys to count for `count` folded hashes into `keys[: 2 * count]` (uint64)."""
    previous = first_word(seed)
    for index in range(count):
        current = folded[index]
        keys[2 * index] = current
        keys[2 * index + 1] = pair_key(previous, current)
        previous = current


@dataclass(frozen=True)
class CountTable:
    """Counts by key, for look-up in kernels.

    `slots`: uint32 (a power of two of them); the upper 24 bits of a slot are the check tag of
    its key, the lower 8 the code of its count, 0 where the slot is free. A key lives in the
    bucket of `SLOTS_PER_BUCKET` slots that its upper bits name. A key that was never counted
    is taken for a counted one with a probability below 8 * 0.6 / 2^24 = 3e-7.
    """

    slots: np.ndarray

    @classmethod
    def build(
        cls, keys: np.ndarray, counts: np.ndarray, maximum_bytes: int = 64 << 20
    ) -> CountTable:
        """Lays out ascending counted keys; where room lacks, the rarest are left out."""
        maximum_slots = maximum_bytes // 4
        slot_count = 1 << 10
        while slot_count * MAXIMUM_LOAD < len(keys) and slot_count * 2 <= maximum_slots:
            slot_count *= 2
        codes = encode_counts(counts)
        # A stable sort of ascending keys: most frequent first, ties by key. Of codes: a byte is
        # sorted by in one pass.
        order = np.argsort(255 - codes, kind="stable")
        order = order[: int(slot_count * MAXIMUM_LOAD)]
        slots = np.zeros(slot_count, np.uint32)
        _fill(slots, keys[order], codes[order])
        return cls(slots)


@kernel(forceinline=True)
def bucket_shift(slots):
    """By how much a key is shifted to the right to give its bucket."""
    bits = 0
    while (1 << bits) * SLOTS_PER_BUCKET < len(slots):
        bits += 1
    return np.uint64(64 - bits)


@kernel(forceinline=True)
def _tag(key):
    # Never 0, which is the tag of a free slot.
    return np.uint32(max(key & np.uint64(0xFFFFFF), np.uint64(1))) << np.uint32(8)


@kernel()
def _fill(slots, keys, codes):
    shift = bucket_shift(slots)
    for index in range(len(keys)):
        first = np.int64(keys[index] >> shift) * SLOTS_PER_BUCKET
        for slot in range(first, first + SLOTS_PER_BUCKET):
            if slots[slot] == 0:
                slots[slot] = _tag(keys[index]) | np.uint32(codes[index])
                break


@kernel(forceinline=True)
def prefetch_bucket(slots, shift, key):
    """Has the bucket of `key` fetched, for a `look_up` soon."""
    prefetch(slots, (key >> shift) * np.uint64(SLOTS_PER_BUCKET))


@kernel(forceinline=True)
def look_up(slots, shift, key):
    """Code (0 to 255) of the count of `key`; 0 if it was not counted."""
    # What differs from the tag in the lower 8 bits alone has this tag, and these are the code.
    # (Eight comparisons in a row would be eight branches, of which one is hard to predict.)
    first = (key >> shift) * np.uint64(SLOTS_PER_BUCKET)
    least = least_difference(slots, first, _tag(key))
    return least if least < np.uint32(0x100) else np.uint32(0)
