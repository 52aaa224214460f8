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
class Shard:
    """One file of a corpus.

    Attributes:
        index: number of the shard in the job, from 0; see `numbered_shards`.
        uri: where it is: a local path or a URI such as `gs://bucket/folder/name`.
        size: bytes as stored.
        format: how records lie in it.
        compression: how it is compressed as a whole.
    """

    index: int
    uri: str
    size: int
    format: Format
    compression: Compression

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
