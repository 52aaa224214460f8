"""Dead letters: records that could not be read, with their place and the reason."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import pyarrow as pa

from tocsin.corpus.batches import DEAD_LETTER_SCHEMA

RAW_BYTES = 4096
"""How much of a bad record is kept."""

_DETAIL_CHARACTERS = 500


class Reason(str, Enum):
    """Why a record, or the rest of a shard, could not be read. Part of the contract."""

    MALFORMED_JSON = "malformed_json"
    """The line is not one JSON value."""
    LONE_SURROGATE = "lone_surrogate"
    """A string escapes half a surrogate pair, which has no form in UTF-8."""
    NOT_AN_OBJECT = "not_an_object"
    """The line is JSON, but no object."""
    INVALID_UTF8 = "invalid_utf8"
    """The record promises UTF-8 and holds other bytes."""
    MISSING_TEXT = "missing_text"
    """The text field is absent or null."""
    WRONG_TEXT_TYPE = "wrong_text_type"
    """The text field is no string."""
    WRONG_ID_TYPE = "wrong_id_type"
    """The id field is neither a string nor an integer."""
    RECORD_TOO_LARGE = "record_too_large"
    """The record is longer than the limit."""
    MALFORMED_RECORD = "malformed_record"
    """A WARC record whose headers or body cannot be understood."""
    TRUNCATED_SHARD = "truncated_shard"
    """The shard ends in the middle; all before is kept."""
    CORRUPT_SHARD = "corrupt_shard"
    """From here on the shard's structure or compression is damaged; all before is kept."""
    DECOMPRESSION_BOMB = "decompression_bomb"
    """The shard expands beyond all proportion and is read no further."""
    UNSUPPORTED_SCHEMA = "unsupported_schema"
    """A Parquet file without a usable text or id column; no row of it can be read."""
    UNREADABLE_SHARD = "unreadable_shard"
    """The storage refused: the shard cannot be opened or read on."""


class Fault(NamedTuple):
    """What is wrong with a record: a reason, and the particulars for a person."""

    reason: Reason
    detail: str


class BrokenShard(Exception):
    """A shard cannot be read on. Raised inside the readers, and by `copy.copy_shard` where there is
    nothing to copy; it ends as a dead letter."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(reason, detail)


class DeadLetters:
    """Collects the dead letters of one shard as columns.

    Attributes:
        raw_bytes: bytes of records held since the last `take`.
    """

    def __init__(self, source_uri: str) -> None:
        self._source_uri = source_uri
        self._rows: list[tuple[int, int, str, str, bytes]] = []
        self.raw_bytes = 0

    def add(self, fault: Fault, position: int, byte_offset: int = -1, raw: bytes = b"") -> None:
        """Add one. `raw` may be the whole record: only its first RAW_BYTES are kept."""
        # A library's message may quote the record, surrogates and all: it must fit a UTF-8 column.
        detail = fault.detail[:_DETAIL_CHARACTERS].encode(errors="replace").decode()
        raw = raw[:RAW_BYTES]
        self._rows.append((position, byte_offset, fault.reason.value, detail, raw))
        self.raw_bytes += len(raw)

    def take(self) -> pa.RecordBatch:
        """What was collected since the last call, as rows of DEAD_LETTER_SCHEMA."""
        rows, self._rows, self.raw_bytes = self._rows, [], 0
        columns = list(zip(*rows)) or [()] * 5
        return pa.RecordBatch.from_arrays(
            [
                pa.array(values, field.type)
                for values, field in zip(
                    ([self._source_uri] * len(rows), *columns), DEAD_LETTER_SCHEMA
                )
            ],
            schema=DEAD_LETTER_SCHEMA,
        )


def unreadable_shard(source_uri: str, detail: str) -> pa.RecordBatch:
    """The dead letter of a shard that could not even be opened."""
    letters = DeadLetters(source_uri)
    letters.add(Fault(Reason.UNREADABLE_SHARD, detail), position=0, byte_offset=0)
    return letters.take()
