"""Keeping: which files of earlier nights live on, and when they are joined."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as pq

from tocsin.beam import storage
from tocsin.beam.memory import EXCERPTS, ONSETS
from tocsin.beam.night import Night
from tocsin.beam.state import PROFILE
from tocsin.beam.totals import statistics_of

EVIDENCE_NIGHTS = 90
"""Nights after which evidence is forgotten."""

EVIDENCE_BYTES = 8 << 30
"""Bytes of evidence above which that of the oldest nights is forgotten sooner."""

JOINED_NIGHTS = 8
"""Nights of little evidence that are joined, as soon as there are so many."""

LITTLE_BYTES = 8 << 20
"""Bytes of evidence of a night up to which it is little: more is worth reading by itself."""

REPLACED = ("shards", "groups")
"""Kinds of files of which each night writes the whole anew."""

Entry = dict[str, Any]


def kept_files(night: Night, rolls: bool) -> list[Entry]:
    """Entries of earlier nights that live on: what a night replaces as a whole, and evidence that
    is too old or too much, do not. `rolls`: whether the profile is replaced, too.

    Evidence lives and goes by nights: excerpts without their onsets, or onsets without theirs, are
    of no use.
    """
    replaced = (*REPLACED, PROFILE) if rolls else REPLACED
    others = [
        entry
        for entry in night.files
        if entry not in night.evidence and entry["kind"] not in replaced
    ]
    kept: list[list[Entry]] = []
    size = 0
    for of_night in reversed(_by_night(night.evidence)):
        size += sum(entry["bytes"] for entry in of_night)
        is_young = night.number - of_night[0]["night"] < EVIDENCE_NIGHTS
        if not is_young or size > EVIDENCE_BYTES:
            break
        kept.insert(0, of_night)
    return [*others, *itertools.chain.from_iterable(_joined(night, kept))]


def _by_night(evidence: Sequence[Entry]) -> list[list[Entry]]:
    """Entries by the (last) night that they are of, the oldest first."""
    ordered = sorted(evidence, key=lambda entry: int(entry["night"]))
    return [list(some) for _, some in itertools.groupby(ordered, lambda entry: entry["night"])]


def _joined(night: Night, kept: list[list[Entry]]) -> list[list[Entry]]:
    """The same with the files of JOINED_NIGHTS nights of little evidence as one of each kind, if so
    many have come together."""
    chosen = [
        of_night
        for of_night in kept
        if "first_night" not in of_night[0]
        and sum(entry["bytes"] for entry in of_night) <= LITTLE_BYTES
    ][:JOINED_NIGHTS]
    if len(chosen) < JOINED_NIGHTS:
        return kept
    entries = list(itertools.chain.from_iterable(chosen))
    nights = {"first_night": entries[0]["night"], "night": entries[-1]["night"]}
    joined = {
        kind: {**_join(night, kind, [one for one in entries if one["kind"] == kind]), **nights}
        for kind in sorted({entry["kind"] for entry in entries})
    }
    if ONSETS in joined:
        excerpts = joined.get(EXCERPTS)
        statistics = [json.loads(one["statistics"]) for one in entries if one["kind"] == ONSETS]
        joined[ONSETS] |= {
            "statistics": json.dumps(statistics_of(statistics)),
            "excerpts": excerpts["path"] if excerpts else None,
        }
    return [list(joined.values()), *[of_night for of_night in kept if of_night not in chosen]]


def _join(night: Night, kind: str, entries: list[Entry]) -> Entry:
    """Copies files into one, row group by row group; its entry."""
    path = night.file(kind).replace(".parquet", "-joined.parquet")
    rows = 0
    with storage.writing(night.path(path)) as file:
        writer: pq.ParquetWriter | None = None
        for entry in entries:
            with storage.open_file(night.path(entry["path"])) as stream:
                source = pq.ParquetFile(stream)
                writer = writer or pq.ParquetWriter(file, source.schema_arrow, compression="zstd")
                for number in range(source.num_row_groups):
                    table = source.read_row_group(number)
                    writer.write_table(table)
                    rows += table.num_rows
        assert writer
        writer.close()
    return night.entry(kind, path, rows, file)
