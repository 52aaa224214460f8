"""Hidden characters against a grammar in plain Python, and in the texts where they belong."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.generated import hostile_texts
from tocsin.measure.code_points import code_point_tables
from tocsin.measure.hidden_characters import (
    HIDDEN_RUN,
    RUNS_KEPT,
    HiddenCharacters,
    hidden_literals,
    measure_hidden_characters,
    no_hidden_characters,
)
from tocsin.measure.literals import PLACE, find_literals, literal_table
from tocsin.measure.look_alikes import LATIN_FOR, look_alike_table

_LITERALS = literal_table(hidden_literals(1))


def measure(texts: list[bytes], gated: bool = True) -> tuple[list[dict[str, int]], np.ndarray]:
    """Counts that are not zero of each text, and the places. `gated`: look only where a literal
    stands."""
    data = np.frombuffer(b"".join(texts), np.uint8)
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int32)
    flags = np.ones(len(texts), np.uint8)
    if gated:
        find_literals(data, offsets, _LITERALS, flags, np.zeros(1, PLACE))
    counts = no_hidden_characters(len(texts))
    runs = np.zeros(100_000, HIDDEN_RUN)
    found = measure_hidden_characters(
        data, offsets, np.flatnonzero(flags), code_point_tables().classes, look_alike_table(),
        counts, runs,
    )  # fmt: skip
    rows = [
        {name: int(column[row]) for name, column in counts._asdict().items() if column[row]}
        for row in range(len(texts))
    ]
    return rows, runs[:found]


def counts_of(text: str) -> dict[str, int]:
    (row,), _ = measure([text.encode()])
    return row


# The grammar once more, with regular expressions over characters.

_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_ZERO = "\u034f\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff\U0001d173-\U0001d17a"
_DIRECTIONS = "\u061c\u200e\u200f"
_TAGS = "\U000e0000-\U000e007f"
_RUN = re.compile(f"[{_TAGS}{_SELECTORS}{_ZERO}{_DIRECTIONS}]+")
_FLAG = re.compile(
    "[\U000e0061-\U000e007a]{2}[\U000e0061-\U000e007a\U000e0030-\U000e0039]{1,3}\U000e007f"
)
_FILLER = re.compile("([\u115f\u1160\u3164\uffa0\uff61-\uff65\uff70\uff9e\uff9f])\\1*")


def _takes(base: str, selector: str) -> bool:
    if selector >= "\U000e0100":
        return selector <= "\U000e011f" and (
            "\u2e80" <= base <= "\ufaff" or "\U00020000" <= base < "\U00040000"
        )
    if selector < "\ufe00":
        return "\u1800" <= base <= "\u18af"
    if base < "\u1000":
        return base in "#*0123456789©®" and base != ""
    return base < "\U000e0000" and not "\ufe00" <= base <= "\ufe0f"


def _simple(character: str) -> bool:
    if character.isascii() and character.isdigit():
        return True
    return character != "" and character < "\u0590" and character.isalpha()


def naive(text: str) -> dict[str, int]:
    """Tags, selectors, zero-width characters, fillers, look-alikes and styled words."""
    tags = selectors = run_of_selectors = zero_width = longest = longest_symbols = 0
    symbols: set[int] = set()
    for match in _RUN.finditer(text):
        run = match.group()
        before = text[match.start() - 1 : match.start()] if match.start() else ""
        after = text[match.end() : match.end() + 1]
        if before == "\U0001f3f4" and (flag := _FLAG.match(run)):
            run, base = run[flag.end() :], "\U000effff"
        else:
            base = before
        in_a_row = 0
        stretch: list[str] = []
        joined = 0
        for index, character in enumerate(run):
            if re.match(f"[{_TAGS}]", character):
                tags += 1
            if re.match(f"[{_SELECTORS}]", character):
                if _takes(base, character):
                    in_a_row = 0
                else:
                    selectors += 1
                    in_a_row += 1
                    symbols.add(ord(character) & 15)
                    run_of_selectors = max(run_of_selectors, in_a_row)
            else:
                in_a_row = 0
            first = match.start() == 0 and index == 0 and character == "\ufeff"
            if re.match(f"[{_ZERO}{_DIRECTIONS}]", character):
                if not first:
                    stretch.append(character)
                    joined += character not in _DIRECTIONS
            else:
                stretch = []
            if len(stretch) > longest:
                longest = len(stretch)
                longest_symbols = len({ord(c) & 31 for c in stretch})
            base = character
        if _simple(before) and _simple(after):
            zero_width += joined
    fillers = max((len(match.group()) for match in _FILLER.finditer(text)), default=0)
    look_alikes = styled = 0
    for word in _words(text):
        look_alikes += _disguised(word)
        styled += len(word) >= 3 and all("\U0001d400" <= c <= "\U0001d7cb" for c in word)
    return {
        "tag_characters": tags,
        "variation_selectors": selectors,
        "selector_run": run_of_selectors,
        "selector_symbols": len(symbols),
        "zero_width": zero_width,
        "zero_width_run": longest,
        "zero_width_symbols": longest_symbols,
        "filler_run": fillers,
        "look_alike_words": look_alikes,
        "styled_words": styled,
    }


def _words(text: str) -> list[str]:
    """Runs of letters, and marks after one; invisible characters do not end a word."""
    words, word = [], ""
    spaced = code_point_tables().classes
    for character in re.sub(_RUN, "", text) + " ":
        code = ord(character)
        letter = "\U0001d400" <= character <= "\U0001d7cb" or (
            spaced[code] == 1 if code < 0x20000 else False
        )
        if letter or (word and code < 0x20000 and spaced[code] == 6):
            word += character
        else:
            words.append(word)
            word = ""
    return [word for word in words if word]


def _disguised(word: str) -> bool:
    kinds = "".join(
        "L" if c.isascii() else "G" if "\u0370" <= c < "\u0400" and c in LATIN_FOR
        else "O" if c in LATIN_FOR else "?" for c in word
    )  # fmt: skip
    if len(word) < 3 or "?" in kinds or "L" not in kinds or not set(kinds) & {"G", "O"}:
        return False
    # A single Greek letter must stand within.
    return "O" in kinds or kinds.count("G") >= 2 or re.search("(?<=.)GL", kinds) is not None


_PIECES = (
    "a", "Z", "é", "ж", "а", "о", "ο", "α", "Ꭰ", "ꓐ", "օ", "م", "ক", "漢", "가", "1", "#", "©", " ",
    "\n", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u200e", "\u180b", "\u1820", "\ufe00",
    "\ufe0f", "\U000e0100", "\U000e0141", "\U000e0067", "\U000e0062", "\U000e007f", "🏴", "👩", "❤",
    "\uffa0", "\u3164", "｡", "\u0301", "𝐀", "𝓫", "𝔠", "𠀀",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(st.sampled_from(_PIECES), max_size=24).map("".join))
def test_like_the_grammar(text: str) -> None:
    expected = {name: count for name, count in naive(text).items() if count}
    (found,), _ = measure([text.encode()], gated=False)
    for name in naive(""):
        assert found.get(name, 0) == expected.get(name, 0), name


@settings(max_examples=200)
@given(st.one_of(hostile_texts, st.text(max_size=30).map(lambda t: t.encode("utf-8", "replace"))))
def test_any_bytes(text: bytes) -> None:
    """Nothing is read beyond the text, and the gate lets nothing through that would count."""
    (alone,), places = measure([text], gated=False)
    (between,), _ = measure([text], gated=True)
    for name in HiddenCharacters._fields:
        if name != "filler_run":  # up to two half-width marks count for nothing
            assert alone.get(name, 0) == between.get(name, 0), name
    surrounded, _ = measure([b"\xe2\x80", text, b"\x8b\x8b"], gated=False)
    assert surrounded[1] == alone
    for place in places:
        assert 0 <= place["start"] < place["end"] <= len(text)


_PROPER = """
Plain prose, with “quotes” – and dashes… and a soft\u00adhyphen.
🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f flags 🇩🇪 🏳️‍🌈 🏴‍☠️
🏴\U000e0075\U000e0073\U000e0074\U000e0078\U000e007f
👨‍👩‍👧‍👦 👩🏽‍🚀 ❤️‍🔥 1️⃣ #️⃣ ©️ ®️ ™️ ☎︎ ℹ️
می‌خواهم کتاب‌ها را بخوانم؛ نمی‌دانم
क्‍ष और श्रृं‌खला, ক্‌ষ
ශ්‍රී ලංකා
葛\U000e0100飾区 辻\U000e0101
ᠮᠣᠩᠭᠣᠯ\u180b ᠪᠢ\u180eᠴᠢ
שלום \u200fעולם\u200e, \u202bעברית\u202c and \u2067ערבית\u2069
مرحبا \u202dabc\u202c بالعالم
한국어 가나다 ㅋㅋㅋㅋㅋㅋ
ｶﾞｷﾞｸﾞ ﾊﾟﾋﾟ｡｡
Москва и USB-кабель, IT-компания
μm, kΩ, TNFα, β-carotene
Ελληνικά και English words
x = αβγ + δ
ＦＵＬＬ ＷＩＤＴＨ
𝑓 of 𝑥𝑦
tabs\tand\x0c
bold\x08b\x08
print('\\x1b[31mred\\x1b[0m')
"""


@pytest.mark.parametrize(
    "text", ["", "x", "\ufeffA byte order mark", *_PROPER.split("\n"), _PROPER]
)
def test_where_it_belongs(text: str) -> None:
    found = counts_of(text)
    for name in ("zero_width_run", "zero_width_symbols", "escape_sequences", "filler_run"):
        assert found.pop(name, 0) < 4
    assert found == {}


def _tags(message: str) -> str:
    return "".join(chr(0xE0000 + ord(c)) for c in message)


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        ("word" + _tags("hidden"), "tag_characters", 6),
        ("🏴" + _tags("gbeng"), "tag_characters", 5),  # no end
        ("🏴" + _tags("1234") + "\U000e007f", "tag_characters", 5),  # no region
        ("🏴" + _tags("gbabcd") + "\U000e007f", "tag_characters", 7),  # too long
        ("🏴 " + _tags("gbeng") + "\U000e007f", "tag_characters", 6),  # no flag before
        ("a\ufe0f b\ufe0f", "variation_selectors", 2),
        ("❤️\ufe0f\ufe0e\ufe0f", "selector_run", 3),
        ("葛\U000e0170", "variation_selectors", 1),  # beyond the database
        ("pass\u200bword", "zero_width", 1),
        ("\u200b\u200c" * 5, "zero_width_run", 10),
        ("\u200b\u200c" * 5, "zero_width_symbols", 2),
        ("a\ufeffb", "zero_width", 1),
        ("if \u202exyz\u202c", "bidi_controls", 1),
        ("if \u202exyz", "overridden_letters", 3),
        ("\u2066left open", "bidi_controls", 1),
        ("\u2066closed\u2069", "bidi_controls", 0),
        ("\uffa0" * 7, "filler_run", 7),
        ("\x1b[8mx\x1b[0m", "concealing_escapes", 1),
        ("\x1b[1;8mx", "concealing_escapes", 1),
        ("\x9b8mx", "concealing_escapes", 1),
        ("\x1b[38;5;8mgrey", "concealing_escapes", 0),
        ("\x1b[38;2;8;8;8mgrey", "concealing_escapes", 0),
        ("\x1b[30;40mblack on black", "concealing_escapes", 1),
        ("\x1b[2K\x1b[1A\x1b[H", "erasing_escapes", 3),
        ("\\033[1m \\e[0m \\u001b[2J \\x1B[1;31m", "escape_sequences", 4),
        ("the pаssword and ассоunt", "look_alike_words", 2),
        ("pαssword", "look_alike_words", 1),
        ("Ꭰnd ꓐut fօr", "look_alike_words", 3),
        ("столc", "look_alike_words", 0),  # a slip in a Russian word
        ("𝐢𝐠𝐧𝐨𝐫𝐞 𝓪𝓵𝓵", "styled_words", 2),
    ],
)  # fmt: skip
def test_out_of_place(text: str, name: str, count: int) -> None:
    assert counts_of(text).get(name, 0) == count


def test_each_document_by_itself() -> None:
    """An unfinished flag, word or direction does not go on in the next document."""
    texts = ["🏴", _tags("gbeng") + "\U000e007f", "pа", "ss", "\u202eab", "cd", "\x1b[8m", "x"]
    alone = [counts_of(text) for text in texts]
    assert measure([text.encode() for text in texts])[0] == alone


def test_places() -> None:
    text = "né " + _tags("hidden") + " end".rjust(20)
    _, places = measure([b"clean", text.encode()])
    (place,) = places.tolist()
    document, kind, start, end, size = place
    assert (document, kind, size) == (1, 0, 6)
    assert text.encode()[start:end].decode() == _tags("hidden")


def test_a_long_hostile_document() -> None:
    """A megabyte of each kind: counted in full, recorded up to a limit."""
    unit = "w" + _tags("x") + " pаss\u200bword \u202eabc\u202c \x1b[8mz\x1b[0m a\ufe0f\ufe0e 𝐀𝐁𝐂\n"
    repeats = 1_000_000 // len(unit.encode())
    (row,), places = measure([(unit * repeats).encode()])
    assert row["tag_characters"] == row["zero_width"] == row["bidi_controls"] == repeats
    assert row["concealing_escapes"] == row["styled_words"] == repeats
    assert np.bincount(places["kind"]).max() == RUNS_KEPT


def test_tables_agree_with_unicode() -> None:
    """Look-alikes are letters, of no kind twice, and none of them is Latin."""
    for other in LATIN_FOR:
        assert unicodedata.category(other)[0] == "L"
        assert not unicodedata.name(other).startswith("LATIN")
