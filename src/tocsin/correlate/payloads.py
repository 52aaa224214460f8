"""Payloads: passages that stand, word for word, in documents that have nothing else in common.

What natural passages bring along is their surroundings: a licence stands under a copyright line, a
template between its neighbours. A payload is put into texts that know nothing of it, so that what
stands before it and what stands after it differ from document to document.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from tocsin.correlate.campaigns import (
    DECOY_MARGIN,
    FAMILY_WISE_ERROR,
    SAME_CAMPAIGN,
    WIDESPREAD_GROUPS,
    Campaign,
)
from tocsin.correlate.near_duplicates import near_duplicate_clusters
from tocsin.correlate.reading import as_documents
from tocsin.correlate.shared import MINIMUM_DOCUMENTS
from tocsin.correlate.statistics import binomial_score

MINIMUM_BYTES = 48
"""Length of a payload. Shorter passages are phrases and addresses, which stand in surroundings of
all kinds; those of several groups serve as decoys."""

MINIMUM_OWN_SHARE = 0.8
"""Share of a payload's documents whose text before it and whose text after it is like no other's.
Planted: 0.9 and more. Natural passages of that length and four documents: 0.5 at most."""

INSIDE_SHARE = 0.5
"""Share of a payload's documents in which it begins within a line, and neither begins nor ends
within a word, for a campaign to be certain. Planted in the middle of texts: 0.96 and more. Notices
and quotations, which sites copy from each other, are lines and paragraphs of their own; what
generated code has in common is a template, whose gaps are parts of names."""

_WITHIN_A_WORD = re.compile(rb"\w\w")

CERTAIN_BYTES = 48
"""Length of a payload that is certain, at least. In clean corpora no passage of that length, of ten
documents or more, had surroundings of its own; `def __eq__(self, other` has, in any code.
"""

NATURAL_RATE = 0.4
"""Share of its documents whose surroundings are their own, in the mean over natural passages of
one or two groups in the development corpora (0.39 and 0.33 in two halves of their sources)."""

NATURAL_PASSAGES = 20
"""Passages that this counts as much as, beside those of the corpus at hand."""

NEIGHBOUR_BYTES = 12
"""Bytes beside a passage that are compared: two or three words."""

BRANCH_SHARE = 0.3
"""A passage goes on while this share of its documents agree on the next byte. Natural text agrees
on the next letter in a fifth."""

MOST_DECOY = 10.0
"""The score of decoys that counts at most: whoever plants short passages to raise the threshold
must not hide a campaign of 30 documents so."""

MOST_EXTENSIONS = 8
"""Places where some documents leave a passage that are compared on either side, the last ones."""

COMPARED = 512
"""Documents of a passage that are compared at most; the others are searched for what was found."""

ROUNDS = 16
"""Payloads that are looked for in the documents of one passage: several may share a phrase."""


@dataclass(frozen=True)
class _Passage:
    """What some documents share. `text`: bytes; `rows`: of the table, those of these documents;
    `own`: how many of them have surroundings like no other's; `inside`: share of them in which the
    passage begins within a line, and is no part of a word."""

    text: bytes
    rows: list[int]
    own: int
    inside: float

    @property
    def is_own(self) -> bool:
        """Whether its documents' surroundings differ as a payload's do."""
        return self.own >= MINIMUM_OWN_SHARE * len(self.rows)


@dataclass(frozen=True)
class Beginning:
    """Where a payload begins. `text`: the payload; `starts`: its place in each of `contexts`, the
    texts around it in its documents."""

    text: bytes
    starts: list[int]
    contexts: list[bytes]


@dataclass(frozen=True)
class Payloads:
    """What was found in the passages that were read.

    `campaigns`: best score first; `small`: payloads of any size, campaigns or not; `rate`: share of
    documents whose surroundings are their own, in the mean over local passages; `threshold`: what
    scores had to exceed.
    """

    campaigns: list[Campaign]
    small: list[Beginning]
    rate: float
    threshold: float


def find_payloads(read: pa.Table, groups: int) -> Payloads:
    """Payload campaigns among the passages that were read.

    Args:
      read: rows of READ_SCHEMA of the kind `passage`, of the whole corpus, in any order.
      groups: number of groups of the corpus.
    """
    read = read.sort_by(
        [("lead", "ascending"), ("content_hash", "ascending"), ("doc_id", "ascending")]
    )
    passages = [passage for rows in _leads(read) for passage in _shared_passages(read, rows)]
    held_by = read["group"].to_pylist()
    needed = min(WIDESPREAD_GROUPS, groups)
    candidates: list[_Passage] = []
    decoys: list[_Passage] = []
    shares = []
    for one in passages:
        local = len({held_by[row] for row in one.rows}) < needed
        short = len(one.text) < MINIMUM_BYTES
        if local and not short:
            shares.append(one.own / len(one.rows))  # once, however many its documents
        if not local and not short:
            candidates.append(one)
        elif not (short and local):
            decoys.append(one)
    rate = (NATURAL_RATE * NATURAL_PASSAGES + sum(shares)) / (NATURAL_PASSAGES + len(shares))
    threshold = float(np.log10(max(len(candidates), 1) / FAMILY_WISE_ERROR))
    for one in decoys:
        if one.is_own:
            score = binomial_score(one.own, len(one.rows), rate)
            threshold = max(threshold, min(score, MOST_DECOY) + DECOY_MARGIN)
    keys = list(zip(read["shard"].to_pylist(), read["position"].to_pylist()))
    own = sorted(
        (one for one in candidates if one.is_own),
        key=lambda one: (-one.own, -len(one.text), one.text),
    )
    campaigns, small = [], []
    taken: set[tuple[int, int]] = set()
    for one in own:
        documents = {keys[row] for row in one.rows}
        if len(documents & taken) >= SAME_CAMPAIGN * len(documents):
            continue
        contexts = read["context"].take(pa.array(one.rows)).to_pylist()
        if groups < WIDESPREAD_GROUPS:
            sides = [context.partition(one.text) for context in contexts]
            if not all(are_independent([side[at] for side in sides]) for at in (0, 2)):
                continue
        taken |= documents
        small.append(Beginning(one.text, [text.find(one.text) for text in contexts], contexts))
        score = binomial_score(one.own, len(one.rows), rate)
        if score > threshold:
            campaigns.append(_campaign(read, one, score, threshold))
    campaigns.sort(key=lambda campaign: (-campaign.score, campaign.campaign_id))
    return Payloads(campaigns, small, rate, threshold)


def are_independent(texts: list[bytes]) -> bool:
    """Whether the texts on one side of a string are hardly ever alike: where groups can't tell a
    template, its pages are told by what else they share."""
    return len(set(near_duplicate_clusters(texts))) >= MINIMUM_OWN_SHARE * len(texts)


def _leads(read: pa.Table) -> Iterator[range]:
    """The rows of each lead, of which there are enough."""
    leads = read["lead"].to_numpy()
    bounds = np.flatnonzero(np.append(True, leads[1:] != leads[:-1])[: len(leads)])
    for first, last in itertools.pairwise([*bounds.tolist(), len(leads)]):
        if last - first >= MINIMUM_DOCUMENTS:
            yield range(first, last)


def _shared_passages(read: pa.Table, rows: range) -> list[_Passage]:
    """What the rows of one lead share: first what most of them do, then what others do."""
    some = read.slice(rows.start, min(len(rows), COMPARED))
    contexts = some["context"].to_pylist()
    offsets = some["context_start"].to_numpy()
    starts = (some["start"].to_numpy() - offsets).tolist()
    ends = (some["end"].to_numpy() - offsets).tolist()
    before = _Texts([context[:start][::-1] for context, start in zip(contexts, starts)])
    after = _Texts([context[end:] for context, end in zip(contexts, ends)])
    spellings = [context[start:end] for context, start, end in zip(contexts, starts, ends)]
    remaining = np.arange(len(contexts))
    found: list[_Passage] = []
    while len(remaining) >= MINIMUM_DOCUMENTS and len(found) < ROUNDS:
        numbers = Counter(spellings[row] for row in remaining.tolist())
        spelling = min(numbers, key=lambda spelling: (-numbers[spelling], spelling))
        alike = np.array([row for row in remaining.tolist() if spellings[row] == spelling])
        if len(alike) < MINIMUM_DOCUMENTS:
            break
        passages = [
            _passage(spelling, members, rows.start, before, left, after, right)
            for right, agreeing in _extensions(after, alike)
            for left, members in _extensions(before, agreeing)
        ]
        best = max(passages, key=lambda passage: (passage.own, len(passage.text), passage.text))
        found.append(best)
        remaining = np.setdiff1d(remaining, np.array(best.rows) - rows.start)
    return found


def _passage(
    spelling: bytes,
    alike: np.ndarray,
    first_row: int,
    before: _Texts,
    left: int,
    after: _Texts,
    right: int,
) -> _Passage:
    """What the texts `alike` share: from `left` bytes before a shingle to `right` bytes after."""
    text = before.prefix(alike[0], left)[::-1] + spelling + after.prefix(alike[0], right)
    neighbours = [
        [side.beyond(row, length, NEIGHBOUR_BYTES) for row in alike.tolist()]
        for side, length in ((before, left), (after, right))
    ]
    numbers = [Counter(side) for side in neighbours]
    own = sum(numbers[0][one] == 1 and numbers[1][other] == 1 for one, other in zip(*neighbours))
    # A few bytes at the end of the line before are often shared by chance, as the zeros of times.
    lead_in = text[: len(text) - len(text.lstrip()) + NEIGHBOUR_BYTES]
    begins_line = b"\n" in lead_in or b"\r" in lead_in
    inside = sum(
        one[:1] not in (b"", b"\n", b"\r")
        and not _WITHIN_A_WORD.match(one[:1] + text[:1])
        and not _WITHIN_A_WORD.match(text[-1:] + other[:1])
        for one, other in zip(*neighbours)
    )
    share = 0.0 if begins_line else inside / len(alike)
    return _Passage(text.strip(), (alike + first_row).tolist(), own, share)


class _Texts:
    """Texts as a matrix of bytes, to compare them column by column."""

    def __init__(self, texts: list[bytes]) -> None:
        self.lengths = np.array([len(text) for text in texts])
        width = int(self.lengths.max())
        padded = b"".join(text.ljust(width, b"\0") for text in texts)
        self.bytes = np.frombuffer(padded, np.uint8).reshape(len(texts), width)

    def prefix(self, row: int, length: int) -> bytes:
        """The first bytes of a text."""
        return self.bytes[row, :length].tobytes()

    def beyond(self, row: int, first: int, length: int) -> bytes:
        """The bytes of a text that follow its first ones."""
        return self.bytes[row, first : min(first + length, int(self.lengths[row]))].tobytes()


def _extensions(texts: _Texts, rows: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """How far some texts agree, and which of them: all of them so far, most of them further, and so
    on, to the end of what enough of them share."""
    states = []
    at = 0
    while True:
        longer = rows[texts.lengths[rows] > at]
        agreeing = longer
        if len(longer):
            column = texts.bytes[longer, at]
            agreeing = longer[column == np.bincount(column).argmax()]
        if len(agreeing) < len(rows):
            states.append((at, rows))
        if len(agreeing) < max(MINIMUM_DOCUMENTS, BRANCH_SHARE * len(rows)):
            return states[-MOST_EXTENSIONS:]
        rows = agreeing
        at += 1


def _campaign(read: pa.Table, one: _Passage, score: float, threshold: float) -> Campaign:
    lead = read["lead"][one.rows[0]]
    rows = read.filter(pc.equal(read["lead"], lead))
    half = len(one.text) // 2
    contexts = rows["context"].to_pylist()
    found = [_place(context, one.text, half) for context in contexts]
    held = np.array([place is not None for place in found])
    rows_held = rows.filter(pa.array(held))
    places = np.array([place for place in found if place is not None]).reshape(-1, 2)
    starts, ends = (rows_held["context_start"].to_numpy()[:, None] + places).T
    documents = as_documents(rows_held, starts, ends, ends - starts == len(one.text))
    payload = one.text.decode("utf-8", "replace")
    return Campaign(
        campaign_id=xxhash.xxh3_64_hexdigest(payload.encode()),
        kind="payload",
        trigger=None,
        payload=payload,
        hits=one.own,
        occurrences=rows.num_rows,
        groups=len(documents["group"].unique()),
        score=score,
        threshold=threshold,
        documents=documents,
        certain=one.inside >= INSIDE_SHARE and len(payload.encode()) >= CERTAIN_BYTES,
    )


def _place(context: bytes, text: bytes, half: int) -> tuple[int, int] | None:
    """Byte range of a payload in a context, or of the half of it that is there."""
    for part in (text, text[:half], text[half:]):
        start = context.find(part)
        if start >= 0:
            return start, start + len(part)
    return None
