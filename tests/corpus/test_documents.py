from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from tocsin.corpus.batches import DOCUMENT_SCHEMA
from tocsin.corpus.documents import document_batch, no_documents
from tocsin.corpus.shards import Shard


def test_identity_and_group_are_filled_in(shard: Callable[[str, int], Shard]) -> None:
    batch = document_batch(
        shard("a.jsonl", 9),
        pa.array([3, 5, 8]),
        pa.array(["x", None, ""]),
        [pa.array([None, "http://www.a.com/", None]), pa.array(["s", "t", None])],
        pa.array([b"a", b"", b"\xff"]),
    )
    assert batch.schema.equals(DOCUMENT_SCHEMA)
    assert batch.to_pylist() == [
        {"position": 3, "doc_id": "x", "group": "s", "text": b"a"},
        {"position": 5, "doc_id": "a.jsonl#5", "group": "a.com", "text": b""},
        {"position": 8, "doc_id": "a.jsonl#8", "group": "corpus/part", "text": b"\xff"},
    ]


def test_without_any_candidate_for_the_group(shard: Callable[[str, int], Shard]) -> None:
    batch = document_batch(
        shard("a.jsonl", 9), pa.array([0]), pa.array(["x"]), [], pa.array([b"a"])
    )
    assert batch.column("group").to_pylist() == ["corpus/part"]


def test_no_documents() -> None:
    assert no_documents().num_rows == 0
    assert no_documents().schema.equals(DOCUMENT_SCHEMA)
