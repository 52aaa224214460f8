"""The state: what is remembered from night to night (docs/state.md).

    nights/00001.json      the manifest of each night: creating it commits the night
    shards/ evidence/ ...  files that the manifest of the last night names, under names of their own

Nothing that a manifest names is ever written again: a run that is killed leaves files that no
manifest names, and the state as it was. Of two runs that would commit the same night, one creates
its manifest, and the other fails.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.beam import storage
from tocsin.beam.lease import check_held
from tocsin.ledger.manifest import ManifestError, decode

NIGHTS = "nights"
SHARDS = "shards"
EVIDENCE = "evidence"
PROFILE = "profile"

ROLLING_FILE = "counts.parquet"
"""Beside a profile that rolls: its counts, to which those of the next night are added."""

FORMAT = 2
"""Of the state's files, in the manifests of its nights."""

_OWN_FOLDERS = (NIGHTS, SHARDS, EVIDENCE, PROFILE, "leases", "ids", "groups", "known", "flagged")


class StateError(ValueError):
    """The state is damaged, or no state at all; the message is one line for the user."""


class NightTaken(RuntimeError):
    """Another run has committed this night: nothing of this one is lost but its work."""


@dataclass(frozen=True)
class State:
    """A state as its last night has left it.

    `nights`: their number; `head`: manifest of the last, None before the first; `digest`: SHA-256
    of that manifest's file, hexadecimal, which the next night names; `files`: what `head` names.
    """

    uri: str
    nights: int = 0
    head: dict[str, Any] | None = None
    digest: str | None = None
    content: bytes = b""
    files: tuple[dict[str, Any], ...] = field(default=())

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Entries of the files of a kind, oldest first."""
        return [entry for entry in self.files if entry["kind"] == kind]

    def path(self, *names: str) -> str:
        """URI of something in the state."""
        return storage.join(self.uri, *names)

    def read(self, entry: dict[str, Any]) -> bytes:
        """The content of a file that the head names.

        Raises:
          StateError: if it is missing or was altered.
        """
        uri = self.path(entry["path"])
        try:
            content = storage.read(uri)
        except OSError as error:
            raise StateError(f"the state is damaged: {uri} can't be read: {error}") from error
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise StateError(f"the state is damaged: {uri} was altered")
        return content

    def table(self, kind: str, schema: pa.Schema) -> pa.Table:
        """The rows of all files of a kind."""
        tables = [pq.read_table(pa.BufferReader(self.read(one))) for one in self.of_kind(kind)]
        return pa.concat_tables([schema.empty_table(), *tables])


def night_path(night: int) -> str:
    """Path of the manifest of a night in the state."""
    return f"{NIGHTS}/{night:05d}.json"


def open_state(uri: str, last_night: int = 0) -> State:
    """Opens a state, or an empty folder as the state before its first night.

    Args:
      last_night: number of nights that the state has at least, as its lease says.

    Raises:
      StateError: if a night is missing or its manifest is damaged, if another version of Tocsin has
      written it, or if the folder is none of a state.
    """
    nights = committed_nights(uri)
    if nights != list(range(1, len(nights) + 1)) or len(nights) < last_night:
        missing = min(set(range(1, max([last_night, *nights]) + 1)) - set(nights))
        raise StateError(f"the state is damaged: {storage.join(uri, night_path(missing))} is gone")
    if not nights:
        for file in storage.files_in(uri):
            if file.name.split("/")[0] not in _OWN_FOLDERS:
                raise StateError(f"{uri} is no state: it holds {file.name}")
        return State(uri)
    content = storage.read(storage.join(uri, night_path(nights[-1])))
    try:
        head = decode(content)
        found = head["state"].get("format")
        if found != FORMAT:
            raise StateError(
                f"{uri} has format {found}, and this version of Tocsin continues {FORMAT}: "
                "begin a new state"
            )
        files = tuple(head["state"]["files"])
        named = {entry["path"] for entry in files if entry["kind"] and entry["sha256"]}
        if head["night"] != nights[-1]:
            raise ManifestError(f"it is that of night {head['night']}")
    except (ManifestError, KeyError, TypeError) as error:
        message = f"the state is damaged: the manifest of night {nights[-1]}: {error}"
        raise StateError(message) from error
    state = State(uri, nights[-1], head, hashlib.sha256(content).hexdigest(), content, files)
    lost = named - {file.name for file in storage.files_in(uri)}
    if lost:
        raise StateError(f"the state is damaged: {storage.join(uri, min(lost))} is gone")
    return state


def committed_nights(uri: str) -> list[int]:
    """Numbers of the nights that have a manifest, ascending."""
    names = [file.name for file in storage.files_in(storage.join(uri, NIGHTS))]
    return sorted(
        int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdecimal()
    )


def commit_night(uri: str, night: int, run: str, lease: int, content: bytes) -> bytes:
    """Commits a night; the manifest as it is committed, of this run's first attempt if this is a
    repetition.

    Raises:
      LeaseLost, NightTaken: if another run came first.
    """
    target = storage.join(uri, night_path(night))
    try:
        check_held(uri, lease)
        storage.create(target, content)
    except FileExistsError as error:
        committed = storage.read(target)
        if json.loads(committed).get("run") != run:
            raise NightTaken(
                f"another run has committed night {night} of {uri}: scan again"
            ) from error
        return committed
    return content


def delete_unnamed(state: State) -> None:
    """Deletes what no manifest names: leftovers of killed runs, and files that the last night has
    replaced. What a run that lost its lease may still write for the coming night stays, until
    that night is committed and it can't be any more."""
    kept = {entry["path"] for entry in state.files}
    folders = [name for name in _OWN_FOLDERS if name not in (NIGHTS, "leases")]
    storage.delete(
        [
            file.uri
            for folder in folders
            for file in storage.files_in(state.path(folder))
            if f"{folder}/{file.name}" not in kept and _night_of(file.name) <= state.nights
        ]
    )


def file_name(night: int, run: str) -> str:
    """How the files of a night are named: the same name is never written by two runs."""
    return f"{night:05d}-{run}"


def _night_of(name: str) -> int:
    """The night that wrote a file, by its name; 0 for a name that is not of this module."""
    for part in reversed(name.split("/")):
        digits = part.partition("-")[0]
        if digits.isdecimal():
            return int(digits)
    return 0
