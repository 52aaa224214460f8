"""Findings of hidden characters: how much hides in a document, and how rare that is in clean ones.

Counting (`hidden_characters`) is cheap and is done in every document with a suspicious byte; here
the few that have something to count are judged.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tocsin.measure.findings import Finding, Levels, signature_of
from tocsin.measure.hidden_characters import (
    BIDI,
    ESCAPES,
    FILLERS,
    KINDS,
    LOOK_ALIKES,
    SELECTORS,
    STYLED,
    TAGS,
    ZERO_WIDTHS,
    HiddenCharacters,
)
from tocsin.measure.hidden_messages import hidden_message

_ALLOWED = 1
"""A clean document that is allowed for, see `Levels`."""


@dataclass(frozen=True)
class _Hidden:
    """What hides in one document: `counts` by the names of `HiddenCharacters`; `text`: its bytes;
    `places`: byte ranges of one kind, and the sizes of what hides there."""

    counts: dict[str, int]
    text: bytes
    places: Sequence[tuple[int, int]]
    sizes: Sequence[int]

    def pieces(self) -> list[str]:
        return [self.text[start:end].decode("utf-8", "replace") for start, end in self.places]


def _tags(hidden: _Hidden) -> int:
    return hidden.counts["tag_characters"]


def _selectors(hidden: _Hidden) -> int:
    """Selectors without a base; of a single kind, as emptied emoji leave them, a quarter."""
    counts = hidden.counts
    if counts["selector_symbols"] >= 3:
        return max(counts["selector_run"], counts["variation_selectors"] // 2)
    return counts["selector_run"] // 4


def _zero_width(hidden: _Hidden) -> int:
    """Zero-width characters that say something, as two different ones do in turn; 3 for one and
    the same, eight times in a row or three times within words, as editors leave them."""
    counts = hidden.counts
    symbols: Counter[str] = Counter()
    for piece in hidden.pieces():
        symbols.update(c for c in piece if c in _ZERO_WIDTH)
    total = sum(symbols.values())
    telling = sum(count for count in symbols.values() if 20 * count >= total)
    if len(symbols) >= 2 and telling > symbols.most_common(1)[0][1]:
        if counts["zero_width_run"] >= 8 and counts["zero_width_symbols"] >= 2:
            return counts["zero_width_run"]
        if counts["zero_width"] >= 16:
            return counts["zero_width"]
    return 3 if counts["zero_width_run"] >= 8 or counts["zero_width"] >= 3 else 0


_ZERO_WIDTH = frozenset(
    chr(code)
    for code in (0x034F, 0x180E, *range(0x200B, 0x2010), *range(0x2060, 0x2066),
                 *range(0x206A, 0x2070), 0xFEFF)
)  # fmt: skip


def _bidi(hidden: _Hidden) -> int:
    """Letters that an override turns round; 1 for other controls."""
    return max(hidden.counts["overridden_letters"], int(hidden.counts["bidi_controls"] > 0))


def _fillers(hidden: _Hidden) -> int:
    """The longest run; of what people write with, in Korean and Japanese, the half."""
    longest = 0
    for (start, end), size in zip(hidden.places, hidden.sizes):
        seldom = hidden.text[start:end][:3] in (b"\xef\xbe\xa0", b"\xe1\x85\x9f", b"\xe1\x85\xa0")
        longest = max(longest, size if seldom else min(size // 2, 7))
    return longest


def _escapes(hidden: _Hidden) -> int:
    """Bytes of text made invisible; 1 for erasing and moving alone."""
    if not hidden.counts["concealing_escapes"]:
        return int(hidden.counts["erasing_escapes"] > 0)
    return max(end - start for start, end in hidden.places)


def _distinct(hidden: _Hidden) -> int:
    """Different words: a name that is written so counts once."""
    return len(set(hidden.pieces()))


@dataclass(frozen=True)
class _Detector:
    """`needs`: a count, and the least of it that makes a document worth a look; `strength`: how
    much hides; `levels`: what that is worth."""

    kind: int
    needs: tuple[tuple[str, int], ...]
    strength: Callable[[_Hidden], int]
    levels: Levels

    @property
    def name(self) -> str:
        return f"hidden-{KINDS[self.kind]}"


DETECTORS = (
    # A flag that a text breaks off in leaves up to five tags.
    _Detector(TAGS, (("tag_characters", 1),), _tags, Levels((1, 6), (_ALLOWED, 0))),
    _Detector(
        SELECTORS, (("selector_run", 4), ("variation_selectors", 8)), _selectors,
        Levels((2, 4), (_ALLOWED, 0)),
    ),
    # Broken hashes in two pages of sqlite-pg-tcl-node-doc have a space within words.
    _Detector(
        ZERO_WIDTHS, (("zero_width_run", 8), ("zero_width", 3)), _zero_width,
        Levels((3, 8), (2, 0)),
    ),
    # Demonstrations of "Trojan Source", in two tests of scala and a page of ms-cpp-docs.
    _Detector(BIDI, (("bidi_controls", 1),), _bidi, Levels((1, 40), (3, 0))),
    _Detector(FILLERS, (("filler_run", 5),), _fillers, Levels((4, 8), (_ALLOWED, 0))),
    # Logs of terminals, of which the corpora have none, erase: a score, but no flag.
    _Detector(
        ESCAPES, (("concealing_escapes", 1), ("erasing_escapes", 1)), _escapes,
        Levels((1, 12), (30, 0)),
    ),
    _Detector(
        LOOK_ALIKES, (("look_alike_words", 3),), _distinct, Levels((3, 5, 8), (12, _ALLOWED, 0))
    ),
    # Decoration, in posts: a score, but no flag.
    _Detector(STYLED, (("styled_words", 8),), _distinct, Levels((8,), (12,))),
)  # fmt: skip


def hidden_findings(
    data: memoryview, offsets: np.ndarray, counts: HiddenCharacters, runs: np.ndarray
) -> Iterator[Finding]:
    """Findings of `measure_hidden_characters`.

    Args:
      data: the texts one after the other.
      offsets: int32 (documents + 1,), where each text begins in `data`.
      counts: of all documents.
      runs: HIDDEN_RUN records, by document.
    """
    for detector in DETECTORS:
        wanted = np.zeros(len(offsets) - 1, np.bool_)
        for name, least in detector.needs:
            wanted |= getattr(counts, name) >= least
        of_kind = runs[runs["kind"] == detector.kind]
        for document in np.flatnonzero(wanted).tolist():
            own = of_kind[of_kind["document"] == document]
            if not len(own):
                continue
            hidden = _Hidden(
                {name: int(getattr(counts, name)[document]) for name in counts._fields},
                bytes(data[offsets[document] : offsets[document + 1]]),
                list(zip(own["start"].tolist(), own["end"].tolist())),
                own["size"].tolist(),
            )
            score = detector.levels.score(detector.strength(hidden))
            if score is None:
                continue
            start, end = _densest(hidden.places)
            message = hidden_message(detector.kind, hidden.text, hidden.places)
            yield Finding(
                document, detector.name, score, start, end, message, signature_of(message)
            )


_NEAR = 512
"""Bytes between two places up to which they belong to one passage."""


def _densest(places: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The passage with the most places; the first of equals."""
    passages = [[places[0]]]
    for before, place in itertools.pairwise(places):
        if place[0] - before[1] <= _NEAR:
            passages[-1].append(place)
        else:
            passages.append([place])
    best = max(passages, key=lambda passage: (len(passage), -passage[0][0]))
    return best[0][0], best[-1][1]
