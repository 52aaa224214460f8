"""Hashes of folded words, and the table that counts are kept in (docs/definitions.md, "Hashes")."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from checker.characters import DIGIT, LETTER

_64_BITS = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_ROOT_TWO = 0x6A09E667F3BCC909
_ROOT_THREE = 0xBB67AE8584CAA73B


def seed_of(content_hashes: Iterable[bytes]) -> int:
    """What keys the hashes of a corpus' own profile."""
    sums = [0, 0]
    for content_hash in content_hashes:
        for half in (0, 1):
            number = int.from_bytes(content_hash[8 * half : 8 * half + 8], "big")
            sums[half] = sums[half] + number & _64_BITS
    digest = hashlib.sha256(b"".join(one.to_bytes(8, "little") for one in sums)).digest()
    return int.from_bytes(digest[:8], "little")


def _mixed(value: int) -> int:
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _64_BITS
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _64_BITS
    return value ^ (value >> 31)


def folded_hash(folded: str, kind: str, seed: int) -> int:
    """Hash of a folded token of a class."""
    if kind == LETTER:
        state = seed
        # Three characters at a time; of a multiple of three there is an empty rest.
        for at in range(0, len(folded) + 1, 3):
            word = sum(ord(one) << 21 * place for place, one in enumerate(folded[at : at + 3]))
            state = (state ^ word) * _GOLDEN & _64_BITS
            state = (state << 31 | state >> 33) & _64_BITS
        return _mixed(state)
    if kind == DIGIT:
        return _mixed((seed ^ len(folded) + 0x200000) * _ROOT_TWO & _64_BITS)
    code_point = ord(folded[0])
    if 0xDC80 <= code_point <= 0xDCFF:  # a byte that is no UTF-8
        code_point = code_point - 0xDC00 + 0x110000
    return _mixed((seed ^ code_point) * _ROOT_THREE + min(len(folded), 4) & _64_BITS)


def pair_hash(before: int, word: int) -> int:
    """Hash of a pair of neighbours."""
    return before * _GOLDEN + word & _64_BITS


def before_the_first(seed: int) -> int:
    """What stands before the first word of a text."""
    return seed * _ROOT_TWO + _GOLDEN & _64_BITS


class Table:
    """What Tocsin's table of counts gives: nearly all of them. A bucket has room for eight keys,
    and tells them apart by 24 bits."""

    def __init__(self, codes: dict[int, int]) -> None:
        """`codes`: number from 1 to 255 by hash; the largest find room first."""
        slots = 1 << 10
        while slots * 0.6 < len(codes) and slots * 2 <= 1 << 24:
            slots *= 2
        self._shift = 64 - (slots // 8).bit_length() + 1
        room: dict[int, int] = {}
        self._codes: dict[int, int] = {}
        ordered = sorted(codes, key=lambda key: (-codes[key], key))
        for key in ordered[: int(slots * 0.6)]:
            bucket = key >> self._shift
            taken = room.get(bucket, 0)
            if taken < 8:
                room[bucket] = taken + 1
                place = self._place(key)
                self._codes[place] = min(codes[key], self._codes.get(place, 255))

    def _place(self, key: int) -> int:
        return key >> self._shift << 24 | max(key & 0xFFFFFF, 1)

    def code(self, key: int) -> int:
        """The number of a key, 0 if there is none."""
        return self._codes.get(self._place(key), 0)
