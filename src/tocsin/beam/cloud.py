"""Google Cloud Storage: objects by generation, preconditions, and why a request was refused.

Beam's own file system writes and deletes; whoever must know *which* object is read, or create one
that nobody else has created, asks here. Every call is retried with back-off by
google-cloud-storage's own rules: 429, 408, 5xx, resets, time-outs and answers that break off.
Reading is pinned to one generation, so that an object that is replaced meanwhile is never read half
from the one and half from the other.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

import google.cloud.storage as gcs
import google_crc32c
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage.fileio import BlobReader
from google.cloud.storage.retry import DEFAULT_RETRY
from requests import exceptions as request_exceptions

PREFIX = "gs://"

CHUNK_BYTES = 16 << 20
"""Bytes asked for at once: as Beam's own reader does."""

RETRY = DEFAULT_RETRY.with_timeout(300.0)
"""Back-off from one second, doubled up to a minute, for five minutes."""

PAYER = "GOOGLE_CLOUD_QUOTA_PROJECT"
"""Variable that names the project that pays for reading a bucket whose owner does not (requester
pays); Google's own libraries know it."""


class CloudError(OSError):
    """Google Cloud Storage refused; the message is one line for the user."""


class PreconditionFailed(Exception):
    """The object is not in the state that the caller had seen."""


@dataclass(frozen=True)
class StoredObject:
    """An object's `generation`, `size` in bytes and `crc32c`, base64 of its big-endian bytes."""

    uri: str
    size: int
    generation: int
    crc32c: str


@functools.lru_cache(maxsize=1)
def client() -> gcs.Client:
    """The client of this process, with application-default credentials. What an emulator
    (STORAGE_EMULATOR_HOST) is asked needs none.

    Raises:
      CloudError: if there are no credentials.
    """
    try:
        if os.environ.get("STORAGE_EMULATOR_HOST"):
            return gcs.Client(project="emulator", credentials=AnonymousCredentials())
        return gcs.Client()
    except auth_exceptions.GoogleAuthError as error:
        raise CloudError(
            "no credentials for Google Cloud Storage: run `gcloud auth application-default login`, "
            "or set GOOGLE_APPLICATION_CREDENTIALS"
        ) from error


def stat(uri: str) -> StoredObject:
    """The object as it is now.

    Raises:
      FileNotFoundError: if there is none.
      CloudError: if storage refuses.
    """
    with _one_line(uri):
        blob = _blob(uri)
        blob.reload(retry=RETRY)
        return StoredObject(uri, blob.size, blob.generation, blob.crc32c)


def stat_all(uris: Iterable[str]) -> dict[str, StoredObject]:
    """Those of the objects that exist, by URI; listed folder by folder, not asked for one by one.

    Raises:
      CloudError: if storage refuses.
    """
    folders: dict[str, set[str]] = {}
    for uri in uris:
        folders.setdefault(uri.rpartition("/")[0], set()).add(uri)
    found = {}
    for folder, wanted in folders.items():
        bucket, _, prefix = f"{folder}/".removeprefix(PREFIX).partition("/")
        with _one_line(folder):
            blobs = client().list_blobs(
                _bucket(bucket), prefix=prefix, delimiter="/", retry=RETRY,
                fields="items(name,size,generation,crc32c),nextPageToken",
            )  # fmt: skip
            for blob in blobs:
                uri = f"{PREFIX}{bucket}/{blob.name}"
                if uri in wanted:
                    found[uri] = StoredObject(uri, blob.size, blob.generation, blob.crc32c)
    return found


def create(uri: str, content: bytes) -> None:
    """Creates an object, on the condition that there is none of its name.

    Raises:
      FileExistsError: if there is one already.
      CloudError: if storage refuses.
    """
    try:
        with _one_line(uri):
            _blob(uri).upload_from_string(
                content, "application/octet-stream", if_generation_match=0, checksum="crc32c",
                retry=RETRY,
            )  # fmt: skip
    except PreconditionFailed as error:
        # A repeated request may have met what its first attempt, of which the answer was lost, has
        # created.
        if read(uri) != content:
            raise FileExistsError(f"there is an object already: {uri}") from error


def write(uri: str, content: bytes) -> None:
    """Writes a (small) object, in the place of any other.

    Raises:
      CloudError: if storage refuses.
    """
    with _one_line(uri):
        _blob(uri).upload_from_string(
            content, "application/octet-stream", checksum="crc32c", retry=RETRY
        )


def read(uri: str) -> bytes:
    """The content of a (small) object, checked against its checksum.

    Raises:
      FileNotFoundError: if there is none.
      CloudError: if storage refuses.
    """
    with _one_line(uri):
        return _blob(uri).download_as_bytes(raw_download=True, checksum="crc32c", retry=RETRY)


def open_object(uri: str) -> BinaryIO:
    """The bytes of an object as it is now, as they are stored.

    Raises:
      FileNotFoundError: if there is none.
      CloudError: if storage refuses.
    """
    stored = stat(uri)
    return cast(BinaryIO, io.BufferedReader(_PinnedReader(stored), CHUNK_BYTES))


class _PinnedReader(io.RawIOBase):
    """One generation of an object. What is read from start to end is checked against its size and
    CRC32C at the end; errors are OSErrors of one line."""

    def __init__(self, stored: StoredObject) -> None:
        self.stored = stored
        blob = _blob(stored.uri, stored.generation)
        self._reader = BlobReader(blob, chunk_size=CHUNK_BYTES, retry=RETRY, raw_download=True)
        self._position = 0
        self._checksum: google_crc32c.Checksum | None = google_crc32c.Checksum()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Reads up to as many bytes as the buffer holds; 0 at the end."""
        wanted = min(len(buffer), self.stored.size - self._position)
        if wanted <= 0:
            self._check_end()
            return 0
        with _one_line(self.stored.uri):
            self._reader.seek(self._position)
            data = self._reader.read(wanted)
        if not data:
            raise CloudError(f"{self.stored.uri}: it breaks off at {self._position} bytes")
        buffer[: len(data)] = data
        self._position += len(data)
        if self._checksum is not None:
            self._checksum.update(data)
        return len(data)

    def _check_end(self) -> None:
        if self._checksum is not None:
            found = base64.b64encode(self._checksum.digest()).decode()
            if found != self.stored.crc32c:
                raise CloudError(
                    f"{self.stored.uri}: its bytes have the CRC32C {found}, the storage says "
                    f"{self.stored.crc32c}"
                )

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a place; what is not read in order is not checked."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.stored.size}[whence]
        if base + offset != self._position:
            self._position = max(base + offset, 0)
            self._checksum = None
        return self._position

    def tell(self) -> int:
        """The place in the object."""
        return self._position

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True


def stored_of(stream: object) -> StoredObject | None:
    """What `open_object` has opened, also behind a reader that has it as `stored`; None for any
    other stream."""
    raw = getattr(stream, "raw", None)
    return raw.stored if isinstance(raw, _PinnedReader) else getattr(stream, "stored", None)


def _bucket(name: str) -> gcs.Bucket:
    return client().bucket(name, user_project=os.environ.get(PAYER))


def _blob(uri: str, generation: int | None = None) -> gcs.Blob:
    bucket, _, name = uri.removeprefix(PREFIX).partition("/")
    return _bucket(bucket).blob(name, generation=generation)


@contextlib.contextmanager
def _one_line(uri: str) -> Iterator[None]:
    try:
        yield
    except exceptions.NotFound as error:
        raise FileNotFoundError(f"no such object: {uri}") from error
    except exceptions.PreconditionFailed as error:
        raise PreconditionFailed(uri) from error
    except (exceptions.Forbidden, exceptions.Unauthorized) as error:
        raise CloudError(f"no permission for {uri}: {_reason(error)}") from error
    except exceptions.BadRequest as error:
        if "requester pays" in str(error):
            message = f"{uri}: its readers pay: set {PAYER} to the project that does"
            raise CloudError(message) from error
        raise CloudError(f"{uri}: {_reason(error)}") from error
    except (
        exceptions.GoogleAPIError,
        auth_exceptions.GoogleAuthError,
        request_exceptions.RequestException,
    ) as error:
        raise CloudError(f"{uri}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What Google says, without the request that it repeats."""
    message = getattr(error, "message", "") or str(error) or type(error).__name__
    return " ".join(message.split())[:300]
