"""Reading a corpus of JSONL shards (docs/definitions.md, "Documents")."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tldextract
import xxhash
import zstandard

LONGEST_BYTES = 512 << 10
"""Longer texts are measured in pieces by Tocsin; here they are refused."""

_URL = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.\-]*://(?:[^/?#\\]*@)?([^/?#\\:@.\[][^/?#\\:@]*)")
_suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@dataclass(frozen=True)
class Document:
    """`shard`: name of its file; `position`: number of its line."""

    shard: str
    position: int
    doc_id: str
    group: str
    text: str

    @property
    def place(self) -> tuple[str, int]:
        """What tells it from all others."""
        return self.shard, self.position

    @property
    def content_hash(self) -> bytes:
        """XXH3-128 of the text."""
        return xxhash.xxh3_128_digest(self.text.encode())


class NotChecked(ValueError):
    """Something that the checker does not know; the message is one line."""


def read(folder: Path) -> Iterator[Document]:
    """The documents of the shards of a folder, in order.

    Raises:
      NotChecked: for records that are dead letters, and texts that are too long.
    """
    for path in sorted(folder.iterdir()):
        if not path.name.endswith((".jsonl", ".jsonl.zst")):
            raise NotChecked(f"{path.name}: no JSONL")
        with path.open("rb") as stored:
            lines: Iterator[str] = io.TextIOWrapper(stored, encoding="utf-8", newline="\n")
            if path.suffix == ".zst":
                opened = zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True)
                lines = io.TextIOWrapper(opened, encoding="utf-8", newline="\n")
            for position, line in enumerate(lines):
                yield _document(path, position, json.loads(line))


def _document(path: Path, position: int, record: dict[str, str]) -> Document:
    text = record.get("text")
    if not isinstance(text, str) or len(text.encode()) > LONGEST_BYTES:
        raise NotChecked(f"{path.name}, record {position}: no text, or more than {LONGEST_BYTES} B")
    named = record.get("url") or record.get("source") or path.parent.name
    return Document(path.name, position, str(record["id"]), _group(named), text)


def _group(named: str) -> str:
    url = _URL.match(named)
    if url is None:
        return named
    host = url.group(1).lower().rstrip(".")
    return _suffixes(host).top_domain_under_public_suffix or host
