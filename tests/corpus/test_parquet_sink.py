from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.corpus.parquet_sink import ParquetSink

SCHEMA = pa.schema([pa.field("text", pa.string(), metadata={"a": "b"})], metadata={"c": "d"})


def like(**options: object) -> pq.ParquetFile:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": ["x"]}, schema=SCHEMA), buffer, **options)
    return pq.ParquetFile(buffer)


def rows(*texts: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"text": list(texts)}, SCHEMA)


def test_rows_schema_and_row_groups() -> None:
    target = io.BytesIO()
    sink = ParquetSink(target, like())
    sink.end_row_group()
    sink.write(rows("a"))
    sink.write(rows())
    sink.write(rows("b", "c"))
    sink.end_row_group()
    sink.write(rows("d"))
    sink.close()
    assert not target.closed
    found = pq.ParquetFile(target)
    assert found.schema_arrow.equals(SCHEMA, check_metadata=True)
    assert found.read().column("text").to_pylist() == ["a", "b", "c", "d"]
    groups = range(found.metadata.num_row_groups)
    assert [found.metadata.row_group(group).num_rows for group in groups] == [3, 1]


def test_codecs_are_kept() -> None:
    for codec in ("none", "snappy", "gzip", "brotli", "zstd", "lz4"):
        source = like(compression=codec)
        target = io.BytesIO()
        sink = ParquetSink(target, source)
        sink.write(rows("a"))
        sink.close()
        files = (source, pq.ParquetFile(target))
        before, after = (file.metadata.row_group(0).column(0).compression for file in files)
        assert before == after


def test_rows_from_a_dictionary() -> None:
    target = io.BytesIO()
    sink = ParquetSink(target, like())
    sink.write(pa.RecordBatch.from_arrays([pa.array(["a", "a"]).dictionary_encode()], ["text"]))
    sink.close()
    assert pq.read_table(target).column("text").to_pylist() == ["a", "a"]
