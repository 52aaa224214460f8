"""Sharing: which shingles are frequent, who holds them, and what is worth reading for.

Two shuffles: first the bare hashes of all shingles, counted; then the frequent ones with their
documents. Records themselves stay in their shard's evidence file, to be looked up there.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.beam import storage
from tocsin.beam.evidence import KINDS, records_of
from tocsin.beam.held import HELD, HeldKeys, held_batches
from tocsin.beam.job import ScanJob
from tocsin.beam.memory import Entries
from tocsin.beam.packing import pack, unpack
from tocsin.beam.totals import Totals
from tocsin.correlate.hash_sets import frequent, prefix_bits
from tocsin.correlate.held import held_shingles_of
from tocsin.correlate.passages import find_passages
from tocsin.correlate.reading import Leads
from tocsin.correlate.shared import (
    MAXIMUM_DOCUMENTS,
    MINIMUM_DOCUMENTS,
    Shared,
    frequent_shingles,
)
from tocsin.correlate.stories import PAIRS_HELD, find_stories

LEAST_HELD = {"samples": 1, "sketches": PAIRS_HELD}
"""By kind of evidence, frequent shingles that a document holds to be of interest."""


@dataclass
class FindLeads(beam.PTransform):
    """One element, packed: ANCHOR records of the passages and MEMBER records of the stories that
    the sweep is to read for, and what stories are tested with; on a night of a state, of what
    earlier documents hold, too. `measured`: what MeasureShards gave; `totals`: of the scan."""

    job: ScanJob
    measured: Any
    totals: beam.pvalue.AsSingleton

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        night = self.job.night
        earlier = root | HeldKeys(self.job) if night else None
        chosen = {
            name: beam.pvalue.AsSingleton(
                self._by_hash(name, earlier)
                | f"Frequent {name}" >> beam.Map(functools.partial(_frequent, self.job))
                | f"Join {name}" >> beam.CombineGlobally(_join)
            )
            for name in LEAST_HELD
        }
        held = self.measured.receipts | "Select" >> beam.ParDo(
            _SelectFrequent(self.job), **chosen
        ).with_outputs(*LEAST_HELD)
        blocks = {name: beam.pvalue.AsList(held[name]) for name in LEAST_HELD}
        if night:
            recalled = (
                root
                | "Nights" >> Entries(night, HELD)
                | "Select earlier"
                >> beam.ParDo(_SelectHeld(self.job), **chosen).with_outputs(*LEAST_HELD)
            )
            blocks |= {f"earlier_{name}": beam.pvalue.AsList(recalled[name]) for name in LEAST_HELD}
        return (
            root
            | "Leads" >> beam.Create([None])
            | "Find leads"
            >> beam.Map(
                _find_leads,
                self.totals,
                **blocks,
            )
        )

    def _by_hash(self, name: str, earlier: Any) -> beam.PCollection:
        """(partition, packed keys of tonight), and with a state (partition, these and those of
        earlier nights)."""
        tonight = self.measured[name]
        if earlier is None:
            return tonight | f"By hash of {name}" >> beam.GroupByKey()
        # Without the shuffle, Beam's local runner never runs it, see `memory.Remember`.
        tonight = tonight | f"Apart {name}" >> beam.Reshuffle()
        return (tonight, earlier[name]) | f"By hash of {name}" >> beam.CoGroupByKey()


def _frequent(job: ScanJob, element: tuple[int, Any]) -> bytes:
    number, blocks = element
    tonight, earlier = blocks if job.night else (blocks, ())
    bits = prefix_bits(job.counted_bytes)
    limits = MINIMUM_DOCUMENTS, MAXIMUM_DOCUMENTS
    return pack(frequent(number, tonight, bits, job.partitions, *limits, earlier))


def _join(blocks: Iterable[bytes]) -> bytes:
    return pack(
        np.sort(np.concatenate([np.zeros(0, np.uint64), *[unpack(block)[0] for block in blocks]]))
    )


class _SelectFrequent(beam.DoFn):
    """A shard's receipt -> by kind of evidence, its documents with frequent shingles, packed."""

    def __init__(self, job: ScanJob) -> None:
        self._job = job

    def process(
        self, element: dict[str, Any], samples: bytes, sketches: bytes
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        bits = prefix_bits(self._job.counted_bytes)
        for name, packed in (("samples", samples), ("sketches", sketches)):
            [chosen] = unpack(packed)
            for output in element["outputs"]:
                if output["path"].startswith(f"evidence/{KINDS[name].prefix}-"):
                    content = storage.read(self._job.path(output["path"]))
                    table = pq.read_table(pa.BufferReader(content))
                    records = records_of(table, KINDS[name].records)
                    block = frequent_shingles(records, chosen, bits, LEAST_HELD[name])
                    if len(block[0]):
                        yield beam.pvalue.TaggedOutput(name, pack(*block, compress=True))


class _SelectHeld(beam.DoFn):
    """An entry of the state's files of HELD_SCHEMA -> the same of earlier documents."""

    def __init__(self, job: ScanJob) -> None:
        self._job = job

    def process(
        self, element: dict[str, Any], samples: bytes, sketches: bytes
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        bits = prefix_bits(self._job.counted_bytes)
        for table in held_batches(self._job.night, element):
            for name, packed in (("samples", samples), ("sketches", sketches)):
                [chosen] = unpack(packed)
                records = held_shingles_of(table, name)
                block = frequent_shingles(records, chosen, bits, LEAST_HELD[name])
                if len(block[0]):
                    yield beam.pvalue.TaggedOutput(name, pack(*block, compress=True))


def _find_leads(
    _: None,
    totals: Totals,
    samples: list[bytes],
    sketches: list[bytes],
    earlier_samples: Sequence[bytes] = (),
    earlier_sketches: Sequence[bytes] = (),
) -> bytes:
    stories = find_stories(_shared([*sketches, *earlier_sketches]), totals.groups)
    statistics = np.array([stories.clusters, stories.elsewhere])
    passages = find_passages(_shared([*samples, *earlier_samples]), totals.groups)
    return pack(passages, stories.members, statistics)


def leads_of(packed: bytes) -> Leads:
    """The leads that `FindLeads` gave."""
    return Leads(*unpack(packed)[:2])


def _shared(blocks: list[bytes]) -> Shared:
    unpacked = (unpack(block) for block in blocks)
    return Shared((holders, hashes) for holders, hashes in unpacked)
