from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.dead_letters import RAW_BYTES, BrokenShard, Fault, Reason
from tocsin.corpus.lines import BadLine, LineBlock, line_blocks

BREAK = Fault(Reason.TRUNCATED_SHARD, "too early")


def pieces_of(data: bytes, sizes: list[int], breaks: bool = False) -> Iterator[bytes]:
    for size in sizes:
        piece, data = data[:size], data[size:]
        if piece:
            yield piece
    if data:
        yield data
    if breaks:
        raise BrokenShard(*BREAK)


text = st.lists(st.sampled_from([b"a", b"bb", b"\r", b"\n", b" ", b"\xef\xbb\xbf"])).map(b"".join)
cuts = st.lists(st.integers(1, 4))


@given(text, cuts, st.integers(1, 10))
def test_blocks_are_the_shard_cut_after_lines(
    data: bytes, sizes: list[int], block_bytes: int
) -> None:
    bom = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    offset = bom
    for block in line_blocks(pieces_of(data, sizes), block_bytes, 1000):
        assert isinstance(block, LineBlock)
        assert block.byte_offset == offset
        assert data[offset:].startswith(block.data)
        offset += len(block.data)
        if not block.data.endswith(b"\n") and offset < len(data):
            assert data[offset : offset + 1] == b"\n"
            offset += 1
    assert data[offset:] in (b"", b"\n")


@given(text, cuts)
def test_a_break_keeps_every_whole_line(data: bytes, sizes: list[int]) -> None:
    *blocks, last = line_blocks(pieces_of(data, sizes, breaks=True), 4, 1000)
    end = data.rfind(b"\n") + 1
    found = [
        line
        for block in blocks
        if isinstance(block, LineBlock)
        for line in block.data.removesuffix(b"\n").split(b"\n")
    ]
    expected = data[:end].removeprefix(b"\xef\xbb\xbf").split(b"\n")[:-1]
    assert [line for line in found if line] == [line for line in expected if line]
    assert last == BadLine(end, data[end:], BREAK)


@given(st.lists(st.integers(0, 40)), cuts)
def test_long_lines_are_let_go(lengths: list[int], sizes: list[int]) -> None:
    lines = [b"x" * length for length in lengths]
    data = b"".join(line + b"\n" for line in lines)
    offset = 0
    seen = 0
    # Pieces of at most 4 bytes and blocks of 8: a line is known to be long before it has 13.
    for block in line_blocks(pieces_of(data, [*sizes, *[4] * len(data)]), 8, 15):
        assert block.byte_offset == offset
        if isinstance(block, LineBlock):
            held = block.data.removesuffix(b"\n").split(b"\n")
            assert held == lines[seen : seen + len(held)]
            assert max(map(len, held)) <= 15
            assert len(held) == 1 or max(map(len, held)) < 13
        else:
            held = [lines[seen]]
            assert block.fault == (Reason.RECORD_TOO_LARGE, f"the line has {len(held[0])} bytes")
            assert len(held[0]) > 15
            assert held[0].startswith(block.raw)
        offset += sum(len(line) + 1 for line in held)
        seen += len(held)
    assert seen == len(lines)


def test_a_long_line_without_end() -> None:
    (bad,) = line_blocks(pieces_of(b"x" * 40, [4] * 10), 8, 15)
    assert isinstance(bad, BadLine)
    assert bad.fault.reason is Reason.RECORD_TOO_LARGE


def test_a_long_line_takes_no_more_memory_than_the_limit() -> None:
    piece = b"x" * 100_000

    def pieces() -> Iterator[bytes]:
        yield from [piece] * 1000
        yield b"\nshort\n"

    tracemalloc.start()
    bad, block = line_blocks(pieces(), 1000, 1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(bad, BadLine)
    assert (bad.byte_offset, bad.raw) == (0, b"x" * RAW_BYTES)
    assert block == LineBlock(100_000_001, b"short\n")
    assert peak < 3_000_000
