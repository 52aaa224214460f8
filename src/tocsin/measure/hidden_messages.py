"""What hidden characters say: evidence that a person can read.

The usual codes are tried: ASCII in tag characters, a byte in each of the 256 variation selectors,
bits in two zero-width characters. A text that none of them gives is described by its code points.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from tocsin.measure.hidden_characters import (
    BIDI,
    ESCAPES,
    FILLERS,
    LOOK_ALIKES,
    SELECTORS,
    STYLED,
    TAGS,
    ZERO_WIDTHS,
)
from tocsin.measure.look_alikes import as_latin

MESSAGE_CHARACTERS = 2_000
"""Hidden characters of a document that are decoded."""

_FOLLOWING_BYTES = 160
"""Bytes of text after a filler that are quoted."""

_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]")
"""A control sequence of a terminal (ECMA-48, 5.4)."""

_SYMBOLS_OF_A_MESSAGE = 12
"""Zero-width characters below which no code of bits is tried: a letter and a half."""


def hidden_message(kind: int, text: bytes, places: Sequence[tuple[int, int]]) -> str:
    """What hides in a text.

    Args:
      kind: number of the kind (`hidden_characters.KINDS`).
      text: the document.
      places: byte ranges of what hides there, ascending, one at least.

    Returns:
      What it says. May hold any character: show it with `report.visible`.
    """
    pieces = [_decoded(text[start:end]) for start, end in places]
    whole = "".join(pieces)[:MESSAGE_CHARACTERS]
    if kind == TAGS:
        return "".join(
            chr(ord(c) - 0xE0000) for c in whole if "\U000e0020" <= c <= "\U000e007e"
        ) or _code_points(whole)
    if kind == SELECTORS:
        return selected_bytes(whole).decode("utf-8", "replace")
    if kind == ZERO_WIDTHS:
        return zero_width_message(whole) or _code_points(whole)
    if kind == BIDI:
        return " … ".join(_as_read(piece) for piece in pieces)
    if kind == FILLERS:
        start, end = places[0]
        return _decoded(text[start : end + _FOLLOWING_BYTES])
    if kind == ESCAPES:
        return _SEQUENCE.sub("", whole) or whole
    first, last = places[0][0], places[-1][1]
    passage = _decoded(text[first:last])[:MESSAGE_CHARACTERS]
    if kind == LOOK_ALIKES:
        return as_latin(passage)
    if kind == STYLED:
        return unicodedata.normalize("NFKC", passage)
    raise ValueError(f"no kind {kind}")


def selected_bytes(text: str) -> bytes:
    """The bytes that the variation selectors in a text stand for."""
    return bytes(
        ord(c) - 0xFE00 if c <= "\ufe0f" else ord(c) - 0xE0100 + 16
        for c in text
        if "\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef"
    )


def zero_width_message(text: str) -> str | None:
    """The text that zero-width characters say as bits of bytes; None if they say nothing readable.

    Either two characters stand for bits, with or without a third between the bytes, or four stand
    for two bits each; which is which is tried.
    """
    symbols = [c for c in text if _is_zero_width(c)]
    kinds = [symbol for symbol, _ in Counter(symbols).most_common()]
    if len(symbols) < _SYMBOLS_OF_A_MESSAGE or not 2 <= len(kinds) <= 5:
        return None
    best: tuple[float, str] | None = None
    for width, digits in ((1, 2), (2, 4)):
        for chosen in itertools.permutations(kinds[: max(digits, 3)], digits):
            values = {symbol: f"{value:0{width}b}" for value, symbol in enumerate(chosen)}
            bits = "".join(values.get(symbol, " ") for symbol in symbols)
            for groups in (bits.split(), _cut(bits.replace(" ", ""), 8), _cut(bits, 7)):
                said = _from_bits(groups)
                if said and (best is None or said[0] > best[0]):
                    best = said
    return best[1] if best and best[0] >= _READABLE else None


_READABLE = 0.9
"""Share of letters, digits, spaces and punctuation that makes bytes a text."""


def _from_bits(groups: Sequence[str]) -> tuple[float, str] | None:
    """Share of readable characters, and the characters, of groups of at most 21 bits."""
    if len(groups) < 2 or not all(0 < len(group) <= 21 and group.isdigit() for group in groups):
        return None
    values = [int(group, 2) for group in groups]
    if max(values) < 256:
        said = bytes(values).decode("utf-8", "replace")
    else:
        said = "".join(
            chr(value) if value < 0x110000 and not 0xD800 <= value <= 0xDFFF else "\ufffd"
            for value in values
        )
    readable = sum(c.isprintable() or c in "\n\t" for c in said if c != "\ufffd")
    ascii_share = sum(" " <= c <= "~" for c in said) / len(said)
    return (readable / len(said) + ascii_share) / 2, said


def _cut(bits: str, size: int) -> list[str]:
    """Whole groups of `size` bits."""
    return [bits[at : at + size] for at in range(0, len(bits) - size + 1, size)]


def _is_zero_width(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or character == "\u034f"


def _as_read(text: str) -> str:
    """Text without controls of direction, turned round if it is shown from the right."""
    plain = "".join(c for c in text if not _is_zero_width(c))
    return plain[::-1] if text.startswith("\u202e") else plain


def _code_points(text: str) -> str:
    """The most frequent characters by name: what can be said of a code nobody knows."""
    found = Counter(text).most_common(4)
    return ", ".join(
        f"{count} × {unicodedata.name(character, f'U+{ord(character):04X}')}"
        for character, count in found
    )


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "replace")
