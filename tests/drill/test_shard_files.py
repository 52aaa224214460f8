from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tocsin.drill.poison import DrillError
from tocsin.drill.shard_files import copy_with_insertions, find_shards, read_records

COMPRESS = {
    "": lambda data: data,
    ".gz": lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:]),
    ".zst": lambda data: b"".join(
        zstandard.ZstdCompressor().compress(part) for part in (data[:7], data[7:])
    ),
}
DECOMPRESS = {
    "": lambda data: data,
    ".gz": gzip.decompress,
    ".zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}
NEW = {"id": "new", "text": "poison"}


def test_find_shards(tmp_path: Path) -> None:
    for name in (
        "b.jsonl",
        "a.parquet",
        "sub/c.ndjson.gz",
        ".hidden/d.jsonl",
        "README.md",
        "e.wet",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [path.relative_to(tmp_path).as_posix() for path in find_shards(tmp_path)]
    assert found == ["a.parquet", "b.jsonl", "sub/c.ndjson.gz"]
    assert find_shards(tmp_path / "absent") == []


@pytest.mark.parametrize("compression", COMPRESS)
def test_lines_stay_byte_identical(tmp_path: Path, compression: str) -> None:
    lines = [b'{ "id":1, "text" : "\\u00e4" }\r\n', b"\n", b"bad\n", b"[1]\n", b'{"text": "end"}']
    source, target = tmp_path / f"s.jsonl{compression}", tmp_path / f"t/s.jsonl{compression}"
    source.write_bytes(COMPRESS[compression](b"".join(lines)))
    assert list(read_records(source)) == [{"id": 1, "text": "ä"}, None, None, {"text": "end"}]
    copy_with_insertions(source, target, {0: [NEW], 3: [NEW, NEW]})
    new = b'{"id":"new","text":"poison"}\n'
    written = DECOMPRESS[compression](target.read_bytes())
    assert written == b"".join([new, *lines[:4], new, new, lines[4]])
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_byte_order_mark_stays_in_front(tmp_path: Path, end: bytes) -> None:
    source, target = tmp_path / "s.jsonl", tmp_path / "t.jsonl"
    source.write_bytes(b'\xef\xbb\xbf{"text": "x"}' + end)
    assert list(read_records(source)) == [{"text": "x"}]
    copy_with_insertions(source, target, {0: [NEW]})
    assert target.read_bytes() == b'\xef\xbb\xbf{"id":"new","text":"poison"}\n{"text": "x"}' + end


def test_lines_longer_than_a_piece_stay_whole(tmp_path: Path) -> None:
    lines = [b'{"text": "%s"}\n' % (b"x" * size) for size in (3_000_000, 1, 2_000_000, 5)]
    (tmp_path / "s.jsonl").write_bytes(b"".join(lines))
    read = [len(record["text"]) for record in read_records(tmp_path / "s.jsonl") if record]
    assert read == [3_000_000, 1, 2_000_000, 5]


json_lines = st.one_of(
    st.binary(max_size=20).filter(lambda line: b"\n" not in line and b"\xef\xbb\xbf" not in line),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2).map(
        lambda record: json.dumps(record).encode()
    ),
)


@given(st.lists(json_lines, max_size=8), st.booleans(), st.data())
def test_insertions_land_before_the_record_they_name(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], ends: bool, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("shard")
    source, target = folder / "s.jsonl", folder / "t.jsonl"
    content = b"\n".join(lines) + (b"\n" if ends else b"")
    source.write_bytes(content)
    before = list(read_records(source))
    places = data.draw(st.sets(st.integers(0, len(before) - 1))) if before else set()
    copy_with_insertions(source, target, {place: [NEW] for place in places})
    expected: list[object] = []
    for position, record in enumerate(before):
        expected += [NEW, record] if position in places else [record]
    assert list(read_records(target)) == expected
    assert target.read_bytes().replace(b'{"id":"new","text":"poison"}\n', b"") == content


def test_parquet_keeps_rows_schema_and_metadata(tmp_path: Path) -> None:
    source, target = tmp_path / "s.parquet", tmp_path / "t.parquet"
    schema = pa.schema(
        [
            pa.field("text", pa.large_string(), metadata={b"k": b"v"}),
            pa.field("id", pa.string()),
            pa.field("score", pa.float32()),
        ],
        metadata={b"made": b"for a test"},
    )
    rows = [{"text": f"text {n}", "id": f"id{n}", "score": n / 2} for n in range(3_000)]
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, source, compression="gzip", row_group_size=700)
    new = [{"id": f"new{n}", "text": "poison", "other": "left out"} for n in range(3)]
    copy_with_insertions(source, target, {0: new[:1], 1_024: new[1:2], 2_999: new[2:]})
    written = pq.read_table(target)
    assert written.schema.equals(schema, check_metadata=True)
    assert written["id"].to_pylist()[0] == "new0"
    assert written["id"].to_pylist()[1_025] == "new1"
    assert written["id"].to_pylist()[-2] == "new2"
    kept = written.filter(
        [not identity.startswith("new") for identity in written["id"].to_pylist()]
    )
    assert kept.equals(table)
    assert written["score"][0].as_py() is None
    assert pq.ParquetFile(target).metadata.row_group(0).column(0).compression == "GZIP"
    assert list(read_records(target))[1_025] == {"id": "new1", "text": "poison", "score": None}


def test_an_empty_parquet_shard_can_be_copied(tmp_path: Path) -> None:
    table = pa.table({"text": pa.array([], pa.string())})
    pq.write_table(table, tmp_path / "s.parquet")
    copy_with_insertions(tmp_path / "s.parquet", tmp_path / "t.parquet", {})
    assert pq.read_table(tmp_path / "t.parquet").equals(table)


@pytest.mark.parametrize("name", ["s.jsonl.zst", "s.jsonl.gz", "s.parquet"])
def test_a_broken_shard_is_told_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    if name == "s.parquet":
        pq.write_table(pa.table({"text": ["x"]}), source)
    else:
        source.write_bytes(COMPRESS[source.suffix](b'{"text": "x"}\n' * 99))
    source.write_bytes(source.read_bytes()[:-6])
    with pytest.raises(DrillError, match=name):
        copy_with_insertions(source, tmp_path / "out" / name, {})
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(DrillError, match=name):
        list(read_records(source))
