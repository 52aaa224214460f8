"""Shards: the files of a corpus, their formats, their order and their numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Format(str, Enum):
    """How records lie in a shard."""

    JSONL = "jsonl"
    PARQUET = "parquet"
    WARC = "warc"
    WET = "wet"


class Compression(str, Enum):
    """How a shard as a whole is compressed. Parquet compresses inside, so it has NONE."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


_SUFFIXES = {
    **{
        suffix + ending: (Format.JSONL, compression)
        for suffix in (".jsonl", ".json", ".ndjson")
        for ending, compression in (
            ("", Compression.NONE),
            (".gz", Compression.GZIP),
            (".zst", Compression.ZSTD),
        )
    },
    ".parquet": (Format.PARQUET, Compression.NONE),
    ".warc": (Format.WARC, Compression.NONE),
    ".warc.gz": (Format.WARC, Compression.GZIP),
    ".wet": (Format.WET, Compression.NONE),
    ".wet.gz": (Format.WET, Compression.GZIP),
}


@dataclass(frozen=True)
class Range:
    """A part of a shard that is read by itself: the records that begin in it.

    Attributes:
        number: of the range in the shard, from 0.
        start, end: bytes of the shard as stored; of Parquet, numbers of row groups.
        stored_bytes: how much is stored in it.
        share: its share of the shard, 0 to 1; those of all ranges add up to 1.
        position: of its first record.
        byte_offset: where its first record starts in the decompressed shard; 0 for Parquet.
        records: how many it has, -1 if nobody has counted.
        checksum, generation: of the whole shard when it was split.
    """

    number: int
    start: int
    end: int
    stored_bytes: int
    share: float = 1.0
    position: int = 0
    byte_offset: int = 0
    records: int = -1
    checksum: str | None = None
    generation: int | None = None


@dataclass(frozen=True)
class Shard:
    """One file of a corpus, or a range of one.

    Attributes:
        index: number of the shard in the job, from 0; see `numbered_shards`.
        uri: where it is: a local path or a URI such as `gs://bucket/folder/name`.
        size: bytes as stored.
        format: how records lie in it.
        compression: how it is compressed as a whole.
        range: the part that is meant, None for all of it; see `ranges`.
    """

    index: int
    uri: str
    size: int
    format: Format
    compression: Compression
    range: Range | None = None

    @property
    def order(self) -> tuple[int, int]:
        """What ranges and shards are sorted by."""
        return self.index, self.range.number if self.range else 0

    @property
    def stored_bytes(self) -> int:
        """Bytes as stored that are meant."""
        return self.range.stored_bytes if self.range else self.size

    @property
    def first_position(self) -> int:
        """Position of the first record that is meant."""
        return self.range.position if self.range else 0

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.uri.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The file's folder, the group of documents that name none; `.` if the URI has none."""
        return self.uri.rpartition("/")[0] or "."


def format_of(uri: str) -> tuple[Format, Compression] | None:
    """Format and compression by the suffix, in upper or lower case; None if it is unknown."""
    name = uri.rpartition("/")[2].lower()
    return next(
        (found for suffix, found in _SUFFIXES.items() if name.endswith(suffix)),
        None,
    )


def numbered_shards(files: Iterable[tuple[str, int]]) -> list[Shard]:
    """Make shards of (uri, size) pairs, numbered from 0 in the order of their URIs.

    The order is that of the URIs' UTF-8 bytes, so the numbers are the same on every machine and do
    not depend on the order of listing. A URI that is listed twice is one shard. Files of unknown
    suffix are left out: ask `format_of` which.
    """
    by_uri = {uri: (size, found) for uri, size in files if (found := format_of(uri)) is not None}
    return [
        Shard(index, uri, by_uri[uri][0], *by_uri[uri][1])
        for index, uri in enumerate(sorted(by_uri, key=lambda uri: uri.encode(errors="replace")))
    ]
