"""The ledger of shards: which were read, on which night, and what they were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

SHARD_SCHEMA = pa.schema(
    [
        pa.field("number", pa.uint32(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("checksum", pa.string()),
        pa.field("stamp", pa.string(), nullable=False),
        pa.field("night", pa.uint32(), nullable=False),
        pa.field("present", pa.bool_(), nullable=False),
        pa.field("scan", pa.string(), nullable=False),
        pa.field("records", pa.int64(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("dead_letters", pa.int64(), nullable=False),
        pa.field("text_bytes", pa.int64(), nullable=False),
    ]
)
"""One row for each content that a shard has had. `number`: of the shard in evidence, never used
again; `uri`: where it is, or was last; `checksum`: of its bytes, null if it could not be read to
its end; `stamp`: what the storage said of the file when it was read, see `Listed`; `night`: on
which it was read; `present`: whether the last night found it; `scan`: the result that has its
documents."""


@dataclass(frozen=True)
class KnownShard:
    """A row of SHARD_SCHEMA."""

    number: int
    uri: str
    size: int
    checksum: str | None
    stamp: str
    night: int
    present: bool
    scan: str
    records: int
    documents: int
    dead_letters: int
    text_bytes: int


@dataclass(frozen=True)
class Listed:
    """A shard as tonight's listing has it.

    `stamp`: changes with every write to the file: the generation of an object; time of change, time
    of modification and number of a local file's inode. The same stamp at the same name means the
    same content, so that what has not changed need not be read to know it. `checksum`: of its
    bytes, None if that was not looked up because name and stamp are known.
    """

    uri: str
    size: int
    stamp: str
    checksum: str | None = None


@dataclass(frozen=True)
class Changes:
    """What tonight's listing is, against the ledger.

    `unread`: URIs to read, for they are new or their content is; `changed`: those among them that
    had another content; `renamed`: (URI before, URI now); `removed`: URIs that are gone; `known`:
    the ledger as it is without what will be read.
    """

    unread: tuple[str, ...]
    changed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]
    known: tuple[KnownShard, ...]


def from_table(table: pa.Table) -> tuple[KnownShard, ...]:
    """The ledger from rows of SHARD_SCHEMA."""
    return tuple(KnownShard(**row) for row in table.to_pylist())


def to_table(shards: Iterable[KnownShard]) -> pa.Table:
    """The ledger as rows of SHARD_SCHEMA."""
    return pa.Table.from_pylist([vars(shard) for shard in shards], SHARD_SCHEMA)


def unstamped(ledger: Sequence[KnownShard], listed: Sequence[Listed]) -> list[str]:
    """URIs of the listed shards whose content must be looked up to tell whether it is known."""
    known = {(shard.uri, shard.size, shard.stamp) for shard in ledger if shard.present}
    return [shard.uri for shard in listed if (shard.uri, shard.size, shard.stamp) not in known]


def compare(ledger: Sequence[KnownShard], listed: Sequence[Listed]) -> Changes:
    """Tells new, changed, renamed and removed shards apart.

    Args:
      ledger: as the last night has left it.
      listed: tonight's shards; those of `unstamped` with their checksums.
    """
    at = {shard.uri: shard for shard in ledger if shard.present}
    tonight = {shard.uri: shard for shard in listed}
    kept: dict[int, KnownShard] = {}
    moved: list[Listed] = []
    for shard in listed:
        before = at.get(shard.uri)
        if before is not None and _is_same(before, shard):
            kept[before.number] = replace(before, stamp=shard.stamp)
        else:
            moved.append(shard)
    # A content that is no longer where it was, but stands under a new name: renamed. A copy beside
    # its original is a shard of its own, or its documents could not be removed.
    gone: dict[tuple[int, str | None], KnownShard] = {
        (shard.size, shard.checksum): shard
        for shard in ledger
        if shard.number not in kept and shard.checksum is not None
    }
    renamed, unread = [], []
    for shard in moved:
        before = gone.pop((shard.size, shard.checksum), None)
        if before is not None:
            if before.uri != shard.uri:  # else it has the content again that it had before
                renamed.append((before.uri, shard.uri))
            kept[before.number] = replace(before, uri=shard.uri, stamp=shard.stamp, present=True)
        else:
            unread.append(shard.uri)
    sources = {source for source, _ in renamed}
    return Changes(
        unread=tuple(unread),
        changed=tuple(uri for uri in unread if uri in at),
        renamed=tuple(renamed),
        removed=tuple(uri for uri in at if uri not in tonight and uri not in sources),
        known=tuple(kept.get(shard.number, replace(shard, present=False)) for shard in ledger),
    )


def _is_same(known: KnownShard, listed: Listed) -> bool:
    if known.size != listed.size:
        return False
    if listed.checksum is None:
        return known.stamp == listed.stamp
    return known.checksum == listed.checksum
