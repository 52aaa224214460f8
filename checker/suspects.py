"""Strings at onsets (docs/definitions.md, "Onsets" and "Suspects")."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from checker.changes import CHANNELS, Measured
from checker.corpus import Document
from checker.surprisal import Profile
from checker.tokens import Names

LONGEST = 8
FEWEST_DOCUMENTS = 4
DIVERSITY = 0.8
HIT_SHARE = 0.5
ONCE_SHARE = 0.4
WIDESPREAD = 3

Key = tuple[str, int, tuple[int, ...]]
"""Channel, direction (1, or -1 for decoys), and tokens in the order of the text."""


@dataclass
class Corpus:
    """Sums over the corpus: tokens by bucket, bits, onsets by channel and bucket, decoys by
    channel."""

    tokens: Counter[tuple[str, str]] = field(default_factory=Counter)
    bits: float = 0.0
    onsets: dict[str, Counter[tuple[str, str]]] = field(
        default_factory=lambda: {channel: Counter() for channel in CHANNELS}
    )
    decoys: Counter[str] = field(default_factory=Counter)

    def rate(self, channel: str, bucket: tuple[str, str]) -> float:
        """Onsets among the tokens of a bucket, drawn towards the corpus'."""
        onsets = self.onsets[channel]
        everywhere = (sum(onsets.values()) + 1) / (sum(self.tokens.values()) + 100_000)
        return (onsets[bucket] + everywhere * 100_000) / (self.tokens[bucket] + 100_000)

    def decoy_rate(self, channel: str) -> float:
        """Decoys among tokens."""
        return (self.decoys[channel] + 1) / (sum(self.tokens.values()) + 2)


@dataclass
class _Onset:
    """What is known of the string of a key at an onset."""

    document: Document
    near: tuple[int, ...]
    far: tuple[tuple[int, ...], ...]
    occurrences: float


@dataclass
class Suspect:
    """A string that stands at onsets of several unrelated documents; `documents`, `occurrences`: of
    the sweep."""

    key: Key
    hits: int
    groups: int
    framed: bool
    documents: int = 0
    occurrences: int = 0

    @property
    def channel(self) -> str:
        """The kind of change that it was found by."""
        return self.key[0]

    @property
    def has_shape(self) -> bool:
        """Whether it behaves as a trigger does."""
        return (
            self.hits >= HIT_SHARE * self.documents
            and self.documents >= ONCE_SHARE * self.occurrences
        )


class Evidence:
    """Onsets and decoys, document by document."""

    def __init__(self, profile: Profile, names: Names) -> None:
        self._profile = profile
        self._names = names
        self._onsets: dict[Key, list[_Onset]] = defaultdict(list)
        self.corpus = Corpus()

    def add(self, document: Document, measured: Measured) -> None:
        """Takes the evidence of a document; in the order of shards and positions."""
        tokens = measured.tokens
        self.corpus.tokens[measured.bucket] += len(tokens)
        self.corpus.bits += math.fsum(measured.surprisals.bits)
        for channel in CHANNELS:
            contrasts = measured.contrasts[channel]
            for at in measured.onsets(channel):
                if contrasts[at] > 0:
                    self.corpus.onsets[channel][measured.bucket] += 1
                    # Read to the right, from the onset on.
                    self._add(document, measured, channel, 1, tokens.exact.tolist(), at)
                else:
                    self.corpus.decoys[channel] += 1
                    # Read to the left, from the token before it on.
                    exact = tokens.exact.tolist()[::-1]
                    self._add(document, measured, channel, -1, exact, len(exact) - at)

    def _add(
        self, document: Document, measured: Measured, channel: str, direction: int,
        exact: list[int], at: int,
    ) -> None:  # fmt: skip
        """`exact`: tokens in the order of reading; `at`: the first one of the strings."""
        far = (_tokens(exact, at - 1 - 32 - 3, 4), _tokens(exact, at + 32, 4))
        for length in range(1, LONGEST + 1):
            string = _tokens(exact, at, length)
            if not string:
                break
            before = exact[at - 1] if at else -1
            after = exact[at + length] if at + length < len(exact) else -1
            near = (after,) if channel == "opening" else (after, before)
            text_order = string if direction > 0 else string[::-1]
            one = _Onset(document, near, far, self._known(measured, exact, at, length, direction))
            self._onsets[channel, direction, text_order].append(one)

    def _known(
        self, measured: Measured, exact: list[int], at: int, length: int, direction: int
    ) -> float:
        """How often the profile knows a string of one or two words; 0 if it is longer or one of
        them is written in another way than folded."""
        if length > 2 or not all(self._names.unchanged[one] for one in exact[at : at + length]):
            return 0.0
        place = at if direction > 0 else len(exact) - 1 - at
        if length == 1:
            return measured.surprisals.words[place]
        return measured.surprisals.pairs[place + 1 if direction > 0 else place]

    def suspects(self) -> list[Suspect]:
        """What stands at the onsets of enough documents."""
        scale = sum(self.corpus.tokens.values()) / max(self._profile.words, 1)
        found = []
        for key, onsets in self._onsets.items():
            hits = list({one.document.place: one for one in reversed(onsets)}.values())[::-1]
            first = onsets[0]
            if len(hits) < FEWEST_DOCUMENTS:
                continue
            most = 8.0 * len(hits) / (HIT_SHARE * ONCE_SHARE)
            if first.occurrences * scale > most:
                continue
            groups = len({one.document.group for one in hits})
            sides = list(zip(*(one.near for one in hits)))
            framed = [_diversity(side) < DIVERSITY for side in sides]
            far = [[one.far[1] for one in hits], [one.far[0] for one in hits]]
            differ = [not tight or _differ_far(other) for tight, other in zip(framed, far)]
            if all(differ) and not (any(framed) and groups < WIDESPREAD):
                found.append(Suspect(key, len(hits), groups, any(framed)))
        return found


def _tokens(exact: list[int], first: int, count: int) -> tuple[int, ...]:
    """So many tokens from the first on; empty if one lacks."""
    if first < 0 or first + count > len(exact):
        return ()
    return tuple(exact[first : first + count])


def _diversity(values: Sequence[object]) -> float:
    size = len(values)
    if size < 2:
        return 1.0
    same = sum(count * (count - 1) for count in Counter(values).values())
    return 1.0 - same / (size * (size - 1))


def _differ_far(far: Iterable[tuple[int, ...]]) -> bool:
    known = [tokens for tokens in far if tokens]
    return len(known) >= FEWEST_DOCUMENTS and _diversity(known) >= DIVERSITY
