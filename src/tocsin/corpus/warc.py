"""WARC and WET: web pages and plain text become documents, other records are passed over."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import pyarrow as pa
from fastwarc.warc import ArchiveIterator, WarcRecord

from tocsin.corpus.batches import MIB, FieldNames, Limits, ShardPart
from tocsin.corpus.dead_letters import RAW_BYTES, BrokenShard, DeadLetters, Fault, Reason
from tocsin.corpus.decompress import CountingReader, decompressed
from tocsin.corpus.documents import document_batch
from tocsin.corpus.shards import Shard
from tocsin.corpus.warc_stream import WarcStream
from tocsin.corpus.warc_text import BadPayload, media_type, parse_http, text_of

_HEAD_END = b"\r\n\r\n"
_STEP_BYTES = MIB


class Kind(Enum):
    """What became of a WARC record."""

    DOCUMENT = "document"
    DEAD_LETTER = "dead letter"
    OTHER = "other"


def read_warc(
    source: CountingReader, shard: Shard, fields: FieldNames, limits: Limits
) -> Iterator[ShardPart]:
    """Read a WARC or WET shard; see `read.read_shard`.

    Positions number the documents and dead letters, not the other records. A document's id is the
    WARC-Record-ID without its angle brackets, its group that of the WARC-Target-URI. Once the
    sequence of records is lost, the rest of the shard is one dead letter.
    """
    stream = WarcStream(decompressed(source, shard.compression, limits))
    reader = WarcReader(stream, shard, limits)
    for _ in reader.records():
        if reader.is_full():
            yield reader.take_part(source.bytes_read)
    yield reader.take_part(source.bytes_read)


class WarcReader:
    """Walks the records of a shard and gathers documents and dead letters."""

    def __init__(self, stream: WarcStream, shard: Shard, limits: Limits) -> None:
        self._stream = stream
        self._shard = shard
        self._limits = limits
        self._letters = DeadLetters(shard.uri)
        self._position = 0
        self._place = 0  # where a dead letter is now
        self._record_end = 0
        self._raw = b""  # the start of the record at hand, once the window has lost it
        self._rows: list[tuple[int, str, str, bytes]] = []
        self._text_bytes = 0
        self._other_records = 0

    def is_full(self) -> bool:
        """Whether it is time to take a part."""
        return (
            self._text_bytes + self._letters.raw_bytes >= self._limits.batch_bytes
            or len(self._rows) >= self._limits.batch_records
        )

    def take_part(self, compressed_bytes: int) -> ShardPart:
        """What was gathered since the last call."""
        rows, self._rows, self._text_bytes = self._rows, [], 0
        other_records, self._other_records = self._other_records, 0
        positions, ids, uris, texts = zip(*rows) if rows else [()] * 4
        documents = document_batch(
            self._shard,
            pa.array(positions, pa.int64()),
            pa.array(ids, pa.string()),
            [pa.array(uris, pa.string())],
            pa.array(texts, pa.binary()),
        )
        return ShardPart(documents, self._letters.take(), compressed_bytes, other_records)

    def records(self) -> Iterator[tuple[int, Kind]]:
        """Read record by record, to the end of the shard or where it breaks off.

        Yields:
            (position, kind) of each record. Until the next one is asked for, the caller may say
            where the record's bytes are to go: `WarcStream.route`. Other records have no position
            of their own but that of the next document.
        """
        try:
            for record in ArchiveIterator(self._stream, parse_http=False, stream_detect=False):
                self._stream.release(record.stream_pos)
                self._start_record(record)
                yield from self._record(record)
                self._finish_record()
            if self._stream.fault is not None:
                raise BrokenShard(*self._stream.fault)
            self._stream.release(self._stream.tell())
        except (BrokenShard, OSError) as error:
            fault = error.fault if isinstance(error, BrokenShard) else self._lost_track(error)
            self._stream.release(self._place)
            raw = self._raw or self._stream.window(self._place, RAW_BYTES)
            self._letters.add(fault, self._position, self._place, raw)

    def _start_record(self, record: WarcRecord) -> None:
        self._place = record.stream_pos
        head_end = self._stream.find(_HEAD_END, self._place)
        if head_end < 0:
            raise BrokenShard(*self._truncation())
        # FastWARC takes a record without a valid length as empty, and loses track.
        length = record.headers.get("Content-Length") or ""
        if not (length.isdecimal() and length.lstrip("0") == f"{record.content_length or ''}"):
            raise BrokenShard(Reason.CORRUPT_SHARD, "a record has no valid Content-Length")
        self._record_end = head_end + len(_HEAD_END) + record.content_length

    def _finish_record(self) -> None:
        if self._record_end > self._stream.tell():
            raise BrokenShard(*self._truncation())
        self._place = self._record_end
        self._raw = b""

    def _truncation(self) -> Fault:
        return self._stream.fault or Fault(Reason.TRUNCATED_SHARD, "the shard ends in a record")

    def _lost_track(self, error: OSError) -> Fault:
        between = self._stream.window(self._place, RAW_BYTES)
        self._place += len(between) - len(between.lstrip(b"\r\n"))
        if self._stream.ended and self._stream.find(_HEAD_END, self._place) < 0:
            return self._truncation()
        return Fault(Reason.CORRUPT_SHARD, f"WARC: {error}")

    def _record(self, record: WarcRecord) -> Iterator[tuple[int, Kind]]:
        length = record.content_length
        try:
            text = self._text(record, length)
        except BadPayload as bad:
            yield self._position, Kind.DEAD_LETTER
            raw = self._pass_over(record, length)
            self._letters.add(bad.fault, self._position, record.stream_pos, raw)
            self._position += 1
            return
        if text is None:
            yield self._position, Kind.OTHER
            self._pass_over(record, length)
            self._other_records += 1
            return
        identity = _storable((record.record_id or "").strip("<> "))
        uri = _storable((record.headers.get("WARC-Target-URI") or "").strip("<> "))
        self._rows.append((self._position, identity, uri, text))
        self._text_bytes += len(text)
        yield self._position, Kind.DOCUMENT
        self._position += 1

    def _pass_over(self, record: WarcRecord, length: int) -> bytes:
        """Read to the end of a record; its first RAW_BYTES are returned.

        What has a route waits in the window for the end, unless it is huge.
        """
        released = record.stream_pos + record.consume(RAW_BYTES)
        self._raw = raw = self._stream.window(self._place, RAW_BYTES)
        while step := record.consume(_STEP_BYTES):
            released += step
            if self._stream.route is None or length > self._limits.max_record_bytes:
                self._stream.release(released)
        self._finish_record()
        return raw

    def _text(self, record: WarcRecord, length: int) -> bytes | None:
        """The text of a record, or None if it is none of those that have one."""
        parse_http(record)
        kind = media_type(record)
        if kind is None:
            return None
        if length > self._limits.max_record_bytes:
            detail = f"the record has {length} bytes, {self._limits.max_record_bytes} are allowed"
            raise BadPayload(Reason.RECORD_TOO_LARGE, detail)
        left = record.content_length
        body = record.reader.read()
        if len(body) < left:
            raise BrokenShard(*self._truncation())
        return text_of(record, kind, body, self._limits)


def _storable(value: str) -> str:
    """A header as UTF-8 can hold it."""
    return value.encode(errors="replace").decode()
