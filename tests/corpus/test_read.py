from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tocsin.corpus.batches import FieldNames, Limits
from tocsin.corpus.read import read_shard
from tocsin.corpus.shards import Format

Read = Callable[..., Any]

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"

RECORDS: list[dict[str, Any]] = [
    {"text": "one", "id": "1", "url": "http://www.a.com/"},
    {"text": "zwei\n\U0001f600", "id": None, "url": None},
    {"text": None, "id": "3", "url": None},
    {"text": "", "id": "4", "url": "x"},
]


def in_every_format(records: list[dict[str, Any]]) -> dict[str, bytes]:
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), table)
    return {
        "x.jsonl": lines,
        "x.json.gz": gzip.compress(lines),
        "x.ndjson.zst": zstandard.compress(lines),
        "x.parquet": table.getvalue(),
    }


def test_every_format_gives_the_same_documents(read: Read) -> None:
    for name, data in in_every_format(RECORDS).items():
        reading = read(data, name)
        assert reading.documents == [
            {"position": 0, "doc_id": "1", "group": "a.com", "text": b"one"},
            {
                "position": 1,
                "doc_id": f"{name}#1",
                "group": "corpus/part",
                "text": "zwei\n\U0001f600".encode(),
            },
            {"position": 3, "doc_id": "4", "group": "x", "text": b""},
        ]
        assert [(row["position"], row["reason"]) for row in reading.dead_letters] == [
            (2, "missing_text")
        ]


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.parquet", "x.warc", "x.wet.gz"])
def test_a_shard_that_cannot_be_read_is_one_dead_letter(
    shard: Callable[..., Any], name: str
) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise PermissionError("not yours")

    parts = list(read_shard(Failing(b"x" * 100), shard(name, 100), FieldNames(), Limits()))
    assert all(part.documents.num_rows == 0 for part in parts)
    (letter,) = (row for part in parts for row in part.dead_letters.to_pylist())
    assert letter["reason"] == "unreadable_shard"
    assert "not yours" in letter["detail"]


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.warc", "x.wet.gz"])
def test_other_exceptions_pass_through(shard: Callable[..., Any], name: str) -> None:
    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        list(read_shard(Interrupted(), shard(name, 1), FieldNames(), Limits()))


def test_every_format_has_a_reader(read: Read) -> None:
    for format in Format:
        assert read(b"?", f"x.{format.value}").documents == []


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the development corpora are not here")
@pytest.mark.parametrize("source", ["based-cooking", "udhr", "payloads-naughty"])
def test_real_documents_against_pythons_own_parser(read: Read, source: str) -> None:
    packed = (CORPORA / f"{source}.jsonl.zst").read_bytes()
    lines = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()
    records = [json.loads(line) for line in lines.decode().split("\n") if line]
    expected = [(record["id"], record["source"], record["text"].encode()) for record in records]
    formats = {"x.jsonl.zst": packed, **in_every_format(records)}
    for name, data in formats.items():
        reading = read(data, name)
        assert [(row["doc_id"], row["group"], row["text"]) for row in reading.documents] == expected
        assert reading.dead_letters == []
