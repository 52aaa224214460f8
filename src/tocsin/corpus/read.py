"""Reading a shard of any format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from tocsin.corpus.batches import FieldNames, Limits, ShardPart
from tocsin.corpus.decompress import CountingReader
from tocsin.corpus.jsonl import read_jsonl
from tocsin.corpus.parquet import read_parquet
from tocsin.corpus.shards import Format, Shard
from tocsin.corpus.warc import read_warc

_Reader = Callable[[CountingReader, Shard, FieldNames, Limits], Iterator[ShardPart]]

_READERS: dict[Format, _Reader] = {
    Format.JSONL: read_jsonl,
    Format.PARQUET: read_parquet,
    Format.WARC: read_warc,
    Format.WET: read_warc,
}


def read_shard(
    stream: BinaryIO, shard: Shard, fields: FieldNames, limits: Limits
) -> Iterator[ShardPart]:
    """Read a shard, part by part.

    Every record becomes a row of `documents` or of `dead_letters` of some part. A shard that breaks
    off, for whatever reason (an OSError of `stream` among them), ends with one dead letter at the
    place where it broke.

    Args:
        stream: the shard as stored, at its start. Parquet needs it seekable; the other formats call
            `read` alone.
        shard: what the stream is.
        fields: which fields hold what; JSONL and Parquet only.
        limits: what the shard may ask of this process.

    Raises:
        Nothing for bad content. Exceptions of `stream` that are no OSError pass through.
    """
    yield from _READERS[shard.format](CountingReader(stream), shard, fields, limits)
