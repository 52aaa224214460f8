"""Ranges: how a large shard becomes the work of several workers.

A range has the records that begin in it. Plain JSONL is cut anywhere, Zstandard where a frame
begins, Parquet between row groups; gzip has no place to begin in the middle, and WARC records are
not numbered before they are parsed, so both are read whole.

The position of a record is its number in the shard. So ranges of lines are counted first: the same
lines are found, but not parsed. What breaks off does so for every later range too, as it does when
the shard is read in one go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import BinaryIO, cast

from tocsin.corpus.batches import MIB, FieldNames, Limits
from tocsin.corpus.dead_letters import BrokenShard, Reason
from tocsin.corpus.decompress import CountingReader, decompressed
from tocsin.corpus.lines import LineBlock, line_blocks, records_of
from tocsin.corpus.parquet_file import ParquetShard
from tocsin.corpus.shards import Compression, Format, Range, Shard
from tocsin.corpus.zstd_frames import frame_starts

RANGE_BYTES = 256 * MIB
"""Stored bytes of a range: a minute or two of one core, and far more than it costs to begin one."""


class RangeChanged(Exception):
    """A shard is not what it was when its ranges were counted."""


def can_split(shard: Shard) -> bool:
    """Whether the format and the compression let a shard be read from the middle."""
    if shard.format is Format.JSONL:
        return shard.compression is not Compression.GZIP
    return shard.format is Format.PARQUET


def most_ranges(shard: Shard, range_bytes: int) -> int:
    """How many ranges a shard has at most."""
    return max(1, -(-shard.size // range_bytes)) if can_split(shard) else 1


def split(stream: BinaryIO, shard: Shard, fields: FieldNames, range_bytes: int) -> list[Shard]:
    """Ranges of about `range_bytes` or more as stored; the shard itself where it has but one.

    Those of Parquet are complete. Those of lines have yet to be counted and numbered: `count`,
    `numbered`.

    Args:
        stream: the shard as stored; seekable.
        shard: what the stream is; one that `can_split`.
        fields: which fields hold what.
        range_bytes: size of a range; a frame or row group is never cut.

    Raises:
        OSError: if the stream cannot be read.
    """
    if shard.format is Format.PARQUET:
        return _row_groups(stream, shard, fields, range_bytes)
    if shard.compression is Compression.NONE:
        bounds = [*range(0, shard.size, range_bytes)]
    else:
        bounds = [0]
        for start in frame_starts(stream):
            if start - bounds[-1] >= range_bytes:
                bounds.append(start)
    return _ranges(shard, [*bounds, shard.size])


def _ranges(shard: Shard, bounds: list[int]) -> list[Shard]:
    if len(bounds) <= 2:
        return [shard]
    return [
        replace(
            shard, range=Range(number, start, end, end - start, (end - start) / bounds[-1])
        )
        for number, (start, end) in enumerate(pairwise(bounds))
    ]  # fmt: skip


def _row_groups(
    stream: BinaryIO, shard: Shard, fields: FieldNames, range_bytes: int
) -> list[Shard]:
    source = CountingReader(stream)
    try:
        file = ParquetShard(source, fields, Limits())
    except BrokenShard:
        if source.failure is not None:
            raise source.failure from None
        return [shard]  # its reader says what is wrong
    metadata = file.file.metadata
    sizes = [_stored_bytes(metadata.row_group(group)) for group in range(metadata.num_row_groups)]
    found: list[Shard] = []
    start = 0
    for end in range(1, len(sizes) + 1):
        stored = sum(sizes[start:end])
        if stored >= range_bytes or end == len(sizes):
            position = file.starts[start]
            part = Range(
                len(found), start, end, stored, stored / max(sum(sizes), 1), position,
                records=file.starts[end] - position,
            )  # fmt: skip
            found.append(replace(shard, range=part))
            start = end
    return found if len(found) > 1 else [shard]


def _stored_bytes(group: object) -> int:
    return sum(
        group.column(column).total_compressed_size  # type: ignore[attr-defined]
        for column in range(group.num_columns)  # type: ignore[attr-defined]
    )


class RangeOfLines:
    """The lines of a shard, or those that begin in a range of it.

    A range but the first begins after its first line feed, and ends with the first line feed at or
    after its end: so every line is in one range, also one that begins where a range does.

    Attributes:
        head_bytes: bytes of the range, decompressed, before its first line.
        own_bytes: bytes of the range, decompressed.
        has_line: whether a line begins in it.
        fault: why the shard breaks off, if it does.
    """

    def __init__(self, source: CountingReader, shard: Shard, limits: Limits) -> None:
        self._source = source
        self._shard = shard
        self._limits = limits
        self.head_bytes = 0
        self.own_bytes = 0
        self.has_line = shard.range is None or shard.range.number == 0
        self.fault: BrokenShard | None = None

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the lines, in non-empty pieces.

        Raises:
            BrokenShard: where the shard breaks off inside a line of the range.
        """
        if self._shard.range is None:
            yield from decompressed(self._source, self._shard.compression, self._limits)
            return
        try:
            yield from self._own()
            if self.has_line:
                yield from self._rest_of_line()
        except BrokenShard as broken:
            self.fault = broken
            if self.has_line:
                raise

    def _own(self) -> Iterator[bytes]:
        assert self._shard.range is not None
        for piece in self._decompressed(self._shard.range.start, self._shard.range.end):
            self.own_bytes += len(piece)
            if not self.has_line:
                end = piece.find(b"\n") + 1
                self.has_line = end > 0
                self.head_bytes += end or len(piece)
                piece = piece[end:] if end else b""
            if piece:
                yield piece

    def _rest_of_line(self) -> Iterator[bytes]:
        assert self._shard.range is not None
        if self._shard.range.end >= self._shard.size:
            return
        for piece in self._decompressed(self._shard.range.end, self._shard.size):
            end = piece.find(b"\n") + 1
            yield piece[:end] if end else piece
            if end:
                return

    def _decompressed(self, start: int, end: int) -> Iterator[bytes]:
        self._source.seek(start)
        within = CountingReader(cast(BinaryIO, _Bounded(self._source, end - start)))
        return decompressed(within, self._shard.compression, self._limits)


class _Bounded:
    """The next bytes of a stream, and no more."""

    def __init__(self, stream: CountingReader, left: int) -> None:
        self._stream = stream
        self._left = left

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


@dataclass(frozen=True)
class Counted:
    """A range of lines that was counted.

    Attributes:
        shard: the range.
        records: records that begin in it.
        head_bytes: bytes of it, decompressed, before its first line.
        own_bytes: bytes of it, decompressed.
        breaks: whether the shard breaks off in it or before.
    """

    shard: Shard
    records: int
    head_bytes: int
    own_bytes: int
    breaks: bool


def count(stream: BinaryIO, shard: Shard, limits: Limits) -> Counted:
    """Counts the records of a range of lines without parsing them.

    Args:
        stream: the whole shard as stored; seekable.
        shard: the range.
        limits: what the shard may ask of this process.

    Raises:
        OSError: if the stream cannot be read: to be tried again, for no one else reports it.
    """
    source = CountingReader(stream)
    lines = RangeOfLines(source, shard, limits)
    records = 0
    assert shard.range is not None
    start = shard.range.start  # a byte order mark stands at 0 alone
    for block in line_blocks(lines.pieces(), limits.batch_bytes, limits.max_record_bytes, start):
        records += len(records_of(block)) if isinstance(block, LineBlock) else 1
    if lines.fault is not None and lines.fault.fault.reason is Reason.UNREADABLE_SHARD:
        raise source.failure or OSError(str(lines.fault))
    return Counted(shard, records, lines.head_bytes, lines.own_bytes, lines.fault is not None)


def numbered(counted: Sequence[Counted]) -> list[Shard]:
    """The ranges of one shard with the positions of their first records. Those without a record are
    left out, but for the first one, and so are those after a break.

    Args:
        counted: all ranges of a shard, in any order.
    """
    found: list[tuple[Shard, Range]] = []
    position = byte_offset = 0
    for one in sorted(counted, key=lambda one: one.shard.order):
        part = one.shard.range
        assert part is not None
        if one.records or not found:
            numbers = replace(
                part,
                position=position,
                byte_offset=byte_offset + one.head_bytes,
                records=one.records,
            )
            found.append((one.shard, numbers))
        position += one.records
        byte_offset += one.own_bytes
        if one.breaks:
            break
    whole = sum(part.share for _, part in found)
    return [replace(shard, range=replace(part, share=part.share / whole)) for shard, part in found]
