"""Votes for languages (docs/definitions.md, "Languages"). The words and their frequencies are those
of the library wordfreq, which Tocsin uses too."""

from __future__ import annotations

import functools
import itertools
import math

from wordfreq import get_frequency_list

from checker.characters import LETTER, UNSPACED, script_of
from checker.hashing import Table
from checker.tokens import Names

_BY_SCRIPT = {
    "greek": "el", "hebrew": "he", "indic": "indic", "thai": "th", "han": "zh-ja",
    "kana": "zh-ja", "hangul": "ko",
}  # fmt: skip
_BY_WORD = ("latin", "cyrillic", "arabic")
_LANGUAGES = (
    "ar", "bg", "ca", "cs", "da", "de", "en", "es", "fa", "fi", "fil", "fr", "hu", "id", "is", "it",
    "lt", "lv", "mk", "nb", "nl", "pl", "pt", "ro", "ru", "sh", "sk", "sl", "sv", "tr", "uk", "ur",
    "vi",
)  # fmt: skip
_ALL = ("none", *dict.fromkeys(_BY_SCRIPT.values()), *_LANGUAGES)
_WORDS = 2_000
_TIMES_AS_FREQUENT = 3.0


@functools.cache
def _words() -> dict[str, int]:
    """What each word votes for. wordfreq gives words in classes of equal frequency, a hundredth of
    a decade apart."""
    rank: dict[str, dict[str, int]] = {}
    frequent: dict[str, list[str]] = {}
    for language in _LANGUAGES:
        classes = get_frequency_list(language, "small")
        for at, words in enumerate(classes):
            for word in words:
                rank.setdefault(word, {})[language] = at
        ordered = itertools.chain.from_iterable(map(sorted, classes))
        frequent[language] = list(itertools.islice(ordered, _WORDS))
    apart = math.ceil(100 * math.log10(_TIMES_AS_FREQUENT))
    votes = {}
    for language, words in frequent.items():
        for word in words:
            own = rank[word][language]
            others = [at for other, at in rank[word].items() if other != language]
            if len(word) > 1 and word.isalpha() and all(at - own >= apart for at in others):
                votes[word] = _ALL.index(language)
    return votes


class Voters:
    """Says what tokens vote for; 0 for nothing."""

    def __init__(self, names: Names) -> None:
        self._names = names
        hashes = {names.hashes[names.number(word, LETTER)]: to for word, to in _words().items()}
        self._by_hash = Table(hashes)
        self._known: dict[int, int] = {}

    def vote(self, number: int) -> int:
        """The number of the language that a token, by its number, votes for."""
        if number not in self._known:
            self._known[number] = self._vote(number)
        return self._known[number]

    def _vote(self, number: int) -> int:
        names = self._names
        if names.classes[number] not in (LETTER, UNSPACED):
            return 0
        script = script_of(names.strings[number][0])
        if script in _BY_WORD:
            return self._by_hash.code(names.hashes[number])
        return _ALL.index(_BY_SCRIPT[script]) if script in _BY_SCRIPT else 0
