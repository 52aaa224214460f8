from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.batches import MIB

Read = Callable[..., Any]

PAGE = "<html><head><title>T</title><script>x()</script></head><body><p>Grüße</p></body></html>"
RESPONSE = "application/http; msgtype=response"


def record(
    kind: str,
    body: bytes,
    content_type: str = "text/plain",
    number: int = 1,
    uri: str = "http://www.example.com/page",
    extra: str = "",
) -> bytes:
    head = (
        "WARC/1.0\r\n"
        f"WARC-Type: {kind}\r\n"
        f"WARC-Record-ID: <urn:uuid:{number}>\r\n"
        f"WARC-Target-URI: {uri}\r\n"
        f"Content-Type: {content_type}\r\n"
        f"{extra}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n\r\n"


def response(
    body: bytes, headers: str = "Content-Type: text/html; charset=utf-8", number: int = 1
) -> bytes:
    head = f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode()
    return record("response", head + body, RESPONSE, number)


INFO = record("warcinfo", b"software: x\r\n", "application/warc-fields", 0)


def test_wet(read: Read) -> None:
    data = INFO + b"".join(
        record("conversion", body, number=number, uri=uri)
        for number, (body, uri) in enumerate(
            [("Grüße".encode(), "https://a.b.example.org/x"), (b"", "x"), (b"\xff\x00", "")]
        )
    )
    reading = read(data, "x.warc.wet")
    assert reading.documents == [
        {
            "position": 0,
            "doc_id": "urn:uuid:0",
            "group": "example.org",
            "text": "Grüße".encode(),
        },
        {"position": 1, "doc_id": "urn:uuid:1", "group": "x", "text": b""},
        {"position": 2, "doc_id": "urn:uuid:2", "group": "corpus/part", "text": b"\xff\x00"},
    ]
    assert (reading.dead_letters, reading.other_records) == ([], 1)


def test_of_a_page_the_text_is_the_document(read: Read) -> None:
    reading = read(INFO + response(PAGE.encode()), "x.warc")
    assert reading.texts == ["Grüße".encode()]
    assert reading.documents[0]["group"] == "example.com"


@pytest.mark.parametrize(
    "other",
    [
        record("request", b"GET / HTTP/1.1\r\n\r\n", "application/http; msgtype=request"),
        record("metadata", b"a: b", "application/warc-fields"),
        record("revisit", b"HTTP/1.1 200 OK\r\n\r\n", RESPONSE),
        record("resource", b"\x89PNG", "image/png"),
        response(b"\x89PNG", "Content-Type: image/png"),
        response(b"{}", "Content-Type: application/json"),
        response(b"?", "Server: x"),
    ],
)
def test_other_records_have_no_position(read: Read, other: bytes) -> None:
    text = record("conversion", b"text")
    reading = read(other + text + other + text + other, "x.warc")
    assert [row["position"] for row in reading.documents] == [0, 1]
    assert (reading.dead_letters, reading.other_records) == ([], 3)


@pytest.mark.parametrize(
    ("body", "headers", "text"),
    [
        ("Grüße".encode(), "Content-Type: text/plain", "Grüße"),
        ("Grüße".encode("latin-1"), "Content-Type: Text/Plain; charset=ISO-8859-1", "Grüße"),
        ("Grüße".encode("latin-1"), 'Content-Type: text/plain; charset="latin1"', "Grüße"),
        ("<p>Привет".encode("cp1251"), "Content-Type: text/html; charset=cp1251", "Привет"),
        (
            '<meta charset="koi8-r"><p>Привет'.encode("koi8-r"),
            "Content-Type: text/html",
            "Привет",
        ),
        ("<p>こんにちは世界".encode("shift_jis") * 9, "Content-Type: text/html", None),
        ("<p>Grüße".encode(), "Content-Type: application/xhtml+xml; charset=utf-8", "Grüße"),
        (b"<p>+AGE-", "Content-Type: text/html; charset=utf-7", "+AGE-"),
        (b"<p>\\u0041", "Content-Type: text/html; charset=unicode_escape", "\\u0041"),
        (b"<p>a&#xD800;b", "Content-Type: text/html; charset=utf-8", "a\ufffdb"),
        (b"\xef\xbb\xbfa", "Content-Type: text/plain; charset=utf-8", "a"),
        (b"", "Content-Type: text/html", ""),
    ],
)
def test_character_sets(read: Read, body: bytes, headers: str, text: str | None) -> None:
    (found,) = read(response(body, headers), "x.warc").texts
    expected = text if text is not None else "こんにちは世界"
    assert found.decode() == expected or found.decode().split("\n\n") == [expected] * 9


def test_resources(read: Read) -> None:
    data = record("resource", "Grüße".encode("latin-1"), "text/plain") + record(
        "resource", b"<p>page", "text/html; charset=utf-8"
    )
    texts = read(data, "x.warc").texts
    assert texts[1] == b"page"
    texts[0].decode()


def test_the_crawlers_own_verdict_counts_where_the_server_said_nothing(read: Read) -> None:
    body = b"HTTP/1.1 200 OK\r\n\r\n<p>page"
    extra = "WARC-Identified-Payload-Type: text/html\r\n"
    assert read(record("response", body, RESPONSE, extra=extra), "x.warc").texts == [b"page"]


HTML = "Content-Type: text/html; charset=utf-8\r\n"
CHUNKED = b"3\r\n<p>\r\n4\r\npage\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(b"<p>page"), "Content-Encoding: gzip"),
        (gzip.compress(b"<p>page"), "Content-Encoding: X-GZIP"),
        (zlib.compress(b"<p>page"), "Content-Encoding: deflate"),
        (b"<p>page", "Content-Encoding: identity"),
        (CHUNKED, "Transfer-Encoding: chunked"),
        (
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(z := gzip.compress(b"<p>page")), z),
            "Transfer-Encoding: chunked\r\nContent-Encoding: gzip",
        ),
        (gzip.compress(gzip.compress(b"<p>page")), "Content-Encoding: gzip, gzip"),
        # The crawler has decoded the body and kept the header.
        (b"<p>page", "Content-Encoding: gzip"),
        (b"<p>page", "Transfer-Encoding: chunked"),
    ],
)
def test_http_codings(read: Read, body: bytes, headers: str) -> None:
    assert read(response(body, HTML + headers), "x.warc").texts == [b"page"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (response(b"\x00\x01\x02", HTML + "Content-Encoding: gzip"), "malformed_record"),
        (response(b"\x00", HTML + "Content-Encoding: secret"), "malformed_record"),
        (response(b"<p>x", HTML + "X: " + "y" * 100_000), "malformed_record"),
        (record("response", b"\x00\x01", RESPONSE), "malformed_record"),
        (record("response", b"", RESPONSE), "malformed_record"),
        (record("response", b"<p>no HTTP", "text/html"), "malformed_record"),
        (response(b"<p>" + b"x" * 3000), "record_too_large"),
        (
            response(gzip.compress(b"<p>" + b"x" * 3000), HTML + "Content-Encoding: gzip"),
            "record_too_large",
        ),
        (
            response(
                gzip.compress(bytes(6000)), "Content-Type: text/plain\r\nContent-Encoding: gzip"
            ),
            "record_too_large",
        ),
        (record("conversion", b"x" * 5001), "record_too_large"),
    ],
)
def test_one_bad_record_among_good_ones(read: Read, bad: bytes, reason: str) -> None:
    before = INFO + record("conversion", b"before")
    data = before + bad + record("conversion", b"after")
    limits = {"max_html_bytes": 2000, "max_record_bytes": 5000}
    for piece in (0, 100):
        reading = read(data, "x.warc", piece=piece, **limits)
        assert [(row["position"], row["text"]) for row in reading.documents] == [
            (0, b"before"),
            (2, b"after"),
        ]
        (letter,) = reading.dead_letters
        assert (letter["position"], letter["byte_offset"]) == (1, len(before))
        assert letter["reason"] == reason
        assert letter["raw"] == (bad + record("conversion", b"after"))[: len(letter["raw"])]
        assert len(letter["raw"]) >= min(4096, len(bad) - 4)


@pytest.mark.parametrize(
    "damaged",
    [
        record("conversion", b"x").replace(b"Content-Length: 1", b"Content-Length: one"),
        record("conversion", b"x").replace(b"Content-Length: 1", b"Content-Length: -1"),
        record("conversion", b"x").replace(b"Content-Length: 1\r\n", b""),
        record("conversion", b"x").replace(b"Length: 1", b"Length: " + b"9" * 30),
        record("conversion", b"x").replace(b"WARC/1.0", b"WORK/1.0"),
        record("conversion", b"xyz").replace(b"Content-Length: 3", b"Content-Length: 1"),
        b"WARC/1.0\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n",
        b"garbage\r\n\r\n",
    ],
)
def test_once_track_is_lost_the_rest_is_one_dead_letter(read: Read, damaged: bytes) -> None:
    before = record("conversion", b"before")
    reading = read(before + damaged + record("conversion", b"after"), "x.warc")
    assert reading.texts[0] == b"before"
    assert b"after" not in reading.texts
    (letter,) = reading.dead_letters
    assert letter["reason"] == "corrupt_shard"
    assert letter["position"] == len(reading.documents)
    assert letter["byte_offset"] >= len(before)


RECORDS = [
    INFO,
    record("conversion", b"first", number=1),
    response(PAGE.encode(), number=2),
    record("resource", b"\x89PNG", "image/png", number=3),
    record("conversion", b"last", number=4),
]


def test_truncation_at_every_byte(read: Read) -> None:
    data = b"".join(RECORDS)
    starts = [sum(map(len, RECORDS[:number])) for number in range(len(RECORDS))]
    ends = [start + len(each) - 4 for start, each in zip(starts, RECORDS)]
    for size in range(len(data)):
        reading = read(data[:size], "x.warc")
        whole = sum(end <= size for end in ends)
        assert len(reading.documents) == [0, 0, 1, 2, 2, 3][whole]
        assert reading.other_records == [0, 1, 1, 1, 2, 2][whole]
        broken = [start for start, end in zip(starts, ends) if start < size < end]
        assert [row["byte_offset"] for row in reading.dead_letters] == broken
        assert reading.reasons == ["truncated_shard"] * len(broken)


def test_truncation_of_gzip_at_every_byte(read: Read) -> None:
    members = [gzip.compress(each) for each in RECORDS]
    data = b"".join(members)
    ends = [sum(map(len, members[: number + 1])) for number in range(len(members))]
    for size in range(len(data)):
        reading = read(data[:size], "x.warc.gz")
        whole = sum(end <= size for end in ends)
        assert len(reading.documents) >= [0, 0, 1, 2, 2][whole]
        assert reading.texts == [b"first", "Grüße".encode(), b"last"][: len(reading.documents)]
        assert reading.reasons == ["truncated_shard"] * (size not in ends)


def test_batches_are_cut(read: Read) -> None:
    data = b"".join(record("conversion", b"x" * 100, number=number) for number in range(50))
    by_bytes = read(data, "x.wet", batch_bytes=1000)
    assert by_bytes.batches == [10] * 5 + [0]
    by_records = read(data, "x.wet", batch_records=20)
    assert by_records.batches == [20, 20, 10]
    assert by_bytes.documents == by_records.documents == read(data, "x.wet").documents


def test_huge_records_are_not_held(read: Read) -> None:
    huge = record("conversion", bytes(30 * MIB)) + record("resource", bytes(30 * MIB), "video/mp4")
    data = gzip.compress(huge + record("conversion", b"after"), compresslevel=1)
    tracemalloc.start()
    reading = read(data, "x.warc.gz", max_record_bytes=MIB)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reading.texts == [b"after"]
    assert reading.reasons == ["record_too_large"]
    assert peak < 12 * MIB


def test_nested_markup(read: Read) -> None:
    page = b"<div><b><table><tr><td>" * 20_000 + b"deep"
    (text,) = read(response(page), "x.warc").texts
    assert b"deep" in text


@given(st.binary())
def test_arbitrary_bytes(read: Read, data: bytes) -> None:
    for prefix in (b"", RECORDS[1]):
        reading = read(prefix + data, "x.warc")
        assert len(reading.documents) >= bool(prefix)
        assert len(reading.dead_letters) <= 1


fragments = st.sampled_from(
    [
        b"\r\n",
        b"\r\n\r\n",
        b"WARC/1.0\r\n",
        b"Content-Length: 3\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"\x00",
    ]
)


@given(
    st.lists(st.sampled_from(RECORDS), min_size=1, max_size=4).map(b"".join),
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 9), fragments), max_size=3),
    st.sampled_from([0, 50]),
)
def test_damaged_records(
    read: Read, data: bytes, edits: list[tuple[int, int, bytes]], piece: int
) -> None:
    for at, width, fragment in edits:
        data = data[:at] + fragment + data[at + width :]
    reading = read(data, "x.warc", piece=piece)
    positions = [row["position"] for row in (*reading.documents, *reading.dead_letters)]
    assert sorted(positions) == list(range(len(positions)))
    for row in reading.dead_letters:
        assert data[row["byte_offset"] :].startswith(row["raw"])
    breaks = [reason for reason in reading.reasons if reason.endswith("_shard")]
    assert len(breaks) <= 1
