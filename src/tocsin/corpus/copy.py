"""Copying a shard without the documents that were flagged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.corpus.batches import FieldNames, Limits
from tocsin.corpus.compress import Sink
from tocsin.corpus.dead_letters import DeadLetters
from tocsin.corpus.decompress import CountingReader, decompressed
from tocsin.corpus.jsonl import jsonl_blocks
from tocsin.corpus.parquet import RowDecoder, parquet_blocks
from tocsin.corpus.parquet_file import ParquetShard
from tocsin.corpus.parquet_sink import ParquetSink
from tocsin.corpus.shards import Format, Shard
from tocsin.corpus.warc import Kind, WarcReader
from tocsin.corpus.warc_stream import WarcStream


@dataclass(frozen=True)
class CopyCounts:
    """What became of the records of a shard: records = kept + removed + dead_letters."""

    records: int
    kept: int
    removed: int
    dead_letters: int


def copy_shard(
    source: BinaryIO,
    target: BinaryIO,
    shard: Shard,
    fields: FieldNames,
    limits: Limits,
    dropped: npt.NDArray[np.int64],
    removed: BinaryIO | None = None,
) -> CopyCounts:
    """Copy the documents of a shard whose positions are not dropped, in the same format.

    A line of JSONL and a WARC record with its headers stay as they are, byte for byte. A Parquet
    file keeps its schema, metadata, order and codecs. Records of a WARC file that are no documents
    are copied (one longer than `max_record_bytes` in which the shard breaks off as far as it goes).
    Blank lines are not, nor are dead letters: what could not be measured is not vouched for.

    Args:
        source: the shard as stored, as for `read.read_shard`, which gives the same positions.
        target: takes the copy; stays open.
        shard: what the source is.
        fields: which fields hold what.
        limits: what the shard may ask of this process.
        dropped: positions in any order. Those that no document has are ignored: compare `removed`
            in the result with the number that you meant to remove.
        removed: takes the dropped documents as a shard of the same format; stays open.

    Raises:
        BrokenShard: of a Parquet file that cannot be opened, of which there is no copy; nothing was
            written.
    """
    copy = _Copy(CountingReader(source), shard, fields, limits, np.unique(dropped))
    targets = [target] if removed is None else [target, removed]
    if shard.format is Format.JSONL:
        copy.jsonl(targets)
    elif shard.format is Format.PARQUET:
        copy.parquet(targets)
    else:
        copy.warc(targets)
    return copy.counts()


class _Copy:
    """One copy, and the count of what became of the records."""

    def __init__(
        self,
        source: CountingReader,
        shard: Shard,
        fields: FieldNames,
        limits: Limits,
        dropped: npt.NDArray[np.int64],
    ) -> None:
        self._source = source
        self._shard = shard
        self._fields = fields
        self._limits = limits
        self._dropped = dropped
        self._kept = self._removed = self._dead_letters = 0

    def counts(self) -> CopyCounts:
        records = self._kept + self._removed + self._dead_letters
        return CopyCounts(records, self._kept, self._removed, self._dead_letters)

    def jsonl(self, targets: list[BinaryIO]) -> None:
        sinks = [Sink(target, self._shard.compression) for target in targets]
        for block in jsonl_blocks(self._source, self._shard, self._fields, self._limits):
            self._dead_letters += block.part.dead_letters.num_rows
            for sink, positions in zip(sinks, self._divided(block.part.documents)):
                for index in positions - block.first_position:
                    sink.write(block.lines[index] + b"\n")
        for sink in sinks:
            sink.close()

    def parquet(self, targets: list[BinaryIO]) -> None:
        letters = DeadLetters(self._shard.uri)
        decoder = RowDecoder(self._shard, self._fields, self._limits, letters)
        file = ParquetShard(self._source, self._fields, self._limits)
        groups = file.groups_of(self._shard)
        sinks = [ParquetSink(target, file.file) for target in targets]
        for block in parquet_blocks(file, decoder, groups, every_column=True):
            self._dead_letters += letters.take().num_rows
            for sink, positions in zip(sinks, self._divided(block.documents)):
                for run in _runs(positions - block.first_position):
                    sink.write(block.rows.slice(run[0], len(run)))
                if block.first_position + block.rows.num_rows in file.starts:
                    sink.end_row_group()
        self._dead_letters += letters.take().num_rows
        for sink in sinks:
            sink.close()

    def warc(self, targets: list[BinaryIO]) -> None:
        stream = WarcStream(decompressed(self._source, self._shard.compression, self._limits))
        reader = WarcReader(stream, self._shard, self._limits)
        dropped = set(self._dropped.tolist())
        sinks = [Sink(target, self._shard.compression) for target in targets]
        for position, kind in reader.records():
            if stream.route is not None:
                stream.route.end_member()
            stream.route = sinks[0]
            if kind is Kind.DEAD_LETTER:
                stream.route = None
            elif kind is Kind.DOCUMENT and position in dropped:
                self._removed += 1
                stream.route = sinks[1] if len(sinks) > 1 else None
            elif kind is Kind.DOCUMENT:
                self._kept += 1
            if reader.is_full():
                self._dead_letters += reader.take_part(0).dead_letters.num_rows
        self._dead_letters += reader.take_part(0).dead_letters.num_rows
        for sink in sinks:
            sink.close()

    def _divided(self, documents: pa.RecordBatch) -> tuple[npt.NDArray[np.int64], ...]:
        """The positions of the documents that stay and of those that are dropped, counted."""
        positions = documents.column("position").to_numpy()
        is_dropped = np.isin(positions, self._dropped, assume_unique=True)
        kept, removed = positions[~is_dropped], positions[is_dropped]
        self._kept += len(kept)
        self._removed += len(removed)
        return kept, removed


def _runs(indices: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Ascending indices in runs without a gap; pyarrow can slice any type, but not take of each."""
    if not len(indices):
        return []
    return np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1)
