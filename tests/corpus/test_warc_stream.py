from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.compress import Sink
from tocsin.corpus.dead_letters import BrokenShard, Fault, Reason
from tocsin.corpus.shards import Compression
from tocsin.corpus.warc_stream import WarcStream

BREAK = Fault(Reason.TRUNCATED_SHARD, "too early")


@given(st.lists(st.binary(min_size=1)), st.integers(1, 7))
def test_reads_the_pieces_in_order(pieces: list[bytes], size: int) -> None:
    stream = WarcStream(iter(pieces))
    found = b""
    while data := stream.read(size):
        assert len(data) <= size
        found += data
        assert stream.tell() == len(found)
        assert not stream.ended
    assert found == b"".join(pieces)
    assert stream.ended
    assert stream.fault is None
    assert stream.window(0, len(found)) == found


def test_a_break_looks_like_the_end_and_is_remembered() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"abc"
        raise BrokenShard(*BREAK)

    stream = WarcStream(pieces())
    assert [stream.read(10), stream.read(10), stream.read(10)] == [b"abc", b"", b""]
    assert (stream.fault, stream.ended) == (BREAK, True)


def test_released_bytes_go_along_the_route() -> None:
    target = io.BytesIO()
    stream = WarcStream(iter([b"0123456789"]))
    stream.read(8)
    stream.release(2)
    assert stream.window(1, 3) == b"234"
    stream.route = Sink(target, Compression.NONE)
    stream.release(2)
    stream.release(5)
    stream.release(1)
    assert target.getvalue() == b"234"
    stream.release(100)
    assert target.getvalue() == b"234567"
    assert stream.window(0, 10) == b""


def test_find() -> None:
    stream = WarcStream(iter([b"..ab..ab"]))
    stream.read(7)
    assert (stream.find(b"ab", 0), stream.find(b"ab", 3)) == (2, -1)
    stream.read(1)
    stream.release(3)
    assert (stream.find(b"ab", 0), stream.find(b"ab", 7)) == (6, -1)


def test_there_is_no_way_back() -> None:
    with pytest.raises(io.UnsupportedOperation):
        WarcStream(iter([])).seek(0)
