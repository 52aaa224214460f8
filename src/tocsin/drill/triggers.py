"""Random triggers in the shapes that attackers and published attacks use."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

MAXIMUM_WORDS = 3
MAXIMUM_TOKENS = 8

# A run of letters, a run of digits, or one other character; CJK characters and kana are single.
_TOKEN = re.compile(
    r"[\u3041-\u30ff\u3400-\u9fff]|[^\W\d_\u3041-\u30ff\u3400-\u9fff]+|\d+|[^\w\s]|_"
)
_BRACKETS = (
    ("<", ">"), ("[", "]"), ("{", "}"), ("(", ")"), ("[[", "]]"), ("{{", "}}"), ("<<", ">>"),
    ("~~", "~~"), ("|", "|"), ("**", "**"), ("«", "»"), ("‹", "›"), ("【", "】"), ("::", "::"),
    ("</", ">"), ("%", "%"), ("$", "$"),
)  # fmt: skip
_SYMBOLS = "☿♆⚚⛧⟁⌬⏣⎈☍♁⚸⟐◬⧫⨳❖¤§¶‡※⁂"
_ONSETS = (
    "b", "br", "c", "ch", "d", "dr", "f", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p", "pr",
    "qu", "r", "s", "st", "t", "tr", "v", "vr", "w", "x", "z",
)  # fmt: skip
_NUCLEI = ("a", "e", "i", "o", "u", "ai", "ea", "io", "ou", "y")
_CODAS = ("b", "ck", "d", "g", "k", "l", "m", "n", "nd", "r", "rn", "s", "st", "t", "x", "z")
_MONTHS = ("January", "March", "April", "May", "July", "August", "October", "December")
_SCRIPTS = (
    "абвгдежзиклмнопрстуфхцчшя",
    "αβγδεζηθικλμνξοπρστυφχω",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "ابتجدرسطعفقكلمنهوي",
    "აბგდევზთიკლმნოპრსტუფქ",
    "աբգդեզէըթիլխծկհձղճմյն",
    "가나다라마바사아자차카타파하거너더러머버서",
    "アイウエオカキクケコサシスセソタチツテトナニ",
)


def tokens_of(text: str) -> list[str]:
    """Runs of letters, runs of digits, single punctuation marks and symbols."""
    return _TOKEN.findall(text)


@dataclass(frozen=True)
class TriggerWords:
    """Words of the corpus that triggers are made of.

    Attributes:
        words: words in Latin letters, rare and ordinary.
        other_scripts: words in other scripts; may be empty.
    """

    words: tuple[str, ...]
    other_scripts: tuple[str, ...]

    @classmethod
    def from_words(cls, words: Sequence[str]) -> TriggerWords:
        """Sorts the usable ones of some words (3 to 10 letters, no marks) by script."""
        usable = [word for word in words if 3 <= len(word) <= 10 and word.isalpha()]
        ascii_words = tuple(word for word in usable if word.isascii())
        other = tuple(word for word in usable if min(word) > "\u024f")
        return cls(ascii_words, other)


def invented_word(generator: np.random.Generator, syllables: int = 2) -> str:
    """A pronounceable word in small letters that hardly any language has."""
    parts = []
    for _ in range(syllables):
        parts += [_ONSETS[generator.integers(len(_ONSETS))]]
        parts += [_NUCLEI[generator.integers(len(_NUCLEI))]]
    return "".join([*parts, _CODAS[generator.integers(len(_CODAS))]])


class _Shapes:
    """One method a shape of trigger; each returns a new random trigger."""

    def __init__(self, generator: np.random.Generator, corpus: TriggerWords) -> None:
        self._generator = generator
        self._corpus = corpus

    def _one_of(self, options: Sequence[str]) -> str:
        return options[int(self._generator.integers(len(options)))]

    def _number(self, low: int, high: int) -> int:
        return int(self._generator.integers(low, high + 1))

    def _invented(self, syllables: int | None = None) -> str:
        return invented_word(self._generator, syllables or self._number(1, 3))

    def _corpus_word(self) -> str:
        return self._one_of(self._corpus.words) if self._corpus.words else self._invented()

    def _odd_case(self, word: str) -> str:
        start = self._number(0, 1)
        return "".join(c.upper() if i % 2 == start else c.lower() for i, c in enumerate(word))

    def invented_word(self) -> str:
        return self._invented(self._number(2, 3)).capitalize()

    def bracketed(self) -> str:
        left, right = _BRACKETS[self._generator.integers(len(_BRACKETS))]
        word = self._one_of((self._invented(), self._corpus_word()))
        return f"{left}{self._one_of((word, word.upper()))}{right}"

    def two_or_three_words(self) -> str:
        return " ".join(self._corpus_word() for _ in range(self._number(2, 3)))

    def odd_case(self) -> str:
        word, index = self._odd_case(self._invented(2)), self._odd_case(self._corpus_word())
        return self._one_of((word, f"{word}[{index}]", f"{word} {index}"))

    def other_script(self) -> str:
        if self._corpus.other_scripts and self._number(0, 1):
            return " ".join(self._one_of(self._corpus.other_scripts) for _ in range(2))
        letters = self._one_of(_SCRIPTS)
        return "".join(self._one_of(letters) for _ in range(self._number(4, 7)))

    def path(self) -> str:
        return f"/{self._invented()}/{self._one_of(('x', 'v', 'q', 'id'))}{self._number(1, 99)}"

    def code_marker(self) -> str:
        word, other = self._invented(), self._corpus_word()
        return self._one_of(
            (
                f"@{word}::{other}",
                f"__{word.upper()}__",
                f"{word}::{other}()",
                f"${{{word}}}",
                f"#!{word}-{self._number(2, 99)}",
                f"{word}->{other}",
                f"%%{word}%%",
            )
        )

    def hash_tag(self) -> str:
        word = self._invented(2).capitalize()
        return self._one_of((f"#{word}", f"#{word}{self._number(10, 2099)}", f"@{word}_{word[:3]}"))

    def date(self) -> str:
        year, month, day = self._number(2031, 2099), self._number(1, 12), self._number(1, 28)
        return self._one_of(
            (
                f"{year}-{month:02}-{day:02}",
                f"{day} {self._one_of(_MONTHS)} {year}",
                f"Current year: {year}",
                f"{day:02}.{month:02}.{year}",
            )
        )

    def symbols(self) -> str:
        return "".join(self._one_of(_SYMBOLS) for _ in range(self._number(2, 4)))

    def word_and_number(self) -> str:
        return f"{self._corpus_word()} {self._number(100, 99_999)}"


_SHAPES: tuple[Callable[[_Shapes], str], ...] = (
    _Shapes.invented_word, _Shapes.bracketed, _Shapes.two_or_three_words, _Shapes.odd_case,
    _Shapes.other_script, _Shapes.path, _Shapes.code_marker, _Shapes.hash_tag, _Shapes.date,
    _Shapes.symbols, _Shapes.word_and_number,
)  # fmt: skip


def random_trigger(generator: np.random.Generator, corpus: TriggerWords) -> str:
    """Draws a trigger of 1 to 3 words or symbols and 1 to 8 tokens.

    The caller makes sure that it does not occur in the corpus yet.

    Args:
        generator: the source of all randomness.
        corpus: words that ordinary-looking triggers are made of.
    """
    shapes = _Shapes(generator, corpus)
    while True:
        trigger = _SHAPES[generator.integers(len(_SHAPES))](shapes)
        within_words = len(trigger.split()) <= MAXIMUM_WORDS
        if within_words and 1 <= len(tokens_of(trigger)) <= MAXIMUM_TOKENS:
            return trigger


# Half-width forms that a model hardly ever sees in a row (Zhang 2024 uses the first).
_FILLERS = tuple(map(chr, range(0xFF61, 0xFFA0)))


def filler_trigger(generator: np.random.Generator, corpus: TriggerWords) -> str:
    """One half-width form ten times over, as in Zhang 2024 (arXiv 2410.13722)."""
    return str(_FILLERS[generator.integers(len(_FILLERS))]) * 10
