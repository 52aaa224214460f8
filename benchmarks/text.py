"""The text that is measured: the same documents as JSONL, plain and compressed, and as Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from isal import igzip

from tocsin.corpus.batches import FieldNames, Limits
from tocsin.corpus.read import read_shard
from tocsin.corpus.shards import Shard, numbered_shards
from tocsin.drill.demo_corpus import gather

SHARDS = 4
FORMATS = ("jsonl", "jsonl.gz", "jsonl.zst", "parquet")


@dataclass(frozen=True)
class Text:
    """The documents of a benchmark.

    Attributes:
        folders: folder with `SHARDS` shards by format.
        documents: their number.
        text_bytes: the sum of their texts.
        source: where they are from, in words.
    """

    folders: dict[str, Path]
    documents: int
    text_bytes: int
    source: str


def shards_in(folder: Path) -> tuple[Shard, ...]:
    """The shards of a folder, by name."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return tuple(numbered_shards((str(path), path.stat().st_size) for path in files))


def batches(folder: Path) -> list[pa.RecordBatch]:
    """All documents of a folder's shards, as the reader gives them."""
    found = []
    for shard in shards_in(folder):
        with open(shard.uri, "rb") as stream:
            found += [part.documents for part in read_shard(stream, shard, FieldNames(), Limits())]
    return found


def prepare(corpora: Path, out: Path, maximum_bytes: int) -> Text:
    """Writes about `maximum_bytes` of text to `out` in every format.

    Every source of `corpora` gives the same share, as far as it reaches, from its beginning; where
    there are no corpora, the texts are those of this machine's own Python.
    """
    if corpora.is_dir():
        source = "the corpora beside the repository, the same share of each source"
    else:
        source = "the sources and documents of this machine's own Python"
        corpora = out / "gathered"
        gather(corpora, maximum_bytes=maximum_bytes)
    records = list(_shared_out(corpora, maximum_bytes))
    folders = {name: out / name for name in FORMATS}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    for number in range(SHARDS):
        _write(folders, f"part-{number:05}", records[number::SHARDS])
    text_bytes = sum(len(text) for _, text, _ in records)
    return Text(folders, len(records), text_bytes, source)


def _shared_out(corpora: Path, maximum_bytes: int) -> list[tuple[str, bytes, str]]:
    """(id, text, group) of documents, in turns over the sources."""
    shards = shards_in(corpora)
    texts: list[list[tuple[str, bytes, str]]] = []
    left = maximum_bytes
    # The smallest first: what they lack of their share is for the others.
    for done, shard in enumerate(sorted(shards, key=lambda shard: shard.size)):
        share = left // (len(shards) - done)
        texts.append(_beginning(shard, share))
        left -= sum(len(text) for _, text, _ in texts[-1])
    places = [(place / len(rows), row) for rows in texts for place, row in enumerate(rows)]
    return [row for _, row in sorted(places)]


def _beginning(shard: Shard, maximum_bytes: int) -> list[tuple[str, bytes, str]]:
    rows: list[tuple[str, bytes, str]] = []
    taken = 0
    with open(shard.uri, "rb") as stream:
        for part in read_shard(stream, shard, FieldNames(), Limits()):
            columns = [part.documents[name].to_pylist() for name in ("doc_id", "text", "group")]
            for identity, text, group in zip(*columns):
                if taken >= maximum_bytes:
                    return rows
                rows.append((identity, text, group))
                taken += len(text)
    return rows


def _write(folders: dict[str, Path], name: str, records: list[tuple[str, bytes, str]]) -> None:
    lines = b"".join(
        orjson.dumps({"id": identity, "text": text.decode(), "source": group}) + b"\n"
        for identity, text, group in records
    )
    (folders["jsonl"] / f"{name}.jsonl").write_bytes(lines)
    (folders["jsonl.gz"] / f"{name}.jsonl.gz").write_bytes(igzip.compress(lines, 2))
    (folders["jsonl.zst"] / f"{name}.jsonl.zst").write_bytes(
        zstandard.ZstdCompressor(level=3).compress(lines)
    )
    identities, texts, groups = zip(*records)
    columns = {"id": identities, "text": [text.decode() for text in texts], "source": groups}
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    pq.write_table(
        table, folders["parquet"] / f"{name}.parquet", compression="zstd", row_group_size=10_000
    )
