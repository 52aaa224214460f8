"""Files, local or on Google Cloud Storage, through Beam's file systems.

A file written here appears whole under its final name or not at all: locally it is written
beside its place and then renamed; on Google Cloud Storage an object appears when it is closed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from apache_beam.internal.gcp import auth
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from tocsin.beam import cloud

_RAW = CompressionTypes.UNCOMPRESSED
_WILDCARDS = frozenset("*?[")
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp", re.DOTALL)


class StorageError(Exception):
    """Storage refused; the message is one line for the user."""


@dataclass(frozen=True)
class StoredFile:
    """A file that exists: its URI, its size in bytes, and its name below the folder or before the
    wildcard that it was found by."""

    uri: str
    size: int
    name: str


def is_remote(uri: str) -> bool:
    """Whether the URI has a scheme, such as `gs://`."""
    return "://" in uri


def require_known_scheme(uri: str) -> None:
    """Checks that there is a file system for a URI such as `gs://`.

    Raises:
      StorageError: if there is none.
    """
    try:
        FileSystems.get_filesystem(uri)
    except (ValueError, BeamIOError) as error:
        raise StorageError(f"no storage is known for {uri}: local paths and gs:// are") from error


def _remote() -> type[FileSystems]:
    """Beam's file systems. An emulator of Google Cloud Storage takes anyone: for it, Beam does not
    spend half a minute looking for credentials that a machine without any does not have."""
    if os.environ.get("STORAGE_EMULATOR_HOST"):
        auth._Credentials._credentials_init = True  # Beam has no option for it
    return FileSystems


def join(folder: str, *names: str) -> str:
    """The URI of something in a folder."""
    return "/".join([folder.rstrip("/"), *names])


def open_file(uri: str) -> BinaryIO:
    """Opens a file for reading its bytes as they are stored.

    Raises:
      OSError: if it can't be opened.
    """
    if not is_remote(uri):
        return open(uri, "rb")
    require_known_scheme(uri)
    return cloud.open_object(uri)


class PersistentReader(io.RawIOBase):
    """A file read through failures that pass: it is opened again at the place where one occurred.

    A scan reads a shard up to three times. A failure that only one of the readings meets would
    make the rest of the shard unknown to that one stage.
    """

    _PAUSES = (0.1, 0.5)
    """Seconds before each further try; those of the storage's own client come on top."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._at = 0
        self._stream = open_file(uri)
        self.stored = cloud.stored_of(self._stream)
        """The object that is read, None for a local file."""

    def read(self, size: int = -1) -> bytes:
        """Reads up to `size` bytes; b"" at the end.

        Raises:
          OSError: if the storage fails again and again.
        """
        for pause in (*self._PAUSES, None):
            try:
                data = self._stream.read(size)
                break
            except OSError:
                if pause is None:
                    raise
                time.sleep(pause)
                self._open_again()
        self._at += len(data)
        return data

    def _open_again(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()
        stream = open_file(self._uri)
        if cloud.stored_of(stream) != self.stored:
            raise OSError(f"{self._uri} was replaced while it was read")
        self._stream = stream
        self._stream.seek(self._at)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a place in the file."""
        self._at = self._stream.seek(offset, whence)
        return self._at

    def tell(self) -> int:
        """The place in the file."""
        return self._at

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """As the storage is."""
        return self._stream.seekable()

    def close(self) -> None:
        """Closes the file."""
        self._stream.close()
        super().close()


def read(uri: str) -> bytes:
    """The whole content of a (small) file.

    Raises:
      OSError: if it can't be read.
    """
    if is_remote(uri):
        require_known_scheme(uri)
        return cloud.read(uri)  # at once: between two requests, a lease may be written anew
    with open_file(uri) as stream:
        return stream.read()


def exists(uri: str) -> bool:
    """Whether there is a file of exactly this name."""
    if not is_remote(uri):
        return os.path.exists(uri)
    return _remote().exists(uri)


def files_in(folder: str) -> list[StoredFile]:
    """All files below a folder, at any depth, in the order of their names; none if there is no
    such folder."""
    if is_remote(folder):
        return _match(join(folder, "**"), folder)
    found = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            path = os.path.join(parent, name)
            with contextlib.suppress(FileNotFoundError):  # gone since the folder was listed
                if os.path.isfile(path):
                    relative = os.path.relpath(path, folder)
                    found.append(StoredFile(path, os.path.getsize(path), relative))
    return sorted(found, key=lambda file: file.uri)


def find(pattern: str) -> list[StoredFile]:
    """The files that an INPUT names: a file, a folder (all below it) or a glob. Local ones get
    absolute paths.

    Raises:
      StorageError: if nothing is there or the storage refuses.
    """
    has_wildcards = bool(_WILDCARDS & set(pattern))
    if is_remote(pattern):
        found = _match(pattern, _fixed_folder(pattern))
        if not found and not has_wildcards:
            found = files_in(pattern)
    else:
        pattern = os.path.abspath(pattern)
        if os.path.isdir(pattern):
            found = files_in(pattern)
        elif os.path.isfile(pattern):
            found = [StoredFile(pattern, os.path.getsize(pattern), os.path.basename(pattern))]
        else:
            found = _match(pattern, _fixed_folder(pattern)) if has_wildcards else []
    if not found:
        raise StorageError(f"no such input: {pattern}")
    return found


def _fixed_folder(pattern: str) -> str:
    """The folder before the first wildcard of a glob."""
    cut = min([pattern.find(mark) for mark in _WILDCARDS if mark in pattern] or [len(pattern)])
    return pattern[:cut].rpartition("/")[0]


def _match(pattern: str, folder: str) -> list[StoredFile]:
    try:
        [result] = _remote().match([pattern])
    except BeamIOError as error:
        raise StorageError(f"can't list {pattern}: {error}") from error
    found = [
        StoredFile(metadata.path, metadata.size_in_bytes, metadata.path[len(folder) :].lstrip("/"))
        for metadata in result.metadata_list
        if is_remote(metadata.path) or os.path.isfile(metadata.path)
    ]
    return sorted(found, key=lambda file: file.uri)


class WrittenFile:
    """A file being written; after `writing` has closed it, `bytes` and `sha256` describe it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self.bytes = 0

    def write(self, data: Any) -> int:
        """Writes bytes-like data; returns its length."""
        view = memoryview(data).cast("B")
        self._stream.write(view)
        self._digest.update(view)
        self.bytes += len(view)
        return len(view)

    @classmethod
    def of(cls, content: bytes) -> WrittenFile:
        """The description of a file that was written earlier."""
        file = cls(io.BytesIO())
        file.write(content)
        return file

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written, hexadecimal."""
        return self._digest.hexdigest()

    # What pyarrow asks of a Python file that it writes to.
    closed = False

    def flush(self) -> None:
        """Nothing to do: `writing` flushes."""

    def close(self) -> None:
        """Nothing to do: `writing` closes, and only if all went well."""

    def tell(self) -> int:
        """Bytes written so far."""
        return self.bytes

    def writable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Never."""
        return False

    def seekable(self) -> bool:
        """Never."""
        return False


@contextlib.contextmanager
def writing(uri: str) -> Iterator[WrittenFile]:
    """A new file that appears under `uri`, replacing any other, when the block ends well.

    Raises:
      OSError: if it can't be written.
    """
    if is_remote(uri):
        try:
            stream = _remote().create(uri, compression_type=_RAW)
            yield WrittenFile(stream)  # not closed after an error: an open object stays unseen
            stream.close()
        except BeamIOError as error:
            raise OSError(str(error)) from error
        return
    path = Path(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as stream:
            yield WrittenFile(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write(uri: str, content: bytes) -> WrittenFile:
    """Writes a whole file; see `writing`."""
    with writing(uri) as file:
        file.write(content)
    return file


def create(uri: str, content: bytes) -> None:
    """Writes a whole file where there is none: of several writers, one succeeds.

    Raises:
      FileExistsError: if there is one already.
      OSError: if it can't be written.
    """
    if is_remote(uri):
        cloud.create(uri, content)
        return
    path = Path(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, path)  # unlike a rename, it fails if the name is taken
    finally:
        temporary.unlink(missing_ok=True)


def delete_temporaries(folder: str) -> None:
    """Deletes what `writing` has left below a local folder when its process was killed."""
    if not is_remote(folder):
        delete([file.uri for file in files_in(folder) if is_temporary(file.name)])


def is_temporary(name: str) -> bool:
    """Whether a file has a name that `writing` gives before it is whole."""
    return _TEMPORARY.fullmatch(name.rpartition("/")[2]) is not None


def delete(uris: list[str]) -> None:
    """Deletes files; those that are gone already count as deleted."""
    for uri in uris:
        if not is_remote(uri):
            Path(uri).unlink(missing_ok=True)
    remote = [uri for uri in uris if is_remote(uri)]
    if remote:
        _remote().delete(remote)


@contextlib.contextmanager
def claimed(folder: str) -> Iterator[None]:
    """Keeps other processes of this machine from writing to a local folder, by a lock on the folder
    that ends with the process. Where the file system has no locks, and remotely, nothing is kept.

    Raises:
      StorageError: if another process has claimed it.
    """
    if is_remote(folder):
        yield
        return
    os.makedirs(folder, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StorageError(f"another run is writing to {folder}") from error
        yield
    finally:
        os.close(descriptor)
