"""Generated text: of arbitrary bytes, of words of many scripts, and natural to look at."""

from __future__ import annotations

import functools
import random

from hypothesis import strategies as st

from tocsin.measure.languages import LANGUAGES, voting_words

_SNIPPETS = (
    "the", "The", "THE", "of", "dAtA[iNdEx]", "don't", "x1y22", "2024", "３４", "٣٤٥", "12", "999",
    "----", "-----", "--", "=>", "!!!", "...", "…", "😀", "😀😀😀", "👩\u200d💻", "⚠\ufe0f",
    "über", "U\u0308ber", "ÀÉ", "İ", "Σίσυφος", "ЖУК", "жук", "עברית", "عَرَبِي", "हिन्दी",
    "ภาษาไทย", "漢字かな", "カタカナ", "ﾊﾝｶｸ", "ㄅㄆ", "한국어", "𠀀𠀁", "\U000e0041", "\U0010ffff",
    " ", "\n", "\t", "\u3000", "\u2028", "\x00", "\x00\x00", "\x1c", "\u200b", "\u00ad", "\ufeff",
    "\u0301", "\u0301\u0301", "٭", "½", "Ⅷ", "€", "$$", "_", "__init__", "<SUDO>", "｡｡｡",
)  # fmt: skip
_DAMAGED = (
    b"\x80", b"\x80\x80\x80", b"\xc3", b"\xc3\xc3\xa9", b"\xe2\x82", b"\xf0\x9f\x98",
    b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xff\xff", b"\xe3\xe3\x81\x82",
)  # fmt: skip

hostile_texts = st.lists(
    st.one_of(
        st.sampled_from([snippet.encode() for snippet in _SNIPPETS]),
        st.sampled_from(_DAMAGED),
        st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.binary(max_size=6),
    ),
    max_size=30,
).map(b"".join)
"""Bytes that hold words, marks and damage of every kind close together."""


def words_of(generator: random.Random, size: int) -> list[str]:
    """`size` different made-up words."""
    found: dict[str, None] = {}
    while len(found) < size:
        syllables = generator.choices(("ka", "lo", "mi", "tes", "ru", "ven", "dor", "sal"), k=4)
        found["".join(syllables)] = None
    return list(found)


def prose(generator: random.Random, words: list[str], size: int) -> str:
    """A text of `size` words, the first ones of `words` far more frequent than the last, that go
    on with one of the same few words after each: as of a language, so most pairs were seen."""
    text = [0]
    while len(text) < size:
        step = int(generator.paretovariate(1.2))
        text.append((text[-1] * 7 + step) % len(words))
    return " ".join(words[index] for index in text)


def salad(generator: random.Random, words: list[str], size: int) -> str:
    """A text of `size` words drawn uniformly: few pairs were seen."""
    return " ".join(generator.choices(words, k=size))


@functools.cache
def words_for(language: str) -> list[str]:
    """The words that vote for a language, in alphabetical order."""
    number = LANGUAGES.index(language)
    return sorted(word for word, voted in voting_words().items() if voted == number)


def text_in(language: str, size: int, seed: int = 0) -> str:
    """A text of `size` words; every second one votes for the language, the others for none."""
    generator = random.Random(f"{language} {seed}")
    words = [generator.choice(words_for(language)) for _ in range(size // 2)]
    return " ".join(f"{word} xq{generator.choice('bcdf')}zz" for word in words)
