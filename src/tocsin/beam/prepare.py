"""From what the user gave to a job: finds the shards, checks the places, decides the sizes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from tocsin.beam import storage
from tocsin.corpus.shards import Compression, Shard, format_of, numbered_shards

SAMPLE_BYTES = 512 << 20
"""Text that a profile is learned from at most. Learning from 518 MB in one process peaks at 1.7 GB,
and the memory of a worker is to stay below 2 GB for a corpus of any size."""

PARTITION_BYTES = 4 << 30
"""Bytes of text for each partition of the evidence: with about 75 bytes of evidence a document of
5 KB, each partition holds some 60 MB."""

MINIMUM_PARTITIONS = 4
MAXIMUM_PARTITIONS = 4096

_EXPANSION = {Compression.NONE: 1, Compression.GZIP: 4, Compression.ZSTD: 4}

OUTPUT_NAMES = frozenset(
    [
        "documents",
        "dead_letters",
        "evidence",
        "campaigns",
        "flagged",
        "drift",
        "profile",
        "report.html",
    ]
)


class UsageError(ValueError):
    """What the user gave can't be used; the message is one line."""


@dataclass(frozen=True)
class Inputs:
    """`shards`: what to read; `names`: name of each below its input; `skipped`: files that are no
    shards by their suffix."""

    shards: tuple[Shard, ...]
    names: dict[str, str]
    skipped: tuple[str, ...]

    @property
    def stored_bytes(self) -> int:
        """Sum of the sizes of the shards."""
        return sum(shard.size for shard in self.shards)

    @property
    def text_bytes(self) -> int:
        """A guess of how much text the shards hold, from their sizes and formats."""
        return sum(shard.size * _EXPANSION[shard.compression] for shard in self.shards)

    @property
    def sample_rate(self) -> float:
        """Share of the documents to learn a profile from."""
        return min(1.0, SAMPLE_BYTES / max(self.text_bytes, 1))

    @property
    def partitions(self) -> int:
        """Number of partitions for the evidence."""
        wanted = self.text_bytes // PARTITION_BYTES
        return max(MINIMUM_PARTITIONS, min(MAXIMUM_PARTITIONS, wanted))


def find_inputs(patterns: Sequence[str], output: str) -> Inputs:
    """The shards that INPUT... names.

    Raises:
      UsageError: if there are none, or if the output is a file or would lie among them.
      StorageError: if the storage refuses.
    """
    output = absolute(output)
    if not storage.is_remote(output) and os.path.exists(output) and not os.path.isdir(output):
        raise UsageError(f"the output {output} is a file, not a folder")
    files: dict[str, storage.StoredFile] = {}
    for pattern in patterns:
        base = absolute(pattern)
        if not set("*?[") & set(base) and is_below(output, base):
            raise UsageError(f"the output {output} lies inside the input {base}")
        for file in storage.find(pattern):
            files.setdefault(file.uri, file)
    shards = numbered_shards((file.uri, file.size) for file in files.values())
    if not shards:
        raise UsageError(
            f"no shards in {', '.join(patterns)}: a shard's name ends in .jsonl, .json, .ndjson "
            "(plain, .gz or .zst), .parquet, .warc, .wet, .warc.gz or .wet.gz"
        )
    skipped = sorted(uri for uri in files if format_of(uri) is None)
    names = {shard.uri: files[shard.uri].name for shard in shards}
    return Inputs(tuple(shards), names, tuple(skipped))


def absolute(uri: str) -> str:
    """A URI as manifests name it: absolute if local, without a slash at its end.

    Raises:
      StorageError: if its scheme is unknown.
    """
    if not storage.is_remote(uri):
        return os.path.abspath(uri)
    storage.require_known_scheme(uri)
    return uri.rstrip("/")


def is_below(uri: str, folder: str) -> bool:
    """Whether something is, or lies in, a folder."""
    return uri == folder or uri.startswith(folder.rstrip("/") + "/")


def check_output(output: str) -> None:
    """Checks that OUT, which has no manifest, is empty or holds the parts of an interrupted scan.

    Raises:
      UsageError: if it holds anything else.
    """
    for file in storage.files_in(output):
        name = file.name.split("/")[0]
        if name not in OUTPUT_NAMES and not name.startswith("."):
            raise UsageError(f"{output} is not empty, and {name} is no part of a scan")
