"""An open Parquet file: what it must have, and how to get its rows without filling the memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.corpus.batches import MIB, FieldNames, Limits
from tocsin.corpus.dead_letters import BrokenShard, Reason
from tocsin.corpus.decompress import CountingReader
from tocsin.corpus.shards import Shard

PARQUET_ERRORS = (OSError, ValueError, KeyError, pa.ArrowException)
"""What pyarrow raises for damaged files."""

_MAGIC = b"PAR1"
# Column chunks are read through buffers of this size and not whole: writers put up to a million
# rows into a row group.
_BUFFER_BYTES = 4 * MIB
# Enough for full speed, and few enough if some texts are far longer than the mean.
_MAX_ROWS = 1024
# What values out of a dictionary may expand to at once, and up to which size a row group is read
# at once.
_MAX_EXPANSION = 64 * MIB
_SMALL_ROW_GROUP = 64 * MIB
# What a row counts beside its text: a billion nulls are not free.
_ROW_BYTES = 16

_TEXTUAL = (
    pa.null(),
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.binary_view(),
)


class ParquetShard:
    """An open Parquet file.

    Attributes:
        file: to read metadata from.
        columns: the columns that documents are made of.
        starts: the position of the first row of each row group, and last the number of all rows.

    Raises:
        BrokenShard: from the constructor, if the file cannot be read or lacks what is needed.
    """

    def __init__(self, source: CountingReader, fields: FieldNames, limits: Limits) -> None:
        self._source = source
        self._expanded_bytes = 0
        self._limits = limits
        self._text = fields.text
        try:
            self._size = source.seek(0, os.SEEK_END)
            self._require_end()
            self.file = self._open(pa.PythonFile(source, "r"))
            schema = self.file.schema_arrow
            metadata = self.file.metadata
            rows = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
            if min(rows, default=0) < 0:
                raise pa.ArrowInvalid("a row group states a negative number of rows")
        except PARQUET_ERRORS as error:
            raise self._broken(error) from error
        self.columns = _document_columns(schema, fields)
        self.starts = list(accumulate(rows, initial=0))

    def groups_of(self, shard: Shard) -> range:
        """Numbers of the row groups that are meant: of all, or of a range."""
        if shard.range is None:
            return range(len(self.starts) - 1)
        return range(shard.range.start, shard.range.end)

    def _open(self, source: pa.PythonFile, **options: object) -> pq.ParquetFile:
        return pq.ParquetFile(
            source,
            buffer_size=_BUFFER_BYTES,
            page_checksum_verification=True,
            **options,
        )

    def _require_end(self) -> None:
        """Tell a file that breaks off from one that is something else."""
        self._source.seek(0)
        start = self._source.read(len(_MAGIC))
        self._source.seek(max(self._size - len(_MAGIC), 0))
        if self._size <= len(_MAGIC) or (start == _MAGIC and self._source.read() != _MAGIC):
            raise BrokenShard(Reason.TRUNCATED_SHARD, "the Parquet file has no end")

    def _broken(self, error: Exception) -> BrokenShard:
        """Say whose fault an error of pyarrow is."""
        if self._source.failure is not None:
            return BrokenShard(Reason.UNREADABLE_SHARD, f"{type(error).__name__}: {error}")
        return BrokenShard(Reason.CORRUPT_SHARD, f"parquet: {error}")

    def batches(self, row_group: int, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a row group in order, in batches of about `batch_bytes` of text.

        Columns that are no text are taken to be as small as they say.

        Stated sizes do not tell how much text a row group holds: a dictionary of few long values
        can stand for any number of rows. So a small row group that has a dictionary is read at once
        with its dictionary, and a large one in steps that fit the longest value.

        Raises:
            BrokenShard: at the first rows that cannot be read, or would be too many bytes.
        """
        try:
            group = self.file.metadata.row_group(row_group)
            [chunk] = column_chunks(self.file, row_group, [self._text])
            self._refuse_bomb(chunk.total_uncompressed_size)
            mean_bytes = chunk.total_uncompressed_size // max(group.num_rows, 1)
            file, rows = self.file, self._limits.batch_bytes // max(mean_bytes, 1)
            rows = min(rows, _MAX_ROWS)
            if chunk.has_dictionary_page:
                if chunk.total_uncompressed_size + group.num_rows <= _SMALL_ROW_GROUP:
                    file, rows = self._with_dictionaries, group.num_rows
                else:
                    rows = min(rows, _MAX_EXPANSION // self._longest_dictionary_value(row_group))
            for batch in file.iter_batches(
                max(rows, 1), row_groups=[row_group], columns=columns, use_threads=False
            ):
                _check_indices(batch)
                yield from self._slices(batch)
        except PARQUET_ERRORS as error:
            raise self._broken(error) from error

    def _refuse_bomb(self, expanded_bytes: int) -> None:
        if self._limits.is_bomb(self._size, expanded_bytes):
            raise BrokenShard(
                Reason.DECOMPRESSION_BOMB, f"{self._size} bytes expand to {expanded_bytes} or more"
            )

    @cached_property
    def _with_dictionaries(self) -> pq.ParquetFile:
        """The file, but the text column comes as indices into its dictionary."""
        source = pa.PythonFile(self._source, "r")
        return self._open(source, metadata=self.file.metadata, read_dictionary=[self._text])

    def _longest_dictionary_value(self, row_group: int) -> int:
        first = next(
            self._with_dictionaries.iter_batches(
                1, row_groups=[row_group], columns=[self._text], use_threads=False
            )
        )
        _check_indices(first)
        return int(_byte_lengths(first.column(0).dictionary).max(initial=1))

    def _slices(self, rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        ends = np.cumsum(_byte_lengths(rows.column(self._text)) + _ROW_BYTES)
        start, taken = 0, 0
        while start < rows.num_rows:
            stop = int(np.searchsorted(ends, taken + self._limits.batch_bytes, side="right"))
            stop = min(max(stop, start + 1), start + self._limits.batch_records)
            self._expanded_bytes += int(ends[stop - 1]) - taken
            self._refuse_bomb(self._expanded_bytes)
            yield self._as_stated(rows.slice(start, stop - start))
            start, taken = stop, int(ends[stop - 1])

    def _as_stated(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The rows without a dictionary that only the way of reading has brought in."""
        index = rows.schema.get_field_index(self._text)
        stated = self.file.schema_arrow.field(self._text)
        column = rows.column(index)
        if pa.types.is_dictionary(stated.type) or not pa.types.is_dictionary(column.type):
            return rows
        return rows.set_column(index, stated, column.dictionary_decode().cast(stated.type))


def column_chunks(
    file: pq.ParquetFile, row_group: int, columns: list[str]
) -> list[pq.ColumnChunkMetaData]:
    """What the footer says of columns, named by the paths of their leaves, in a row group.

    pyarrow 25 ends the process if a footer contradicts itself here (histograms of a wrong length,
    chunks that are missing, codecs that do not exist): its accessor lets the C++ exception out. In
    a read, the same check raises. So a read is tried first, which stops at the first page.

    Raises:
        One of PARQUET_ERRORS: if the footer contradicts itself.
    """
    probe = pq.ParquetFile(
        pa.PythonFile(_Unread(), "r"), buffer_size=_BUFFER_BYTES, metadata=file.metadata
    )
    for path in columns:
        with contextlib.suppress(_PageReached):
            next(probe.iter_batches(1, row_groups=[row_group], columns=[path]), None)
    group = file.metadata.row_group(row_group)
    leaves = {file.schema.column(leaf).path: leaf for leaf in range(file.metadata.num_columns)}
    return [group.column(leaves[path]) for path in columns]


class _PageReached(Exception):
    """A read has come to the pages: all that the footer says of them was accepted."""


class _Unread:
    """In the place of a file of which nothing but the footer may be read."""

    closed = False

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Any place will do."""
        return offset

    def tell(self) -> int:
        """The size, when pyarrow asks for it: enough for any place that a footer names."""
        return 1 << 62

    def read(self, size: int = -1) -> bytes:
        """Never gives anything."""
        raise _PageReached

    def close(self) -> None:
        """Nothing to do."""


def _check_indices(rows: pa.RecordBatch) -> None:
    """Refuse indices outside of their dictionary, which pyarrow neither checks nor survives.

    Raises:
        ArrowInvalid: if there are any.
    """
    for column in rows.columns:
        if pa.types.is_dictionary(column.type):
            bounds = pc.min_max(column.indices).as_py()
            if bounds["min"] is not None and not (
                0 <= bounds["min"] <= bounds["max"] < len(column.dictionary)
            ):
                raise pa.ArrowInvalid("an index lies outside of its dictionary")
        elif "dictionary<" in str(column.type):
            column.validate(full=True)


def is_textual(data_type: pa.DataType) -> bool:
    """Whether a column can be read as strings: strings and bytes, plain or in a dictionary."""
    if pa.types.is_dictionary(data_type):
        data_type = data_type.value_type
    return data_type in _TEXTUAL


def _document_columns(schema: pa.Schema, fields: FieldNames) -> list[str]:
    """The columns to read.

    Raises:
        BrokenShard: if there is no usable text column, or the id column is of the wrong type.
    """
    usable = {name for name in fields.all if schema.names.count(name) == 1}
    if fields.text not in usable or not is_textual(schema.field(fields.text).type):
        raise BrokenShard(
            Reason.UNSUPPORTED_SCHEMA,
            f"no text column '{fields.text}' among: "
            + ", ".join(f"{field.name} ({field.type})" for field in schema),
        )
    if fields.id in usable:
        id_type = schema.field(fields.id).type
        if not (is_textual(id_type) or pa.types.is_integer(id_type)):
            raise BrokenShard(
                Reason.UNSUPPORTED_SCHEMA,
                f"the id column '{fields.id}' is {id_type}, neither string nor integer",
            )
    groups = [
        name
        for name in fields.group_candidates
        if name in usable and is_textual(schema.field(name).type)
    ]
    return list(dict.fromkeys([fields.text, *usable.intersection([fields.id]), *groups]))


def _byte_lengths(values: pa.Array) -> np.ndarray:
    """Bytes of each value of a textual column, 0 for null: int64, shape (rows,)."""
    if pa.types.is_dictionary(values.type):
        of_entries = _byte_lengths(values.dictionary)
        present = pc.fill_null(values.indices, 0).to_numpy(zero_copy_only=False)
        return np.where(values.is_null(), 0, of_entries[present]) if len(of_entries) else present
    lengths = pc.binary_length(values.cast(pa.large_binary()))
    return pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False)
