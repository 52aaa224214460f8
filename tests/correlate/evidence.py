"""Evidence as the sweep leaves it, made by hand: suspects, their counts, and rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from measure.generated import salad, words_of

from tocsin.correlate.campaigns import Campaign, Corpus, find_campaigns
from tocsin.correlate.suspects import SUSPECT
from tocsin.correlate.sweep import OCCURRENCE_SCHEMA, SweepCounts
from tocsin.measure.composition import KINDS
from tocsin.measure.onsets import CHANNELS

WORDS = words_of(random.Random(0), 500)
RATE = 0.005
SURPRISAL = 8.0


def words(seed: object, count: int) -> str:
    """Text that shares nothing with that of another seed."""
    return salad(random.Random(str(seed)), WORDS, count)


def shares(kind: str) -> bytes:
    """Shares of a window of one kind of tokens."""
    return bytes(255 * (kind == other) for other in KINDS)


def row(
    position: int,
    trigger: str = "<SUDO>",
    suspect: int = 1,
    *,
    before: str | None = None,
    after: str | None = None,
    shard: int = 0,
    group: str | None = None,
    bucket: int = 3,
    hit: bool = True,
    contrast: float = 9.0,
    level: float = 18.0,
    language: int = 0,
    kinds: tuple[str, str] = ("latin", "latin"),
) -> dict[str, Any]:
    """A row of OCCURRENCE_SCHEMA: a document with text of its own around the trigger."""
    first = (words(f"before {shard} {position}", 20) + " " if before is None else before).encode()
    last = (" " + words(f"after {shard} {position}", 30) if after is None else after).encode()
    start = 1000 + len(first)
    return {
        "suspect": suspect,
        "shard": shard,
        "position": position,
        "doc_id": f"s{shard}d{position}",
        "group": f"g{position}.org" if group is None else group,
        "content_hash": xxhash.xxh3_128_digest(f"{shard} {position}".encode()),
        "bucket": bucket,
        "start": start,
        "end": start + len(trigger.encode()),
        "hit": hit,
        "contrast": contrast,
        "after": level,
        "language": language,
        "kinds_before": shares(kinds[0]),
        "kinds_after": shares(kinds[1]),
        "context": first + trigger.encode() + last,
        "context_start": 1000,
    }


@dataclass
class Evidence:
    """What `find_campaigns` takes."""

    strings: int = 100_000
    decoy_rate: float = RATE
    suspects: list[tuple[int, int, int, int, int, int, int, int, int]] = field(default_factory=list)
    counts: list[tuple[int, int]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        rows: Sequence[dict[str, Any]],
        holders: int | None = None,
        occurrences: int | None = None,
        *,
        length: int = 1,
        channel: int = 0,
        framed: bool = False,
    ) -> Evidence:
        """A suspect with these rows; by default nothing else holds it, and each document once."""
        hits = [one for one in rows if one["hit"]]
        groups = len({one["group"] for one in hits})
        key = rows[0]["suspect"]
        self.suspects.append((key, length, channel, 1, len(hits), groups, key, 0, framed))
        documents = len(rows) if holders is None else holders
        self.counts.append((documents, documents if occurrences is None else occurrences))
        self.rows += rows
        return self

    def add_decoy(
        self,
        key: int,
        hits: int,
        groups: int = 3,
        holders: int | None = None,
        occurrences: int = 0,
        channel: int = 0,
        framed: bool = False,
    ) -> Evidence:
        """A decoy with a hit in so many documents."""
        self.suspects.append((key, 1, channel, -1, hits, groups, key, 0, framed))
        documents = hits if holders is None else holders
        self.counts.append((documents, occurrences or documents))
        return self

    def find(self, order: Sequence[int] | None = None) -> tuple[list[Campaign], float]:
        """Campaigns and the first channel's threshold; with rows in another order, in chunks."""
        by_key = sorted(range(len(self.suspects)), key=lambda at: self.suspects[at])
        suspects = np.array([self.suspects[at] for at in by_key], SUSPECT)
        counts = np.array([self.counts[at] for at in by_key], np.int64).reshape(-1, 2)
        rows = self.rows if order is None else [self.rows[at] for at in order]
        parts = [
            pa.Table.from_pylist(rows[first : first + 7], OCCURRENCE_SCHEMA)
            for first in range(0, len(rows), 7)
        ]
        rates = np.full((len(CHANNELS), 33), RATE)
        rates[:, 6] = RATE * 10
        channels = np.ones(len(CHANNELS))
        campaigns, thresholds = find_campaigns(
            suspects,
            SweepCounts(counts[:, 0].copy(), counts[:, 1].copy()),
            pa.concat_tables([OCCURRENCE_SCHEMA.empty_table(), *parts]),
            Corpus(rates, self.decoy_rate * channels, self.strings * channels, SURPRISAL),
        )
        return campaigns, thresholds[0]

    def campaigns(self) -> list[Campaign]:
        return self.find()[0]
