"""Corpus text made safe to look at: what is invisible or acts on a display becomes a visible mark.

For pages and terminals alike. The result holds no control character, so it cannot move a cursor,
and nothing that turns the direction of text or hides in it. It is not escaped for HTML.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

MARK = re.compile("‹(?:U\\+|0x)[^›]*›")
"""What `visible` writes for invisible characters; in its result nothing else matches."""

LIMIT = 200
"""Characters shown unless the caller has more or less room."""

_LINE_MARKS = {"\n": "↵", "\t": "⇥"}

# Control, format, surrogate, private use, unassigned; line and paragraph separators and spaces.
_INVISIBLE_CATEGORIES = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"])

# Blank although their category is a letter, a mark or a symbol: the property
# Default_Ignorable_Code_Point of the Unicode standard, and the empty Braille pattern.
_BLANK = frozenset(
    chr(code_point)
    for first, last in [
        (0x034F, 0x034F),  # combining grapheme joiner
        (0x115F, 0x1160),  # Hangul fillers
        (0x17B4, 0x17B5),  # Khmer inherent vowels
        (0x180B, 0x180F),  # Mongolian variation selectors
        (0x2800, 0x2800),  # Braille pattern blank
        (0x3164, 0x3164),  # Hangul filler
        (0xFE00, 0xFE0F),  # variation selectors
        (0xFFA0, 0xFFA0),  # half-width Hangul filler
        (0xE0100, 0xE01EF),  # variation selectors supplement
    ]
    for code_point in range(first, last + 1)
)


def visible(text: str, limit: int = LIMIT) -> str:
    """The text with every invisible character shown by its code point, e.g. `‹U+202E›`.

    A run of one such character becomes one mark with its length, `‹U+200B ×12›`. Line feeds and
    tabs become `↵` and `⇥`; the plain space stays. Low surrogates that stand for undecodable bytes
    (PEP 383) are shown as the byte, `‹0xFF›`, other lone surrogates like any code point. Text that
    looks like a mark already gets its first character marked: a mark in the result is true.

    Args:
      text: any string, of any length; only its first `limit` + 1 characters are looked at, so a run
        may be longer than its mark says where `…` follows.
      limit: characters of the result at most, the `…` of a cut included; at least 1.

    Returns:
      A string that is valid Unicode and a single line.
    """
    shown: list[str] = []
    length = kept = 0
    cut = len(text) > limit + 1
    for piece in _pieces(text[: limit + 1]):
        length += len(piece)
        if length > limit:
            cut = True
            break
        shown.append(piece)
        if length < limit:
            kept = len(shown)  # a cut here leaves room for the ellipsis
    return "".join(shown[:kept]) + "…" if cut else "".join(shown)


def visible_bytes(data: bytes, limit: int = LIMIT) -> str:
    """`visible` for UTF-8 that may hold invalid bytes, which are shown as `‹0xFF›`."""
    # At least limit + 2 characters are whole: `visible` sees the cut, but no broken character.
    return visible(data[: 4 * (limit + 2)].decode("utf-8", "surrogateescape"), limit)


def is_plain(text: str) -> bool:
    """Whether the text is what it seems: printable ASCII, with single spaces inside only."""
    return text.isascii() and text.isprintable() and " ".join(text.split()) == text


def unusual_characters(text: str) -> list[tuple[str, int]]:
    """The characters that are not printable ASCII, most frequent first, with their counts.

    Each as code point and Unicode name, `U+202E RIGHT-TO-LEFT OVERRIDE`.
    """
    unusual = Counter(
        character for character in text if not (character.isascii() and character.isprintable())
    )
    return [
        (f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip(), count)
        for character, count in unusual.most_common()
    ]


def _pieces(text: str) -> Iterator[str]:
    """What is shown for each character, or for each run of an invisible one."""
    position = 0
    for character, run in groupby(text):
        length = sum(1 for _ in run)
        if character in _LINE_MARKS:
            yield from [_LINE_MARKS[character]] * length
        elif _is_invisible(character) or (position == 0 and _combines(character)):
            yield _mark(character, length)
        elif character == "‹":
            yield from [character] * (length - 1)
            imitates = text.startswith(("U+", "0x"), position + length)
            yield _mark(character, 1) if imitates else character
        else:
            yield from [character] * length
        position += length


def _is_invisible(character: str) -> bool:
    if " " <= character <= "~":
        return False
    return unicodedata.category(character) in _INVISIBLE_CATEGORIES or character in _BLANK


def _combines(character: str) -> bool:
    """Whether the character would change the one before it, which at the start is not its own."""
    return unicodedata.category(character) in ("Mn", "Me")


def _mark(character: str, length: int) -> str:
    code_point = ord(character)
    if 0xDC80 <= code_point <= 0xDCFF:
        name = f"0x{code_point - 0xDC00:02X}"
    else:
        name = f"U+{code_point:04X}"
    return f"‹{name}›" if length == 1 else f"‹{name} ×{length}›"
