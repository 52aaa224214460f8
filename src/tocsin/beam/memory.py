"""Memory: evidence of earlier nights joins tonight's, and tonight's is kept for the next."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.beam import storage
from tocsin.beam.evidence import KINDS, partitioned, records_of
from tocsin.beam.job import ScanJob
from tocsin.beam.learn import load_profile
from tocsin.beam.night import Night
from tocsin.beam.packing import pack, pack_table, unpack, unpack_table
from tocsin.beam.results import read_part
from tocsin.beam.state import EVIDENCE, PROFILE, file_name
from tocsin.correlate.recall import EARLIER, Recalled, recall, unseen_holders
from tocsin.correlate.sweep import SweepCounts
from tocsin.measure.excerpts import EXCERPT_SCHEMA
from tocsin.measure.profile import Profile

EXCERPTS = "excerpts"

EVIDENCE_NIGHTS = 90
"""Nights after which evidence is forgotten."""

EVIDENCE_BYTES = 8 << 30
"""Bytes of evidence above which the oldest is forgotten sooner."""

REMEMBERED = ("onsets",)
"""Kinds of evidence that are kept as they are; for the others see `beam.held`."""

REPLACED = ("shards", "groups")
"""Kinds of files of which each night writes the whole anew."""


@dataclass
class Entries(beam.PTransform):
    """Pipeline -> the entries, which may be none."""

    entries: list[dict[str, Any]]

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        entries = self.entries
        return root | beam.Create([None]) | beam.FlatMap(lambda _: entries) | beam.Reshuffle()


@dataclass
class Remember(beam.PTransform):
    """Tonight's evidence of one kind, (partition, packed records), -> the same and, with EARLIER
    added to the shards' numbers, that of earlier nights."""

    job: ScanJob
    kind: str

    def expand(self, tonight: beam.PCollection) -> beam.PCollection:
        assert self.job.night
        entries = [one for one in self.job.night.evidence if one["kind"] == _kind(self.kind)]
        earlier = (
            tonight.pipeline
            | "Nights" >> Entries(entries)
            | "Read" >> beam.FlatMap(_partitions, self.job, self.kind)
        )
        # Without the shuffle, Beam's local runner never runs what a step of several outputs and a
        # Flatten are fused to ("watermark-pending bundles", Beam 2.77).
        return (tonight | "Apart" >> beam.Reshuffle(), earlier) | beam.Flatten()


def _partitions(entry: dict[str, Any], job: ScanJob, name: str) -> Iterator[tuple[int, bytes]]:
    assert job.night
    yield from partitioned(KINDS[name], _records(job.night, entry, name), job.partitions)


def _records(night: Night, entry: dict[str, Any], name: str) -> np.ndarray:
    records = records_of(read_part(night.state, entry["path"]), KINDS[name].records)
    records = records[~np.isin(records["shard"], list(night.superseded))]
    records["shard"] += np.uint32(EARLIER)
    return records


@dataclass
class Recall(beam.PTransform):
    """Pipeline -> packed counts and rows of the suspects on earlier nights, one element a file."""

    job: ScanJob
    profile: beam.pvalue.AsSingleton
    suspects: beam.pvalue.AsSingleton

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        assert self.job.night
        entries = [one for one in self.job.night.evidence if one["kind"] == _kind("onsets")]
        return (
            root
            | "Nights" >> Entries(entries)
            | "Recall" >> beam.ParDo(_RecallNight(self.job), self.profile, self.suspects)
        )


class _RecallNight(beam.DoFn):
    def __init__(self, job: ScanJob) -> None:
        self._job = job

    def process(
        self, entry: dict[str, Any], profile_uri: str, packed_suspects: bytes
    ) -> Iterator[tuple[bytes, bytes]]:
        night = self._job.night
        assert night
        [suspects] = unpack(packed_suspects)
        onsets = _records(night, entry, "onsets")
        excerpts = _excerpts(night, entry["excerpts"])
        found = recall(suspects, onsets, excerpts, load_profile(profile_uri))
        yield pack(found.documents, found.codes), pack_table(found.rows)


def _excerpts(night: Night, path: str | None) -> pa.Table:
    if path is None:  # all onsets of that night are decoys
        return EXCERPT_SCHEMA.empty_table()
    table = read_part(night.state, path)
    earlier = pc.add(table["shard"].cast(pa.uint64()), EARLIER).cast(pa.uint32())
    return table.set_column(0, EXCERPT_SCHEMA.field("shard"), earlier)


def with_memory(
    suspects: np.ndarray,
    swept: SweepCounts,
    recalled: Sequence[tuple[bytes, bytes]],
    profile: Profile,
) -> tuple[SweepCounts, pa.Table]:
    """The sweep's counts with those of earlier nights, and rows of OCCURRENCE_SCHEMA of these.

    Args:
      swept: counts of tonight's shards.
      recalled: what Recall gave.
    """
    found = Recalled.nothing(len(suspects))
    for counts, rows in recalled:
        documents, codes = unpack(counts)
        found += Recalled(documents, codes, unpack_table(rows))
    swept = swept if len(swept.documents) else SweepCounts.zeros(len(suspects))
    # Of an earlier document, only the first hit is known.
    holders = found.documents + unseen_holders(suspects, swept, found, profile)
    return swept + SweepCounts(holders, holders), found.rows


def kept_files(night: Night, rolls: bool) -> list[dict[str, Any]]:
    """Entries of earlier nights that live on: what a night replaces as a whole, and evidence that
    is too old or too much, do not. `rolls`: whether the profile is replaced."""
    replaced = (*REPLACED, PROFILE) if rolls else REPLACED
    evidence = sorted(night.evidence, key=lambda entry: -entry["night"])
    kept, size = [], 0
    for entry in evidence:
        size += entry["bytes"]
        if night.number - entry["night"] < EVIDENCE_NIGHTS and size <= EVIDENCE_BYTES:
            kept.append(entry)
    others = [
        entry
        for entry in night.files
        if entry not in night.evidence and entry["kind"] not in replaced
    ]
    return [*others, *reversed(kept)]


def keep_evidence(
    job: ScanJob, outputs: list[dict[str, Any]], statistics: dict[str, Any]
) -> list[dict[str, Any]]:
    """Writes tonight's evidence into the state, one file a kind; their entries.

    Args:
      outputs: of all shards, as their receipts name them.
      statistics: what was counted tonight, like a receipt.
    """
    night = job.night
    assert night
    prefixes = {name: KINDS[name].prefix for name in REMEMBERED} | {EXCERPTS: EXCERPTS}
    entries = {}
    for name, prefix in prefixes.items():
        parts = sorted(
            (output for output in outputs if output["path"].startswith(f"{EVIDENCE}/{prefix}-")),
            key=lambda output: output["path"],
        )
        if not sum(part["rows"] for part in parts):
            continue
        path = night.file(_kind(name))
        with storage.writing(night.path(path)) as file:
            writer: pq.ParquetWriter | None = None
            rows = 0
            for part in parts:
                table = read_part(job.output, part["path"])
                number = pc.add(table["shard"], pa.scalar(night.first_shard, pa.uint32()))
                table = table.set_column(0, table.schema.field(0), number)
                table = table.replace_schema_metadata(None)
                writer = writer or pq.ParquetWriter(file, table.schema, compression="zstd")
                writer.write_table(table)
                rows += table.num_rows
            assert writer
            writer.close()
        entries[name] = night.entry(_kind(name), path, rows, file)
    if "onsets" in entries:
        excerpts = entries.get(EXCERPTS)
        entries["onsets"] |= {
            "statistics": json.dumps(statistics),  # on one line of the manifest
            "excerpts": excerpts["path"] if excerpts else None,
        }
    return list(entries.values())


def keep_profile(night: Night, uri: str) -> list[dict[str, Any]]:
    """Copies the profile that was given to the first night into the state; entries of its files."""
    if night.profile:
        return []
    entries = []
    for name, content in load_profile(uri).to_files().items():
        path = f"{PROFILE}/{file_name(night.number, night.run)}/{name}"
        file = storage.write(night.path(path), content)
        entries.append(night.entry(PROFILE, path, 0, file))
    return entries


def _kind(name: str) -> str:
    return f"{EVIDENCE}/{name}"
