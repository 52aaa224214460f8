from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.beam import prepare
from tocsin.beam.prepare import Inputs, UsageError, check_output, find_inputs
from tocsin.beam.storage import StorageError
from tocsin.corpus.shards import Compression, Format, Shard


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name in ("b/2.jsonl.gz", "b/1.parquet", "a.jsonl", "notes.md"):
        path = tmp_path / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}" * 10)
    return tmp_path / "corpus"


def test_shards_are_numbered_by_their_uris(corpus: Path, tmp_path: Path) -> None:
    inputs = find_inputs([str(corpus)], str(tmp_path / "out"))
    assert [(shard.index, shard.uri) for shard in inputs.shards] == [
        (0, str(corpus / "a.jsonl")),
        (1, str(corpus / "b" / "1.parquet")),
        (2, str(corpus / "b" / "2.jsonl.gz")),
    ]
    assert list(inputs.names.values()) == ["a.jsonl", "b/1.parquet", "b/2.jsonl.gz"]
    assert inputs.skipped == (str(corpus / "notes.md"),)
    assert inputs.stored_bytes == 60


def test_an_input_given_twice_is_read_once(corpus: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    twice = find_inputs([f"{corpus}/b", str(corpus), f"{corpus}/*.jsonl"], out)
    once = find_inputs([str(corpus)], out)
    assert twice.shards == once.shards
    assert twice.names[str(corpus / "b" / "1.parquet")] == "1.parquet"  # of the input given first


@pytest.mark.parametrize(
    "out", ["corpus", "corpus/out", "corpus/b/out/deep", "corpus/../corpus/out"]
)
def test_an_output_among_the_input(corpus: Path, tmp_path: Path, out: str) -> None:
    with pytest.raises(UsageError, match="lies inside the input"):
        find_inputs([str(corpus)], str(tmp_path / out))


def test_an_output_beside_the_input(corpus: Path, tmp_path: Path) -> None:
    for out in ("corpus-out", "out", "cor"):
        find_inputs([str(corpus), str(corpus / "a.jsonl")], str(tmp_path / out))
    find_inputs([f"{corpus}/*.jsonl"], str(corpus / "out"))


def test_an_output_that_is_a_file(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(UsageError, match="is a file"):
        find_inputs([str(corpus)], str(tmp_path / "out"))


def test_no_shards(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no shards in .*notes\.md"):
        find_inputs([str(corpus / "notes.md")], str(tmp_path / "out"))
    with pytest.raises(StorageError, match="no such input"):
        find_inputs([str(corpus), str(tmp_path / "absent")], str(tmp_path / "out"))


def _inputs(size: int, compression: Compression = Compression.NONE) -> Inputs:
    return Inputs((Shard(0, "a", size, Format.JSONL, compression),), {"a": "a"}, ())


def test_a_small_corpus_is_profiled_whole() -> None:
    assert _inputs(0).sample_rate == 1.0
    assert _inputs(prepare.SAMPLE_BYTES).sample_rate == 1.0


def test_a_large_corpus_is_sampled() -> None:
    assert _inputs(10 * prepare.SAMPLE_BYTES).sample_rate == pytest.approx(0.1)
    compressed = _inputs(10 * prepare.SAMPLE_BYTES, Compression.ZSTD)
    assert compressed.text_bytes > compressed.stored_bytes
    assert compressed.sample_rate < 0.1


def test_partitions_grow_with_the_corpus_within_bounds() -> None:
    sizes = [0, 1 << 30, 1 << 40, 1 << 43, 1 << 60]
    partitions = [_inputs(size).partitions for size in sizes]
    assert partitions == sorted(partitions)
    assert partitions[0] == prepare.MINIMUM_PARTITIONS
    assert partitions[2] == (1 << 40) // prepare.PARTITION_BYTES
    assert partitions[-1] == prepare.MAXIMUM_PARTITIONS


def test_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert prepare.absolute("a/../b/") == str(tmp_path / "b")
    assert prepare.absolute("gs://bucket/a/") == "gs://bucket/a"


def test_is_below() -> None:
    assert prepare.is_below("/a/b", "/a")
    assert prepare.is_below("/a", "/a")
    assert prepare.is_below("/a", "/")
    assert prepare.is_below("gs://bucket/a", "gs://bucket")
    assert not prepare.is_below("/ab", "/a")
    assert not prepare.is_below("/a", "/a/b")


def test_outputs_that_may_be_written_to(tmp_path: Path) -> None:
    check_output(str(tmp_path / "absent"))
    check_output(str(tmp_path))
    for part in ("documents/part-00000.parquet", "profile/counts.npy", "report.html", ".hidden"):
        path = tmp_path / part
        path.parent.mkdir(exist_ok=True)
        path.touch()
    check_output(str(tmp_path))


@pytest.mark.parametrize("name", ["notes.txt", "corpus/a.jsonl", "documents.parquet"])
def test_outputs_that_hold_something_else(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match=f"is not empty, and {name.split('/')[0]} is no part"):
        check_output(str(tmp_path))
