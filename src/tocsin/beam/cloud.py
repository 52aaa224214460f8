"""Google Cloud Storage where Beam's file system does not reach: generations and preconditions.

Beam carries the bulk of the data; whoever must know *which* object was read, or create one that
nobody else has created, asks here. Every call is retried with back-off by google-cloud-storage's
own rules: 429, 408, 5xx, resets and time-outs.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass

import google.cloud.storage as gcs
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions
from google.auth.credentials import AnonymousCredentials

PREFIX = "gs://"


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
        blob.reload()
        return StoredObject(uri, blob.size, blob.generation, blob.crc32c)


def create(uri: str, content: bytes) -> None:
    """Creates an object, on the condition that there is none of its name.

    Raises:
      FileExistsError: if there is one already.
      CloudError: if storage refuses.
    """
    try:
        with _one_line(uri):
            _blob(uri).upload_from_string(
                content, "application/octet-stream", if_generation_match=0, checksum="crc32c"
            )
    except PreconditionFailed as error:
        # A repeated request may have met what its first attempt, of which the answer was lost, has
        # created.
        if read(uri) != content:
            raise FileExistsError(f"there is an object already: {uri}") from error


def read(uri: str, generation: int | None = None) -> bytes:
    """The content of a (small) object, checked against its checksum.

    Raises:
      FileNotFoundError: if there is none, or none of that generation.
      CloudError: if storage refuses.
    """
    with _one_line(uri):
        return _blob(uri, generation).download_as_bytes(raw_download=True, checksum="crc32c")


def _blob(uri: str, generation: int | None = None) -> gcs.Blob:
    bucket, _, name = uri.removeprefix(PREFIX).partition("/")
    return client().bucket(bucket).blob(name, generation=generation)


@contextlib.contextmanager
def _one_line(uri: str) -> Iterator[None]:
    try:
        yield
    except exceptions.NotFound as error:
        raise FileNotFoundError(f"no such object: {uri}") from error
    except exceptions.PreconditionFailed as error:
        raise PreconditionFailed(uri) from error
    except exceptions.Forbidden as error:
        raise CloudError(f"no permission for {uri}: {_reason(error)}") from error
    except (exceptions.GoogleAPIError, auth_exceptions.GoogleAuthError) as error:
        raise CloudError(f"{uri}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What Google says, without the request that it repeats."""
    message = getattr(error, "message", "") or str(error) or type(error).__name__
    return " ".join(message.split())[:300]
