"""Classes, scripts and lower case of characters (docs/definitions.md, "Characters")."""

from __future__ import annotations

import functools
import unicodedata

# Classes of characters, one letter each, so that a text of classes can be searched.
SPACE, LETTER, DIGIT, MARK, UNSPACED, CONTROL, COMBINING = "sldmucx"

_CASED_BELOW = 0x20000
_IDEOGRAPHS_BELOW = 0x40000

_BLOCKS_UNSPACED = (
    (0x0E00, 0x0EFF), (0x0F00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x2FDF),
    (0x3000, 0x30FF), (0x3100, 0x312F), (0x31A0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xA000, 0xA4CF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F), (0xF900, 0xFAFF), (0xFF66, 0xFF9F),
    (0x1AFF0, 0x1B16F),
)  # fmt: skip

SCRIPTS = (
    "other", "latin", "greek", "cyrillic", "hebrew", "arabic", "indic", "thai", "han", "kana",
    "hangul",
)  # fmt: skip

_BLOCKS = (
    ("latin", 0x0041, 0x024F), ("latin", 0x1E00, 0x1EFF), ("greek", 0x0370, 0x03FF),
    ("greek", 0x1F00, 0x1FFF), ("cyrillic", 0x0400, 0x052F), ("hebrew", 0x0590, 0x05FF),
    ("arabic", 0x0600, 0x077F), ("arabic", 0xFB50, 0xFDFF), ("indic", 0x0900, 0x0DFF),
    ("thai", 0x0E00, 0x0EFF), ("han", 0x2E80, 0x2FDF), ("han", 0x3400, 0x9FFF),
    ("han", 0xF900, 0xFAFF), ("kana", 0x3040, 0x30FF), ("kana", 0xFF66, 0xFF9F),
    ("hangul", 0x1100, 0x11FF), ("hangul", 0x3130, 0x318F), ("hangul", 0xAC00, 0xD7A3),
)  # fmt: skip


@functools.cache
def class_of(code_point: int) -> str:
    """The class of a character; bytes that are no UTF-8 come as surrogates, which are controls."""
    if code_point >= _CASED_BELOW:
        return UNSPACED if code_point < _IDEOGRAPHS_BELOW else CONTROL
    if code_point in (0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85):
        return SPACE
    category = unicodedata.category(chr(code_point))
    if category == "Nd":
        return DIGIT
    by_category = {"L": LETTER, "M": COMBINING, "N": MARK, "P": MARK, "S": MARK, "Z": SPACE}
    found = by_category.get(category[0], CONTROL)
    if found in (LETTER, COMBINING) and any(a <= code_point <= b for a, b in _BLOCKS_UNSPACED):
        return UNSPACED
    return found


@functools.cache
def script_of(character: str) -> str:
    """The script of a character, `other` where it is in none of the blocks."""
    code_point = ord(character)
    found = "other"
    for script, first, last in _BLOCKS:
        if first <= code_point <= last:
            found = script
    return found


@functools.cache
def lower_of(character: str) -> str:
    """The lower case of a capital letter, where that is one character; all others as they are."""
    if ord(character) < _CASED_BELOW and unicodedata.category(character) in ("Lu", "Lt"):
        lower = character.lower()
        return lower if len(lower) == 1 else character
    return character
