"""Local shards record by record: reading them, and copying them with records inserted."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.corpus.batches import Limits
from tocsin.corpus.compress import Sink
from tocsin.corpus.dead_letters import BrokenShard
from tocsin.corpus.decompress import CountingReader, decompressed
from tocsin.corpus.parquet_file import PARQUET_ERRORS
from tocsin.corpus.parquet_sink import ParquetSink
from tocsin.corpus.shards import Compression, Format, format_of
from tocsin.drill.poison import DrillError

Record = dict[str, Any]

_PARQUET_ROWS = 1_024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def find_shards(folder: Path) -> list[Path]:
    """The JSONL and Parquet shards below a folder, sorted; hidden files are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and _format(path)[0] in (Format.JSONL, Format.PARQUET)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def read_records(path: Path) -> Iterator[Record | None]:
    """Yields each record of a shard in its order; None for one that is no JSON object.

    Raises:
        DrillError: the shard is broken.
    """
    form, compression = _format(path)
    with open(path, "rb") as stream, _breaks_told(path):
        if form is Format.PARQUET:
            for batch in pq.ParquetFile(stream).iter_batches(_PARQUET_ROWS):
                yield from batch.to_pylist()
        else:
            for line in _lines(stream, compression):
                if not _is_blank(line):
                    yield _parsed(line)


def copy_with_insertions(
    source: Path, target: Path, insertions: Mapping[int, Sequence[Record]]
) -> None:
    """Copies a shard and puts new records before some of its own.

    Lines of JSONL that were there stay byte-identical; rows of Parquet keep their values, schema
    and metadata, and fields of a new record that the schema lacks are left out.

    Args:
        source: the shard to copy.
        target: where to; replaced if it exists, and never half written.
        insertions: position in the source of the record to insert before -> new records.

    Raises:
        DrillError: the shard is broken, or a new record does not fit its schema.
    """
    form, compression = _format(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}")
    try:
        with open(source, "rb") as stream, open(unfinished, "wb") as out, _breaks_told(source):
            if form is Format.PARQUET:
                _copy_rows(stream, out, insertions)
            else:
                _copy_lines(stream, out, compression, insertions)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def _copy_lines(
    stream: BinaryIO,
    out: BinaryIO,
    compression: Compression,
    insertions: Mapping[int, Sequence[Record]],
) -> None:
    sink = Sink(out, compression)
    position = 0
    for line in _lines(stream, compression):
        if not _is_blank(line):
            for record in insertions.get(position, ()):
                sink.write(orjson.dumps(record) + b"\n")
            position += 1
        sink.write(line)
    sink.close()


def _copy_rows(stream: BinaryIO, out: BinaryIO, insertions: Mapping[int, Sequence[Record]]) -> None:
    file = pq.ParquetFile(stream)
    sink = ParquetSink(out, file)
    position = 0
    for row_group in range(file.num_row_groups):
        for batch in file.iter_batches(_PARQUET_ROWS, row_groups=[row_group]):
            start = 0
            for place in sorted(set(insertions) & set(range(position, position + batch.num_rows))):
                sink.write(batch.slice(start, place - position - start))
                new = list(insertions[place])
                sink.write(pa.RecordBatch.from_pylist(new, schema=file.schema_arrow))
                start = place - position
            sink.write(batch.slice(start))
            position += batch.num_rows
        sink.end_row_group()
    sink.close()


def _lines(stream: BinaryIO, compression: Compression) -> Iterator[bytes]:
    """The lines of a shard with their line feeds; a byte order mark comes first, by itself."""
    pieces = decompressed(CountingReader(stream), compression, Limits())
    for number, lines in enumerate(_whole_lines(pieces)):
        if number == 0 and lines.startswith(_BYTE_ORDER_MARK):
            yield _BYTE_ORDER_MARK
            lines = lines.removeprefix(_BYTE_ORDER_MARK)
        yield from io.BytesIO(lines)


def _whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, cut after line feeds only."""
    begun: list[bytes] = []
    for piece in pieces:
        whole, line_feed, rest = piece.rpartition(b"\n")
        if line_feed:
            yield b"".join([*begun, whole, line_feed])
            begun = []
        begun.append(rest)
    yield b"".join(begun)


@contextlib.contextmanager
def _breaks_told(path: Path) -> Iterator[None]:
    """Turns what readers raise for broken shards into one clear line."""
    try:
        yield
    except BrokenShard as error:
        raise DrillError(f"{path} cannot be read: {error}") from error
    except PARQUET_ERRORS as error:
        raise DrillError(f"{path}: {error}") from error


def _format(path: Path) -> tuple[Format | None, Compression]:
    return format_of(path.name) or (None, Compression.NONE)


def _is_blank(line: bytes) -> bool:
    return line == _BYTE_ORDER_MARK or not line.strip(b" \t\r\n")


def _parsed(line: bytes) -> Record | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None
