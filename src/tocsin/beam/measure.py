"""Measuring shards: one fused step from a shard to its parts of OUT, a receipt, and evidence."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from apache_beam.metrics import Metrics
from datasketch import HyperLogLogPlusPlus

from tocsin.beam import storage
from tocsin.beam.job import ScanJob
from tocsin.beam.learn import load_profile
from tocsin.beam.packing import pack
from tocsin.corpus.batches import DEAD_LETTER_SCHEMA
from tocsin.corpus.shards import Shard
from tocsin.ledger.manifest import digest_of
from tocsin.measure.batch import BUCKETS, MEASURED_SCHEMA, Measurement, Measurer
from tocsin.measure.kernel import ONSET, TOKENS_KEPT

GROUPS_PRECISION = 10
"""Of the HyperLogLog of groups: 1,024 registers, a standard error of 3.2 %."""

EVIDENCE_SCHEMA = pa.schema(
    [
        *[
            pa.field(name, pa.from_numpy_dtype(ONSET[name]), nullable=False)
            for name in ONSET.names or ()
            if name != "tokens"
        ],
        pa.field("tokens", pa.binary(4 * TOKENS_KEPT), nullable=False),
    ]
)
"""Rows of `evidence/part-*`: ONSET records, the token hashes as little-endian bytes."""

_RECEIPT_KEY = b"tocsin.receipt"


@dataclass
class MeasureShards(beam.PTransform):
    """Shards -> `receipts` (dicts) and `onsets` ((partition, packed ONSET records))."""

    job: ScanJob
    profile: beam.pvalue.AsSingleton

    def expand(self, shards: beam.PCollection) -> Any:
        return shards | beam.ParDo(_MeasureShard(self.job), self.profile).with_outputs(
            "onsets", main="receipts"
        )


class _MeasureShard(beam.DoFn):
    def __init__(self, job: ScanJob) -> None:
        self._job = job
        self._documents = Metrics.counter("tocsin", "documents")
        self._text_bytes = Metrics.counter("tocsin", "text_bytes")
        self._dead_letters = Metrics.counter("tocsin", "dead_letters")

    def process(self, shard: Shard, profile_uri: str) -> Iterator[Any]:
        profile = load_profile(profile_uri)
        part = f"part-{shard.index:05d}.parquet"
        # What the parts of this shard depend on: the same digest, the same rows.
        identity = digest_of([self._job.scan_id, profile.digest, shard.uri, shard.size])
        evidence_uri = self._job.path("evidence", part)
        finished = _finished(evidence_uri, identity)
        if finished is None:
            finished = self._measure(shard, part, evidence_uri, identity, Measurer(profile))
        receipt, onsets = finished
        self._documents.inc(receipt["documents"])
        self._text_bytes.inc(receipt["text_bytes"])
        self._dead_letters.inc(receipt["dead_letters"])
        yield receipt
        partitions = onsets["tokens"][:, 1] % np.uint32(self._job.partitions)
        order = np.argsort(partitions, kind="stable")
        bounds = np.searchsorted(partitions[order], np.arange(self._job.partitions + 1))
        for partition, (first, last) in enumerate(itertools.pairwise(bounds)):
            if last > first:
                block = pack(onsets[order[first:last]])
                yield beam.pvalue.TaggedOutput("onsets", (partition, block))

    def _measure(
        self, shard: Shard, part: str, evidence_uri: str, identity: str, measurer: Measurer
    ) -> tuple[dict[str, Any], np.ndarray]:
        totals = _ShardTotals()
        onsets = []
        documents_uri = self._job.path("documents", part)
        with storage.writing(documents_uri) as file:
            writer = pq.ParquetWriter(file, MEASURED_SCHEMA, compression="zstd")
            for read in self._job.parts(shard, "measure"):
                measured = measurer.measure(read.documents, shard.uri, shard.index)
                writer.write_batch(measured.documents)
                onsets.append(measured.onsets)
                totals.add(measured, read.dead_letters, read.other_records)
            writer.close()
        outputs = [_output(f"documents/{part}", totals.documents, file)]
        dead_letters = pa.Table.from_batches(totals.dead_letters, DEAD_LETTER_SCHEMA)
        if dead_letters.num_rows:
            with storage.writing(self._job.path("dead_letters", part)) as file:
                pq.write_table(dead_letters, file, compression="zstd")
            outputs.append(_output(f"dead_letters/{part}", dead_letters.num_rows, file))
        all_onsets = np.concatenate(onsets) if onsets else np.empty(0, ONSET)
        receipt = {
            "shard": shard.index,
            "identity": identity,
            "uri": shard.uri,
            "size": shard.size,
            "checksum": _checksum(shard),
            **totals.receipt(dead_letters),
            "outputs": outputs,
        }
        evidence = _evidence_table(all_onsets).replace_schema_metadata(
            {_RECEIPT_KEY: json.dumps(receipt).encode()}
        )
        # Written last: a shard with an evidence part of the right identity is finished.
        with storage.writing(evidence_uri) as file:
            pq.write_table(evidence, file, compression="zstd")
        receipt["outputs"].append(_output(f"evidence/{part}", len(all_onsets), file))
        return receipt, all_onsets


def _finished(evidence_uri: str, identity: str) -> tuple[dict[str, Any], np.ndarray] | None:
    """Receipt and onsets of a shard that an earlier, interrupted run has measured; None if none
    has, or if it did so with something else than this run would."""
    if not storage.exists(evidence_uri):
        return None
    content = storage.read(evidence_uri)
    try:
        table = pq.read_table(pa.BufferReader(content))
        receipt = json.loads(table.schema.metadata[_RECEIPT_KEY])
        if receipt["identity"] != identity:
            return None
    except (pa.ArrowInvalid, OSError, KeyError, TypeError, ValueError):
        return None
    path = f"evidence/{evidence_uri.rpartition('/')[2]}"
    written = storage.WrittenFile.of(content)
    receipt["outputs"].append(_output(path, table.num_rows, written))
    return receipt, _evidence_records(table)


def _output(path: str, rows: int, file: storage.WrittenFile) -> dict[str, Any]:
    return {"path": path, "rows": rows, "sha256": file.sha256, "bytes": file.bytes}


def _checksum(shard: Shard) -> str | None:
    try:
        return storage.checksum(shard.uri)
    except OSError:
        return None  # the shard has a dead letter that says so


def _evidence_table(onsets: np.ndarray) -> pa.Table:
    columns = [
        pa.array(np.ascontiguousarray(onsets[field.name]))
        for field in EVIDENCE_SCHEMA
        if field.name != "tokens"
    ]
    tokens = pa.py_buffer(np.ascontiguousarray(onsets["tokens"], "<u4").tobytes())
    token_type = EVIDENCE_SCHEMA.field("tokens").type
    columns.append(pa.Array.from_buffers(token_type, len(onsets), [None, tokens]))
    return pa.Table.from_arrays(columns, schema=EVIDENCE_SCHEMA)


def _evidence_records(table: pa.Table) -> np.ndarray:
    onsets = np.zeros(table.num_rows, ONSET)
    for name in EVIDENCE_SCHEMA.names:
        column = table[name].combine_chunks()
        if name == "tokens":
            column = b"".join(column.to_pylist())
            onsets[name] = np.frombuffer(column, "<u4").reshape(-1, TOKENS_KEPT)
        else:
            onsets[name] = column.to_numpy()
    return onsets


@dataclass
class _ShardTotals:
    """Sums over the parts of a shard."""

    documents: int = 0
    text_bytes: int = 0
    other_records: int = 0
    surprisal: float = 0.0
    last_position: int = -1
    dead_letters: list[pa.RecordBatch] = field(default_factory=list)
    bucket_tokens: np.ndarray = field(default_factory=lambda: np.zeros(len(BUCKETS), np.int64))
    bucket_onsets: np.ndarray = field(default_factory=lambda: np.zeros(len(BUCKETS), np.int64))
    bucket_decoys: np.ndarray = field(default_factory=lambda: np.zeros(len(BUCKETS), np.int64))
    groups: HyperLogLogPlusPlus = field(
        default_factory=lambda: HyperLogLogPlusPlus(GROUPS_PRECISION, hashfunc=_hash_group)
    )

    def add(self, measured: Measurement, dead_letters: pa.RecordBatch, other_records: int) -> None:
        features = measured.features
        self.documents += measured.documents.num_rows
        self.text_bytes += int(measured.documents["byte_length"].to_numpy().sum())
        self.other_records += other_records
        self.surprisal += float((features.surprisal.astype(np.float64) * features.tokens).sum())
        for batch in (measured.documents, dead_letters):
            if batch.num_rows:
                self.last_position = max(self.last_position, batch["position"][-1].as_py())
        if dead_letters.num_rows:
            self.dead_letters.append(dead_letters)
        np.add.at(self.bucket_tokens, features.bucket, features.tokens)
        np.add.at(self.bucket_onsets, features.bucket, features.onsets)
        np.add.at(self.bucket_decoys, features.bucket, features.decoys)
        for group in measured.documents["group"].unique().to_pylist():
            self.groups.update(group.encode())

    def receipt(self, dead_letters: pa.Table) -> dict[str, Any]:
        return {
            "records": self.last_position + 1,
            "documents": self.documents,
            "dead_letters": dead_letters.num_rows,
            "dead_letter_reasons": dict(Counter(dead_letters["reason"].to_pylist())),
            "other_records": self.other_records,
            "text_bytes": self.text_bytes,
            "tokens": int(self.bucket_tokens.sum()),
            "surprisal": self.surprisal,
            "bucket_tokens": self.bucket_tokens.tolist(),
            "bucket_onsets": self.bucket_onsets.tolist(),
            "bucket_decoys": self.bucket_decoys.tolist(),
            "groups": self.groups.reg.astype(np.uint8).tobytes().hex(),
        }


def _hash_group(name: bytes) -> int:
    return xxhash.xxh3_64_intdigest(name)
