"""Parquet: rows become documents; the row number is the position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.corpus.batches import FieldNames, Limits, ShardPart
from tocsin.corpus.dead_letters import BrokenShard, DeadLetters, Fault, Reason
from tocsin.corpus.decompress import CountingReader
from tocsin.corpus.documents import document_batch, no_documents
from tocsin.corpus.parquet_file import ParquetShard
from tocsin.corpus.shards import Shard


@dataclass(frozen=True)
class ParquetBlock:
    """Some rows of a shard, and the documents among them.

    Attributes:
        first_position: row number of the first row.
        rows: the rows, with the columns that were asked for.
        documents: rows of DOCUMENT_SCHEMA.
    """

    first_position: int
    rows: pa.RecordBatch
    documents: pa.RecordBatch


def read_parquet(
    source: CountingReader, shard: Shard, fields: FieldNames, limits: Limits
) -> Iterator[ShardPart]:
    """Read a Parquet shard; see `read.read_shard`.

    Text may be of string or binary type, ids of an integer type as well. Damage in a row group
    gives one dead letter, and reading goes on with the next group: its rows keep their numbers.
    """
    letters = DeadLetters(shard.uri)
    gathered = [no_documents()]
    text_bytes = rows = 0
    try:
        file = ParquetShard(source, fields, limits)
        groups = file.groups_of(shard)
        rows_meant = file.starts[groups.stop] - file.starts[groups.start]
        decoder = RowDecoder(shard, fields, limits, letters)
        for block in parquet_blocks(file, decoder, groups):
            gathered.append(block.documents)
            text_bytes += _text_bytes(block.documents)
            rows += block.rows.num_rows
            held_bytes = text_bytes + letters.raw_bytes
            if held_bytes >= limits.batch_bytes or rows >= limits.batch_records:
                rows_read = block.first_position + block.rows.num_rows - file.starts[groups.start]
                bytes_read = shard.stored_bytes * rows_read // rows_meant
                yield ShardPart(pa.concat_batches(gathered), letters.take(), bytes_read)
                gathered = [no_documents()]
                text_bytes = rows = 0
    except BrokenShard as broken:
        letters.add(broken.fault, position=shard.first_position)
    yield ShardPart(pa.concat_batches(gathered), letters.take(), shard.stored_bytes)


def parquet_blocks(
    file: ParquetShard, decoder: RowDecoder, groups: range, every_column: bool = False
) -> Iterator[ParquetBlock]:
    """Read a Parquet shard and keep the rows, for those who copy them.

    Args:
        file: the shard.
        decoder: makes the documents, and takes the dead letters.
        groups: numbers of the row groups to read.
        every_column: whether to read also the columns that no document is made of.
    """
    for row_group in groups:
        position, end = file.starts[row_group], file.starts[row_group + 1]
        try:
            for rows in file.batches(row_group, None if every_column else file.columns):
                if position + rows.num_rows > end:
                    break
                documents = decoder.decode(rows.select(file.columns), position)
                yield ParquetBlock(position, rows, documents)
                position += rows.num_rows
            if position != end:
                detail = f"row group {row_group} has not as many rows as it states"
                raise BrokenShard(Reason.CORRUPT_SHARD, detail)
        except BrokenShard as broken:
            decoder.letters.add(broken.fault, position)
            if broken.fault.reason is not Reason.CORRUPT_SHARD:
                return
    stated = file.file.metadata.num_rows
    if stated != file.starts[-1]:
        detail = f"the file states {stated} rows, its row groups {file.starts[-1]}"
        decoder.letters.add(Fault(Reason.CORRUPT_SHARD, detail), file.starts[-1])


class RowDecoder:
    """Turns rows into documents, and the bad ones into dead letters."""

    def __init__(
        self, shard: Shard, fields: FieldNames, limits: Limits, letters: DeadLetters
    ) -> None:
        self._shard = shard
        self._fields = fields
        self._max_record_bytes = limits.max_record_bytes
        self.letters = letters

    def decode(self, rows: pa.RecordBatch, first_position: int) -> pa.RecordBatch:
        """Make documents of rows, of which the first has number `first_position`."""
        texts = _as_binary(rows.column(self._fields.text))
        ids, bad_ids = self._ids(rows)
        groups = [
            _as_strings(_as_binary(rows.column(name)))[0]
            for name in self._fields.group_candidates
            if name in rows.schema.names
        ]
        positions = pa.array(np.arange(first_position, first_position + rows.num_rows))
        faults = bad_ids | self._bad_texts(texts)
        if faults:
            for index, fault in sorted(faults.items()):
                raw = texts[index].as_py() or b""
                self.letters.add(fault, first_position + index, raw=raw)
            good = np.ones(rows.num_rows, dtype=bool)
            good[list(faults)] = False
            mask = pa.array(good)
            positions, ids, texts = positions.filter(mask), ids.filter(mask), texts.filter(mask)
            groups = [values.filter(mask) for values in groups]
        return document_batch(self._shard, positions, ids, groups, texts)

    def _ids(self, rows: pa.RecordBatch) -> tuple[pa.Array, dict[int, Fault]]:
        name = self._fields.id
        if name not in rows.schema.names:
            return pa.nulls(rows.num_rows, pa.string()), {}
        values = rows.column(name)
        if pa.types.is_integer(values.type):
            return values.cast(pa.string()), {}
        ids, invalid = _as_strings(_as_binary(values))
        return ids, {index: _not_utf8(name) for index in invalid}

    def _bad_texts(self, texts: pa.Array) -> dict[int, Fault]:
        name = self._fields.text
        faults = {index: _not_utf8(name) for index in _as_strings(texts)[1]}
        if texts.null_count:
            missing = Fault(Reason.MISSING_TEXT, f"the column '{name}' is null")
            faults |= dict.fromkeys(np.flatnonzero(texts.is_null()).tolist(), missing)
        lengths = pc.fill_null(pc.binary_length(texts), 0).to_numpy()
        for index in np.flatnonzero(lengths > self._max_record_bytes).tolist():
            detail = f"the text has {lengths[index]} bytes, {self._max_record_bytes} are allowed"
            faults[index] = Fault(Reason.RECORD_TOO_LARGE, detail)
        return faults


def _not_utf8(name: str) -> Fault:
    return Fault(Reason.INVALID_UTF8, f"the column '{name}' holds other bytes than UTF-8")


def _as_binary(values: pa.Array) -> pa.Array:
    """A textual column as binary array, out of its dictionary if it has one."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values.cast(pa.binary())


def _as_strings(values: pa.Array) -> tuple[pa.Array, list[int]]:
    """A binary array as strings, null where a value is no UTF-8, and the indices of those."""
    try:
        return values.cast(pa.string()), []
    except pa.ArrowInvalid:
        decoded = [_decoded(value) for value in values.to_pylist()]
        strings = pa.array(decoded, pa.string())
        return strings, np.flatnonzero(pc.xor(strings.is_null(), values.is_null())).tolist()


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _text_bytes(documents: pa.RecordBatch) -> int:
    return pc.sum(pc.binary_length(documents.column("text"))).as_py() or 0
