"""Order-2 Markov chains over words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


class MarkovChain:
    """Continues each two words with what followed them somewhere in a text.

    Held as three arrays, not as a dictionary of lists: 24 bytes a word instead of hundreds.
    """

    def __init__(self, words: Sequence[str]) -> None:
        """Learns from running words; at least three of them."""
        vocabulary, numbers = np.unique(np.asarray(words, dtype=object), return_inverse=True)
        self._vocabulary: Sequence[str] = vocabulary.tolist()
        self._numbers: npt.NDArray[np.int64] = numbers.astype(np.int64)
        pairs = self._pair(self._numbers[:-2], self._numbers[1:-1])
        self._order = np.argsort(pairs, kind="stable")
        self._pairs = pairs[self._order]

    def _pair(
        self, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        return first * len(self._vocabulary) + second

    def walk(self, generator: np.random.Generator, count: int) -> list[str]:
        """Draws `count` words; begins anew where no word ever followed."""
        walked: list[int] = []
        while len(walked) < count:
            start = int(generator.integers(len(self._numbers) - 2))
            first, second = self._numbers[start], self._numbers[start + 1]
            walked += [first, second]
            while len(walked) < count:
                pair = self._pair(first, second)
                low, high = np.searchsorted(self._pairs, [pair, pair + 1])
                if low == high:
                    break
                followed = self._order[generator.integers(low, high)] + 2
                first, second = second, self._numbers[followed]
                walked.append(second)
        return [self._vocabulary[number] for number in walked[:count]]
