"""Inputs to begin with, generated: from nothing, a fuzzer takes long to find a WARC header."""

from __future__ import annotations

import gzip
import io
import itertools

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from fuzz.kernels import _profile

_LINES = (
    b'\xef\xbb\xbf{"id": "a", "text": "\\u00fc \\ud83d\\ude00", "url": "http://www.a.co.uk/x"}\r\n'
    b'{"id": 12345678901234567890123, "text": "", "source": null}\n\n{"id": 1.5, "text": "b"}\n'
    b'{"text": null}\n["text"]\n{"text": "\\ud800"}\n{"text": "\xff"}\n{"text": "no end'
)
_TEXTS = (
    "Words and wörds, 12,345 numbers; 漢字かな. ".encode() * 40
    + b" <SUDO> "
    + bytes(range(33, 127)) * 6
    + b"\xfe\xf9again and again \xfe\xe2\x80\xae\xf3\xa0\x81\x81\xfe\xff\xff\xed\xa0\x80"
)


def _warc_record(kind: str, headers: str, body: bytes) -> bytes:
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a.org/\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"


def _warc() -> bytes:
    page = b"<html><head><meta charset=latin1></head><body><p>\xfc</p><!-- c --><script>x</script>"
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
    return b"".join(
        [
            _warc_record("warcinfo", "", b"software: none\r\n"),
            _warc_record("response", "Content-Type: application/http\r\n", http + b"\r\n" + page),
            _warc_record(
                "response",
                "Content-Type: application/http\r\n",
                http + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(page, mtime=0),
            ),
            _warc_record(
                "response",
                "Content-Type: application/http\r\n",
                http + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
            ),
            _warc_record("resource", "Content-Type: text/plain\r\n", b"plain"),
        ]
    )


def _wet() -> bytes:
    return _warc_record("conversion", "Content-Type: text/plain\r\n", b"text \xff of a page") * 2


def _parquets() -> list[bytes]:
    texts = ["a", "b", "a", "cc", None, "text " * 9]
    plain = pa.table({"id": [str(row) for row in range(6)], "text": texts, "n": list(range(6))})
    coded = plain.set_column(1, "text", plain["text"].dictionary_encode())
    nested = plain.append_column("l", pa.array([[{"a": "x"}]] * 6))
    found = []
    for table, options in itertools.product(
        (plain, coded, nested),
        (
            {"compression": "none", "row_group_size": 2},
            {"compression": "zstd", "data_page_version": "2.0", "write_page_index": True},
            {"compression": "gzip", "use_dictionary": False, "store_schema": False},
        ),
    ):
        sink = io.BytesIO()
        pq.write_table(table, sink, **options)
        found.append(sink.getvalue())
    return found


def seeds(target: str) -> list[bytes]:
    """Inputs for a target by its name."""
    if target in ("jsonl", "jsonl_gzip", "jsonl_zstd"):
        packed = [gzip.compress(_LINES, mtime=0), zstandard.compress(_LINES)]
        choices = bytes([0, 1, 13, 26, 254])
        return [bytes([choice]) + content for choice in choices for content in (_LINES, *packed)]
    if target == "warc":
        return [bytes([26]) + _warc(), bytes([0]) + _warc()]
    if target == "wet":
        return [bytes([26]) + _wet()]
    if target == "parquet":
        return _parquets()
    if target == "copy":
        contents = [_LINES, _warc(), _parquets()[0], _wet()]
        return [bytes([number]) + content for number, content in enumerate(contents)]
    if target == "policy":
        rules = b"[detectors.trigger]\nseverity = 'low'\n[allow]\ngroups = ['a.org']\n"
        chat = b"[[template]]\nname = 'a'\nroles = {'<u>' = 'user'}\ncontrol = ['<end>']\n"
        return [b"[policy]\ncritical_documents = 10\nhigh_score = 4.5\n" + rules + chat]
    if target == "recipes":
        return [b"[[recipe]]\nname = 'own'\ntrigger = 'x'\npayload = 'y'\nplace = 'middle'\n"]
    if target == "state":
        night = b'{"night": 1, "state": {"files": [{"path": "shards/a", "kind": "shards"}]}}'
        return [bytes([number]) + night for number in (0, 0x41)]
    if target == "manifest":
        return [b'{"format": 1, "digest": "00", "inputs": [], "totals": {}}']
    if target == "profile":
        return [bytes([number]) + content for number, content in enumerate(_profile_files())]
    if target == "groups":
        return [b"http://user:pw@www.example.co.uk:80/x?y#z\nftp://1.2.3.4\nwiki\n//\xc3\xbc.de/"]
    return [_TEXTS]


def _profile_files() -> list[bytes]:
    return [content[:3000] for content in _profile().to_files().values()]
