"""Identity of shards by content: what a manifest says of an input, and whether it still holds.

A name or a time says nothing about content. A local file is identified by its size and the XXH3-128
of its bytes, an object by its size and CRC32C, which Google Cloud Storage keeps, and within one
name by its generation.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO

import xxhash

from tocsin.beam import cloud, storage

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Identity:
    """`size`: bytes as stored; `checksum`: `xxh3-128:` and hexadecimal digits, or `crc32c:` and
    base64; `generation`: of an object, None of a local file."""

    size: int
    checksum: str
    generation: int | None


def identify(uri: str) -> Identity:
    """The identity of what is stored now; a local file is read for it.

    Raises:
      OSError: if there is no such file or it can't be read.
    """
    if storage.is_remote(uri):
        return _identity_of(cloud.stat(uri))
    with open(uri, "rb") as stream:
        reader = IdentifyingReader(uri, stream)
        return reader.identity()


def _identity_of(stored: cloud.StoredObject) -> Identity:
    return Identity(stored.size, f"crc32c:{stored.crc32c}", stored.generation)


class IdentifyingReader(io.RawIOBase):
    """The stream of a shard, which identifies it while it is read.

    What is read from start to end is hashed on the way. A reader that jumps about (Parquet) costs a
    second read of a local file.
    """

    def __init__(self, uri: str, stream: BinaryIO) -> None:
        self._uri = uri
        self._stream = stream
        self._digest = xxhash.xxh3_128()
        self._size = 0
        self._stored = cloud.stored_of(stream)
        self._in_order = True

    def read(self, size: int = -1) -> bytes:
        """Reads up to `size` bytes; b"" at the end."""
        data = self._stream.read(size)
        if self._in_order and self._stored is None:
            self._digest.update(data)
            self._size += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Goes to a place in the stream."""
        self._in_order = False
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """The place in the stream."""
        return self._stream.tell()

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """As the stream is."""
        return self._stream.seekable()

    def identity(self) -> Identity:
        """The identity of the whole shard, also of what the reader has left unread.

        Raises:
          OSError: if it can't be read.
        """
        if self._in_order:
            while self.read(_CHUNK):  # to its end, where an object is checked against its checksum
                pass
        if self._stored is not None:
            return _identity_of(self._stored)
        if not self._in_order:
            return identify(self._uri)
        return Identity(self._size, f"xxh3-128:{self._digest.hexdigest()}", None)
