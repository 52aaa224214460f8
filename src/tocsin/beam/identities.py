"""The ledger of ids, and of groups: did a document change since it was first seen?

Ids are joined in partitions, packed: tonight's against the files of the state that hold the same
partition. A night appends what is new; when a partition has many files they are made one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from tocsin.beam import storage
from tocsin.beam.evidence import records_of, table_of
from tocsin.beam.job import ScanJob
from tocsin.beam.packing import pack, pack_table, unpack, unpack_table
from tocsin.beam.results import DRIFT_PART, NEW_GROUPS_FILE, read_part
from tocsin.correlate.drift import (
    DRIFT_SCHEMA,
    GROUP_SCHEMA,
    GROWN,
    IDENTITY,
    diversity_of_sources,
    group_drift,
    merge_groups,
    split_views,
)

PARTITIONS = 16
"""Of the ids, by the upper bits of their hashes."""

MOST_FILES = 8
"""Files of a partition above which they are made one."""

IDS = "ids"
GROUPS = "groups"

KEPT = np.dtype([(name, IDENTITY[name]) for name in ("id", "hash", "length", "night")])
"""What the ledger keeps of an IDENTITY."""

_NAMES = ("doc_id", "position", "group")

_TONIGHT = pa.schema([("group", pa.string()), ("documents", pa.int64()), ("anomalous", pa.int64())])


@dataclass
class CompareIdentities(beam.PTransform):
    """Receipts -> `ids` (entries of files, and packed changes, one a partition) and `groups`
    (packed tables, one a shard)."""

    job: ScanJob

    def expand(self, receipts: beam.PCollection) -> Any:
        read = receipts | "Read" >> beam.ParDo(_ReadIdentities(self.job)).with_outputs(
            GROUPS, main=IDS
        )
        ids = read[IDS] | beam.GroupByKey() | "Compare" >> beam.MapTuple(self._compare)
        return {IDS: ids, GROUPS: read[GROUPS]}

    def _compare(self, partition: int, blocks: Iterable[bytes]) -> dict[str, Any]:
        night = self.job.night
        assert night
        files = [
            entry
            for entry in night.files
            if entry["kind"] == IDS and entry["partition"] == partition
        ]
        known = np.zeros(sum(entry["rows"] for entry in files), IDENTITY)
        filled = 0
        for entry in files:
            table = read_part(night.state, entry["path"])
            known[filled : filled + table.num_rows][list(KEPT.names or ())] = records_of(
                table, KEPT
            )
            filled += table.num_rows
        tonight = np.concatenate([unpack(block)[0] for block in blocks])
        new, changed, first = split_views(known, tonight)
        replaced = []
        if len(files) >= MOST_FILES:
            new, replaced = np.concatenate([known, new]), [entry["path"] for entry in files]
        entries = []
        if len(new):
            new = new[np.lexsort((new["night"], new["id"]))]
            path = night.file(IDS).replace(".parquet", f"-{partition:02d}.parquet")
            kept = np.zeros(len(new), KEPT)
            for name in KEPT.names or ():
                kept[name] = new[name]
            with storage.writing(night.path(path)) as file:
                pq.write_table(table_of(kept), file, compression="zstd")
            entries.append({**night.entry(IDS, path, len(new), file), "partition": partition})
        return {"entries": entries, "replaced": replaced, "changed": pack(changed, first)}


class _ReadIdentities(beam.DoFn):
    """A receipt -> (partition, packed IDENTITY records) of its shard's documents; and its
    groups."""

    def __init__(self, job: ScanJob) -> None:
        self._job = job

    def process(self, receipt: dict[str, Any]) -> Iterator[Any]:
        assert self._job.night
        columns = (*_NAMES, "content_hash", "byte_length", "onsets")
        table = _documents(self._job, receipt, columns)
        anomalous = pc.greater(table["onsets"], 0).cast(pa.int64())
        groups = (
            table.select(["group"])
            .append_column("anomalous", anomalous)
            .group_by("group")
            .aggregate([("anomalous", "count"), ("anomalous", "sum")])
            .select(["group", "anomalous_count", "anomalous_sum"])
            .rename_columns(_TONIGHT.names)
            .cast(_TONIGHT)
        )
        yield beam.pvalue.TaggedOutput(GROUPS, pack_table(groups))
        # Ids that were made of the place say nothing about the document.
        name = receipt["uri"].rpartition("/")[2]
        made = pc.binary_join_element_wise(name, table["position"].cast(pa.string()), "#")
        table = table.filter(pc.not_equal(table["doc_id"], made))
        records = np.zeros(table.num_rows, IDENTITY)
        ids = table["doc_id"].cast(pa.binary()).to_pylist()
        records["id"] = [xxhash.xxh3_64_intdigest(one) for one in ids]
        hashes = b"".join(table["content_hash"].to_pylist())
        records["hash"] = np.frombuffer(hashes, "<u8").reshape(-1, 2)
        records["length"] = np.minimum(table["byte_length"].to_numpy(), np.iinfo(np.uint32).max)
        records["night"] = self._job.night.number
        records["shard"] = receipt["shard"]
        records["position"] = table["position"].to_numpy()
        partitions = records["id"] >> np.uint64(60)
        for partition in np.unique(partitions).tolist():
            yield int(partition), pack(records[partitions == partition])


def _documents(job: ScanJob, receipt: dict[str, Any], columns: Sequence[str]) -> pa.Table:
    """Columns of the documents of a shard, or of the range of one that a receipt is of."""
    [path] = [one["path"] for one in receipt["outputs"] if one["path"].startswith("documents/")]
    with storage.open_file(job.path(path)) as stream:
        return pq.read_table(stream, columns=list(columns))


@dataclass(frozen=True)
class Drift:
    """What changed: `rows` of DRIFT_SCHEMA; `groups`: rows of GROUP_SCHEMA, tonight's added;
    `diversity`: for the manifest; `entries`, `replaced`: of the ledger of ids; `night`: number of
    this night, from 1."""

    rows: pa.Table
    groups: pa.Table
    diversity: dict[str, Any]
    entries: list[dict[str, Any]]
    replaced: set[str]
    night: int

    def tables(self) -> dict[str, pa.Table]:
        """What of it is a file of OUT."""
        if self.night == 1:
            return {DRIFT_PART: self.rows}
        new = self.groups.filter(pc.equal(self.groups["first_night"], self.night))
        return {DRIFT_PART: self.rows, NEW_GROUPS_FILE: new}


def drift_of(
    job: ScanJob,
    receipts: Sequence[dict[str, Any]],
    compared: Sequence[dict[str, Any]],
    groups: Sequence[bytes],
) -> Drift:
    """Puts together what CompareIdentities gave. `receipts`: in the order of shards
    and ranges."""
    night = job.night
    assert night
    known = pa.concat_tables(
        [
            GROUP_SCHEMA.empty_table(),
            *[
                read_part(night.state, entry["path"])
                for entry in night.files
                if entry["kind"] == GROUPS
            ],
        ]
    )
    tonight = (
        pa.concat_tables([_TONIGHT.empty_table(), *[unpack_table(one) for one in groups]])
        .group_by("group")
        .aggregate([("documents", "sum"), ("anomalous", "sum")])
        .select(["group", "documents_sum", "anomalous_sum"])
        .rename_columns(_TONIGHT.names)
        .sort_by("group")
    )
    pairs = [unpack(one["changed"]) for one in compared]
    changed = np.concatenate([np.zeros(0, IDENTITY), *[pair[0] for pair in pairs]])
    first = np.concatenate([np.zeros(0, IDENTITY), *[pair[1] for pair in pairs]])
    rows = pa.concat_tables(
        [
            _changed_rows(job, receipts, changed, first),
            group_drift(known, tonight, night.number - 1, job.started),
        ]
    )
    return Drift(
        rows=rows,
        groups=merge_groups(known, tonight, night.number),
        diversity=diversity_of_sources(known, tonight, night.number),
        entries=[entry for one in compared for entry in one["entries"]],
        replaced={path for one in compared for path in one["replaced"]},
        night=night.number,
    )


def _changed_rows(
    job: ScanJob, receipts: Sequence[dict[str, Any]], changed: np.ndarray, first: np.ndarray
) -> pa.Table:
    """Rows of DRIFT_SCHEMA for documents, ordered by shard and position."""
    assert job.night
    tables = [DRIFT_SCHEMA.empty_table()]
    for shard in np.unique(changed["shard"]).tolist():
        inside = changed["shard"] == shard
        order = np.argsort(changed["position"][inside])
        now, before = changed[inside][order], first[inside][order]
        of_shard = [receipt for receipt in receipts if receipt["shard"] == shard]
        table = pa.concat_tables([_documents(job, one, _NAMES) for one in of_shard])
        at = np.searchsorted(table["position"].to_numpy(), now["position"])
        taken = table.take(pa.array(at))
        grown = now["length"] >= GROWN * before["length"]
        columns = {
            "kind": np.where(grown, "grown", "changed"),
            "source_uri": np.full(len(now), of_shard[0]["uri"]),
            "score": np.zeros(len(now)),
            "old_hash": [one.tobytes() for one in before["hash"]],
            "new_hash": [one.tobytes() for one in now["hash"]],
            "old_length": before["length"].astype(np.int64),
            "new_length": now["length"].astype(np.int64),
            "first_night": before["night"].astype(np.int64),
            "first_seen": [job.night.dates.get(str(night)) for night in before["night"].tolist()],
            "seen": np.full(len(now), job.started),
        }
        tables.append(
            pa.table(
                [
                    pa.array(columns[field.name], field.type)
                    if field.name in columns
                    else taken[field.name].combine_chunks()
                    if field.name in taken.schema.names
                    else pa.nulls(len(now), field.type)
                    for field in DRIFT_SCHEMA
                ],
                schema=DRIFT_SCHEMA,
            )
        )
    return pa.concat_tables(tables)
