"""A test double of Google Cloud Storage's JSON API: generations, preconditions, and faults on
demand.

What Tocsin, google-cloud-storage and Beam ask of it, and no more. Objects live in memory.
"""

from __future__ import annotations

import base64
import email.parser
import hashlib
import json
import re
import socket
import struct
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import google_crc32c


@dataclass
class Stored:
    content: bytes
    generation: int


Fault = Callable[[str, str], "str | int | None"]
"""(method, path with query) -> a status to answer with, `reset`, `truncate`, `slow` or None."""


@dataclass
class Storage:
    """Buckets of objects. `faults`: asked in turn about every request; `requests`: what came;
    `requester_pays`, `forbidden`: names of such buckets."""

    buckets: dict[str, dict[str, Stored]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    requester_pays: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)
    generation: int = 1_700_000_000_000_000

    def put(self, bucket: str, name: str, content: bytes) -> Stored:
        with self.lock:
            self.generation += 1
            stored = self.buckets[bucket][name] = Stored(content, self.generation)
            return stored

    def fault(self, method: str, path: str) -> str | int | None:
        with self.lock:
            self.requests.append(f"{method} {path}")
            for fault in self.faults:
                if (found := fault(method, path)) is not None:
                    return found
        return None


def every(times: int, answer: str | int, method: str = "", path: str = "") -> Fault:
    """A fault for the first `times` requests whose method and path hold these words."""
    left = [times]

    def fault(seen_method: str, seen_path: str) -> str | int | None:
        if left[0] and method in seen_method and path in urllib.parse.unquote(seen_path):
            left[0] -= 1
            return answer
        return None

    return fault


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    storage: Storage
    uploads: dict[str, tuple[str, str, bytearray, dict[str, str]]]

    def log_message(self, *arguments: Any) -> None:
        pass

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.storage.fault(self.command, self.path)
        if isinstance(fault, int):
            self._json(fault, {"error": {"code": fault, "message": "a fault for a test"}})
            return
        if fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        if fault == "slow":
            time.sleep(0.5)
        try:
            status, headers, content = self.answer(
                self.command, self.path, dict(self.headers), body
            )
        except _Refused as refused:
            error = {"error": {"code": refused.status, "message": str(refused)}}
            self._json(refused.status, error)
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if fault == "truncate":
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _handle

    def _json(self, status: int, content: Any) -> None:
        encoded = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        parsed = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(parsed.query))
        if parsed.path.startswith("/batch/"):
            return self._batch(headers, body)
        match = re.fullmatch(
            r"(/upload|/download)?/storage/v1/b/([^/]+)(?:/o(?:/(.+))?)?/?", parsed.path
        )
        if not match:
            raise _Refused(404, f"no such method: {path}")
        kind, bucket, name = match[1] or "", match[2], match[3]
        name = urllib.parse.unquote(name) if name else name
        self._check_bucket(bucket, query, headers)
        with self.storage.lock:
            if kind == "/upload":
                return self._upload(method, bucket, query, headers, body)
            if name is None:
                if "/o" in parsed.path.removeprefix(f"/storage/v1/b/{bucket}"):
                    return self._list(bucket, query)
                return _found(
                    {"name": bucket, "id": bucket, "projectNumber": "1", "location": "US"}
                )
            if "/rewriteTo/" in name or "/copyTo/" in name:
                raise _Refused(501, "nothing is copied")
            stored = self.storage.buckets[bucket].get(name)
            if stored is None or query.get("generation", str(stored.generation)) != str(
                stored.generation
            ):
                raise _Refused(404, f"No such object: {bucket}/{name}")
            self._check(query, stored)
            if method == "DELETE":
                del self.storage.buckets[bucket][name]
                return 204, {}, b""
            if kind == "/download" or query.get("alt") == "media":
                return self._download(stored, headers)
            return _found(_metadata(bucket, name, stored))

    def _check_bucket(self, bucket: str, query: dict[str, str], headers: dict[str, str]) -> None:
        if bucket in self.storage.forbidden:
            raise _Refused(403, "tester@example.org does not have storage.objects.get access")
        if bucket not in self.storage.buckets:
            raise _Refused(404, "The specified bucket does not exist.")
        lower = {name.lower(): value for name, value in headers.items()}
        payer = query.get("userProject") or lower.get("x-goog-user-project")
        if bucket in self.storage.requester_pays and not payer:
            raise _Refused(400, "Bucket is a requester pays bucket but no user project provided.")

    @staticmethod
    def _check(query: dict[str, str], stored: Stored | None) -> None:
        wanted = query.get("ifGenerationMatch")
        if wanted is not None and int(wanted) != (stored.generation if stored else 0):
            raise _Refused(412, "At least one of the pre-conditions you specified did not hold.")

    def _list(self, bucket: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        names = [
            name
            for name in sorted(self.storage.buckets[bucket])
            if name.startswith(prefix)
            and not (delimiter and delimiter in name[len(prefix) :])
            and name > query.get("pageToken", "")
        ]
        size = int(query.get("maxResults", 3))  # small pages: whoever lists must ask for the next
        items = [
            _metadata(bucket, name, self.storage.buckets[bucket][name]) for name in names[:size]
        ]
        page = {"kind": "storage#objects", "items": items}
        if len(names) > size:
            page["nextPageToken"] = names[size - 1]
        return _found(page)

    @staticmethod
    def _download(stored: Stored, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        content, status = stored.content, 200
        about = {"x-goog-generation": str(stored.generation)}
        asked = next((value for name, value in headers.items() if name.lower() == "range"), None)
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            begin = int(first or 0)
            if begin >= len(content):
                raise _Refused(416, "Request range not satisfiable")
            end = min(int(last), len(content) - 1) if last else len(content) - 1
            about["Content-Range"] = f"bytes {begin}-{end}/{len(content)}"
            content, status = content[begin : end + 1], 206
        else:
            about["x-goog-hash"] = f"crc32c={_crc32c(content)},md5={_md5(content)}"
        return status, about, content

    def _upload(
        self, method: str, bucket: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        kind = query.get("uploadType")
        if method == "POST" and kind == "multipart":
            content_type = next(v for n, v in headers.items() if n.lower() == "content-type")
            description, content = _multipart(content_type, body)
            return self._store(bucket, description["name"], content, query, description)
        if method == "POST" and kind == "resumable":
            name = query.get("name") or json.loads(body)["name"]
            upload = f"u{len(self.uploads)}"
            self.uploads[upload] = (bucket, name, bytearray(), query)
            host = self.headers["Host"]
            where = f"http://{host}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={upload}"
            return 200, {"Location": where}, b""
        if method == "PUT":
            bucket, name, received, asked = self.uploads[query["upload_id"]]
            span = next(
                (v for n, v in headers.items() if n.lower() == "content-range"), "bytes 0-0/0"
            )
            begin, total = re.fullmatch(r"bytes (\d+|\*)(?:-\d+)?/(\d+|\*)", span).groups()
            if begin != "*" and len(body):
                received[int(begin) :] = body
            if total != "*" and len(received) >= int(total):
                return self._store(bucket, name, bytes(received), asked, {})
            return 308, {"Range": f"bytes=0-{len(received) - 1}"} if received else {}, b""
        raise _Refused(400, f"unknown upload: {query}")

    def _store(
        self, bucket: str, name: str, content: bytes, query: dict[str, str], sent: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        self._check(query, self.storage.buckets[bucket].get(name))
        if sent.get("crc32c", _crc32c(content)) != _crc32c(content):
            raise _Refused(400, "Provided CRC32C does not match")
        return _found(_metadata(bucket, name, self.storage.put(bucket, name, content)))

    def _batch(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        content_type = next(v for n, v in headers.items() if n.lower() == "content-type")
        parts = email.parser.BytesParser().parsebytes(
            b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body
        )
        answers = []
        for part in parts.get_payload():
            request = part.get_payload(decode=True) or b""
            method, url, _ = (
                request.split(b"\r\n")[0].decode().split(" ")
                if b"\r\n" in request
                else (request.split(b"\n")[0].decode().split(" "))
            )
            path = url[url.index("/storage/v1") :]
            try:
                status, _, content = self.answer(method, path, {}, b"")
            except _Refused as refused:
                status = refused.status
                content = json.dumps({"error": {"code": status, "message": str(refused)}}).encode()
            answers.append(
                b"--batch\r\nContent-Type: application/http\r\nContent-ID: <response-"
                + (part["Content-ID"] or "<b+1>").strip("<>").encode()
                + b">\r\n\r\n"
                + f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n".encode()
                + f"Content-Length: {len(content)}\r\n\r\n".encode()
                + content
                + b"\r\n"
            )
        return (
            200,
            {"Content-Type": "multipart/mixed; boundary=batch"},
            b"".join(answers) + b"--batch--",
        )


def _found(content: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()


def _metadata(bucket: str, name: str, stored: Stored) -> dict[str, Any]:
    return {
        "kind": "storage#object", "bucket": bucket, "name": name,
        "id": f"{bucket}/{name}/{stored.generation}", "generation": str(stored.generation),
        "metageneration": "1", "size": str(len(stored.content)), "crc32c": _crc32c(stored.content),
        "md5Hash": _md5(stored.content), "updated": "2026-01-01T00:00:00.000Z",
        "timeCreated": "2026-01-01T00:00:00.000Z", "contentType": "application/octet-stream",
    }  # fmt: skip


def _crc32c(content: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(content).digest()).decode()


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def _multipart(content_type: str, body: bytes) -> tuple[dict[str, Any], bytes]:
    boundary = re.search("boundary=\"?'?([^\"';]+)", content_type)[1].strip().encode()
    _, first, second, _ = body.split(b"--" + boundary)
    description = json.loads(first.partition(b"\r\n\r\n")[2])
    return description, second.partition(b"\r\n\r\n")[2][:-2]


class Server:
    """The double, listening on a free port while the block runs; `host`: its address."""

    def __init__(self, *buckets: str) -> None:
        self.storage = Storage({bucket: {} for bucket in buckets})
        handler = type("Handler", (_Handler,), {"storage": self.storage, "uploads": {}})
        self._server = ThreadingHTTPServer(("localhost", 0), handler)
        self._server.daemon_threads = True
        self.host = f"http://localhost:{self._server.server_address[1]}"

    def __enter__(self) -> Server:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
