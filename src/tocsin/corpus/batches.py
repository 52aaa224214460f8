"""What a reader yields and a kernel takes: schemas, field names, limits, parts of a shard."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

MIB = 1 << 20

DOCUMENT_SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("text", pa.binary(), nullable=False),
    ]
)
"""One row a document. `position` is the 0-based number of the record in its shard, `text` is UTF-8
(WARC and WET may hold invalid sequences, as the web does) with int32 offsets."""

DEAD_LETTER_SCHEMA = pa.schema(
    [
        pa.field("source_uri", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("byte_offset", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("raw", pa.binary(), nullable=False),
    ]
)
"""One row a record that could not be read. `byte_offset` counts bytes of the decompressed shard, -1
where a format has no such place; `reason` is a value of `dead_letters.Reason`; `raw` is the start
of the record, at most `dead_letters.RAW_BYTES`."""


@dataclass(frozen=True)
class FieldNames:
    """Which fields of a record hold what.

    Attributes:
        text: the document's text.
        id: the document's identity. Where it is absent, null or empty, the document is called
            `<shard file name>#<position>`.
        group: where the document comes from. None stands for the first of `url` and `source` that
            the record has. Where it is absent, empty or no string, the shard's folder is the group.
    """

    text: str = "text"
    id: str = "id"
    group: str | None = None

    @property
    def group_candidates(self) -> tuple[str, ...]:
        """The fields to look for the group in; the first that a record has is taken."""
        return ("url", "source") if self.group is None else (self.group,)

    @property
    def all(self) -> tuple[str, ...]:
        """Every field that is read, each once."""
        return tuple(dict.fromkeys((self.text, self.id, *self.group_candidates)))


@dataclass(frozen=True)
class Limits:
    """What one shard may ask of a worker.

    Attributes:
        max_record_bytes: a longer record (JSONL line, Parquet value, WARC record) is a dead letter.
        max_html_bytes: a longer web page is a dead letter: parsed, a page takes up to 80 times its
            size.
        batch_bytes: bytes of text after which a batch is closed. A batch holds at most the double,
            unless a single document is longer than that.
        batch_records: records after which a batch is closed.
        bomb_bytes: up to here a shard may expand as it likes.
        bomb_ratio: beyond `bomb_bytes`, a shard that has become more than this many times its
            compressed size is a decompression bomb and read no further. Text reaches 4 to 10, logs
            100; DEFLATE cannot exceed 1032, Zstandard reaches 30,000.
    """

    max_record_bytes: int = 128 * MIB
    max_html_bytes: int = 8 * MIB
    batch_bytes: int = 4 * MIB
    batch_records: int = 65_536
    bomb_bytes: int = 1024 * MIB
    bomb_ratio: int = 500

    def is_bomb(self, compressed_bytes: int, expanded_bytes: int) -> bool:
        """Whether so much data from so little is out of proportion."""
        return expanded_bytes > max(self.bomb_bytes, self.bomb_ratio * compressed_bytes)


@dataclass(frozen=True)
class ShardPart:
    """The next records of a shard, in the order of the shard.

    Attributes:
        documents: rows of DOCUMENT_SCHEMA with ascending positions; may be empty.
        dead_letters: rows of DEAD_LETTER_SCHEMA with ascending positions; mostly empty.
        compressed_bytes: bytes of the shard, as stored, that have been read so far: a measure of
            progress that ends at the shard's size unless reading broke off.
        other_records: records that are no documents by their kind (a WARC request or image). They
            have no position and are counted nowhere else.
    """

    documents: pa.RecordBatch
    dead_letters: pa.RecordBatch
    compressed_bytes: int
    other_records: int = 0
