"""Where the frames of a Zstandard file begin, found without decompressing anything.

The format is that of RFC 8878: a frame is a header, blocks that each state their length, and
perhaps a checksum. Frames do not depend on each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import zstandard

_LONGEST_HEADER = 18
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_BLOCK_HEADER = 3
_CHECKSUM = 4
_RLE_BLOCK, _RESERVED_BLOCK = 1, 3


def frame_starts(stream: BinaryIO) -> Iterator[int]:
    """Yield the offset of every frame, up to where the file ends or is no Zstandard any more.

    Args:
        stream: the file at its start; seekable.
    """
    start: int | None = 0
    while start is not None:
        stream.seek(start)
        head = stream.read(_LONGEST_HEADER)
        end = _frame_end(stream, start, head)
        if head and end != start:
            yield start
        start = end if end != start else None


def _frame_end(stream: BinaryIO, start: int, head: bytes) -> int | None:
    """Where a frame ends; `start` if there is none, None if its end is not to be found."""
    if int.from_bytes(head[:4], "little") in _SKIPPABLE and len(head) >= 8:
        return start + 8 + int.from_bytes(head[4:8], "little")
    try:
        offset = start + zstandard.frame_header_size(head)
        has_checksum = zstandard.get_frame_parameters(head).has_checksum
    except zstandard.ZstdError:
        return start
    while True:
        stream.seek(offset)
        header = int.from_bytes(block := stream.read(_BLOCK_HEADER), "little")
        kind = header >> 1 & 3
        if len(block) < _BLOCK_HEADER or kind == _RESERVED_BLOCK:
            return None
        offset += _BLOCK_HEADER + (1 if kind == _RLE_BLOCK else header >> 3)
        if header & 1:
            return offset + (_CHECKSUM if has_checksum else 0)
