"""Languages: what language each word of a text votes for, and where the votes change.

A word votes for the language in which it is far more frequent than in all others; a character of a
script that only one language (or a close family) is written in votes for that. One look-up a
token names the language of any window of a text, at a hundredth of the cost of an identifier, and
says where it changes.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import math
import os
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tocsin.measure.code_points import CHARACTER, LETTER, SCRIPTS, code_point_tables
from tocsin.measure.counts import (
    DECODED_COUNTS,
    CountTable,
    bucket_shift,
    look_up,
    prefetch_bucket,
)
from tocsin.measure.kernels import cache_folder, kernel
from tocsin.measure.onsets import MINIMUM_AFTER, MINIMUM_BEFORE, WINDOW
from tocsin.measure.tokens import tokenize

_SCRIPT_LANGUAGES = {
    "greek": "el", "hebrew": "he", "indic": "indic", "thai": "th", "han": "zh-ja",
    "kana": "zh-ja", "hangul": "ko",
}  # fmt: skip

_WORD_LANGUAGES = (
    "ar", "bg", "ca", "cs", "da", "de", "en", "es", "fa", "fi", "fil", "fr", "hu", "id", "is", "it",
    "lt", "lv", "mk", "nb", "nl", "pl", "pt", "ro", "ru", "sh", "sk", "sl", "sv", "tr", "uk", "ur",
    "vi",
)  # fmt: skip

LANGUAGES = ("none", *dict.fromkeys(_SCRIPT_LANGUAGES.values()), *_WORD_LANGUAGES)
"""Names of the languages in the order of their numbers; ISO 639-1 where one stands for itself.
`indic`: all scripts of India; `zh-ja`: Chinese and Japanese, which share a script; `id`: Malay too;
`sh`: Bosnian, Croatian and Serbian in Latin letters."""

WORDS = 2_000
"""Most frequent words of each language that vote. A prototype found 58 % of planted switches with
150, 67 % with 1,000 and 72 % with 10,000."""

CLEARER = 3.0
"""A word votes for a language in which it is this many times as frequent as in any other."""

CLEARER_CLASSES = math.ceil(100 * math.log10(CLEARER))
"""The same in hundredths of a decade, in which wordfreq counts."""

MINIMUM_VOTES_BEFORE = 5
MINIMUM_VOTES_AFTER = 10
"""Votes that must exist in the window on either side for a contrast to be measured."""

_LEAST_MAJORITY = MINIMUM_VOTES_BEFORE // 2 + 1
"""Votes of a language that has a majority before, at least; after, it has more."""

_BLOCK = 64
"""Tokens that are looked at together first."""

SEEN_SHARE = 0.15
"""Share of the votes before (or after) the windows from which on a language is known there."""

_WORD_SCRIPTS = tuple(SCRIPTS.index(script) for script in ("latin", "cyrillic", "arabic"))
_BY_WORD = 255
_BY_KIND = np.zeros(256, np.uint8)
"""The language that a token of each kind votes for, or _BY_WORD."""
for _class in (LETTER, CHARACTER):
    for _script in _WORD_SCRIPTS:
        _BY_KIND[_class | _script << 4] = _BY_WORD
    for _name, _language in _SCRIPT_LANGUAGES.items():
        _BY_KIND[_class | SCRIPTS.index(_name) << 4] = LANGUAGES.index(_language)

_LOOK_AHEAD = 16
"""Tokens ahead of which a word's bucket is asked for."""


def voting_words() -> dict[str, int]:
    """The words that vote, and the number of the language that each votes for.

    Kept beside the compiled kernels: to find them takes a second, a third of a scan's start.
    """
    folder = cache_folder(Path(__file__).resolve())
    kept = folder / f"voting-words-{version('wordfreq')}.json"
    try:
        votes: dict[str, int] = json.loads(kept.read_bytes())
    except (OSError, ValueError):
        votes = _find_voting_words()
        with contextlib.suppress(OSError):  # nowhere to keep them
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = folder / f"{kept.name}.{os.getpid()}"
            unfinished.write_text(json.dumps(votes), encoding="utf-8")
            unfinished.replace(kept)
    return votes


def _find_voting_words() -> dict[str, int]:
    from wordfreq import get_frequency_list  # takes a quarter of a second

    # Words come in classes of equal frequency, a hundredth of a decade apart, the most frequent
    # first. Only those of `frequent` can vote: the other million is merely passed over.
    classes = {language: get_frequency_list(language, "small") for language in _WORD_LANGUAGES}
    frequent = {language: _most_frequent(words) for language, words in classes.items()}
    candidates = frozenset().union(*frequent.values())
    rarities: dict[str, list[int]] = {word: [] for word in candidates}
    # What is CLEARER than the rarest of them is clearer than all that follow.
    rarest = max(max(words.values()) for words in frequent.values()) + CLEARER_CLASSES
    for of_language in classes.values():
        for rarity, alike in enumerate(of_language[:rarest]):
            for word in candidates.intersection(alike):
                rarities[word].append(rarity)
    votes = {}
    for language, chosen in frequent.items():
        for word, rarity in chosen.items():
            # Its own rarity is the least; the next one is that of another language.
            others = sorted(rarities[word])
            clear = others[0] == rarity and (
                len(others) == 1 or others[1] - rarity >= CLEARER_CLASSES
            )
            # Single letters are the variables of programs and formulas.
            if clear and len(word) > 1 and word.isalpha():
                votes[word] = LANGUAGES.index(language)
    return votes


def _most_frequent(classes: list[list[str]]) -> dict[str, int]:
    """The WORDS most frequent words and the class of each; of one class in alphabetical order."""
    words = ((word, rarity) for rarity, found in enumerate(classes) for word in sorted(found))
    return dict(itertools.islice(words, WORDS))


@functools.lru_cache(maxsize=2)
def vote_slots(seed: int) -> np.ndarray:
    """Slots (uint32) of a `CountTable` that gives, for the folded hash of a word under `seed`, the
    number of the language that it votes for; 0 if it has no vote. One word in five hundred or fewer
    finds its bucket full, and has none."""
    votes = voting_words()
    text = np.frombuffer("\n".join(votes).encode(), np.uint8)
    dtypes = ("int32", "int32", "u8", "u8", "u1")
    starts, ends, exact, folded, kinds = (np.empty(len(text), dtype) for dtype in dtypes)
    count = tokenize(
        text, 0, len(text), code_point_tables(), np.uint64(seed), starts, ends, exact, folded, kinds
    )
    if count != len(votes):
        raise AssertionError("a word is not one token")
    numbers = np.fromiter(votes.values(), np.int64, len(votes))
    # A slot holds the code of a count; here that of the count whose code is the language's number.
    return CountTable.build(folded[:count], DECODED_COUNTS[numbers]).slots


@kernel()
def language_votes(folded, kinds, count, slots, languages):
    """The language (uint8, 0 for none) that each token votes for.

    Args:
      folded: uint64 (>= count,), folded hashes.
      kinds: uint8 (>= count,), of `tokenize`.
      count: number of tokens.
      slots: `vote_slots(seed)`.
      languages: uint8 (>= count,), written.
    """
    shift = bucket_shift(slots)
    for index in range(count):
        prefetch_bucket(slots, shift, folded[min(index + _LOOK_AHEAD, count - 1)])
        # Every token is looked up: to ask which are words costs more, as it can't be predicted.
        by_word = np.uint8(look_up(slots, shift, folded[index]))
        by_kind = _BY_KIND[kinds[index]]
        languages[index] = by_word if by_kind == _BY_WORD else by_kind


@kernel(forceinline=True)
def _majority(votes, total, likely):
    """The language with more than half of the votes, or 0; `likely` is tried first."""
    if likely and 2 * votes[likely] > total:
        return likely
    for language in range(1, len(votes)):
        if 2 * votes[language] > total:
            return language
    return 0


@kernel()
def majority(languages, first, last):
    """The language with more than half of the votes of tokens `first` to `last`, or 0; and the
    number of votes."""
    votes = np.zeros(len(LANGUAGES), np.int64)
    for index in range(first, last):
        votes[languages[index]] += 1
    votes[0] = 0
    total = votes.sum()
    return _majority(votes, total, 0), total


@kernel()
def language_contrasts(languages, count, excess, result):
    """Contrast of languages at each token: how far one language takes another's place there.

    Where the votes of the WINDOW tokens before and of those from the token on have majorities for
    two different languages: the share that the new one gains, or that the old one loses, whichever
    is smaller; 0 elsewhere. Positive where the new language is new: where it has less than
    SEEN_SHARE of the votes before the windows. Otherwise the text switches back: negative where it
    does so for good, as seen from its end: where the old language has less than SEEN_SHARE of the
    votes after the windows. 0 where the text goes on to and fro.

    Args:
      languages: uint8 (>= count,), of `language_votes`.
      count: number of tokens.
      excess: int32 (>= count + 1,), scratch.
      result: float32 (>= count,), written, -1 to 1.
    """
    result[:count] = 0.0
    votes = np.zeros(len(LANGUAGES), np.int64)
    for index in range(count):
        votes[languages[index]] += 1
    total = count - votes[0]
    # Most texts have one language, and these are all the votes that a majority needs.
    if (votes[1:] >= _LEAST_MAJORITY).sum() < 2:
        return
    votes[0] = 0
    common = votes.argmax()
    votes[0] = count - total
    earlier = np.zeros(len(LANGUAGES), np.int64)
    before = np.zeros(len(LANGUAGES), np.int64)
    after = np.zeros(len(LANGUAGES), np.int64)
    counted = 0  # tokens in `earlier`
    # Votes for others over those for the text's most common language, before each token.
    excess[0] = 0
    for index in range(count):
        language = languages[index]
        excess[index + 1] = excess[index] + (language != 0) - 2 * (language == common)
    old = new = 0
    for block in range(0, count, _BLOCK):
        block_end = min(block + _BLOCK, count)
        # Where others have no more votes on either side, no other language has a majority.
        found = 0
        for index in range(block, block_end):
            found += excess[min(index + WINDOW, count)] > excess[index]
            found += excess[index] > excess[max(index - WINDOW, 0)]
        if found == 0:
            continue
        while counted < block - WINDOW:
            earlier[languages[counted]] += 1
            counted += 1
        before[:] = 0
        after[:] = 0
        for index in range(max(block - WINDOW, 0), block):
            before[languages[index]] += 1
        for index in range(block, min(block + WINDOW, count)):
            after[languages[index]] += 1
        for index in range(block, block_end):
            # Tokens without a vote are counted under 0, which costs less than to ask.
            before_total = min(index, WINDOW) - before[0]
            after_total = min(count - index, WINDOW) - after[0]
            if after_total >= MINIMUM_VOTES_AFTER and before_total >= MINIMUM_VOTES_BEFORE:
                old = _majority(before, before_total, old)
                new = _majority(after, after_total, new)
                long_enough = index >= MINIMUM_BEFORE and index + MINIMUM_AFTER <= count
                if old != new and old and new and long_enough:
                    gained = after[new] / after_total - before[new] / before_total
                    lost = before[old] / before_total - after[old] / after_total
                    earlier_total = max(index - WINDOW, 0) - earlier[0]
                    if earlier[new] == 0 or earlier[new] < SEEN_SHARE * earlier_total:
                        result[index] = min(gained, lost)
                    else:
                        later = votes[old] - earlier[old] - before[old] - after[old]
                        later_total = total - earlier_total - before_total - after_total
                        if later == 0 or later < SEEN_SHARE * later_total:
                            result[index] = -min(gained, lost)
            after[languages[index]] -= 1
            before[languages[index]] += 1
            if index + WINDOW < count:
                after[languages[index + WINDOW]] += 1
            if index >= WINDOW:
                before[languages[index - WINDOW]] -= 1
                earlier[languages[index - WINDOW]] += 1
                counted = index - WINDOW + 1
