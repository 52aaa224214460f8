"""A corpus to measure against."""

from __future__ import annotations

import random
from dataclasses import dataclass

from measure import calls, reference
from measure.generated import prose, words_of
from tocsin.measure.profile import Profile


@dataclass(frozen=True)
class Baseline:
    """A corpus of prose in `words`, and its profile, from Tocsin and from the reference."""

    words: list[str]
    texts: list[bytes]
    profile: Profile
    learned: reference.Learned

    @classmethod
    def generate(cls) -> Baseline:
        words = words_of(random.Random(0), 120)
        texts = [prose(random.Random(seed), words, 200).encode() for seed in range(60)]
        return cls(words, texts, calls.profile_of(texts), reference.Learned.of(texts))
