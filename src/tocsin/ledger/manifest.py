"""The manifest: the commit point of a scan. No manifest, no result."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib import metadata
from typing import Any

import tocsin

MANIFEST_FILE = "manifest.json"
FORMAT = 1

_COMPONENTS = ("apache-beam", "numba", "numpy", "pyarrow")


class ManifestError(ValueError):
    """Not a manifest that this version can read; the message is one line for the user."""


def digest_of(description: Any) -> str:
    """SHA-256 (hexadecimal) of a description made of JSON types, independent of key order."""
    canonical = json.dumps(description, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of what computed the result."""
    found = {name: metadata.version(name) for name in _COMPONENTS}
    return {"tocsin": tocsin.__version__, "python": platform.python_version(), **found}


def encode(manifest: dict[str, Any]) -> bytes:
    """The manifest as it is stored, with the digest of all the rest of it."""
    digest = digest_of(manifest)
    return (json.dumps({"format": FORMAT, "digest": digest, **manifest}, indent=2) + "\n").encode()


def decode(content: bytes) -> dict[str, Any]:
    """Reads a stored manifest.

    Raises:
      ManifestError: if it is damaged, does not match its own digest, or is of another format.
    """
    try:
        manifest = json.loads(content)
        found = manifest.pop("format")
        digest = manifest.pop("digest", None)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ManifestError(f"damaged manifest: {error}") from error
    if found != FORMAT:
        raise ManifestError(f"manifest has format {found!r}, this version reads {FORMAT}")
    if digest is not None and digest != digest_of(manifest):  # earlier versions wrote none
        raise ManifestError("altered manifest: it does not match its own digest")
    return manifest


def reconcile(inputs: list[dict[str, Any]]) -> list[str]:
    """What does not add up in the counts of the shards: lines for the user, none if all is well."""
    return [
        f"{entry['uri']}: {entry['records']} records, but {entry['documents']} documents and "
        f"{entry['dead_letters']} dead letters"
        for entry in inputs
        if entry["records"] != entry["documents"] + entry["dead_letters"]
    ]
