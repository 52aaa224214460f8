"""Correlating: suspects from the packed evidence, then the sweep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.beam import metrics
from tocsin.beam.job import ScanJob
from tocsin.beam.learn import load_profile
from tocsin.beam.packing import pack, pack_table, unpack
from tocsin.beam.shared import leads_of
from tocsin.beam.totals import Totals
from tocsin.corpus.shards import Shard
from tocsin.correlate.gathering import Gathered, suspects_of
from tocsin.correlate.reading import READ_SCHEMA, Reader
from tocsin.correlate.suspects import SUSPECT
from tocsin.correlate.sweep import OCCURRENCE_SCHEMA, Sweeper
from tocsin.measure.batch import text_buffers
from tocsin.measure.pieces import Tokenizer


@dataclass
class FindSuspects(beam.PTransform):
    """(partition, packed onsets) -> one element: all suspects, packed, by ascending key."""

    profile: beam.pvalue.AsSingleton
    totals: beam.pvalue.AsSingleton

    def expand(self, onsets: beam.PCollection) -> beam.PCollection:
        return (
            onsets
            | "By first token" >> beam.GroupByKey()
            | "Find" >> beam.Map(_suspects_of_partition, self.profile, self.totals)
            | "Join" >> beam.CombineGlobally(_join)
        )


def _suspects_of_partition(
    element: tuple[int, Iterable[bytes]], profile_uri: str, totals: Totals
) -> bytes:
    gathered = Gathered()
    for block in element[1]:
        gathered.add(unpack(block)[0])
    scale = totals.tokens / max(load_profile(profile_uri).words, 1)
    suspects = suspects_of(gathered, scale)
    metrics.counter("onsets_left_out").inc(gathered.seen - gathered.kept)
    return pack(suspects)


def _join(blocks: Iterable[bytes]) -> bytes:
    suspects = np.concatenate([np.empty(0, SUSPECT), *[unpack(block)[0] for block in blocks]])
    return pack(suspects[np.lexsort((suspects["direction"], suspects["key"]))])


class ShardChanged(RuntimeError):
    """The sweep finds other documents than were measured: nothing is committed."""


@dataclass
class SweepShards(beam.PTransform):
    """Shards and ranges -> `counts` (packed, one for each), `occurrences` of suspects and `read`,
    what was read for leads (packed tables).

    `receipts`: of the same shards and ranges, which tell how many documents the sweep has to find.
    """

    job: ScanJob
    profile: beam.pvalue.AsSingleton
    receipts: beam.pvalue.AsList
    suspects: beam.pvalue.AsSingleton
    leads: beam.pvalue.AsSingleton

    def expand(self, shards: beam.PCollection) -> Any:
        measured = beam.pvalue.AsSingleton(
            shards.pipeline
            | "Receipts" >> beam.Create([None])
            | "Measured documents" >> beam.Map(_measured_documents, self.receipts)
        )
        sweep = beam.ParDo(_SweepShard(self.job), self.profile, measured, self.suspects, self.leads)
        return shards | sweep.with_outputs("occurrences", "read", main="counts")


def _measured_documents(_: None, receipts: list[dict[str, Any]]) -> dict[tuple[int, int], int]:
    """Documents measured by the order of their shard or range."""
    return {(one["shard"], one["range"]): one["documents"] for one in receipts}


class _SweepShard(beam.DoFn):
    def __init__(self, job: ScanJob) -> None:
        self._job = job
        self._swept = metrics.counter("swept_documents")

        self._sweeper: tuple[bytes, Sweeper] | None = None
        self._reader: tuple[bytes, Reader] | None = None

    def process(
        self,
        shard: Shard,
        profile_uri: str,
        measured: dict[tuple[int, int], int],
        packed_suspects: bytes,
        packed_leads: bytes,
    ) -> Iterator[Any]:
        profile = load_profile(profile_uri)
        # One sweeper for all shards that this worker gets: what it has refuted stays refuted.
        if self._sweeper is None or self._sweeper[0] != packed_suspects:
            [suspects] = unpack(packed_suspects)
            self._sweeper = packed_suspects, Sweeper(suspects, profile)
        if self._reader is None or self._reader[0] != packed_leads:
            leads = leads_of(packed_leads)
            self._reader = packed_leads, Reader(leads, profile.seed)
        sweeper = self._sweeper[1] if self._sweeper[1].begin(*shard.order) else None
        reader = self._reader[1] if self._reader[1].needs(shard.index) else None
        if sweeper or reader:  # nothing found costs nothing
            yield from self._sweep(shard, measured[shard.order], profile.seed, sweeper, reader)

    def _sweep(
        self,
        shard: Shard,
        measured: int,
        seed: int,
        sweeper: Sweeper | None,
        reader: Reader | None,
    ) -> Iterator[Any]:
        tokenizer = Tokenizer(seed)
        rows, read = [], []
        documents = 0
        for part in self._job.parts(shard, "sweep"):
            data, offsets = text_buffers(part.documents)
            for tokens in tokenizer.tokens(np.frombuffer(data, np.uint8), offsets):
                if sweeper:
                    sweeper.count(tokens)
                if reader:
                    reader.search(tokens)
            if sweeper:
                rows.append(sweeper.occurrences(part.documents))
            if reader:
                read.append(reader.rows(part.documents, shard.index))
            documents += part.documents.num_rows
        self._swept.inc(documents)
        if documents != measured:
            raise ShardChanged(
                f"{shard.uri}: {measured} documents were measured, {documents} found later: it "
                "has changed, or its storage fails; scan again"
            )
        table = pa.Table.from_batches(read, READ_SCHEMA)
        if table.num_rows:
            yield beam.pvalue.TaggedOutput("read", pack_table(table))
        if not sweeper:
            return
        yield pack(sweeper.counts.documents, sweeper.counts.occurrences)
        table = pa.Table.from_batches(rows, OCCURRENCE_SCHEMA)
        refuted = pa.array(sweeper.keys[sweeper.refuted()], pa.uint64())
        table = table.filter(pc.invert(pc.is_in(table["suspect"], refuted)))
        if table.num_rows:
            yield beam.pvalue.TaggedOutput("occurrences", pack_table(table))
        sweeper.finish()


def add_counts(blocks: Iterable[bytes]) -> bytes:
    """Adds up the packed counts of shards (a function for CombineGlobally)."""
    documents = occurrences = np.zeros(0, np.int64)
    for block in blocks:
        some_documents, some_occurrences = unpack(block)
        if not len(documents):
            documents, occurrences = some_documents, some_occurrences
        elif len(some_documents):
            documents = documents + some_documents
            occurrences = occurrences + some_occurrences
    return pack(documents, occurrences)
