from __future__ import annotations

import gzip
import io
import random
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.batches import MIB, Limits
from tocsin.corpus.dead_letters import BrokenShard, Reason
from tocsin.corpus.decompress import CountingReader, decompressed
from tocsin.corpus.shards import Compression

COMPRESSED: dict[Compression, Callable[[bytes], bytes]] = {
    Compression.GZIP: lambda data: gzip.compress(data, mtime=0),
    Compression.ZSTD: lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
}
BOTH = pytest.mark.parametrize("compression", list(COMPRESSED))
SKIPPABLE_FRAME = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"


def expand(
    data: bytes, compression: Compression, limits: Limits | None = None
) -> tuple[bytes, Reason | None]:
    """What comes out before the end or the break, and the reason of the break."""
    out = b""
    try:
        for piece in decompressed(
            CountingReader(io.BytesIO(data)), compression, limits or Limits()
        ):
            assert piece
            out += piece
    except BrokenShard as broken:
        return out, broken.fault.reason
    return out, None


@given(st.binary())
def test_plain(data: bytes) -> None:
    assert expand(data, Compression.NONE) == (data, None)


@BOTH
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_members_and_frames_follow_without_a_seam(
    compression: Compression, parts: list[bytes]
) -> None:
    data = b"".join(map(COMPRESSED[compression], parts))
    assert expand(data, compression) == (b"".join(parts), None)


@BOTH
def test_more_than_a_read(compression: Compression) -> None:
    text = random.Random(0).randbytes(3 * MIB)
    data = COMPRESSED[compression](text)
    assert len(data) > MIB
    assert expand(data + data, compression) == (text + text, None)


@BOTH
def test_truncation_at_every_byte(compression: Compression) -> None:
    text = "".join(f"line {number}\n" for number in range(50)).encode()
    first = COMPRESSED[compression](text)
    data = first + COMPRESSED[compression](text)
    for size in range(len(data)):
        out, reason = expand(data[:size], compression)
        assert (text + text).startswith(out)
        if size == len(first):
            assert (out, reason) == (text, None)
        else:
            assert reason is Reason.TRUNCATED_SHARD
            assert len(out) >= len(text) * (size > len(first))


@BOTH
def test_what_was_decoded_before_the_break_is_kept(compression: Compression) -> None:
    text = random.Random(1).randbytes(2 * MIB)
    data = COMPRESSED[compression](text)
    out, reason = expand(data[: len(data) // 2], compression)
    assert reason is Reason.TRUNCATED_SHARD
    # Both formats come in blocks, the larger ones of 128 KiB.
    assert len(text) // 2 - 128 * 1024 <= len(out) <= len(text) // 2
    assert text.startswith(out)


@BOTH
@given(data=st.binary(min_size=1))
def test_arbitrary_bytes_give_a_reason(compression: Compression, data: bytes) -> None:
    out, reason = expand(data, compression)
    assert reason in (Reason.CORRUPT_SHARD, Reason.TRUNCATED_SHARD) or data.startswith(b"\x50\x2a")
    assert out == b""


@BOTH
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_never_goes_further_than_a_reason(
    compression: Compression, at: int, bit: int
) -> None:
    text = b"a line of text\n" * 30
    first = COMPRESSED[compression](text)
    data = bytearray(first + first)
    data[len(first) + at % len(first)] ^= 1 << bit
    out, _ = expand(bytes(data), compression)
    assert out.startswith(text)


@BOTH
def test_an_empty_file_is_a_lost_upload(compression: Compression) -> None:
    assert expand(b"", compression) == (b"", Reason.TRUNCATED_SHARD)
    assert expand(COMPRESSED[compression](b""), compression) == (b"", None)


def test_gzip_padding_is_skipped() -> None:
    member = gzip.compress(b"text")
    assert expand(member + bytes(2000) + member + bytes(3), Compression.GZIP) == (b"texttext", None)


def test_a_file_of_zero_bytes_is_no_padding() -> None:
    assert expand(bytes(5000), Compression.GZIP) == (b"", Reason.CORRUPT_SHARD)


@BOTH
def test_garbage_after_the_end(compression: Compression) -> None:
    data = COMPRESSED[compression](b"text") + b"garbage garbage garbage"
    assert expand(data, compression) == (b"text", Reason.CORRUPT_SHARD)


def test_zstd_skippable_frames_are_skipped() -> None:
    frame = COMPRESSED[Compression.ZSTD](b"text")
    data = SKIPPABLE_FRAME + frame + SKIPPABLE_FRAME + frame
    assert expand(data, Compression.ZSTD) == (b"texttext", None)


def test_a_zstd_window_beyond_every_decoders_default_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = compressor.compress(b"text") + compressor.flush()
    assert expand(data, Compression.ZSTD) == (b"", Reason.CORRUPT_SHARD)


@BOTH
def test_a_bomb_is_read_no_further(compression: Compression) -> None:
    limits = Limits(bomb_bytes=2 * MIB, bomb_ratio=50)
    out, reason = expand(COMPRESSED[compression](bytes(20 * MIB)), compression, limits)
    assert reason is Reason.DECOMPRESSION_BOMB
    assert len(out) <= 2 * MIB


@BOTH
def test_what_expands_in_proportion_is_no_bomb(compression: Compression) -> None:
    limits = Limits(bomb_bytes=1000, bomb_ratio=50)
    text = random.Random(2).randbytes(MIB)
    assert expand(COMPRESSED[compression](text), compression, limits) == (text, None)


def test_pieces_of_a_zstd_bomb_are_bounded() -> None:
    data = COMPRESSED[Compression.ZSTD](bytes(64 * MIB))
    pieces = decompressed(CountingReader(io.BytesIO(data)), Compression.ZSTD, Limits())
    # 4 KiB of input can hold 1024 blocks of 128 KiB, and no more.
    assert max(map(len, pieces)) <= 128 * MIB


@BOTH
def test_storage_errors_are_told_from_content(compression: Compression) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            data = super().read(min(size or 0, 1000))
            if not data:
                raise OSError("connection reset")
            return data

    text = random.Random(3).randbytes(10_000)
    source = CountingReader(Failing(COMPRESSED[compression](text)[:5000]))
    with pytest.raises(BrokenShard, match="connection reset") as caught:
        list(decompressed(source, compression, Limits()))
    assert caught.value.fault.reason is Reason.UNREADABLE_SHARD
    assert source.bytes_read == 5000
