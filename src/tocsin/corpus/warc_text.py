"""The text of a WARC record: a web page without markup and scripts, or plain text as it is."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

from fastwarc.stream_io import BrotliReader, ChunkedReader, GzipReader, ZstdReader
from fastwarc.warc import WarcRecord, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5

from tocsin.corpus.batches import Limits
from tocsin.corpus.dead_letters import Fault, Reason

_HTML = ("text/html", "application/xhtml+xml")
_PLAIN = "text/plain"

_CONTENT_CODINGS: dict[str, Callable[..., Any]] = {
    "gzip": GzipReader,
    "x-gzip": GzipReader,
    "deflate": partial(GzipReader, zlib=True),
    "br": BrotliReader,
    "zstd": ZstdReader,
}


class BadPayload(Exception):
    """A payload that should be text and gives none."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(reason, detail)


def parse_http(record: WarcRecord) -> None:
    """Parse the HTTP head of a response; the record's reader then stands at the body.

    Raises:
        BadPayload: if there is none.
    """
    if record.record_type != WarcRecordType.response:
        return
    try:
        record.parse_http(quirks_mode=True)
    except OSError as error:
        raise BadPayload(Reason.MALFORMED_RECORD, f"HTTP: {error}") from error
    headers = record.http_headers
    if headers is None or not (headers.status_line or "").startswith("HTTP/"):
        raise BadPayload(Reason.MALFORMED_RECORD, "the response does not begin as HTTP does")


def media_type(record: WarcRecord) -> str | None:
    """The media type of what is text to a language model, or None for all other records.

    Those are: converted text (WET), and responses and resources that are web pages or plain text.
    """
    if record.record_type == WarcRecordType.conversion:
        return _PLAIN
    if record.record_type == WarcRecordType.response:
        stated = record.http_headers.get("Content-Type")
    elif record.record_type == WarcRecordType.resource:
        stated = record.headers.get("Content-Type")
    else:
        return None
    stated = stated or record.headers.get("WARC-Identified-Payload-Type") or ""
    plain = stated.partition(";")[0].strip().lower()
    return plain if plain == _PLAIN or plain in _HTML else None


def text_of(record: WarcRecord, kind: str, body: bytes, limits: Limits) -> bytes:
    """The text of a record in UTF-8.

    Converted text is taken as it is, valid or not. Other text is decoded by the character set that
    the server stated, that the page states, or that fits best. Bytes which fit none are replaced.
    Of a page all text is taken, hidden or not, with a line break between blocks.

    Args:
        record: the record; of responses, `parse_http` was called.
        kind: its media type.
        body: the record's block, or of responses what follows the HTTP head.
        limits: how much the text may be.

    Raises:
        BadPayload: if the body cannot be decoded, or is too large.
    """
    if record.record_type == WarcRecordType.conversion:
        return body
    charset = None
    if record.record_type == WarcRecordType.response:
        body = _without_http_codings(record, body, limits.max_record_bytes)
        charset = record.http_charset
    if kind in _HTML and len(body) > limits.max_html_bytes:
        detail = f"the page has {len(body)} bytes, {limits.max_html_bytes} are allowed"
        raise BadPayload(Reason.RECORD_TOO_LARGE, detail)
    # WHATWG names only: Python knows codecs of the same namespace that are no character sets.
    encoding = map_encoding_to_html5((charset or "").strip("\"'"), fallback_utf8=False)
    if encoding is None:
        encoding = detect_encoding(body, from_html_meta=kind in _HTML) or "utf-8"
    text = bytes_to_str(body, encoding, errors="replace")
    if kind in _HTML:
        text = extract_plain_text(text)
    return text.encode(errors="replace")


def _without_http_codings(record: WarcRecord, body: bytes, max_bytes: int) -> bytes:
    """Undo transfer and content codings. A body that ends too early gives what there is of it."""
    headers = record.http_headers
    reader: Any = io.BytesIO(body)
    codings = (headers.get("Content-Encoding") or "").lower().split(",")
    codings = [coding.strip() for coding in codings if coding.strip() not in ("", "identity")]
    chunked = "chunked" in (headers.get("Transfer-Encoding") or "").lower()
    if not codings and not chunked:
        return body
    try:
        if chunked:
            reader = ChunkedReader(reader)
        for coding in reversed(codings):
            reader = _CONTENT_CODINGS[coding](reader)
        decoded = reader.read(max_bytes + 1)
    except KeyError as error:
        detail = f"unknown content coding {error}"
        raise BadPayload(Reason.MALFORMED_RECORD, detail) from error
    except OSError as error:
        if body.lstrip().startswith(b"<"):
            # Some crawlers decode the body and keep the header.
            return body
        raise BadPayload(Reason.MALFORMED_RECORD, f"HTTP body: {error}") from error
    if len(decoded) > max_bytes:
        detail = f"the body expands to more than {max_bytes} bytes"
        raise BadPayload(Reason.RECORD_TOO_LARGE, detail)
    return decoded
