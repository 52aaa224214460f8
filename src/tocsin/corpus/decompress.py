"""Streams of bytes out of a shard: bounded in memory, exact about where they break off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import zstandard
from isal import igzip_lib

from tocsin.corpus.batches import MIB, Limits
from tocsin.corpus.dead_letters import BrokenShard, Reason
from tocsin.corpus.shards import Compression

_READ_BYTES = MIB
_GZIP_OUTPUT_BYTES = MIB
# At the end of a member the rest of the slice is copied, and WARC has a member a record.
_GZIP_INPUT_BYTES = 16 * 1024

# Zstandard's streaming object returns all that an input holds, and 4 bytes can hold a block of
# 128 KiB: 4 KiB of input bound one call to 128 MiB. Slices of 4 KiB cost no more time than 64 KiB
# (1.4 to 1.8 ns a byte of output either way).
_ZSTD_INPUT_BYTES = 4096
# The window that `zstd --long` makes by default and every decoder accepts.
_ZSTD_WINDOW_BYTES = 128 * MIB


class CountingReader:
    """A shard's stream that counts what is read. pyarrow accepts it as a Python file."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.bytes_read = 0
        self.failure: OSError | None = None
        """The storage's own error, to tell it from pyarrow's complaints about the content."""

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes; b"" at the end of the stream."""
        try:
            data = self._stream.read(size)
        except OSError as error:
            self.failure = error
            raise
        self.bytes_read += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place in the stream."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """The place in the stream."""
        return self._stream.tell()

    def close(self) -> None:
        """Do nothing: the stream belongs to the caller."""


def decompressed(
    source: CountingReader, compression: Compression, limits: Limits
) -> Iterator[bytes]:
    """Yield the shard's bytes, decompressed, in non-empty pieces of bounded size.

    Members of a gzip file and frames of a Zstandard file follow each other without a seam.

    Raises:
        BrokenShard: after everything before the break was yielded.
    """
    pieces = {
        Compression.NONE: _plain,
        Compression.GZIP: _gunzipped,
        Compression.ZSTD: _unzstandarded,
    }[compression](source)
    expanded = 0
    try:
        for piece in pieces:
            expanded += len(piece)
            if compression is not Compression.NONE and limits.is_bomb(source.bytes_read, expanded):
                raise BrokenShard(
                    Reason.DECOMPRESSION_BOMB,
                    f"{source.bytes_read} bytes expand to {expanded} and more",
                )
            if piece:
                yield piece
    except OSError as error:
        raise BrokenShard(Reason.UNREADABLE_SHARD, f"{type(error).__name__}: {error}") from error


def _plain(source: CountingReader) -> Iterator[bytes]:
    while data := source.read(_READ_BYTES):
        yield data


def _gunzipped(source: CountingReader) -> Iterator[bytes]:
    member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    inside_member = False
    padding = b""
    try:
        for data in _slices(source, _GZIP_INPUT_BYTES):
            if not inside_member:
                data = data.lstrip(padding)
            while data:
                inside_member = True
                yield member.decompress(data, _GZIP_OUTPUT_BYTES)
                while not (member.eof or member.needs_input):
                    yield member.decompress(b"", _GZIP_OUTPUT_BYTES)
                data = b""
                if member.eof:
                    # Zero bytes after a member are padding, as gzip itself has it.
                    padding = b"\0"
                    data = member.unused_data.lstrip(padding)
                    member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
                    inside_member = False
    except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stub says: an instance
        raise BrokenShard(Reason.CORRUPT_SHARD, f"gzip: {error}") from error
    if inside_member:
        raise BrokenShard(Reason.TRUNCATED_SHARD, "the gzip stream ends too early")


def _unzstandarded(source: CountingReader) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
    frame = decompressor.decompressobj()
    inside_frame = False
    try:
        for data in _slices(source, _ZSTD_INPUT_BYTES):
            while data:
                inside_frame = True
                yield frame.decompress(data)
                data = b""
                if frame.eof:
                    data = frame.unused_data
                    frame = decompressor.decompressobj()
                    inside_frame = False
    except zstandard.ZstdError as error:
        raise BrokenShard(Reason.CORRUPT_SHARD, f"zstd: {error}") from error
    if inside_frame:
        raise BrokenShard(Reason.TRUNCATED_SHARD, "the zstd stream ends too early")


def _slices(source: CountingReader, size: int) -> Iterator[bytes]:
    """The compressed stream in slices of at most `size` bytes.

    Raises:
        BrokenShard: if there is none. Nothing, too, has a compressed form with a header: a file
            without a byte is a lost upload.
    """
    data = source.read(_READ_BYTES)
    if not data:
        raise BrokenShard(Reason.TRUNCATED_SHARD, "the file is empty")
    while data:
        for start in range(0, len(data), size):
            yield data[start : start + size]
        data = source.read(_READ_BYTES)
