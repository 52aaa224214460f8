"""What the report shows of the reading: shards, and the records that could not be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

MOST_SHARDS = 200
"""Shards listed; the manifest has the others."""

_PLACES = 3


@dataclass(frozen=True)
class ReasonRow:
    """Dead letters of one reason: how many, and the first of them as rows of `dead_letters`."""

    reason: str
    count: int
    places: list[dict[str, Any]]


def dead_letter_reasons(counts: Mapping[str, int], dead_letters: pa.Table) -> list[ReasonRow]:
    """Dead letters by reason, the most frequent first; the counts are the manifest's."""
    return [
        ReasonRow(reason, count, _first_places(dead_letters, reason))
        for reason, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]


def _first_places(dead_letters: pa.Table, reason: str) -> list[dict[str, Any]]:
    rows = dead_letters.filter(pc.equal(dead_letters["reason"], reason))
    places = rows.select(["source_uri", "position", "byte_offset", "detail"])
    order = [(name, "ascending") for name in ("source_uri", "position", "byte_offset")]
    return places.sort_by(order).slice(0, _PLACES).to_pylist()


def shards_to_list(inputs: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """All shards in the manifest's order or, of too many, those with most dead letters first."""
    if len(inputs) <= MOST_SHARDS:
        return inputs
    return sorted(inputs, key=lambda shard: -shard["dead_letters"])[:MOST_SHARDS]
