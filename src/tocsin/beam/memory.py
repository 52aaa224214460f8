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

ONSETS = f"{EVIDENCE}/onsets"
EXCERPTS = f"{EVIDENCE}/excerpts"


@dataclass
class Entries(beam.PTransform):
    """Pipeline -> entries of the files of a kind of evidence of earlier nights, maybe none."""

    night: Night | None
    kind: str

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        assert self.night
        entries = [entry for entry in self.night.evidence if entry["kind"] == self.kind]
        return root | beam.Create([None]) | beam.FlatMap(lambda _: entries) | beam.Reshuffle()


@dataclass
class Remember(beam.PTransform):
    """Tonight's onsets, (partition, packed records), -> the same and, with EARLIER added to the
    shards' numbers, those of earlier nights."""

    job: ScanJob

    def expand(self, tonight: beam.PCollection) -> beam.PCollection:
        earlier = (
            tonight.pipeline
            | "Nights" >> Entries(self.job.night, ONSETS)
            | "Read" >> beam.FlatMap(_partitions, self.job)
        )
        # Without the shuffle, Beam's local runner never runs what a step of several outputs and a
        # Flatten are fused to ("watermark-pending bundles", Beam 2.77).
        return (tonight | "Apart" >> beam.Reshuffle(), earlier) | beam.Flatten()


def _partitions(entry: dict[str, Any], job: ScanJob) -> Iterator[tuple[int, bytes]]:
    assert job.night
    yield from partitioned(KINDS["onsets"], _onsets(job.night, entry), job.partitions)


def _onsets(night: Night, entry: dict[str, Any]) -> np.ndarray:
    records = records_of(read_part(night.state, entry["path"]), KINDS["onsets"].records)
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
        return (
            root
            | "Nights" >> Entries(self.job.night, ONSETS)
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
        onsets = _onsets(night, entry)
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


def keep_evidence(
    job: ScanJob, outputs: list[dict[str, Any]], statistics: dict[str, Any]
) -> list[dict[str, Any]]:
    """Writes tonight's onsets and the text around them into the state; their entries.

    Args:
      outputs: of all shards, as their receipts name them.
      statistics: what was counted tonight, like a receipt.
    """
    night = job.night
    assert night
    prefixes = {ONSETS: KINDS["onsets"].prefix, EXCERPTS: "excerpts"}
    entries = {}
    for name, prefix in prefixes.items():
        parts = sorted(
            (output for output in outputs if output["path"].startswith(f"{EVIDENCE}/{prefix}-")),
            key=lambda output: output["path"],
        )
        if not sum(part["rows"] for part in parts):
            continue
        path = night.file(name)
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
        entries[name] = night.entry(name, path, rows, file)
    if ONSETS in entries:
        excerpts = entries.get(EXCERPTS)
        entries[ONSETS] |= {
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
