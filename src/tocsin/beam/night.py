"""A night: what a scan that has a state must know, and how it is prepared."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.parquet as pq

from tocsin.beam import cloud, storage
from tocsin.beam.identity import identify
from tocsin.beam.lease import Lease
from tocsin.beam.state import (
    EVIDENCE,
    PROFILE,
    ROLLING_FILE,
    SHARDS,
    State,
    committed_nights,
    delete_unnamed,
    file_name,
    open_state,
)
from tocsin.corpus.shards import Shard, numbered_shards
from tocsin.ledger.manifest import MANIFEST_FILE
from tocsin.ledger.shards import (
    SHARD_SCHEMA,
    Changes,
    KnownShard,
    Listed,
    compare,
    from_table,
    to_table,
    unstamped,
)


@dataclass(frozen=True)
class Night:
    """The night that a scan is.

    `state`: its URI; `number`: of the night, from 1; `run`: names this attempt at it; `lease`:
    number of the lease; `previous`: digest of the manifest of the night before, None on the first;
    `first_shard`: number in the state of tonight's shard 0; `stamps`: of tonight's shards, in
    their order, by URI;
    `ledger`: path in the state of the ledger without tonight's shards; `superseded`: numbers of
    shards that have another content now, whose evidence must not count beside that of the new;
    `files`: entries of what the night before has left; `dates`: when each of
    them began, by its number as text; `changes`: what the listing was against the
    ledger, for the manifest.
    """

    state: str
    number: int
    run: str
    lease: int
    previous: str | None
    first_shard: int
    stamps: dict[str, str]
    ledger: str
    superseded: frozenset[int]
    files: tuple[dict[str, Any], ...]
    dates: dict[str, str]
    changes: dict[str, Any]

    @property
    def evidence(self) -> tuple[dict[str, Any], ...]:
        """Entries of the evidence of earlier nights."""
        return tuple(entry for entry in self.files if entry["path"].startswith(f"{EVIDENCE}/"))

    @property
    def statistics(self) -> tuple[dict[str, Any], ...]:
        """What was counted on the nights whose onsets are remembered, each like a receipt."""
        return tuple(
            json.loads(entry["statistics"])
            for entry in self.files
            if entry["kind"] == f"{EVIDENCE}/onsets"
        )

    @property
    def profile(self) -> str | None:
        """URI of the profile of the nights before; None on the first."""
        paths = [entry["path"] for entry in self.files if entry["kind"] == PROFILE]
        return self.path(paths[0].rpartition("/")[0]) if paths else None

    @property
    def rolls(self) -> bool:
        """Whether the profile of the nights before is one of Tocsin's own, and goes on growing."""
        return any(entry["path"].endswith(f"/{ROLLING_FILE}") for entry in self.files)

    def path(self, *names: str) -> str:
        """URI of something in the state."""
        return storage.join(self.state, *names)

    def file(self, folder: str) -> str:
        """Path in the state of the file that this night writes into a folder of it."""
        return f"{folder}/{file_name(self.number, self.run)}.parquet"

    def entry(self, kind: str, path: str, rows: int, file: storage.WrittenFile) -> dict[str, Any]:
        """The manifest's entry of a file that this night has written into the state."""
        return {
            "kind": kind, "path": path, "night": self.number, "rows": rows,
            "sha256": file.sha256, "bytes": file.bytes,
        }  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """`night`: to be scanned; `shards`: to be read, numbered from 0; `state`: as the night before
    has left it; `changes`: since then."""

    night: Night
    shards: tuple[Shard, ...]
    state: State
    changes: Changes

    @property
    def nothing_new(self) -> bool:
        """Whether the shards are those of the night before, under the same names."""
        changes = self.changes
        return not (changes.unread or changes.renamed or changes.removed)


@contextlib.contextmanager
def prepared_night(uri: str, listed: Sequence[Shard]) -> Iterator[Prepared]:
    """Takes the lease of a state, for as long as the block runs, and finds out what is new.

    Raises:
      StateBusy: if another run has the state.
      StateError: if the state is damaged.
      OSError: if the storage fails.
    """
    run = secrets.token_hex(4)
    lease = Lease.acquire(uri, run)
    try:
        state = open_state(uri, lease.last_night)
        delete_unnamed(state)
        ledger = from_table(state.table(SHARDS, SHARD_SCHEMA))
        identified = _identified(ledger, listed)
        changes = compare(ledger, identified)
        unread = set(changes.unread)
        stamps = {shard.uri: shard.stamp for shard in identified if shard.uri in unread}
        known = f"{SHARDS}/{file_name(state.nights + 1, run)}-known.parquet"
        night = Night(
            state=uri,
            number=state.nights + 1,
            run=run,
            lease=lease.number,
            previous=state.digest,
            first_shard=1 + max([shard.number for shard in ledger], default=-1),
            stamps=stamps,
            ledger=known,
            superseded=_superseded(changes.known, {shard.uri for shard in listed}),
            files=state.files,
            dates=state.head["dates"] if state.head else {},
            changes={
                "unchanged": sum(shard.present for shard in changes.known) - len(changes.renamed),
                "new": len(changes.unread) - len(changes.changed),
                "changed": list(changes.changed),
                "renamed": [list(pair) for pair in changes.renamed],
                "removed": list(changes.removed),
            },
        )
        with storage.writing(night.path(known)) as file:
            pq.write_table(to_table(changes.known), file, compression="zstd")
        shards = numbered_shards((shard.uri, shard.size) for shard in listed if shard.uri in unread)
        yield Prepared(night, tuple(shards), state, changes)
    finally:
        with contextlib.suppress(OSError):
            lease.last_night = max([lease.last_night, *committed_nights(uri)])
            lease.release()


def _superseded(ledger: Sequence[KnownShard], listed: set[str]) -> frozenset[int]:
    """Numbers of the absent shards that are not the last that stood at their place."""
    last = {shard.uri: shard.number for shard in sorted(ledger, key=lambda one: one.number)}
    return frozenset(
        shard.number
        for shard in ledger
        if not shard.present and (shard.uri in listed or shard.number != last[shard.uri])
    )


def _identified(ledger: Sequence[KnownShard], listed: Sequence[Shard]) -> list[Listed]:
    """The listing with stamps, and with checksums where a stamp is not known: those of objects come
    with the listing, local files are read."""
    objects = cloud.stat_all(shard.uri for shard in listed if storage.is_remote(shard.uri))
    stamped = [
        Listed(shard.uri, shard.size, _stamp(objects.get(shard.uri), shard.uri)) for shard in listed
    ]
    unknown = set(unstamped(ledger, stamped)) if ledger else set()
    result = []
    for shard in stamped:
        if shard.uri in objects:
            checksum = f"crc32c:{objects[shard.uri].crc32c}"
            result.append(replace(shard, size=objects[shard.uri].size, checksum=checksum))
        elif shard.uri in unknown:
            result.append(replace(shard, checksum=identify(shard.uri).checksum))
        else:
            result.append(shard)
    return result


def _stamp(stored: cloud.StoredObject | None, uri: str) -> str:
    """What the storage says of a file that changes whenever it is written.

    Raises:
      OSError: if there is no such file.
    """
    if stored is not None:
        return f"generation:{stored.generation}"
    if storage.is_remote(uri):
        raise FileNotFoundError(f"no such object any more: {uri}")
    found = os.stat(uri)
    return f"inode:{found.st_ino}:{found.st_ctime_ns}:{found.st_mtime_ns}"


def complete_output(state: State, output: str) -> None:
    """Writes the manifest of OUT that the last night was killed before writing: it was committed by
    the state's."""
    manifest = storage.join(output, MANIFEST_FILE)
    if state.head and state.head["output"] == output and not storage.exists(manifest):
        storage.write(manifest, state.content)
