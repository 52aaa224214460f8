"""Payloads and claims: from what the sweep has read, and one more read if payloads share a head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.beam.job import ScanJob
from tocsin.beam.packing import pack_table, unpack, unpack_table
from tocsin.beam.totals import Totals
from tocsin.corpus.shards import Shard
from tocsin.correlate.campaigns import Campaign
from tocsin.correlate.claims import find_claims
from tocsin.correlate.heads import find_headed, find_heads, read_heads, without_parts
from tocsin.correlate.held import read_heads_again, texts_to_keep, with_holders
from tocsin.correlate.payloads import Payloads, find_payloads
from tocsin.correlate.reading import READ_SCHEMA


@dataclass(frozen=True)
class Followed:
    """What was found in all that was read for leads. `heads`: of `payloads`, to be read for;
    `headed`: rows of READ_SCHEMA of the earlier documents with a head; `texts`: rows of
    KEPT_SCHEMA, for the nights to come."""

    payloads: Payloads
    claims: list[Campaign]
    heads: list[bytes]
    headed: pa.Table
    texts: pa.Table

    def campaigns(self, headed: list[bytes]) -> list[Campaign]:
        """All campaigns; `headed`: packed rows of READ_SCHEMA of tonight's documents with a
        head."""
        rows = pa.concat_tables([_table(headed), self.headed])
        pooled = find_headed(rows, self.heads, self.payloads)
        return [*pooled, *without_parts(self.payloads.campaigns, pooled), *self.claims]


@dataclass
class FollowLeads(beam.PTransform):
    """One element: a Followed. `leads`: as FindLeads gives them; `totals`: of the scan; `read`:
    packed tables of what the sweep has read; `recalled`: the same of earlier nights."""

    leads: beam.pvalue.AsSingleton
    totals: beam.pvalue.AsSingleton
    read: beam.pvalue.AsList
    recalled: beam.pvalue.AsList | None = None

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        read = [self.read] if self.recalled is None else [self.read, self.recalled]
        return root | beam.Create([None]) | beam.Map(_followed, self.leads, self.totals, *read)


def _followed(
    _: None, leads: bytes, totals: Totals, read: list[bytes], recalled: Sequence[bytes] = ()
) -> Followed:
    table = _table([*read, *recalled])
    statistics = unpack(leads)[2]
    clusters, elsewhere = statistics.tolist()
    passages = table.filter(pc.equal(table["kind"], "passage"))
    payloads = find_payloads(passages, totals.groups)
    held = table.filter(pc.equal(table["kind"], "held"))
    payloads = replace(
        payloads,
        campaigns=[with_holders(one, passages, held) for one in payloads.campaigns],
    )
    claims = find_claims(table.filter(pc.equal(table["kind"], "story")), int(clusters), elsewhere)
    heads = find_heads(payloads)
    earlier = read_heads_again(passages, heads)
    return Followed(payloads, claims, heads, earlier, texts_to_keep(table))


def _table(packed: list[bytes]) -> pa.Table:
    return pa.concat_tables([READ_SCHEMA.empty_table(), *map(unpack_table, packed)])


@dataclass
class ReadHeads(beam.PTransform):
    """Shards -> packed rows of READ_SCHEMA. `followed`: with the heads; without any, nothing is
    read."""

    job: ScanJob
    followed: beam.pvalue.AsSingleton

    def expand(self, shards: beam.PCollection) -> beam.PCollection:
        return shards | beam.ParDo(_ReadHeads(self.job), self.followed)


class _ReadHeads(beam.DoFn):
    def __init__(self, job: ScanJob) -> None:
        self._job = job

    def process(self, shard: Shard, followed: Followed) -> Iterator[bytes]:
        if not followed.heads:
            return
        rows = [
            read_heads(part.documents, followed.heads, shard.index)
            for part in self._job.parts(shard, "heads")
        ]
        table = pa.Table.from_batches(rows, READ_SCHEMA)
        if table.num_rows:
            yield pack_table(table)
