"""Memory of payloads and claims: what earlier nights' documents hold joins tonight's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.beam import storage
from tocsin.beam.evidence import KINDS, packed_keys, records_of
from tocsin.beam.job import ScanJob
from tocsin.beam.learn import load_profile
from tocsin.beam.memory import Entries
from tocsin.beam.night import Night
from tocsin.beam.packing import pack_table, unpack
from tocsin.beam.results import read_part
from tocsin.beam.state import EVIDENCE
from tocsin.correlate.held import (
    HELD_KINDS,
    HELD_SCHEMA,
    IDENTITY_COLUMNS,
    held_shingles_of,
    held_table,
    holders_of,
    read_again,
)
from tocsin.correlate.reading import Leads
from tocsin.correlate.recall import EARLIER

HELD = f"{EVIDENCE}/held"
TEXTS = f"{EVIDENCE}/texts"


@dataclass
class HeldKeys(beam.PTransform):
    """Pipeline -> by kind, keys of the shingles that earlier documents hold, as MeasureShards gives
    those of tonight's."""

    job: ScanJob

    def expand(self, root: beam.pvalue.PBegin) -> Any:
        return (
            root
            | "Nights of keys" >> Entries(self.job.night, HELD)
            | beam.FlatMap(_keys, self.job).with_outputs(*HELD_KINDS)
        )


def _keys(entry: dict[str, Any], job: ScanJob) -> Iterator[beam.pvalue.TaggedOutput]:
    for table in held_batches(job.night, entry):
        for name in HELD_KINDS:
            records = held_shingles_of(table, name)
            for element in packed_keys(KINDS[name], records, job.counted_bytes, job.partitions):
                yield beam.pvalue.TaggedOutput(name, element)


def held_batches(night: Night | None, entry: dict[str, Any]) -> Iterator[pa.Table]:
    """Rows of HELD_SCHEMA of earlier documents, a shard at a time, with EARLIER added to the
    shards' numbers. A file is never in memory whole."""
    assert night
    with storage.open_file(night.path(entry["path"])) as stream:
        file = pq.ParquetFile(stream)
        for number in range(file.num_row_groups):
            yield _earlier(night, file.read_row_group(number))


def _earlier(night: Night, table: pa.Table) -> pa.Table:
    gone = pc.is_in(table["shard"], pa.array(sorted(night.superseded), pa.uint32()))
    table = table.filter(pc.invert(gone))
    number = pc.add(table["shard"], pa.scalar(EARLIER, pa.uint32()))
    at = table.schema.get_field_index("shard")
    return table.set_column(at, table.schema.field(at), number)


@dataclass
class RecallLeads(beam.PTransform):
    """Pipeline -> packed rows of READ_SCHEMA: earlier documents of tonight's leads, with their
    texts where these were kept. `leads`: as FindLeads gives them."""

    job: ScanJob
    profile: beam.pvalue.AsSingleton
    leads: beam.pvalue.AsSingleton

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        texts = (
            root
            | "Nights of texts" >> Entries(self.job.night, TEXTS)
            | beam.FlatMap(_read_again, self.job, self.profile, self.leads)
        )
        holders = (
            root
            | "Nights of holders" >> Entries(self.job.night, HELD)
            | beam.FlatMap(_holders, self.job, self.leads)
        )
        return (texts, holders) | beam.Flatten()


def _read_again(
    entry: dict[str, Any], job: ScanJob, profile_uri: str, packed_leads: bytes
) -> Iterator[bytes]:
    assert job.night
    kept = _earlier(job.night, read_part(job.night.state, entry["path"]))
    leads = Leads(*unpack(packed_leads)[:2])
    rows = read_again(kept, leads, load_profile(profile_uri).seed)
    if rows.num_rows:
        yield pack_table(rows)


def _holders(entry: dict[str, Any], job: ScanJob, packed_leads: bytes) -> Iterator[bytes]:
    anchors = unpack(packed_leads)[0]
    for table in held_batches(job.night, entry) if len(anchors) else ():
        rows = holders_of(table, anchors)
        if rows.num_rows:
            yield pack_table(rows)


def keep_held(
    job: ScanJob, outputs: Sequence[dict[str, Any]], texts: pa.Table
) -> list[dict[str, Any]]:
    """Writes into the state what tonight's documents hold, and `texts` that were read of them (rows
    of KEPT_SCHEMA); their entries.

    Args:
      outputs: of all shards, as their receipts name them.
    """
    night = job.night
    assert night
    prefixes = {name: f"{EVIDENCE}/{KINDS[name].prefix}-" for name in HELD_KINDS}
    parts: dict[str, dict[str, str]] = {}  # by shard and range, the path of each kind
    for output in outputs:
        for name, prefix in prefixes.items():
            if output["path"].startswith(prefix):
                parts.setdefault(output["path"].removeprefix(prefix), {})[name] = output["path"]
    entries = []
    path = night.file(HELD)
    rows = 0
    with storage.writing(night.path(path)) as file:
        writer = pq.ParquetWriter(file, HELD_SCHEMA, compression="zstd")
        for part, paths in sorted(parts.items()):
            shingles = {
                name: records_of(read_part(job.output, paths[name]), KINDS[name].records)
                if name in paths
                else np.empty(0, KINDS[name].records)
                for name in HELD_KINDS
            }
            with storage.open_file(job.path(f"documents/part-{part}")) as stream:
                documents = pq.read_table(stream, columns=list(IDENTITY_COLUMNS))
            table = _numbered(held_table(shingles, documents), night)
            writer.write_table(table)
            rows += table.num_rows
        writer.close()
    if rows:
        entries.append(night.entry(HELD, path, rows, file))
    if texts.num_rows:
        path = night.file(TEXTS)
        with storage.writing(night.path(path)) as file:
            pq.write_table(_numbered(texts, night), file, compression="zstd")
        entries.append(night.entry(TEXTS, path, texts.num_rows, file))
    return entries


def _numbered(table: pa.Table, night: Night) -> pa.Table:
    """The rows with the numbers that the state gives tonight's shards."""
    at = table.schema.get_field_index("shard")
    number = pc.add(table["shard"], pa.scalar(night.first_shard, pa.uint32()))
    return table.set_column(at, table.schema.field(at), number)
