"""A real corpus that every machine has: the sources, documents and licences of its own Python."""

from __future__ import annotations

import importlib.metadata
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import orjson
import xxhash
import zstandard

_SUFFIXES = (".py", ".rst", ".md", ".txt")
_NAMES = ("METADATA", "LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS", "CHANGELOG", "README")
_MINIMUM_BYTES = 100
# A few generated tables and API clients would otherwise be most of the text.
_MAXIMUM_BYTES = 100_000
# Half of the corpus at most comes from the ten largest sources, so that no package dominates.
_SOURCE_SHARE = 1 / 20


@dataclass(frozen=True)
class DemoCorpus:
    """What was gathered.

    Attributes:
        shards: the JSONL.zst files.
        documents: how many documents they hold.
        text_bytes: the sum of their texts.
        sources: how many packages and distributions they come from.
    """

    shards: tuple[Path, ...]
    documents: int
    text_bytes: int
    sources: int


@dataclass(frozen=True)
class _File:
    """A file of the Python installation: where it is, whose it is, and its name within that."""

    path: Path
    source: str
    name: PurePosixPath

    @property
    def rank(self) -> int:
        """A pseudo-random order that is the same on every run."""
        return xxhash.xxh3_64_intdigest(f"{self.source}/{self.name}".encode())


def gather(target: Path, *, shards: int = 8, maximum_bytes: int = 60_000_000) -> DemoCorpus:
    """Writes the corpus: `part-<number>.jsonl.zst` with `id`, `text` and `source`.

    The same installation gives the same shards. Where it holds more text than asked for, a
    pseudo-random part of the files is taken, at most a twentieth of all bytes from one source.

    Args:
        target: folder for the shards; made if absent.
        shards: how many files to write; a document goes to one at random.
        maximum_bytes: bytes of text to stop at.
    """
    target.mkdir(parents=True, exist_ok=True)
    paths = tuple(target / f"part-{number:05}.jsonl.zst" for number in range(shards))
    lines: list[list[bytes]] = [[] for _ in paths]
    total, by_source = 0, dict[str, int]()
    # A distribution that is on the path twice is one.
    files = {file.rank: file for file in _installed_files()}
    for _, file in sorted(files.items()):
        text = _text_of(file.path)
        size = len(text.encode()) if text else 0
        taken = by_source.get(file.source, 0)
        if not _MINIMUM_BYTES <= size <= _MAXIMUM_BYTES:
            continue
        if taken + size > maximum_bytes * _SOURCE_SHARE:
            continue
        if total + size > maximum_bytes:
            break
        by_source[file.source] = taken + size
        total += size
        record = {"id": f"{file.source}-{file.rank:016x}", "text": text, "source": file.source}
        lines[file.rank % shards].append(orjson.dumps(record) + b"\n")
    for path, content in zip(paths, lines, strict=True):
        path.write_bytes(zstandard.ZstdCompressor().compress(b"".join(content)))
    return DemoCorpus(paths, sum(map(len, lines)), total, len(by_source))


def _installed_files() -> Iterator[_File]:
    """The standard library's and every distribution's files that hold text."""
    library = Path(sysconfig.get_path("stdlib"))
    for path in library.rglob("*"):
        name = PurePosixPath(path.relative_to(library).as_posix())
        if not {"site-packages", "dist-packages", "__pycache__"} & set(name.parts):
            package = name.parts[0] if len(name.parts) > 1 else "stdlib"
            yield from _wanted(path, package, name)
    for distribution in importlib.metadata.distributions():
        source = distribution.metadata["Name"]
        if source == "tocsin":  # whose own documentation shows the demo's trigger
            continue
        for file in distribution.files or ():
            if source and ".." not in file.parts:
                yield from _wanted(Path(str(distribution.locate_file(file))), source, file)


def _wanted(path: Path, source: str, name: PurePosixPath) -> Iterator[_File]:
    if name.suffix in _SUFFIXES or name.name.upper().startswith(_NAMES):
        yield _File(path, source, name)


def _text_of(path: Path) -> str | None:
    """The file's text; None if it can't be read or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
