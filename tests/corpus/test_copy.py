from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.batches import MIB, FieldNames, Limits
from tocsin.corpus.copy import CopyCounts, copy_shard
from tocsin.corpus.dead_letters import BrokenShard
from tocsin.corpus.shards import numbered_shards

Read = Callable[..., Any]

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
}


def copied(
    data: bytes, name: str, dropped: list[int], keep_removed: bool = True, **limits: int
) -> tuple[bytes, bytes, CopyCounts]:
    """The copy, the removed part, and the counts."""
    (shard,) = numbered_shards([(f"corpus/part/{name}", len(data))])
    target, removed = io.BytesIO(), io.BytesIO()
    counts = copy_shard(
        io.BytesIO(data),
        target,
        shard,
        FieldNames(),
        Limits(**limits),
        np.array(dropped, np.int64),
        removed if keep_removed else None,
    )
    assert not target.closed
    assert counts.records == counts.kept + counts.removed + counts.dead_letters
    return target.getvalue(), removed.getvalue(), counts


def unpack(data: bytes, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.decompress(data)
    if suffix == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data


LINES = [
    b'{"id": "a", "text": "\\u00fc  spaced" , "more": [1, 2.50]}',
    b"{broken",
    b'{"text": "b"}\r',
    b"",
    b'{"text": "c", "text": "d"}',
    b'{"text": null}',
    b'{"text": "e"}',
]


@pytest.mark.parametrize("suffix", list(PACK))
@pytest.mark.parametrize("batch_bytes", [1, 10**6])
def test_lines_stay_as_they_are(suffix: str, batch_bytes: int) -> None:
    # Positions: a 0, broken 1, b 2, c 3, null 4, e 5.
    data = PACK[suffix](b"\n".join(LINES))
    target, removed, counts = copied(
        data, "x.jsonl" + suffix, [5, 2, 99, 1, 2], batch_bytes=batch_bytes
    )
    assert unpack(target, suffix) == LINES[0] + b"\n" + LINES[4] + b"\n"
    assert unpack(removed, suffix) == LINES[2] + b"\n" + LINES[6] + b"\n"
    assert counts == CopyCounts(records=6, kept=2, removed=2, dead_letters=2)


@pytest.mark.parametrize("suffix", list(PACK))
def test_of_nothing_there_is_a_valid_copy(read: Read, suffix: str) -> None:
    for data, dropped in ((b"", []), (b'{"text": "a"}', [0])):
        target, _, counts = copied(PACK[suffix](data), "x.jsonl" + suffix, dropped)
        assert counts.kept == counts.dead_letters == 0
        reading = read(target, "x.jsonl" + suffix)
        assert (reading.documents, reading.dead_letters) == ([], [])


def test_a_copy_is_the_same_every_time() -> None:
    for suffix in (".gz", ".zst"):
        data = PACK[suffix](b"\n".join(LINES))
        assert copied(data, "x.jsonl" + suffix, [0]) == copied(data, "x.jsonl" + suffix, [0])


def table(rows: int) -> pa.Table:
    schema = pa.schema(
        [
            pa.field("text", pa.large_string(), metadata={"k": "v"}),
            pa.field("id", pa.int32(), nullable=False),
            pa.field("tags", pa.list_(pa.string())),
            pa.field("kind", pa.dictionary(pa.int8(), pa.string())),
            pa.field("time", pa.timestamp("us", tz="UTC")),
        ],
        metadata={"origin": "test"},
    )
    return pa.Table.from_arrays(
        [
            pa.array(
                [None if row == 4 else f"text {row}" for row in range(rows)], pa.large_string()
            ),
            pa.array(range(rows), pa.int32()),
            pa.array([["a"] * (row % 3) for row in range(rows)]),
            pa.array(["x" if row % 2 else "y" for row in range(rows)]).cast(schema.field(3).type),
            pa.array(range(rows), pa.int64()).cast(schema.field(4).type),
        ],
        schema=schema,
    )


@pytest.mark.parametrize("compression", ["zstd", "gzip", "none", {"text": "zstd", "id": "none"}])
@pytest.mark.parametrize("use_dictionary", [True, False, ["kind"]])
@pytest.mark.parametrize("compliant", [True, False])
def test_parquet_keeps_all_but_the_rows(
    compression: Any, use_dictionary: Any, compliant: bool
) -> None:
    buffer = io.BytesIO()
    pq.write_table(
        table(60),
        buffer,
        compression=compression,
        use_dictionary=use_dictionary,
        row_group_size=25,
        use_compliant_nested_type=compliant,
    )
    target, removed, counts = copied(buffer.getvalue(), "x.parquet", [0, 7, 59, 60])
    assert counts == CopyCounts(records=60, kept=56, removed=3, dead_letters=1)
    source, found = (pq.read_table(file) for file in (buffer, io.BytesIO(target)))
    assert found.schema.equals(source.schema, check_metadata=True)
    gone = [0, 4, 7, 59]
    rows = source.to_pylist()
    assert found.to_pylist() == [row for row in rows if row["id"] not in gone]
    assert pq.read_table(io.BytesIO(removed)).to_pylist() == [rows[0], rows[7], rows[59]]
    before, after = (pq.ParquetFile(file).metadata for file in (buffer, io.BytesIO(target)))
    assert [after.row_group(group).num_rows for group in range(3)] == [22, 25, 9]
    for column in range(before.num_columns):
        old, new = (file.row_group(0).column(column) for file in (before, after))
        assert old.path_in_schema == new.path_in_schema
        assert old.compression == new.compression
        assert old.has_dictionary_page == new.has_dictionary_page


def test_large_row_groups_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.corpus import parquet_sink

    monkeypatch.setattr(parquet_sink, "_ROW_GROUP_BYTES", 1000)
    buffer = io.BytesIO()
    pq.write_table(table(300), buffer)
    target, _, counts = copied(buffer.getvalue(), "x.parquet", [], batch_bytes=500)
    assert counts.kept == 299
    found = pq.ParquetFile(io.BytesIO(target))
    assert found.metadata.num_row_groups > 3
    assert found.read().column("id").to_pylist() == [row for row in range(300) if row != 4]


def test_parquet_without_rows(read: Read) -> None:
    buffer = io.BytesIO()
    pq.write_table(table(0), buffer)
    target, _, counts = copied(buffer.getvalue(), "x.parquet", [])
    assert counts == CopyCounts(0, 0, 0, 0)
    before, after = (pq.read_schema(file) for file in (buffer, io.BytesIO(target)))
    assert after.equals(before, check_metadata=True)


def test_of_a_shard_that_cannot_be_opened_there_is_no_copy() -> None:
    data = b"no parquet at all"
    (shard,) = numbered_shards([("x.parquet", len(data))])
    target = io.BytesIO()
    with pytest.raises(BrokenShard):
        copy_shard(
            io.BytesIO(data), target, shard, FieldNames(), Limits(), np.array([], np.int64), target
        )
    assert target.getvalue() == b""


def warc_record(kind: str, body: bytes, number: int) -> bytes:
    head = f"WARC/1.1\r\nWARC-Type: {kind}\r\nX-odd:  Case \r\nWARC-Record-ID: <urn:{number}>\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n%s\r\n\r\n" % (len(body), body)


RECORDS = [
    warc_record("warcinfo", b"a: b", 0),
    warc_record("conversion", b"first", 1),
    warc_record("request", b"GET /", 2),
    warc_record("conversion", b"x" * 3000, 3),
    warc_record("conversion", b"third", 4),
    warc_record("metadata", b"y" * 1500, 5),
    warc_record("conversion", b"fourth", 6),
]


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("keep_removed", [True, False])
def test_warc_records_stay_as_they_are(suffix: str, keep_removed: bool) -> None:
    huge = warc_record("metadata", bytes(3 * MIB), 7)
    data = PACK[suffix](b"".join(RECORDS) + huge)
    target, removed, counts = copied(
        data, "x.warc" + suffix, [0, 3], keep_removed, max_record_bytes=2000
    )
    # Positions: first 0, too large 1, third 2, fourth 3.
    assert counts == CopyCounts(records=4, kept=1, removed=2, dead_letters=1)
    assert unpack(target, suffix) == b"".join(RECORDS[index] for index in (0, 2, 4, 5)) + huge
    if keep_removed:
        assert unpack(removed, suffix) == RECORDS[1] + RECORDS[6]


def test_each_warc_record_is_a_gzip_member() -> None:
    target, _, _ = copied(gzip.compress(b"".join(RECORDS)), "x.wet.gz", [1])
    from isal import igzip_lib

    members = []
    while target:
        member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        members.append(member.decompress(target))
        target = member.unused_data
    assert members == [*RECORDS[:3], *RECORDS[4:]]


def test_a_truncated_record_is_not_copied() -> None:
    data = b"".join(RECORDS)
    starts = [len(b"".join(RECORDS[:number])) for number in range(len(RECORDS) + 1)]
    for size in range(0, len(data), 7):
        target, _, counts = copied(data[:size], "x.warc", [])
        assert data.startswith(target)
        # Whole, if perhaps without the empty lines that separate it from the next.
        assert any(len(target) in range(start - 4, start + 1) for start in starts)
        assert counts.kept == target.count(b"conversion")


def jsonl_shard(rows: list[Any]) -> bytes:
    return b"\n".join(
        row if isinstance(row, bytes) else json.dumps({"text": row}).encode() for row in rows
    )


rows = st.one_of(
    st.text(max_size=5), st.none(), st.integers(), st.sampled_from([b"", b" ", b"{", b"\xff"])
)


@given(
    st.lists(rows, max_size=12),
    st.lists(st.integers(0, 14)),
    st.sampled_from(list(PACK)),
    st.one_of(st.none(), st.integers(0, 400)),
    st.integers(1, 100),
)
def test_jsonl_positions_agree_with_the_reader(
    read: Read,
    rows: list[Any],
    dropped: list[int],
    suffix: str,
    size: int | None,
    batch_bytes: int,
) -> None:
    data = PACK[suffix](jsonl_shard(rows))[:size]
    check_against_the_reader(read, data, "x.jsonl" + suffix, dropped, batch_bytes=batch_bytes)


@given(
    st.lists(st.one_of(st.none(), st.binary(max_size=4)), max_size=20),
    st.lists(st.integers(0, 22)),
    st.integers(1, 8),
    st.integers(1, 100),
)
def test_parquet_positions_agree_with_the_reader(
    read: Read,
    texts: list[bytes | None],
    dropped: list[int],
    row_group_size: int,
    batch_bytes: int,
) -> None:
    buffer = io.BytesIO()
    source = pa.table({"text": pa.array(texts, pa.binary()), "id": pa.array(range(len(texts)))})
    pq.write_table(source, buffer, row_group_size=row_group_size)
    check_against_the_reader(read, buffer.getvalue(), "x.parquet", dropped, batch_bytes=batch_bytes)


@given(
    st.lists(st.sampled_from(RECORDS), max_size=8).map(b"".join),
    st.lists(st.integers(0, 8)),
    st.sampled_from(["", ".gz"]),
    st.one_of(st.none(), st.integers(0, 3000)),
)
def test_warc_positions_agree_with_the_reader(
    read: Read, data: bytes, dropped: list[int], suffix: str, size: int | None
) -> None:
    data = PACK[suffix](data)[:size]
    check_against_the_reader(read, data, "x.warc" + suffix, dropped, max_record_bytes=2000)


def check_against_the_reader(
    read: Read, data: bytes, name: str, dropped: list[int], **limits: int
) -> None:
    before = read(data, name, **limits)
    target, removed, counts = copied(data, name, dropped, True, **limits)
    texts = {row["position"]: row["text"] for row in before.documents}
    kept = [text for position, text in texts.items() if position not in dropped]
    gone = [text for position, text in texts.items() if position in dropped]
    assert counts == CopyCounts(
        len(texts) + len(before.dead_letters), len(kept), len(gone), len(before.dead_letters)
    )
    after = read(target, name)
    assert after.texts == kept
    assert after.dead_letters == []
    assert after.other_records == before.other_records
    assert read(removed, name).texts == gone


def test_views_are_copied_too() -> None:
    """pyarrow 25 has no `take` for them."""
    rows = pa.table({"text": pa.array(["a", "b", None, "d", "e"], pa.string_view())})
    buffer = io.BytesIO()
    pq.write_table(rows, buffer)
    target, removed, counts = copied(buffer.getvalue(), "x.parquet", [1, 3])
    assert pq.read_table(io.BytesIO(target)).column("text").to_pylist() == ["a", "e"]
    assert pq.read_table(io.BytesIO(removed)).column("text").to_pylist() == ["b", "d"]
    assert counts == CopyCounts(records=5, kept=2, removed=2, dead_letters=1)
