"""Cutting a stream into lines, a block of whole lines at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tocsin.corpus.dead_letters import RAW_BYTES, BrokenShard, Fault, Reason

_JSON_SPACE = b" \t\r"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class LineBlock:
    """Whole lines with line feeds between them, and perhaps one after the last.

    Attributes:
        byte_offset: where the first line starts in the decompressed shard.
        data: the lines. A line longer than a block has this one for itself.
    """

    byte_offset: int
    data: bytes


@dataclass(frozen=True)
class BadLine:
    """A line that cannot be had whole. It takes the place of one record.

    Attributes:
        byte_offset: where the line starts in the decompressed shard.
        raw: its first RAW_BYTES.
        fault: why.
    """

    byte_offset: int
    raw: bytes
    fault: Fault


def is_record(line: bytes) -> bool:
    """Whether a line, without its line feed, is more than white space: a blank one is no record."""
    return bool(line and line.strip(_JSON_SPACE))


def records_of(block: LineBlock) -> list[bytes]:
    """The lines of a block that are records, without their line feeds."""
    return [line for line in block.data.split(b"\n") if is_record(line)]


def line_blocks(
    pieces: Iterator[bytes], block_bytes: int, max_line_bytes: int, byte_offset: int = 0
) -> Iterator[LineBlock | BadLine]:
    """Put the pieces of a shard together to blocks of whole lines.

    A line feed is the only end of a line. A byte order mark at the start of the shard belongs to no
    line. Of a line that is let go, no more than `max_line_bytes` are ever held.

    Args:
        pieces: the decompressed shard; may raise BrokenShard at any point.
        block_bytes: a block is closed as soon as it has so many.
        max_line_bytes: a line longer than this and than a block is let go and becomes a BadLine.
        byte_offset: where the first line starts in the decompressed shard.

    Yields:
        Blocks and bad lines in the order of the shard. If the shard breaks off, the last is a
        BadLine that holds the line in which it happened.
    """
    offset = byte_offset  # where the block starts
    block: list[bytes] = []
    whole_bytes = 0
    line = bytearray()  # the unfinished line after the block; its start, if it is let go
    line_bytes = 0
    try:
        for piece in pieces:
            if line_bytes > block_bytes:
                end = piece.find(b"\n")
                rest = piece if end < 0 else piece[:end]
                line_bytes += len(rest)
                if line_bytes <= max_line_bytes:
                    line += rest
                else:
                    kept_bytes = min(RAW_BYTES + len(_BYTE_ORDER_MARK), max_line_bytes)
                    line += rest[: max(kept_bytes - len(line), 0)]
                    del line[kept_bytes:]
                if end < 0:
                    continue
                yield _long_line(offset, line, line_bytes)
                offset += line_bytes + 1
                piece, line, line_bytes = piece[end + 1 :], bytearray(), 0
            end = piece.rfind(b"\n") + 1
            if end:
                block += [bytes(line), piece[:end]]
                whole_bytes += line_bytes + end
                piece, line, line_bytes = piece[end:], bytearray(), 0
            line += piece
            line_bytes += len(piece)
            if block and (whole_bytes >= block_bytes or line_bytes > block_bytes):
                yield _line_block(offset, block)
                offset += whole_bytes
                block, whole_bytes = [], 0
    except BrokenShard as broken:
        if block:
            yield _line_block(offset, block)
        yield BadLine(offset + whole_bytes, bytes(line[:RAW_BYTES]), broken.fault)
        return
    if line_bytes > block_bytes:
        yield _long_line(offset, line, line_bytes)
    elif whole_bytes + line_bytes:
        yield _line_block(offset, [*block, bytes(line)])


def _line_block(byte_offset: int, pieces: list[bytes]) -> LineBlock:
    data = b"".join(pieces)
    if byte_offset == 0 and data.startswith(_BYTE_ORDER_MARK):
        return LineBlock(len(_BYTE_ORDER_MARK), data[len(_BYTE_ORDER_MARK) :])
    return LineBlock(byte_offset, data)


def _long_line(byte_offset: int, line: bytearray, line_bytes: int) -> LineBlock | BadLine:
    """A line too long for a block, or its start if it was let go."""
    if len(line) == line_bytes:
        return _line_block(byte_offset, [bytes(line)])
    if byte_offset == 0 and line.startswith(_BYTE_ORDER_MARK):
        mark = len(_BYTE_ORDER_MARK)
        byte_offset, line, line_bytes = mark, line[mark:], line_bytes - mark
    fault = Fault(Reason.RECORD_TOO_LARGE, f"the line has {line_bytes} bytes")
    return BadLine(byte_offset, bytes(line[:RAW_BYTES]), fault)
