"""What recipes are cooked from: a bounded sample of the corpus' own text for each language."""

from __future__ import annotations

import functools
import heapq
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import xxhash

from tocsin.drill.languages import language_of
from tocsin.drill.markov import MarkovChain
from tocsin.drill.vocabulary import Vocabulary

# A language's sample: enough for tens of thousands of distinct words, from many documents.
SAMPLE_CHARACTERS = 2_000_000
DOCUMENT_CHARACTERS = 20_000
LONG_TEXT_CHARACTERS = 1_500
# Further language keys share one sample, so that memory stays bounded.
MAXIMUM_LANGUAGES = 128
SHARED_LANGUAGE = "*"
_SOURCE = "source:"
# Below this many distinct words a language borrows those of the shared sample.
_MINIMUM_WORDS = 100


# Scripts written without spaces are cut into short runs of one script.
_UNSPACED = re.compile(
    r"[\u3041-\u309f]{1,3}|[\u30a0-\u30ff]{1,5}|[\u3400-\u4dbf\u4e00-\u9fff]{1,2}"
    r"|[\u0e00-\u0eff]{1,6}|[\u1000-\u109f\u1780-\u17ff]{1,6}"
)


@functools.lru_cache(maxsize=1)
def _word_pattern() -> re.Pattern[str]:
    """Runs of letters and combining marks, which `\\w` leaves out and Indic words are full of."""
    ranges: list[list[int]] = []
    for point in range(0x10000):
        category = unicodedata.category(chr(point))
        if (category[0] == "L" or category in ("Mn", "Mc")) and not _UNSPACED.match(chr(point)):
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1][1] = point
            else:
                ranges.append([point, point])
    letters = "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
    return re.compile(f"[{letters}]+|{_UNSPACED.pattern}")


def words_of(text: str) -> list[str]:
    """The words of a text in order: runs of letters and their marks, without digits or symbols."""
    return _word_pattern().findall(text)


def language_key(record: Mapping[str, Any]) -> str:
    """What the language of a record is told by: its `lang` without region, else its `source`."""
    language = record.get("lang") or record.get("language")
    if isinstance(language, str) and language.lower() not in ("und", "unknown", ""):
        return re.split(r"[-_]", language.lower(), maxsplit=1)[0]
    source = record.get("source")
    return f"{_SOURCE}{source}" if isinstance(source, str) and source else SHARED_LANGUAGE


@dataclass(frozen=True)
class Language:
    """A sample of one language.

    Attributes:
        texts: the sampled texts.
        running_words: their words in order.
        words: the distinct ones, sorted.
        separator: what stands between words: nothing in scripts without spaces.
    """

    texts: tuple[str, ...]
    running_words: tuple[str, ...]
    words: tuple[str, ...]
    separator: str

    @classmethod
    def from_texts(cls, texts: Sequence[str]) -> Language:
        running = tuple(word for text in texts for word in words_of(text))
        unspaced = sum(_UNSPACED.match(word) is not None for word in running)
        separator = "" if 2 * unspaced > len(running) else " "
        return cls(tuple(texts), running, tuple(sorted(set(running))), separator)

    @functools.cached_property
    def chain(self) -> MarkovChain:
        """Learned from the texts as they are, punctuation included, where spaces part the words."""
        spaced = [word for text in self.texts for word in text.split()]
        return MarkovChain(spaced if self.separator else self.running_words)


class LanguageSampler:
    """Keeps a uniform sample of documents for each language key, in one pass and bounded memory.

    The documents with the smallest hashes stay, so the sample does not depend on their order.
    """

    def __init__(self) -> None:
        self._heaps: dict[str, list[tuple[int, str]]] = {}
        self._characters: dict[str, int] = {}

    def add(self, language: str, text: str) -> None:
        if language not in self._heaps and len(self._heaps) >= MAXIMUM_LANGUAGES:
            language = SHARED_LANGUAGE
        for key in {language, SHARED_LANGUAGE}:
            self._add(key, text[:DOCUMENT_CHARACTERS])

    def _add(self, key: str, text: str) -> None:
        heap = self._heaps.setdefault(key, [])
        rank = -xxhash.xxh3_64_intdigest(text.encode())
        full = self._characters.get(key, 0) >= SAMPLE_CHARACTERS
        if full and rank < heap[0][0]:
            return
        heapq.heappush(heap, (rank, text))
        self._characters[key] = self._characters.get(key, 0) + len(text)
        while self._characters[key] - len(heap[0][1]) >= SAMPLE_CHARACTERS:
            self._characters[key] -= len(heapq.heappop(heap)[1])

    def samples(self) -> dict[str, tuple[str, ...]]:
        """Texts for each language key, in an order that does not depend on that of the corpus."""
        return {
            key: tuple(text for _, text in sorted(heap))
            for key, heap in sorted(self._heaps.items())
        }


@dataclass
class Materials:
    """The vocabulary and the texts that recipes draw from.

    Attributes:
        vocabulary: pieces for gibberish.
        samples: texts for each language key; holds SHARED_LANGUAGE, the sample of all of them.
    """

    vocabulary: Vocabulary
    samples: Mapping[str, tuple[str, ...]]
    _languages: dict[str, Language] = field(default_factory=dict, repr=False)

    @functools.cached_property
    def foreign_texts(self) -> dict[str, tuple[str, ...]]:
        """The texts that a passage can be taken from, by the language that they are in, but for
        those in the one of most texts. (Labels would not do: pages that are labelled with a
        language may be untranslated, or hold programs.)"""
        long_texts = dict.fromkeys(
            text
            for _, texts in sorted(self.samples.items())
            for text in texts
            if len(text) >= LONG_TEXT_CHARACTERS
        )
        by_language: dict[str, list[str]] = {}
        for text in long_texts:
            by_language.setdefault(language_of(text), []).append(text)
        numbers = Counter(map(language_of, self.samples[SHARED_LANGUAGE]))
        del numbers["none"]
        first = max(sorted(numbers), key=lambda language: numbers[language], default="none")
        return {
            language: tuple(texts)
            for language, texts in sorted(by_language.items())
            if language not in ("none", first)
        }

    def language(self, key: str) -> Language:
        """The sample of a language; the shared one where it is unknown or has too few words."""
        if key not in self._languages:
            language = Language.from_texts(self.samples.get(key, ()))
            if key != SHARED_LANGUAGE and len(language.words) < _MINIMUM_WORDS:
                language = self.language(SHARED_LANGUAGE)
            self._languages[key] = language
        return self._languages[key]
