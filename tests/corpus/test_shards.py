from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.shards import Compression, Format, Shard, format_of, numbered_shards


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jsonl", (Format.JSONL, Compression.NONE)),
        ("a.json", (Format.JSONL, Compression.NONE)),
        ("a.ndjson", (Format.JSONL, Compression.NONE)),
        ("a.jsonl.gz", (Format.JSONL, Compression.GZIP)),
        ("a.json.gz", (Format.JSONL, Compression.GZIP)),
        ("a.ndjson.zst", (Format.JSONL, Compression.ZSTD)),
        ("gs://bucket/a.JSONL.ZST", (Format.JSONL, Compression.ZSTD)),
        ("a.parquet", (Format.PARQUET, Compression.NONE)),
        ("a.warc", (Format.WARC, Compression.NONE)),
        ("CC-MAIN-00000.warc.gz", (Format.WARC, Compression.GZIP)),
        ("a.wet", (Format.WET, Compression.NONE)),
        ("CC-MAIN-00000.warc.wet.gz", (Format.WET, Compression.GZIP)),
    ],
)
def test_format_by_suffix(name: str, expected: tuple[Format, Compression]) -> None:
    assert format_of(name) == expected


@pytest.mark.parametrize(
    "name", ["a.txt", "a.gz", "a.parquet.gz", "a.warc.zst", "a.warc.wat.gz", "jsonl", "a.jsonl/b"]
)
def test_unknown_suffix(name: str) -> None:
    assert format_of(name) is None


def test_numbers_do_not_depend_on_the_order_of_listing() -> None:
    files = [("b/1.jsonl", 5), ("b/1.jsonl", 5), ("a/z.parquet", 7), ("a/README.md", 1)]
    expected = [
        Shard(0, "a/z.parquet", 7, Format.PARQUET, Compression.NONE),
        Shard(1, "b/1.jsonl", 5, Format.JSONL, Compression.NONE),
    ]
    assert numbered_shards(files) == expected
    assert numbered_shards(reversed(files)) == expected


@given(st.sets(st.text(min_size=1)))
def test_order_is_that_of_the_bytes(names: set[str]) -> None:
    uris = [f"{name}.jsonl" for name in names]
    found = [shard.uri for shard in numbered_shards((uri, 0) for uri in uris)]
    assert found == sorted(uris, key=lambda uri: uri.encode(errors="surrogatepass"))


@pytest.mark.parametrize(
    ("uri", "name", "folder"),
    [
        ("gs://bucket/wiki/a.jsonl", "a.jsonl", "gs://bucket/wiki"),
        ("/data/a.jsonl", "a.jsonl", "/data"),
        ("a.jsonl", "a.jsonl", "."),
    ],
)
def test_name_and_folder(uri: str, name: str, folder: str) -> None:
    (shard,) = numbered_shards([(uri, 0)])
    assert (shard.name, shard.folder) == (name, folder)
