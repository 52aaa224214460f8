"""A folder as it should not be: what is no file, what loops, names and ids that point elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from e2e.conftest import Corpus
from e2e.processes import run_well
from e2e.results import manifest_of, table, verify

_IDS = ["../../etc/passwd", "/abs", "a\nb\t\x1b[31m", "", "x" * 5000, "same", "same", "<script>"]


@pytest.fixture(scope="module")
def odd(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder and OUT of its scan."""
    folder = tmp_path_factory.mktemp("odd")
    texts = [record["text"] for record in corpus.clean[: len(_IDS)]]
    lines = [orjson.dumps({"id": one, "text": text}) for one, text in zip(_IDS, texts)]
    (folder / "ids.jsonl").write_bytes(b"\n".join(lines))  # no final line feed
    (folder / "..%2f..%2fup.jsonl").write_bytes(lines[0])
    (folder / "name\nwith\x1b[31m lines.jsonl").write_bytes(lines[0])
    (folder / "folder.jsonl").mkdir()
    (folder / "folder.jsonl" / "inside.jsonl").write_bytes(lines[0])
    (folder / "empty").mkdir()
    (folder / "loop").symlink_to(folder)
    (folder / "self.jsonl").symlink_to(folder / "self.jsonl")
    os.mkfifo(folder / "pipe.jsonl")
    # A schema that changes from shard to shard.
    pq.write_table(pa.table({"id": ["p"], "text": ["one"]}), folder / "a.parquet")
    pq.write_table(pa.table({"id": [7], "text": [b"two"], "n": [1.5]}), folder / "b.parquet")
    pq.write_table(pa.table({"id": [7], "body": ["three"]}), folder / "c.parquet")
    out = tmp_path_factory.mktemp("odd-scanned") / "out"
    run_well("scan", folder, "-o", out)
    return folder, out


def test_what_is_read(odd: tuple[Path, Path]) -> None:
    folder, out = odd
    verify(out)
    records = {
        str(Path(entry["uri"]).relative_to(folder)): entry["documents"]
        for entry in manifest_of(out)["inputs"]
    }
    assert records == {
        "ids.jsonl": len(_IDS),
        "..%2f..%2fup.jsonl": 1,
        "name\nwith\x1b[31m lines.jsonl": 1,
        "folder.jsonl/inside.jsonl": 1,
        "a.parquet": 1,
        "b.parquet": 1,
        "c.parquet": 0,
    }
    [letter] = table(out, "dead_letters").to_pylist()
    assert (letter["source_uri"], letter["reason"]) == (
        str(folder / "c.parquet"),
        "unsupported_schema",
    )


def test_ids_stay_what_they_are(odd: tuple[Path, Path]) -> None:
    folder, out = odd
    documents = table(out, "documents").to_pylist()
    of_shard = [row for row in documents if row["source_uri"] == str(folder / "ids.jsonl")]
    ids = [row["doc_id"] for row in sorted(of_shard, key=lambda row: row["position"])]
    assert ids == [one or "ids.jsonl#3" for one in _IDS]


def test_no_name_or_id_becomes_a_path(odd: tuple[Path, Path], tmp_path: Path) -> None:
    """All that was written is in OUT, and in the copy, under names made from numbers and shards."""
    folder, out = odd
    before = {path for path in out.parent.iterdir()}
    clean = tmp_path / "clean"
    run_well("filter", folder, "--scan", out, "-o", clean)
    assert before == {path for path in out.parent.iterdir()} == {out}
    copied = {str(path.relative_to(clean)) for path in clean.rglob("*.jsonl") if path.is_file()}
    assert copied == {
        "ids.jsonl",
        "..%2f..%2fup.jsonl",
        "name\nwith\x1b[31m lines.jsonl",
        "folder.jsonl/inside.jsonl",
    }
