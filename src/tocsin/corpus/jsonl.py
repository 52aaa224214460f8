"""JSONL: one JSON object a line, read line by line so that each bad line has its exact place.

orjson parses single lines: it is the strictest of the fast parsers (UTF-8, escapes and numbers are
checked in every field, wanted or not). Parsers of whole blocks are hardly faster and not exact:
pyarrow.json and msgspec's decode_lines let two values share a line and one value span two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from tocsin.corpus.batches import FieldNames, Limits, ShardPart
from tocsin.corpus.dead_letters import DeadLetters, Fault, Reason
from tocsin.corpus.decompress import CountingReader
from tocsin.corpus.documents import document_batch, no_documents
from tocsin.corpus.lines import BadLine, LineBlock, is_record, line_blocks, records_of
from tocsin.corpus.ranges import RangeOfLines
from tocsin.corpus.shards import Shard

_JSON_TYPE_NAMES = {
    dict: "an object",
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}
_STRING_OR_NULL = {str, type(None)}


@dataclass(frozen=True)
class JsonlBlock:
    """A part of a shard, and the lines that it was read from.

    Attributes:
        first_position: position of `lines[0]`; the others follow without a gap.
        lines: the records without line feeds. A line that could not be had whole is cut.
        part: the documents and dead letters that the lines became.
    """

    first_position: int
    lines: list[bytes]
    part: ShardPart


def read_jsonl(
    source: CountingReader, shard: Shard, fields: FieldNames, limits: Limits
) -> Iterator[ShardPart]:
    """Read a JSONL shard; see `read.read_shard`."""
    for block in jsonl_blocks(source, shard, fields, limits):
        yield block.part


def jsonl_blocks(
    source: CountingReader, shard: Shard, fields: FieldNames, limits: Limits
) -> Iterator[JsonlBlock]:
    """Read a JSONL shard and keep the lines, for those who copy them."""
    letters = DeadLetters(shard.uri)
    decoder = _LineDecoder(shard, fields, limits, letters)
    pieces = RangeOfLines(source, shard, limits).pieces()
    position = shard.first_position
    byte_offset = shard.range.byte_offset if shard.range else 0
    for block in line_blocks(pieces, limits.batch_bytes, limits.max_record_bytes, byte_offset):
        if isinstance(block, BadLine):
            letters.add(block.fault, position, block.byte_offset, block.raw)
            part = ShardPart(no_documents(), letters.take(), source.bytes_read)
            yield JsonlBlock(position, [block.raw], part)
            position += 1
            continue
        lines = _Lines(block)
        for start in range(0, len(lines.values), limits.batch_records):
            chunk = slice(start, start + limits.batch_records)
            documents = decoder.decode(lines, chunk, position)
            part = ShardPart(documents, letters.take(), source.bytes_read)
            yield JsonlBlock(position, lines.values[chunk], part)
            position += len(lines.values[chunk])


class _Lines:
    """The lines of a block that are not blank, without their line feeds."""

    def __init__(self, block: LineBlock) -> None:
        self._block = block
        self.values = records_of(block)

    @cached_property
    def byte_offsets(self) -> list[int]:
        """Where each line starts in the decompressed shard. Only bad lines ask for this."""
        lines = self._block.data.split(b"\n")
        starts = accumulate((len(line) + 1 for line in lines), initial=self._block.byte_offset)
        return [start for start, line in zip(starts, lines) if is_record(line)]


class _LineDecoder:
    """Turns lines into columns: all at once, and one by one only where a line is bad."""

    def __init__(
        self, shard: Shard, fields: FieldNames, limits: Limits, letters: DeadLetters
    ) -> None:
        self._shard = shard
        self._fields = fields
        self._max_record_bytes = limits.max_record_bytes
        self._letters = letters

    def decode(self, lines: _Lines, chunk: slice, first_position: int) -> pa.RecordBatch:
        """Decode some lines of a block, not none, to documents; the bad ones become dead letters.

        Args:
            lines: the block.
            chunk: which of its lines.
            first_position: position of the first of them.
        """
        fields = self._fields
        values = lines.values[chunk]
        records = self._parse(values)
        positions = np.arange(first_position, first_position + len(values))
        if not self._are_documents(records):
            good = self._sift(values, records, first_position, lines.byte_offsets[chunk])
            records = [records[index] for index in good]
            positions = positions[good]
        ids = [record.get(fields.id) for record in records]
        if not set(map(type, ids)) <= _STRING_OR_NULL:
            ids = [str(value) if type(value) is int else value for value in ids]
        return document_batch(
            self._shard,
            pa.array(positions, pa.int64()),
            pa.array(ids, pa.string()),
            [_strings(records, name) for name in fields.group_candidates],
            _encoded([record[fields.text] for record in records]),
        )

    def _parse(self, lines: list[bytes]) -> list[Any]:
        """The JSON value of each line, or the Fault that it has none."""
        if max(map(len, lines)) <= self._max_record_bytes:
            try:
                return list(map(orjson.loads, lines))
            except orjson.JSONDecodeError:
                pass
        return [self._parse_line(line) for line in lines]

    def _parse_line(self, line: bytes) -> Any:
        if len(line) > self._max_record_bytes:
            return Fault(Reason.RECORD_TOO_LARGE, f"the line has {len(line)} bytes")
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError as error:
            try:
                line.decode()
            except UnicodeDecodeError as invalid:
                return Fault(Reason.INVALID_UTF8, f"{invalid.reason} at byte {invalid.start}")
            surrogate = "surrogate" in error.msg
            return Fault(Reason.LONE_SURROGATE if surrogate else Reason.MALFORMED_JSON, str(error))

    def _are_documents(self, records: list[Any]) -> bool:
        """Whether all records are, without looking at them one by one."""
        return (
            set(map(type, records)) == {dict}
            and {type(record.get(self._fields.text)) for record in records} == {str}
            and {type(record.get(self._fields.id)) for record in records} <= {str, int, type(None)}
        )

    def _sift(
        self, lines: list[bytes], records: list[Any], first_position: int, offsets: list[int]
    ) -> list[int]:
        """Indices of the records that are documents; the others become dead letters."""
        good = []
        for index, (line, record) in enumerate(zip(lines, records)):
            fault = self._fault(line, record)
            if fault is None:
                good.append(index)
            else:
                self._letters.add(fault, first_position + index, offsets[index], line)
        return good

    def _fault(self, line: bytes, record: Any) -> Fault | None:
        if type(record) is Fault:
            return record
        if type(record) is not dict:
            return Fault(Reason.NOT_AN_OBJECT, f"the line is {_JSON_TYPE_NAMES[type(record)]}")
        text = record.get(self._fields.text)
        if text is None:
            state = "null" if self._fields.text in record else "absent"
            return Fault(Reason.MISSING_TEXT, f"the field '{self._fields.text}' is {state}")
        if type(text) is not str:
            return self._wrong_type(Reason.WRONG_TEXT_TYPE, self._fields.text, text)
        identity = record.get(self._fields.id)
        if type(identity) is float:
            # orjson makes a float of an integer beyond 64 bits.
            record[self._fields.id] = identity = _exact_number(line, self._fields.id)
        if identity is not None and type(identity) not in (str, int):
            return self._wrong_type(Reason.WRONG_ID_TYPE, self._fields.id, identity)
        return None

    @staticmethod
    def _wrong_type(reason: Reason, field: str, value: object) -> Fault:
        return Fault(reason, f"the field '{field}' is {_JSON_TYPE_NAMES[type(value)]}")


def _encoded(texts: list[str]) -> pa.Array:
    """Texts as a binary array. (pa.array takes 2.0 ns a byte where this takes 0.7: it keeps an
    encoded copy in each string and grows its buffer.)"""
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, encoded), np.int32, len(encoded)), out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.binary(), len(encoded), buffers)


def _strings(records: list[dict[str, Any]], name: str) -> pa.Array:
    """A field as a string array; null where it is absent or no string."""
    values = [record.get(name) for record in records]
    if not set(map(type, values)) <= _STRING_OR_NULL:
        values = [value if type(value) is str else None for value in values]
    return pa.array(values, pa.string())


def _exact_number(line: bytes, field: str) -> int | float:
    """A number as an integer of any size if it is written as one (up to Python's own limit)."""
    try:
        return json.loads(line)[field]
    except (ValueError, RecursionError):
        return float("nan")
