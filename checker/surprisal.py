"""The profile and the surprisal of tokens (docs/definitions.md, "Surprisal")."""

from __future__ import annotations

import bisect
import math
from array import array
from collections import Counter
from collections.abc import Callable

from checker.hashing import Table, before_the_first, pair_hash
from checker.tokens import Names, Tokens

BYTES_COUNTED = 64 << 10
MINIMUM_COUNT = 2
PENALTY = 2.0
MOST_BITS = 27.0
CORRECTED_BELOW = 256

# Counts that a profile can tell apart: whole numbers to 15, then eight in each octave.
COUNTS = array("f", [*range(16), *(2 ** (4 + step / 8) for step in range(240))])


class Profile:
    """Counts of folded words and of pairs of them. Learn all texts, then `finish`."""

    def __init__(self, names: Names, every_count: bool = False) -> None:
        """`every_count`: keep all counts that are to be kept, as no table of a size can."""
        self._names = names
        self._every_count = every_count
        self._counted: Counter[int] = Counter()
        self._code: Callable[[int], int | None] = dict[int, int]().get
        self.words = 0

    def learn(self, text: str) -> None:
        """Counts the beginning of a text."""
        encoded = text.encode()
        if len(encoded) > BYTES_COUNTED:  # may cut a character: its bytes are controls then
            text = encoded[:BYTES_COUNTED].decode(errors="surrogateescape")
        words = self._words(Tokens(text, self._names))
        self.words += len(words)
        self._counted.update(words)
        self._counted.update(self._pairs(words))

    def finish(self) -> None:
        """Forgets what was seen once, and rounds counts down to one of COUNTS."""
        codes = {
            key: bisect.bisect_right(COUNTS, count) - 1
            for key, count in self._counted.items()
            if count >= MINIMUM_COUNT
        }
        self._counted.clear()
        self._code = codes.get if self._every_count else Table(codes).code

    def surprisals(self, tokens: Tokens) -> Surprisals:
        """Of each token of a text."""
        words = self._words(tokens)
        pairs = self._pairs(words)
        own_words, own_pairs = Counter(words), Counter(pairs)
        bits = array("f")
        all_words = log_previous = math.log2(max(self.words, 1))
        word_counts, pair_counts = [], []
        for word, pair in zip(words, pairs):
            word_count = COUNTS[self._code(word) or 0]
            pair_count = COUNTS[self._code(pair) or 0]
            word_counts.append(word_count)
            pair_counts.append(pair_count)
            log_word = math.log2(_elsewhere(word_count, own_words[word]) + 0.5)
            others = _elsewhere(pair_count, own_pairs[pair])
            if others >= 1:
                found = log_previous - math.log2(others)
            else:
                found = all_words - log_word + PENALTY
            bits.append(min(max(found, 0.0), MOST_BITS))
            log_previous = log_word
        return Surprisals(bits, word_counts, pair_counts)

    def _words(self, tokens: Tokens) -> list[int]:
        hashes = self._names.hashes
        return [hashes[number] for number in tokens.exact]

    def _pairs(self, words: list[int]) -> list[int]:
        first = before_the_first(self._names.seed)
        return [pair_hash(before, word) for before, word in zip([first, *words], words)]


class Surprisals:
    """`bits` of each token; `words`, `pairs`: the profile's counts of each word, and of each pair
    with the word before it."""

    def __init__(self, bits: array[float], words: list[float], pairs: list[float]) -> None:
        self.bits = bits
        self.words = words
        self.pairs = pairs


def _elsewhere(count: float, own: int) -> float:
    """A count less the text's own share, which counts from CORRECTED_BELOW on don't need."""
    if not 0 < count < CORRECTED_BELOW:
        return count
    return max(int(count) - min(own, 4095), 0)
