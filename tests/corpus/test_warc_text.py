from __future__ import annotations

import gzip
import io

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecord
from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.batches import Limits
from tocsin.corpus.dead_letters import Reason
from tocsin.corpus.warc_text import BadPayload, media_type, parse_http, text_of


def record(kind: str, content_type: str, block: bytes) -> WarcRecord:
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Type: {content_type}\r\n"
    data = head.encode() + b"Content-Length: %d\r\n\r\n%s\r\n\r\n" % (len(block), block)
    found = next(iter(ArchiveIterator(io.BytesIO(data), parse_http=False)))
    found.freeze()
    return found


def response(headers: str, body: bytes) -> WarcRecord:
    block = f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode() + body
    found = record("response", "application/http; msgtype=response", block)
    parse_http(found)
    return found


def text(found: WarcRecord, limits: Limits | None = None) -> bytes:
    kind = media_type(found)
    assert kind is not None
    return text_of(found, kind, found.reader.read(), limits or Limits())


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (record("conversion", "text/plain", b""), "text/plain"),
        (record("conversion", "", b""), "text/plain"),
        (record("resource", "TEXT/HTML; charset=x", b""), "text/html"),
        (record("resource", "image/png", b""), None),
        (record("metadata", "text/plain", b""), None),
        (response("Content-Type: application/xhtml+xml", b""), "application/xhtml+xml"),
        (response("Content-Type: text/css", b""), None),
        (response("X: y", b""), None),
    ],
)
def test_media_type(found: WarcRecord, expected: str | None) -> None:
    assert media_type(found) == expected


def test_what_is_no_http() -> None:
    for block in (
        b"",
        b"<html>",
        b"\r\n\r\n",
        b"\xff" * 100,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10**6,
    ):
        with pytest.raises(BadPayload) as caught:
            parse_http(record("response", "application/http; msgtype=response", block))
        assert caught.value.fault.reason is Reason.MALFORMED_RECORD


def test_a_page() -> None:
    page = b"<title>t</title><style>s</style><!-- c --><p>a &amp; b<p hidden>h<br>c"
    assert text(response("Content-Type: text/html; charset=utf-8", page)) == b"a & b\n\nh\nc"


def test_converted_text_is_taken_as_it_is() -> None:
    body = b"\xef\xbb\xbf\xff\x00 <p>"
    assert text(record("conversion", "text/plain", body)) == body


@given(
    st.binary(), st.sampled_from(["utf-8", "shift_jis", "utf-16", "gb18030", "none such", "hex"])
)
def test_any_body_gives_utf8(body: bytes, charset: str) -> None:
    for kind in ("text/html", "text/plain"):
        text(response(f"Content-Type: {kind}; charset={charset}", body)).decode()


@given(st.binary(), st.sampled_from(["gzip", "deflate", "br", "zstd", "gzip, br", "x"]))
def test_any_coded_body_gives_text_or_a_reason(body: bytes, coding: str) -> None:
    for transfer in ("", "\r\nTransfer-Encoding: chunked"):
        headers = f"Content-Type: text/html\r\nContent-Encoding: {coding}{transfer}"
        try:
            text(response(headers, body)).decode()
        except BadPayload as bad:
            assert bad.fault.reason is Reason.MALFORMED_RECORD


def test_limits() -> None:
    limits = Limits(max_record_bytes=100, max_html_bytes=50)
    assert text(response("Content-Type: text/html", b"x" * 50), limits) == b"x" * 50
    packed = gzip.compress(b"x" * 101)
    for found in (
        response("Content-Type: text/html", b"x" * 51),
        response("Content-Type: text/plain\r\nContent-Encoding: gzip", packed),
    ):
        with pytest.raises(BadPayload) as caught:
            text(found, limits)
        assert caught.value.fault.reason is Reason.RECORD_TOO_LARGE
