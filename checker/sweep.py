"""The sweep (docs/definitions.md, "Sweep")."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from checker.changes import (
    KINDS,
    LEAST_AFTER,
    LEAST_BEFORE,
    LEAST_CONTRAST,
    WINDOW,
    Measured,
    majority,
    single,
)
from checker.corpus import Document
from checker.suspects import Key, Suspect
from checker.tokens import Tokens

POSSIBLE = {name: single(single(least) / 2) for name, least in LEAST_CONTRAST.items()}


@dataclass
class Row:
    """A document that may hold a suspect as a campaign does; bytes."""

    document: Document
    start: int
    end: int
    hit: bool
    contrast: float
    after: float
    language: int
    kinds_before: list[int]
    kinds_after: list[int]
    bucket: tuple[str, str]
    before_bytes: bytes
    own_bytes: bytes
    after_bytes: bytes


class Sweep:
    """Counts suspects in every document and keeps the rows that may matter."""

    def __init__(self, suspects: list[Suspect]) -> None:
        self._by_first: dict[int, list[Suspect]] = defaultdict(list)
        self.rows: dict[Key, list[Row]] = defaultdict(list)
        for suspect in suspects:
            self._by_first[suspect.key[2][0]].append(suspect)

    def matches(self, tokens: Tokens) -> list[tuple[Suspect, int]]:
        """Counts a text; all places (first tokens) of suspects in it that are no decoys."""
        exact = tokens.exact.tolist()
        found = []
        ends: dict[Key, int] = {}
        for at, first in enumerate(exact):
            for suspect in self._by_first.get(first, ()):
                string = suspect.key[2]
                if tuple(exact[at : at + len(string)]) != string:
                    continue
                if suspect.key not in ends:
                    suspect.documents += 1
                if at >= ends.get(suspect.key, 0):  # of overlapping ones the first
                    suspect.occurrences += 1
                    ends[suspect.key] = at + len(string)
                if suspect.key[1] > 0:
                    found.append((suspect, at))
        return found

    def add(
        self, document: Document, measured: Measured, matches: list[tuple[Suspect, int]]
    ) -> None:
        """Adds the best row of each suspect that the document holds as a campaign might."""
        onsets = {
            channel: {at for at in measured.onsets(channel) if measured.contrasts[channel][at] > 0}
            for channel in {suspect.channel for suspect, _ in matches}
        }
        best: dict[Key, tuple[Suspect, int, bool]] = {}
        for suspect, at in matches:
            hit = at in onsets[suspect.channel]
            known = best.get(suspect.key)
            if known is not None and known[2] >= hit:
                continue
            if hit or _may_matter(suspect, at, measured):
                best[suspect.key] = suspect, at, hit
        for suspect, at, hit in best.values():
            self.rows[suspect.key].append(_row(document, measured, suspect, at, hit))


def _may_matter(suspect: Suspect, at: int, measured: Measured) -> bool:
    """Whether a document may hold a suspect as a campaign does where the text has no onset."""
    channel, count = suspect.channel, len(measured.tokens)
    changes = measured.contrasts[channel][at] >= POSSIBLE[channel]
    measurable = at >= LEAST_BEFORE and at + LEAST_AFTER[channel] <= count
    if channel == "language":
        language, votes = majority(measured.votes[max(at - WINDOW[channel], 0) : at])
        return changes or not (measurable and votes >= 5 and language)
    if channel == "composition":
        return True
    first = at + len(suspect.key[2])
    last = min(first + WINDOW[channel], count)
    changes |= last > first and measured.mean_surprisal(first, last) >= 10.0
    return changes or not (measurable or channel == "opening")


def _row(document: Document, measured: Measured, suspect: Suspect, at: int, hit: bool) -> Row:
    tokens, channel = measured.tokens, suspect.channel
    first = at + len(suspect.key[2])
    window = WINDOW[channel]
    last = min(first + window, len(tokens))
    text = measured.text
    before = text[: tokens.starts[at]].encode()
    own = text[tokens.starts[at] : tokens.ends[first - 1]].encode()
    return Row(
        document=document,
        start=len(before),
        end=len(before) + len(own),
        hit=hit,
        contrast=measured.contrasts[channel][at],
        after=measured.mean_surprisal(first, last) if last > first else -1.0,
        language=majority(measured.votes[first:last])[0],
        kinds_before=_shares(measured.kinds[max(at - window, 0) : at]),
        kinds_after=_shares(measured.kinds[first:last]),
        bucket=measured.bucket,
        before_bytes=before[-256:],
        own_bytes=own,
        after_bytes=text[tokens.ends[first - 1] :].encode()[:512],
    )


def _shares(kinds: list[int]) -> list[int]:
    counts = Counter(kinds)
    return [255 * counts[kind] // max(len(kinds), 1) for kind in range(len(KINDS))]
