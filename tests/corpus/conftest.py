"""Reading shards out of memory, with the promises of every reader checked on the way."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings

from tocsin.corpus.batches import DEAD_LETTER_SCHEMA, DOCUMENT_SCHEMA, FieldNames, Limits
from tocsin.corpus.dead_letters import RAW_BYTES, Reason
from tocsin.corpus.read import read_shard
from tocsin.corpus.shards import Shard, numbered_shards

# How long an example takes says more about the machine than about the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

Row = dict[str, Any]

REASONS = {reason.value for reason in Reason}


@dataclass(frozen=True)
class Reading:
    """A shard that was read to its end."""

    documents: list[Row]
    dead_letters: list[Row]
    batches: list[int]
    other_records: int

    @property
    def texts(self) -> list[bytes]:
        return [row["text"] for row in self.documents]

    @property
    def reasons(self) -> list[str]:
        return [row["reason"] for row in self.dead_letters]


class ForwardOnly(io.RawIOBase):
    """A stream that can only be read forward, in short pieces, as a pipe."""

    def __init__(self, data: bytes, piece: int) -> None:
        self._stream = io.BytesIO(data)
        self._piece = piece

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(min(size, self._piece) if size >= 0 else self._piece)


def shard_of(name: str, size: int) -> Shard:
    """A shard in the folder `corpus/part`."""
    (shard,) = numbered_shards([(f"corpus/part/{name}", size)])
    return shard


def read_all(
    data: bytes, name: str, fields: FieldNames | None = None, piece: int = 0, **limits: int
) -> Reading:
    """Read a shard of this content and name; `piece` > 0: from a stream that gives that little."""
    stream: Any = ForwardOnly(data, piece) if piece else io.BytesIO(data)
    documents: list[Row] = []
    dead_letters: list[Row] = []
    batches: list[int] = []
    other_records = progress = 0
    shard = shard_of(name, len(data))
    for part in read_shard(stream, shard, fields or FieldNames(), Limits(**limits)):
        assert part.documents.schema.equals(DOCUMENT_SCHEMA)
        assert part.dead_letters.schema.equals(DEAD_LETTER_SCHEMA)
        for batch in (part.documents, part.dead_letters):
            batch.validate(full=True)
            assert all(column.offset == 0 and not column.null_count for column in batch.columns)
        assert progress <= part.compressed_bytes <= len(data)
        progress = part.compressed_bytes
        documents += part.documents.to_pylist()
        dead_letters += part.dead_letters.to_pylist()
        batches.append(part.documents.num_rows)
        other_records += part.other_records
    for rows in (documents, dead_letters):
        positions = [row["position"] for row in rows]
        assert positions == sorted(positions)
    for row in dead_letters:
        assert row["reason"] in REASONS
        assert len(row["raw"]) <= RAW_BYTES
    return Reading(documents, dead_letters, batches, other_records)


@pytest.fixture(scope="session")
def read() -> Callable[..., Reading]:
    """`read_all`, for tests."""
    return read_all


@pytest.fixture(scope="session")
def shard() -> Callable[[str, int], Shard]:
    """`shard_of`, for tests."""
    return shard_of
