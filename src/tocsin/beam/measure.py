"""Measuring shards: one fused step from a shard, or a range of a large one, to its parts of OUT, a
receipt, and evidence."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from datasketch import HyperLogLogPlusPlus

from tocsin.beam import metrics, storage
from tocsin.beam.evidence import KINDS, packed_keys, partitioned, records_of, table_of
from tocsin.beam.identity import Identity, identify
from tocsin.beam.job import ScanJob
from tocsin.beam.learn import load_profile
from tocsin.beam.packing import pack_table
from tocsin.corpus.batches import DEAD_LETTER_SCHEMA
from tocsin.corpus.ranges import RangeChanged
from tocsin.corpus.shards import Shard
from tocsin.correlate.known import KnownSearch
from tocsin.ledger.manifest import digest_of
from tocsin.measure.batch import BUCKETS, MEASURED_SCHEMA, Measurement, Measurer
from tocsin.measure.excerpts import EXCERPT_SCHEMA, excerpts_of
from tocsin.measure.findings import FINDING_SCHEMA
from tocsin.measure.onsets import CHANNELS

GROUPS_PRECISION = 10
"""Of the HyperLogLog of groups: 1,024 registers, a standard error of 3.2 %."""

_SURPRISAL_UNITS = 1 << 12
"""Parts of a bit that sums of surprisal are whole numbers of: they are exact, so that none depends
on where a shard is split."""

_CHANNEL_BUCKETS = (len(CHANNELS), len(BUCKETS))

_RECEIPT_KEY = b"tocsin.receipt"


@dataclass
class MeasureShards(beam.PTransform):
    """Shards and ranges -> `receipts` (dicts), `findings` (((shard, range), packed FINDING_SCHEMA
    table)) and, for each kind of evidence, its packed records, or their packed keys, by
    partition."""

    job: ScanJob
    profile: beam.pvalue.AsSingleton

    def expand(self, shards: beam.PCollection) -> Any:
        return shards | beam.ParDo(_MeasureShard(self.job), self.profile).with_outputs(
            *KINDS, "findings", main="receipts"
        )


@dataclass
class _Measured:
    """What measuring a shard gave: `evidence`: records by kind; `findings`: of FINDING_SCHEMA."""

    receipt: dict[str, Any]
    evidence: dict[str, np.ndarray]
    findings: pa.Table


class _MeasureShard(beam.DoFn):
    def __init__(self, job: ScanJob) -> None:
        self._job = job
        self._documents = metrics.counter("documents")
        self._text_bytes = metrics.counter("text_bytes")
        self._dead_letters = metrics.counter("dead_letters")
        self._findings = metrics.counter("findings")
        self._stored_bytes = metrics.distribution("piece_stored_bytes")
        self._milliseconds = metrics.distribution("piece_milliseconds")
        self._kernel_milliseconds = metrics.distribution("kernel_milliseconds")
        self._measurer: tuple[str, Measurer, KnownSearch] | None = None

    def process(self, shard: Shard, profile_uri: str) -> Iterator[Any]:
        profile = load_profile(profile_uri)
        # What the parts of this shard depend on: the same digest, the same rows.
        part = asdict(shard.range) if shard.range else None
        identity = digest_of([self._job.scan_id, profile.digest, shard.uri, shard.size, part])
        started = time.thread_time()
        measured = self._finished(shard, identity)
        is_resumed = measured is not None
        if measured is None:
            # One for all shards that this worker gets: their working memory is large, and new
            # memory costs more than what most shards are measured in.
            if self._measurer is None or self._measurer[0] != profile.digest:
                blocked = self._job.policy.block.triggers
                search = KnownSearch(self._job.known, profile, blocked)
                self._measurer = profile.digest, Measurer(profile, self._job.templates), search
            measured = self._measure(shard, identity, *self._measurer[1:])
        receipt = measured.receipt
        self._documents.inc(receipt["documents"])
        self._text_bytes.inc(receipt["text_bytes"])
        self._dead_letters.inc(receipt["dead_letters"])
        self._findings.inc(measured.findings.num_rows)
        metrics.count_each("dead_letters_REASON", receipt["dead_letter_reasons"].items())
        metrics.count_each(
            "evidence_KIND", [(name, len(records)) for name, records in measured.evidence.items()]
        )
        milliseconds = round(1e3 * (time.thread_time() - started))
        self._stored_bytes.update(shard.stored_bytes)
        self._milliseconds.update(milliseconds)
        metrics.log(
            "measured", self._job.scan_id, shard=shard.uri, range=shard.order[1],
            documents=receipt["documents"], dead_letters=receipt["dead_letters"],
            text_bytes=receipt["text_bytes"], milliseconds=milliseconds, resumed=is_resumed,
        )  # fmt: skip
        yield receipt
        if measured.findings.num_rows:
            packed = pack_table(measured.findings)
            yield beam.pvalue.TaggedOutput("findings", (shard.order, packed))
        partitions = self._job.partitions
        for name, kind in KINDS.items():
            records = measured.evidence[name]
            if kind.counted_first:
                elements = packed_keys(kind, records, self._job.counted_bytes, partitions)
            else:
                elements = partitioned(kind, records, partitions)
            for element in elements:
                yield beam.pvalue.TaggedOutput(name, element)

    def _measure(
        self, shard: Shard, identity: str, measurer: Measurer, search: KnownSearch
    ) -> _Measured:
        totals = _ShardTotals(first_position=shard.first_position)
        records: dict[str, list[np.ndarray]] = {
            name: [np.empty(0, kind.records)] for name, kind in KINDS.items()
        }
        found, excerpts = [], []
        identities: list[Identity] = []
        documents_path = _part("documents/part", shard)
        kernel_seconds = 0.0
        with storage.writing(self._job.path(documents_path)) as file:
            writer = pq.ParquetWriter(file, MEASURED_SCHEMA, **_column_options(MEASURED_SCHEMA))
            for read in self._job.parts(shard, "measure", identities.append):
                started = time.thread_time()
                measured = measurer.measure(read.documents, shard.uri, shard.index)
                kernel_seconds += time.thread_time() - started
                writer.write_batch(measured.documents)
                for name in KINDS:
                    records[name].append(measured.evidence[name])
                found.append(measured.findings)
                found.append(search.search(read.documents, measured.documents))
                if self._job.night:
                    excerpts.append(excerpts_of(read.documents, measured))
                totals.add(measured, read.dead_letters, read.other_records)
            writer.close()
        if shard.range and totals.records != shard.range.records:
            raise RangeChanged(
                f"{shard.uri}: {totals.records} records in range {shard.range.number}, where "
                f"{shard.range.records} were counted: it has changed, or could not be read on"
            )
        self._kernel_milliseconds.update(round(1e3 * kernel_seconds))
        outputs = [_output(documents_path, totals.documents, file)]
        dead_letters = pa.Table.from_batches(totals.dead_letters, DEAD_LETTER_SCHEMA)
        findings = pa.Table.from_batches(found, FINDING_SCHEMA)
        evidence = {name: np.concatenate(blocks) for name, blocks in records.items()}
        tables = {
            _part("dead_letters/part", shard): dead_letters,
            _part("evidence/findings", shard): findings,
            _part("evidence/excerpts", shard): pa.Table.from_batches(excerpts, EXCERPT_SCHEMA),
            **{
                _part(f"evidence/{kind.prefix}", shard): table_of(evidence[name])
                for name, kind in KINDS.items()
            },
        }
        # The last one has the receipt: with an evidence part of the right identity, all is there.
        receipt_path = _part("evidence/part", shard)
        last = tables.pop(receipt_path)
        for path, table in tables.items():
            if table.num_rows:
                with storage.writing(self._job.path(path)) as file:
                    pq.write_table(table, file, **_column_options(table.schema))
                outputs.append(_output(path, table.num_rows, file))
        read_as = shard.range or (identities[0] if identities else None)
        receipt = {
            "shard": shard.index,
            "range": shard.order[1],
            "identity": identity,
            "uri": shard.uri,
            "size": shard.size,
            # None: the shard could not be read to its end, and has a dead letter that says so.
            "checksum": read_as.checksum if read_as else None,
            "generation": read_as.generation if read_as else None,
            **totals.receipt(dead_letters),
            "outputs": outputs,
        }
        last = last.replace_schema_metadata({_RECEIPT_KEY: json.dumps(receipt).encode()})
        with storage.writing(self._job.path(receipt_path)) as file:
            pq.write_table(last, file, **_column_options(last.schema))
        receipt["outputs"].append(_output(receipt_path, last.num_rows, file))
        return _Measured(receipt, evidence, findings)

    def _finished(self, shard: Shard, identity: str) -> _Measured | None:
        """What an earlier, interrupted run has measured of a shard; None if none has, or if it did
        so with something else than this run would, or of other bytes."""
        receipt_path = _part("evidence/part", shard)
        if not storage.exists(self._job.path(receipt_path)):
            return None
        content = storage.read(self._job.path(receipt_path))
        try:
            last = pq.read_table(pa.BufferReader(content))
            receipt = json.loads(last.schema.metadata[_RECEIPT_KEY])
            if receipt["identity"] != identity or receipt["checksum"] != _checksum(shard):
                return None
            tables = {receipt_path: last}
            for output in receipt["outputs"]:
                if output["path"].startswith("evidence/"):
                    other = storage.read(self._job.path(output["path"]))
                    if storage.WrittenFile.of(other).sha256 != output["sha256"]:
                        return None
                    tables[output["path"]] = pq.read_table(pa.BufferReader(other))
            evidence = {}
            for name, kind in KINDS.items():
                table = tables.get(_part(f"evidence/{kind.prefix}", shard))
                evidence[name] = (
                    np.empty(0, kind.records) if table is None else records_of(table, kind.records)
                )
        except (pa.ArrowInvalid, OSError, KeyError, TypeError, ValueError):
            return None
        receipt["outputs"].append(
            _output(receipt_path, last.num_rows, storage.WrittenFile.of(content))
        )
        findings = tables.get(_part("evidence/findings", shard), FINDING_SCHEMA.empty_table())
        return _Measured(receipt, evidence, findings)


def _column_options(schema: pa.Schema) -> dict[str, Any]:
    """How columns are written. Numbers are measurements and hashes, hardly two alike: a dictionary
    of them takes a third of the time of writing, and room."""
    repeating = [
        field.name
        for field in schema
        if pa.types.is_string(field.type) or pa.types.is_dictionary(field.type)
    ]
    return {"compression": "zstd", "use_dictionary": repeating}


def _checksum(shard: Shard) -> str | None:
    if shard.range:
        return shard.range.checksum
    try:
        return identify(shard.uri).checksum
    except OSError:
        return None


def _part(prefix: str, shard: Shard) -> str:
    part = f"-{shard.range.number:05d}" if shard.range else ""
    return f"{prefix}-{shard.index:05d}{part}.parquet"


def _output(path: str, rows: int, file: storage.WrittenFile) -> dict[str, Any]:
    return {"path": path, "rows": rows, "sha256": file.sha256, "bytes": file.bytes}


@dataclass
class _ShardTotals:
    """Sums over the parts of a shard or range."""

    documents: int = 0
    text_bytes: int = 0
    other_records: int = 0
    surprisal: int = 0
    first_position: int = 0
    records: int = 0
    dead_letters: list[pa.RecordBatch] = field(default_factory=list)
    bucket_tokens: np.ndarray = field(default_factory=lambda: np.zeros(len(BUCKETS), np.int64))
    bucket_onsets: np.ndarray = field(default_factory=lambda: np.zeros(_CHANNEL_BUCKETS, np.int64))
    bucket_decoys: np.ndarray = field(default_factory=lambda: np.zeros(_CHANNEL_BUCKETS, np.int64))
    groups: HyperLogLogPlusPlus = field(
        default_factory=lambda: HyperLogLogPlusPlus(GROUPS_PRECISION, hashfunc=_hash_group)
    )

    def add(self, measured: Measurement, dead_letters: pa.RecordBatch, other_records: int) -> None:
        features = measured.features
        self.documents += measured.documents.num_rows
        self.text_bytes += int(measured.documents["byte_length"].to_numpy().sum())
        self.other_records += other_records
        bits = features.surprisal.astype(np.float64) * features.tokens
        self.surprisal += int(np.rint(bits * _SURPRISAL_UNITS).astype(np.int64).sum())
        for batch in (measured.documents, dead_letters):
            if batch.num_rows:
                last = batch["position"][-1].as_py()
                self.records = max(self.records, last + 1 - self.first_position)
        if dead_letters.num_rows:
            self.dead_letters.append(dead_letters)
        np.add.at(self.bucket_tokens, features.bucket, features.tokens)
        onsets = measured.evidence["onsets"]
        for direction, sums in ((1, self.bucket_onsets), (-1, self.bucket_decoys)):
            of_direction = onsets[onsets["direction"] == direction]
            np.add.at(sums, (of_direction["channel"], of_direction["bucket"]), 1)
        for group in measured.documents["group"].unique().to_pylist():
            self.groups.update(group.encode())

    def receipt(self, dead_letters: pa.Table) -> dict[str, Any]:
        return {
            "records": self.records,
            "documents": self.documents,
            "dead_letters": dead_letters.num_rows,
            "dead_letter_reasons": dict(Counter(dead_letters["reason"].to_pylist())),
            "other_records": self.other_records,
            "text_bytes": self.text_bytes,
            "tokens": int(self.bucket_tokens.sum()),
            "surprisal": self.surprisal / _SURPRISAL_UNITS,
            "bucket_tokens": self.bucket_tokens.tolist(),
            "bucket_onsets": self.bucket_onsets.tolist(),
            "bucket_decoys": self.bucket_decoys.tolist(),
            "groups": self.groups.reg.astype(np.uint8).tobytes().hex(),
        }


def _hash_group(name: bytes) -> int:
    return xxhash.xxh3_64_intdigest(name)
