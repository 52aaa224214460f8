from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.report.visible import (
    MARK,
    is_plain,
    unusual_characters,
    visible,
    visible_bytes,
)

# Long runs, marks and their imitations are more frequent here than in arbitrary text.
TRICKY = st.lists(
    st.one_of(
        st.text(st.characters(), max_size=5),
        st.sampled_from(["‹", "›", "U+", "0x", "‹U+202E›", "‹0xFF›", " ×2›", "…", "\u202e", "\n"]),
        st.builds(
            lambda character, length: character * length,
            st.sampled_from(["\u200b", "\0", " ", "‹", "\ud800", "\udcff", "\U000e0041"]),
            st.integers(1, 30),
        ),
    ),
    max_size=8,
).map("".join)


def read_back(shown: str) -> str:
    """The text that an uncut result stands for."""

    def original(mark: re.Match[str]) -> str:
        code_point = int(mark[2], 16) + (0xDC00 if mark[1] == "0x" else 0)
        return chr(code_point) * int(mark[3] or 1)

    return re.sub(r"‹(U\+|0x)([0-9A-F]+)(?: ×([0-9]+))?›", original, shown)


@given(TRICKY)
def test_nothing_is_lost_or_forged(text: str) -> None:
    # The two marks of a single character are not reversible; they are tested below.
    text = re.sub("[\n\t↵⇥]", "", text)
    assert read_back(visible(text, 10_000)) == text


@given(TRICKY, st.integers(1, 60))
def test_the_result_is_bounded_and_holds_nothing_invisible(text: str, limit: int) -> None:
    shown = visible(text, limit)
    assert len(shown) <= limit
    shown.encode()  # no lone surrogate
    for character in shown:
        category = unicodedata.category(character)
        assert character == " " or category[0] not in "CZ", f"U+{ord(character):04X}"


@given(TRICKY, st.integers(1, 60))
def test_a_cut_shows_a_beginning_and_an_ellipsis(text: str, limit: int) -> None:
    full, shown = visible(text, 10_000), visible(text, limit)
    if len(text) <= limit and len(full) <= limit:
        assert shown == full
    elif shown != full:
        assert shown.endswith("…")
        # A run of invisible characters may be cut too, and with it the length in its mark.
        known = re.sub(r" ×[0-9]+›\Z|›\Z", "", shown[:-1])
        assert full.startswith(known)


@given(TRICKY, st.integers(1, 60))
@example("\U000e0041" * 100, 50)
def test_bytes_of_valid_text_look_like_the_text(text: str, limit: int) -> None:
    valid = re.sub("[\ud800-\udfff]", "", text)
    assert visible_bytes(valid.encode(), limit) == visible(valid, limit)


@given(st.binary(max_size=300), st.integers(1, 60))
def test_any_bytes(data: bytes, limit: int) -> None:
    assert visible_bytes(data, limit) == visible(data.decode("utf-8", "surrogateescape"), limit)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain text, `~!", "plain text, `~!"),
        ("Größe 漢字 🙂 ｡", "Größe 漢字 🙂 ｡"),
        ("a\nb\tc", "a↵b⇥c"),
        ("\r\n", "‹U+000D›↵"),
        ("\x1b[31mred", "‹U+001B›[31mred"),
        ("\x9b31m", "‹U+009B›31m"),
        ("\0\x7f", "‹U+0000›‹U+007F›"),
        ("\u202egnp.exe", "‹U+202E›gnp.exe"),
        ("a\u2066b\u2069", "a‹U+2066›b‹U+2069›"),
        ("a\u200bb\ufeff", "a‹U+200B›b‹U+FEFF›"),
        ("\u200b" * 12, "‹U+200B ×12›"),
        ("\u200c\u200d\u00ad", "‹U+200C›‹U+200D›‹U+00AD›"),
        ("\uffa0" * 8 + "x", "‹U+FFA0 ×8›x"),
        ("\u115f\u3164\u2800\u034f", "‹U+115F›‹U+3164›‹U+2800›‹U+034F›"),
        ("o\ufe0f\U000e0100", "o‹U+FE0F›‹U+E0100›"),
        ("\U000e0048\U000e0049", "‹U+E0048›‹U+E0049›"),
        ("a\u00a0b\u3000c  d", "a‹U+00A0›b‹U+3000›c  d"),
        ("\u2028\u2029\x85", "‹U+2028›‹U+2029›‹U+0085›"),
        ("\ud800", "‹U+D800›"),
        ("\udcff", "‹0xFF›"),
        ("\ue000\U0010ffff", "‹U+E000›‹U+10FFFF›"),
        ("e\u0301", "e\u0301"),
        ("\u0301e", "‹U+0301›e"),
        ("‹Haus›", "‹Haus›"),
        ("‹U+202E›", "‹U+2039›U+202E›"),
        ("‹‹0xFF", "‹‹U+2039›0xFF"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert visible(text) == expected


def test_invalid_bytes() -> None:
    assert visible_bytes(b"a\xff\xffb\xed\xa0\x80") == "a‹0xFF ×2›b‹0xED›‹0xA0›‹0x80›"


def test_no_mark_is_cut() -> None:
    assert visible("ab\u202ecd", 10) == "ab…"
    assert visible("ab\u202ecd", 11) == "ab‹U+202E›…"
    assert visible("ab\u202ecd", 12) == "ab‹U+202E›cd"


def test_a_huge_text_costs_nothing() -> None:
    text, data = "\u200b" * 10_000_000, b"\xff" * 10_000_000
    started = time.process_time()
    assert visible(text, 50).endswith("›…")
    assert visible_bytes(data, 50).endswith("›…")
    assert time.process_time() - started < 0.1


def test_marks_are_found_by_their_pattern() -> None:
    assert MARK.findall(visible("‹U+0041› ‹x› \u200b\u200b")) == ["‹U+2039›", "‹U+200B ×2›"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("", True),
        ("<SUDO>", True),
        ("Current year: 2024", True),
        ("two  spaces", False),
        (" x", False),
        ("x\n", False),
        ("é", False),
        ("a\u200b", False),
    ],
)
def test_plain(text: str, plain: bool) -> None:
    assert is_plain(text) is plain


def test_unusual_characters() -> None:
    assert unusual_characters("a｡｡\x1b b\u202e") == [
        ("U+FF61 HALFWIDTH IDEOGRAPHIC FULL STOP", 2),
        ("U+001B", 1),
        ("U+202E RIGHT-TO-LEFT OVERRIDE", 1),
    ]
