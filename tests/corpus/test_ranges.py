"""A shard read in ranges gives what it gives in one go: the same rows with the same places."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.batches import FieldNames, Limits
from tocsin.corpus.ranges import Counted, can_split, count, most_ranges, numbered, split
from tocsin.corpus.read import read_shard
from tocsin.corpus.shards import Shard, numbered_shards

LIMITS = Limits(batch_bytes=16, max_record_bytes=5_000)

Rows = list[dict]

lines = st.lists(
    st.sampled_from(
        [
            b'{"text":"a","id":1}', b'{"text":"of more bytes than a block","id":2}', b"", b" \t",
            b'{"text":"' + b"long" * 1_500 + b'","id":3}', b"{", b'{"id":4}',
            b"\xff", b'{"text":"\\n"}\r',
        ]
    ),
    max_size=12,
)  # fmt: skip
content = st.builds(
    lambda lines, mark, end: mark + b"\n".join(lines) + end,
    lines, st.sampled_from([b"", b"\xef\xbb\xbf"]), st.sampled_from([b"", b"\n", b"\n\n"]),
)  # fmt: skip


def shard_of(name: str, data: bytes) -> Shard:
    [shard] = numbered_shards([(f"corpus/{name}", len(data))])
    return shard


def rows_of(data: bytes, shards: Sequence[Shard]) -> tuple[Rows, Rows]:
    documents: Rows = []
    dead_letters: Rows = []
    for shard in shards:
        records = 0
        for part in read_shard(io.BytesIO(data), shard, FieldNames(), LIMITS):
            documents += part.documents.to_pylist()
            dead_letters += part.dead_letters.to_pylist()
            records += part.documents.num_rows + part.dead_letters.num_rows
        assert shard.range is None or shard.range.records == records
    return documents, dead_letters


def in_ranges(data: bytes, shard: Shard, range_bytes: int) -> list[Shard]:
    """The ranges as a job finds them, counted in the wrong order."""
    parts = split(io.BytesIO(data), shard, FieldNames(), range_bytes)
    assert len(parts) <= most_ranges(shard, range_bytes)
    if parts[0].range is None or parts[0].range.records >= 0:
        return parts
    return numbered([count(io.BytesIO(data), part, LIMITS) for part in reversed(parts)])


def same_in_ranges(data: bytes, name: str, range_bytes: int) -> list[Shard]:
    shard = shard_of(name, data)
    ranges = in_ranges(data, shard, range_bytes)
    assert rows_of(data, ranges) == rows_of(data, [shard])
    return ranges


@given(content, st.integers(1, 80))
def test_plain_lines(data: bytes, range_bytes: int) -> None:
    same_in_ranges(data, "a.jsonl", range_bytes)


@given(content, st.lists(st.integers(0, 30), max_size=8), st.integers(1, 60))
def test_frames(data: bytes, sizes: list[int], range_bytes: int) -> None:
    same_in_ranges(in_frames(data, sizes), "a.jsonl.zst", range_bytes)


@given(content, st.lists(st.integers(0, 30), max_size=8), st.data())
def test_frames_that_end_too_early(data: bytes, sizes: list[int], drawn: st.DataObject) -> None:
    stored = in_frames(data, sizes)
    stored = stored[: drawn.draw(st.integers(1, len(stored)))]
    same_in_ranges(stored, "a.jsonl.zst", drawn.draw(st.integers(1, 60)))


@given(content, st.lists(st.integers(0, 30), max_size=8), st.data())
def test_damaged_frames(data: bytes, sizes: list[int], drawn: st.DataObject) -> None:
    stored = bytearray(in_frames(data, sizes))
    place = drawn.draw(st.integers(0, len(stored) - 1))
    stored[place] ^= drawn.draw(st.integers(1, 255))
    same_in_ranges(bytes(stored), "a.jsonl.zst", drawn.draw(st.integers(1, 60)))


def in_frames(data: bytes, sizes: list[int]) -> bytes:
    """The data as Zstandard frames of these many bytes of it, a skippable one among them."""
    frames = []
    for size in [*sizes, len(data)]:
        frame, data = data[:size], data[size:]
        frames.append(zstandard.ZstdCompressor(write_checksum=size % 2 == 0).compress(frame))
    frames.insert(len(frames) // 2, b"\x50\x2a\x4d\x18\x03\0\0\0abc")
    return b"".join(frames)


@pytest.mark.parametrize("range_bytes", [1, 400, 10**9])
def test_row_groups(range_bytes: int) -> None:
    texts = [None if number % 7 == 3 else f"text {number}" for number in range(100)]
    table = pa.table({"text": texts, "id": [str(number) for number in range(100)]})
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=9)
    ranges = same_in_ranges(file.getvalue(), "a.parquet", range_bytes)
    assert len(ranges) == {1: 12, 400: len(ranges), 10**9: 1}[range_bytes]


def test_a_parquet_file_that_cannot_be_opened_stays_whole() -> None:
    [whole] = same_in_ranges(b"PAR1 and no end", "a.parquet", 1)
    assert whole.range is None


def test_gzip_and_warc_are_read_whole() -> None:
    for name in ("a.jsonl.gz", "a.warc.gz", "a.warc", "a.wet"):
        shard = shard_of(name, b"x" * 100)
        assert not can_split(shard)
        assert most_ranges(shard, 1) == 1


def test_a_line_over_many_ranges_belongs_to_the_first() -> None:
    data = b'{"text":"' + b"x" * 1000 + b'"}\n{"text":"b"}\n'
    ranges = same_in_ranges(data, "a.jsonl", 50)
    assert [shard.range.records for shard in ranges if shard.range] == [1, 1]


def test_storage_that_fails_while_counting_is_an_error() -> None:
    """A range that was not counted would be lost without a trace."""

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("gone")

    data = b'{"text":"a"}\n' * 20
    part = split(io.BytesIO(data), shard_of("a.jsonl", data), FieldNames(), 50)[1]
    with pytest.raises(OSError, match="gone"):
        count(Failing(data), part, LIMITS)


def test_shares_add_up() -> None:
    data = b'{"text":"a"}\n' * 20
    parts = [shard.range for shard in in_ranges(data, shard_of("a.jsonl", data), 50) if shard.range]
    assert sum(part.share for part in parts) == pytest.approx(1)


def test_numbering_stops_where_the_shard_breaks_off() -> None:
    data = b'{"text":"a"}\n' * 20
    parts = split(io.BytesIO(data), shard_of("a.jsonl", data), FieldNames(), 50)
    counted = [Counted(part, 2, 0, 50, number == 1) for number, part in enumerate(parts)]
    assert [shard.range.position for shard in numbered(counted) if shard.range] == [0, 2]


@pytest.mark.parametrize("megabytes", [2, 32])
def test_memory_does_not_grow_with_the_shard(megabytes: int) -> None:
    """A shard far larger than the others is no more to hold: a range is counted and read in blocks
    of the limit's size, whatever lies around it."""
    line = b'{"text":"' + b"some text " * 100 + b'"}\n'
    data = line * (megabytes * 2**20 // len(line))
    limits = Limits(batch_bytes=65_536)
    parts = split(io.BytesIO(data), shard_of("a.jsonl", data), FieldNames(), 2**20)
    tracemalloc.start()
    try:
        counted = [count(io.BytesIO(data), part, limits) for part in parts[:2]]
        for part in numbered(counted):
            for _ in read_shard(io.BytesIO(data), part, FieldNames(), limits):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * 2**20  # 8 MB as measured: pieces of 1 MiB are read, cut and joined
