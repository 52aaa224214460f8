from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.batches import FieldNames

Read = Callable[..., Any]


def jsonl(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_documents(read: Read) -> None:
    data = jsonl(
        {"text": "Ünïcode \U0001f600", "id": "a", "url": "http://www.example.com/x"},
        {"text": "", "id": 7, "source": "wiki"},
        {"text": "c", "url": None, "source": "http://b.org/y", "meta": {"text": "no"}},
    )
    assert read(data, "x.jsonl").documents == [
        {
            "position": 0,
            "doc_id": "a",
            "group": "example.com",
            "text": "Ünïcode \U0001f600".encode(),
        },
        {"position": 1, "doc_id": "7", "group": "wiki", "text": b""},
        {"position": 2, "doc_id": "x.jsonl#2", "group": "b.org", "text": b"c"},
    ]


def test_other_fields(read: Read) -> None:
    data = jsonl({"content": "a", "key": "k", "site": "s", "url": "http://a.com"})
    fields = FieldNames(text="content", id="key", group="site")
    assert read(data, "x.jsonl", fields).documents == [
        {"position": 0, "doc_id": "k", "group": "s", "text": b"a"}
    ]


@pytest.mark.parametrize(
    ("value", "doc_id"),
    [
        ("null", "x.jsonl#0"),
        ('""', "x.jsonl#0"),
        ("0", "0"),
        ("-12", "-12"),
        (f"{2**64 - 1}", f"{2**64 - 1}"),
        (f"{10**40}", f"{10**40}"),
        ('"a b"', "a b"),
    ],
)
def test_ids(read: Read, value: str, doc_id: str) -> None:
    data = f'{{"text": "t", "id": {value}}}'.encode()
    assert [row["doc_id"] for row in read(data, "x.jsonl").documents] == [doc_id]


@pytest.mark.parametrize("value", ["1.5", "1e3", "true", "[1]", '{"a": 1}', "1" * 5000])
def test_wrong_ids(read: Read, value: str) -> None:
    reading = read(f'{{"text": "t", "id": {value}}}'.encode(), "x.jsonl")
    assert reading.documents == []
    assert reading.reasons[0] in ("wrong_id_type", "malformed_json")


@pytest.mark.parametrize("value", [None, "", 3, ["a"], {"a": 1}, True])
def test_a_group_that_is_no_string_falls_back(read: Read, value: object) -> None:
    (row,) = read(jsonl({"text": "t", "url": value}), "x.jsonl").documents
    assert row["group"] == "corpus/part"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "a"', "malformed_json"),
        (b'{"text": "a"} {"text": "b"}', "malformed_json"),
        (b'{"text": "a",}', "malformed_json"),
        (b'{"text": "a\x01"}', "malformed_json"),
        (b'{"text": "a", "x": NaN}', "malformed_json"),
        (b'{"text": "a", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "malformed_json"),
        (b"\x0b", "malformed_json"),
        (b'\xef\xbb\xbf{"text": "a"}', "malformed_json"),
        (b'{"text": "\\ud800"}', "lone_surrogate"),
        (b'{"text": "\\udc00 a"}', "lone_surrogate"),
        (b'{"text": "\\ud800\\u0041"}', "lone_surrogate"),
        (b'{"text": "a", "x": "\\ud800"}', "lone_surrogate"),
        (b'{"text": "\xff"}', "invalid_utf8"),
        (b'{"text": "a", "x": "\xff"}', "invalid_utf8"),
        (b'{"text": "\xed\xa0\x80"}', "invalid_utf8"),
        (b'["text"]', "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"null", "not_an_object"),
        (b"1", "not_an_object"),
        (b"true", "not_an_object"),
        (b"{}", "missing_text"),
        (b'{"text": null}', "missing_text"),
        (b'{"text": 1}', "wrong_text_type"),
        (b'{"text": 1.5}', "wrong_text_type"),
        (b'{"text": ["a"]}', "wrong_text_type"),
        (b'{"text": {"text": "a"}}', "wrong_text_type"),
        (b'{"text": false}', "wrong_text_type"),
        (b'{"text": "a", "id": 1.5}', "wrong_id_type"),
    ],
)
def test_one_bad_line_among_good_ones(read: Read, line: bytes, reason: str) -> None:
    before = jsonl({"text": "before", "id": "b"}) + b"\n \t\r\n"
    data = before + line + b"\r\n" + jsonl({"text": "after", "id": "a"})
    reading = read(data, "x.jsonl")
    assert [(row["position"], row["text"]) for row in reading.documents] == [
        (0, b"before"),
        (2, b"after"),
    ]
    (letter,) = reading.dead_letters
    assert letter["source_uri"] == "corpus/part/x.jsonl"
    assert (letter["position"], letter["byte_offset"]) == (1, len(before))
    assert letter["reason"] == reason
    assert letter["raw"] == (line + b"\r")[:4096]
    assert letter["detail"]


def test_the_last_of_equal_keys_counts_as_in_python(read: Read) -> None:
    line = b'{"text": "a", "text": "b"}'
    assert read(line, "x.jsonl").texts == [json.loads(line)["text"].encode()]


def test_surrogate_pairs_are_no_lone_surrogates(read: Read) -> None:
    assert read(b'{"text": "\\ud83d\\ude00"}', "x.jsonl").texts == ["\U0001f600".encode()]


def test_blank_lines_are_no_records(read: Read) -> None:
    record = jsonl({"text": "a"})
    reading = read(b"\n\r\n" + record + b"  \n\t\n" + record + b"\n\n ", "x.jsonl")
    assert [row["position"] for row in reading.documents] == [0, 1]
    assert reading.dead_letters == []


def test_byte_order_mark(read: Read) -> None:
    data = b"\xef\xbb\xbf" + jsonl({"text": "a"}) + b"{\n"
    reading = read(data, "x.jsonl")
    assert reading.texts == [b"a"]
    assert [row["byte_offset"] for row in reading.dead_letters] == [len(data) - 2]


def test_long_lines(read: Read) -> None:
    short, long = jsonl({"text": "a"}), jsonl({"text": "x" * 100})
    data = short + long + short
    for piece in (0, 7):
        reading = read(data, "x.jsonl", piece=piece, max_record_bytes=50)
        assert [row["position"] for row in reading.documents] == [0, 2]
        (letter,) = reading.dead_letters
        assert (letter["position"], letter["byte_offset"]) == (1, len(short))
        assert letter["reason"] == "record_too_large"
        assert long.startswith(letter["raw"])
    assert read(data, "x.jsonl", max_record_bytes=len(long)).texts == [b"a", b"x" * 100, b"a"]


def test_batches_are_cut(read: Read) -> None:
    records = [{"text": "x" * 100, "id": str(number)} for number in range(50)]
    data = jsonl(*records)
    by_bytes = read(data, "x.jsonl", piece=64, batch_bytes=1000)
    assert len(by_bytes.batches) >= 5
    assert max(by_bytes.batches) <= 10
    by_records = read(data, "x.jsonl", batch_records=8)
    assert by_records.batches == [8] * 6 + [2]
    assert by_bytes.documents == by_records.documents == read(data, "x.jsonl").documents


def test_places_in_small_batches(read: Read) -> None:
    lines = [b"{", *[jsonl({"text": "a"})[:-1]] * 4] * 20
    reading = read(b"\n".join(lines), "x.jsonl", batch_records=3)
    assert [row["position"] for row in reading.dead_letters] == list(range(0, 100, 5))
    offsets = [sum(len(line) + 1 for line in lines[:number]) for number in range(0, 100, 5)]
    assert [row["byte_offset"] for row in reading.dead_letters] == offsets


def test_every_container_gives_the_same(read: Read) -> None:
    data = jsonl({"text": "a", "id": "1"}, {"text": None}, {"text": "b"}) + b"{\n"
    expected = read(data, "x.jsonl")
    for suffix, packed in {
        ".gz": gzip.compress(data[:20]) + gzip.compress(data[20:]),
        ".zst": zstandard.compress(data[:20]) + zstandard.compress(data[20:]),
    }.items():
        reading = read(packed, "x.jsonl" + suffix, piece=11)
        assert reading.texts == expected.texts
        assert [
            (row["position"], row["byte_offset"], row["reason"]) for row in reading.dead_letters
        ] == [(row["position"], row["byte_offset"], row["reason"]) for row in expected.dead_letters]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_truncation_at_every_byte_keeps_whole_lines(read: Read, suffix: str) -> None:
    pack = gzip.compress if suffix == ".gz" else zstandard.compress
    texts = [f"document {number}" for number in range(6)]
    lines = [jsonl({"text": text}) for text in texts]
    frames = [pack(b"".join(lines[:3])), pack(b"".join(lines[3:]))]
    data = b"".join(frames)
    kept = set()
    for size in range(len(data)):
        reading = read(data[:size], "x.jsonl" + suffix)
        count = len(reading.documents)
        kept.add(count)
        assert [text.decode() for text in reading.texts] == texts[:count]
        assert count >= 3 * (size >= len(frames[0]))
        if size == len(frames[0]):
            assert reading.dead_letters == []
            continue
        (letter,) = reading.dead_letters
        assert letter["reason"] == "truncated_shard"
        assert letter["position"] == count
        assert letter["byte_offset"] == sum(map(len, lines[:count]))
        assert b"".join(lines)[letter["byte_offset"] :].startswith(letter["raw"])
    assert kept >= {0, 3}


def test_an_unfinished_plain_line_is_a_bad_line(read: Read) -> None:
    data = jsonl({"text": "a"}) + b'{"text": "b'
    reading = read(data, "x.jsonl")
    assert reading.texts == [b"a"]
    assert reading.reasons == ["malformed_json"]


def strict_loads(line: bytes) -> Any:
    """JSON as the standard has it, by Python's own parser."""

    def number(written: str) -> float:
        value = float(written)
        if math.isinf(value):
            raise ValueError("out of range")
        return value

    def refuse(_: str) -> None:
        raise ValueError("no JSON")

    value = json.loads(line.decode(), parse_float=number, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode()
    return value


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
objects = st.fixed_dictionaries(
    {},
    optional={
        "text": st.one_of(st.text(), scalars),
        "id": scalars,
        "url": scalars,
        "more": st.lists(scalars, max_size=2),
    },
)
valid_lines = st.builds(
    lambda record, ascii: json.dumps(record, ensure_ascii=ascii).encode(errors="surrogatepass"),
    objects,
    st.booleans(),
)
damaged_lines = st.builds(
    lambda line, at, junk: line[:at] + junk + line[at + 1 :],
    valid_lines,
    st.integers(0, 30),
    st.sampled_from([b"", b"\xff", b'"', b"\\ud800", b"{", b"}", b"\\", b"\x00", b" ", b"\r"]),
)
lines = st.one_of(valid_lines, valid_lines, damaged_lines, st.binary(max_size=8))


@given(st.lists(lines, max_size=8), st.integers(1, 20), st.integers(1, 4))
def test_against_pythons_own_parser(
    read: Read, lines: list[bytes], piece: int, batch_records: int
) -> None:
    data = b"\n".join(lines)
    documents: list[tuple[int, str, bytes]] = []
    bad: list[tuple[int, bytes]] = []
    for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        if not line.strip(b" \t\r"):
            continue
        position = len(documents) + len(bad)
        try:
            record = strict_loads(line)
            identity = record.get("id")
            assert type(record["text"]) is str
            assert identity is None or type(identity) in (str, int)
        except (ValueError, AssertionError, AttributeError, KeyError):
            bad.append((position, line))
        else:
            identity = "" if identity is None else str(identity)
            documents.append((position, identity or f"x.jsonl#{position}", record["text"].encode()))
    reading = read(data, "x.jsonl", piece=piece, batch_bytes=16, batch_records=batch_records)
    assert [(row["position"], row["doc_id"], row["text"]) for row in reading.documents] == documents
    assert [(row["position"], row["raw"]) for row in reading.dead_letters] == bad
    for row in reading.dead_letters:
        start = row["byte_offset"]
        assert data[start : start + len(row["raw"])] == row["raw"]


@given(st.binary())
def test_arbitrary_bytes(read: Read, data: bytes) -> None:
    reading = read(data, "x.jsonl")
    records = [
        line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip(b" \t\r")
    ]
    assert len(reading.documents) + len(reading.dead_letters) == len(records)
    for suffix in (".gz", ".zst"):
        assert len(read(data, "x.jsonl" + suffix).dead_letters) <= 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_dead_letters(read: Read, encoding: str) -> None:
    """Line by line: a line feed is a byte of its own in none of them, so lines may be cut."""
    data = '{"text": "ä"}\n{"text": "b"}\n'.encode(encoding)
    reading = read(data, "x.jsonl")
    assert reading.documents == []
    assert set(reading.reasons) <= {"invalid_utf8", "malformed_json"}
    assert reading.reasons


def test_control_characters_and_line_ends(read: Read) -> None:
    data = b'{"text": "a\\u0000b"}\r\n{"text": "\xe2\x80\xa8"}\r{"text": "c"}\n{"text": "\x00"}\n'
    reading = read(data, "x.jsonl")
    assert reading.texts == [b"a\0b"]
    assert reading.reasons == ["malformed_json", "malformed_json"]  # \r ends no line
