from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.batches import MIB, FieldNames

Read = Callable[..., Any]

TEXT_TYPES = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.dictionary(pa.int32(), pa.string()),
    pa.dictionary(pa.int8(), pa.large_binary()),
]


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def numbered(rows: int) -> pa.Table:
    return pa.table(
        {
            "id": [f"id {row}" for row in range(rows)],
            "text": [f"text {row} " * (row % 7) for row in range(rows)],
            "url": [f"http://www.example{row % 3}.com/{row}" for row in range(rows)],
            "length": list(range(rows)),
        }
    )


def test_documents(read: Read) -> None:
    table = pa.table(
        {
            "text": ["Ünï", "", "c"],
            "id": ["a", None, ""],
            "url": ["http://www.example.com/x", None, ""],
            "source": ["s", "wiki", None],
            "other": [1, 2, 3],
        }
    )
    assert read(parquet(table), "x.parquet").documents == [
        {"position": 0, "doc_id": "a", "group": "example.com", "text": "Ünï".encode()},
        {"position": 1, "doc_id": "x.parquet#1", "group": "wiki", "text": b""},
        {"position": 2, "doc_id": "x.parquet#2", "group": "corpus/part", "text": b"c"},
    ]


@pytest.mark.parametrize("text_type", TEXT_TYPES, ids=str)
def test_types_of_text(read: Read, text_type: pa.DataType) -> None:
    values = pa.array(["a", None, "ü" * 100, "a"]).cast(pa.string())
    if pa.types.is_dictionary(text_type):
        values = values.cast(text_type.value_type).dictionary_encode().cast(text_type)
    else:
        values = values.cast(text_type)
    reading = read(parquet(pa.table({"text": values, "id": values, "url": values})), "x.parquet")
    text = "ü" * 100
    assert [(row["position"], row["doc_id"], row["group"]) for row in reading.documents] == [
        (0, "a", "a"),
        (2, text, text),
        (3, "a", "a"),
    ]
    assert reading.texts == [b"a", text.encode(), b"a"]
    (letter,) = reading.dead_letters
    assert (letter["position"], letter["byte_offset"]) == (1, -1)
    assert letter["reason"] == "missing_text"


@pytest.mark.parametrize("id_type", [pa.int8(), pa.int64(), pa.uint64()], ids=str)
def test_integer_ids(read: Read, id_type: pa.DataType) -> None:
    table = pa.table({"text": ["a", "b"], "id": pa.array([7, None], id_type)})
    reading = read(parquet(table), "x.parquet")
    assert [row["doc_id"] for row in reading.documents] == ["7", "x.parquet#1"]


def test_no_id_and_no_group(read: Read) -> None:
    reading = read(parquet(pa.table({"text": ["a"], "url": [1]})), "x.parquet")
    assert reading.documents == [
        {"position": 0, "doc_id": "x.parquet#0", "group": "corpus/part", "text": b"a"}
    ]


@pytest.mark.parametrize(
    ("columns", "detail"),
    [
        ({"content": ["a"], "n": [1]}, "content (string), n (int64)"),
        ({"text": [1]}, "text (int64)"),
        ({"text": [["a"]]}, "text (list<element: string>)"),
        ({"text": ["a"], "id": [1.5]}, "the id column 'id' is double"),
        ({"text": ["a"], "id": [["a"]]}, "the id column 'id' is list"),
    ],
)
def test_unsupported_schema(read: Read, columns: dict[str, Any], detail: str) -> None:
    reading = read(parquet(pa.table(columns)), "x.parquet")
    assert reading.documents == []
    (letter,) = reading.dead_letters
    assert letter["reason"] == "unsupported_schema"
    assert detail in letter["detail"]


def test_a_column_that_is_there_twice_is_no_column(read: Read) -> None:
    table = pa.Table.from_arrays([pa.array(["a"])] * 2, names=["text", "text"])
    assert read(parquet(table), "x.parquet").reasons == ["unsupported_schema"]


def test_other_fields(read: Read) -> None:
    table = pa.table({"a.b": ["t"], "key": ["k"], "site": ["s"], "a": ["no"]})
    fields = FieldNames(text="a.b", id="key", group="site")
    assert read(parquet(table), "x.parquet", fields).documents == [
        {"position": 0, "doc_id": "k", "group": "s", "text": b"t"}
    ]


@pytest.mark.parametrize("use_dictionary", [True, False])
@pytest.mark.parametrize("text_type", [pa.binary(), pa.string()], ids=str)
def test_bytes_that_are_no_utf8(read: Read, text_type: pa.DataType, use_dictionary: bool) -> None:
    texts = pa.array([b"a", b"\xff\xfe", b"c", None, b"e"])
    table = pa.table({"text": texts.view(text_type), "id": ["1", "2", "3", "4", "5"]})
    reading = read(parquet(table, use_dictionary=use_dictionary), "x.parquet")
    assert [row["doc_id"] for row in reading.documents] == ["1", "3", "5"]
    assert [(row["position"], row["reason"], row["raw"]) for row in reading.dead_letters] == [
        (1, "invalid_utf8", b"\xff\xfe"),
        (3, "missing_text", b""),
    ]


def test_an_id_that_is_no_utf8(read: Read) -> None:
    table = pa.table({"text": ["a", "b"], "id": pa.array([b"\xff", b"2"])})
    reading = read(parquet(table), "x.parquet")
    assert [row["doc_id"] for row in reading.documents] == ["2"]
    assert reading.reasons == ["invalid_utf8"]
    assert "'id'" in reading.dead_letters[0]["detail"]


def test_a_group_that_is_no_utf8_falls_back(read: Read) -> None:
    table = pa.table({"text": ["a", "b"], "source": pa.array([b"\xff", b"s"])})
    reading = read(parquet(table), "x.parquet")
    assert [row["group"] for row in reading.documents] == ["corpus/part", "s"]


def test_long_texts(read: Read) -> None:
    table = pa.table({"text": ["a", "x" * 5000, "c"]})
    reading = read(parquet(table), "x.parquet", max_record_bytes=4999)
    assert reading.texts == [b"a", b"c"]
    assert reading.reasons == ["record_too_large"]
    assert reading.dead_letters[0]["raw"] == b"x" * 4096


@pytest.mark.parametrize("use_dictionary", [True, False])
@pytest.mark.parametrize("row_group_size", [7, 1000])
def test_batches_are_cut(read: Read, use_dictionary: bool, row_group_size: int) -> None:
    table = numbered(300)
    data = parquet(table, use_dictionary=use_dictionary, row_group_size=row_group_size)
    whole = read(data, "x.parquet")
    assert [row["position"] for row in whole.documents] == list(range(300))
    assert whole.texts == [text.encode() for text in table.column("text").to_pylist()]
    assert whole.batches == [300]
    by_bytes = read(data, "x.parquet", batch_bytes=500)
    assert by_bytes.documents == whole.documents
    assert len(by_bytes.batches) >= 8
    by_records = read(data, "x.parquet", batch_records=50)
    assert by_records.documents == whole.documents
    assert len(by_records.batches) >= 4


def test_a_long_document_among_short_ones(read: Read) -> None:
    texts = ["short"] * 500 + ["x" * 100_000] + ["short"] * 500
    reading = read(parquet(pa.table({"text": texts})), "x.parquet", batch_bytes=1000)
    assert reading.texts == [text.encode() for text in texts]
    assert max(reading.batches) < 500


def test_a_dictionary_that_stands_for_more_than_memory_holds(read: Read) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 5000, pa.int32()), ["x" * MIB])
    data = parquet(pa.table({"text": texts}), compression="zstd", store_schema=False)
    reading = read(data, "x.parquet", bomb_bytes=20 * MIB)
    count = len(reading.documents)
    assert 15 <= count <= 20
    assert max(reading.batches) <= 8
    (letter,) = reading.dead_letters
    assert (letter["position"], letter["reason"]) == (count, "decompression_bomb")


def test_a_large_row_group_with_a_dictionary(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.corpus import parquet_file

    monkeypatch.setattr(parquet_file, "_SMALL_ROW_GROUP", 10)
    monkeypatch.setattr(parquet_file, "_MAX_EXPANSION", 300)
    table = numbered(100)
    reading = read(parquet(table), "x.parquet")
    assert reading.texts == [text.encode() for text in table.column("text").to_pylist()]


def test_nulls_are_not_free(read: Read) -> None:
    data = parquet(pa.table({"text": pa.nulls(100_000, pa.string())}))
    reading = read(data, "x.parquet", bomb_bytes=MIB, batch_bytes=100_000)
    assert len(reading.dead_letters) < 70_000
    assert reading.reasons[0] == "missing_text"
    assert reading.reasons[-1] == "decompression_bomb"


def test_no_rows(read: Read) -> None:
    reading = read(parquet(numbered(0)), "x.parquet")
    assert (reading.documents, reading.dead_letters) == ([], [])


def damaged_in(data: bytes, row_group: int, column: int) -> bytes:
    chunk = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(row_group).column(column)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    damaged = bytearray(data)
    damaged[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    return bytes(damaged)


def test_damage_in_one_row_group_spares_the_others(read: Read) -> None:
    data = parquet(numbered(90), row_group_size=30)
    reading = read(damaged_in(data, 1, 1), "x.parquet")
    assert [row["position"] for row in reading.documents] == [*range(30), *range(60, 90)]
    (letter,) = reading.dead_letters
    assert (letter["position"], letter["reason"]) == (30, "corrupt_shard")


def test_damage_in_a_column_that_is_not_read_does_no_harm(read: Read) -> None:
    data = parquet(numbered(90), row_group_size=30)
    assert len(read(damaged_in(data, 1, 3), "x.parquet").documents) == 90


def test_page_checksums_are_verified(read: Read) -> None:
    table = pa.table({"text": ["abcdefgh" * 10]})
    options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    for checksum in (True, False):
        data = bytearray(parquet(table, write_page_checksum=checksum, **options))
        data[data.index(b"abcdefgh") + 20] ^= 1
        reading = read(bytes(data), "x.parquet")
        assert reading.reasons == (["corrupt_shard"] if checksum else [])


def test_truncation_at_every_byte(read: Read) -> None:
    data = parquet(numbered(20), row_group_size=10)
    for size in range(len(data)):
        reading = read(data[:size], "x.parquet")
        assert reading.documents == []
        assert reading.reasons == ["truncated_shard"]


@given(st.binary(max_size=200), st.booleans())
def test_arbitrary_bytes(read: Read, data: bytes, framed: bool) -> None:
    reading = read(b"PAR1" + data + b"PAR1" if framed else data, "x.parquet")
    assert reading.documents == []
    assert len(reading.dead_letters) == 1


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_changed_byte(read: Read, at: int, value: int) -> None:
    data = bytearray(PARQUET)
    data[at % len(data)] = value
    reading = read(bytes(data), "x.parquet")
    positions = [row["position"] for row in (*reading.documents, *reading.dead_letters)]
    assert len(set(positions)) == len(positions)
    assert reading.dead_letters or len(reading.documents) == 40


def test_every_byte_changed(read: Read) -> None:
    """Some of these end the process where pyarrow is asked about a column chunk directly; others
    have indices outside of their dictionary, or row groups that the footer does not count."""
    texts = ["a", "b", "cc", "d", "a"]
    data = parquet(pa.table({"text": texts}), row_group_size=3, compression="none")
    seen = set()
    for at, byte in enumerate(data):
        for changed in (0x46, byte ^ 0xFF):
            reading = read(data[:at] + bytes([changed]) + data[at + 1 :], "x.parquet")
            assert reading.dead_letters or len(reading.documents) == len(texts)
            seen.update(row["detail"] for row in reading.dead_letters)
    for complaint in ("histogram", "outside of its dictionary", "its row groups"):
        assert any(complaint in detail for detail in seen)


PARQUET = parquet(numbered(40), row_group_size=15, write_page_checksum=True)


def test_storage_errors(shard: Callable[..., Any]) -> None:
    from tocsin.corpus.batches import Limits
    from tocsin.corpus.read import read_shard

    class Failing(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            if self.reads > 4:
                raise OSError("connection reset")
            return super().read(size)

    data = parquet(numbered(3000), row_group_size=1000)
    stream = Failing(data)
    parts = list(read_shard(stream, shard("x.parquet", len(data)), FieldNames(), Limits()))
    letters = [row for part in parts for row in part.dead_letters.to_pylist()]
    assert [row["reason"] for row in letters] == ["unreadable_shard"]
    assert "connection reset" in letters[0]["detail"]


texts = st.one_of(st.none(), st.text(max_size=20), st.binary(max_size=5))


@given(
    st.lists(st.tuples(texts, st.one_of(st.none(), st.text(max_size=3))), max_size=30),
    st.integers(1, 10),
    st.booleans(),
    st.integers(1, 100),
)
def test_every_row_is_a_document_or_a_dead_letter(
    read: Read,
    rows: list[tuple[str | bytes | None, str | None]],
    row_group_size: int,
    use_dictionary: bool,
    batch_bytes: int,
) -> None:
    values = [text.encode() if isinstance(text, str) else text for text, _ in rows]
    table = pa.table(
        {
            "text": pa.array(values, pa.binary()),
            "id": pa.array([identity for _, identity in rows], pa.string()),
        }
    )
    data = parquet(table, row_group_size=row_group_size, use_dictionary=use_dictionary)
    expected = {}
    for position, (value, (_, identity)) in enumerate(zip(values, rows)):
        try:
            if value is not None:
                value.decode()
                expected[position] = (identity or f"x.parquet#{position}", value)
        except UnicodeDecodeError:
            pass
    reading = read(data, "x.parquet", batch_bytes=batch_bytes)
    found = {row["position"]: (row["doc_id"], row["text"]) for row in reading.documents}
    assert found == expected
    bad = [row["position"] for row in reading.dead_letters]
    assert bad == np.setdiff1d(np.arange(len(rows)), list(expected)).tolist()


def varint(number: int) -> bytes:
    """A number as Thrift's compact protocol has it."""
    number *= 2
    digits = []
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


@pytest.mark.parametrize("claimed", [2**40, 2**62])
def test_claimed_rows_take_no_memory(read: Read, claimed: int) -> None:
    rows = 70_001
    data = parquet(pa.table({"text": ["a"] * rows}))
    size = int.from_bytes(data[-8:-4], "little")
    footer = data[-8 - size : -8].replace(varint(rows), varint(claimed))
    data = data[: -8 - size] + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    assert pq.ParquetFile(io.BytesIO(data)).metadata.num_rows == claimed
    reading = read(data, "x.parquet")
    assert len(reading.documents) <= rows
    assert reading.reasons == ["corrupt_shard"]
