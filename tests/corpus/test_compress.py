from __future__ import annotations

import gzip
import io

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.compress import Sink
from tocsin.corpus.shards import Compression


def written(parts: list[list[bytes]], compression: Compression) -> bytes:
    """What a sink makes of these pieces, in these members."""
    target = io.BytesIO()
    sink = Sink(target, compression)
    for member in parts:
        for piece in member:
            sink.write(piece)
        sink.end_member()
    sink.close()
    assert not target.closed
    return target.getvalue()


def expanded(data: bytes, compression: Compression) -> bytes:
    if compression is Compression.GZIP:
        return gzip.decompress(data)
    if compression is Compression.ZSTD:
        return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    return data


@pytest.mark.parametrize("compression", list(Compression))
@given(parts=st.lists(st.lists(st.binary(), max_size=3), max_size=3))
def test_what_goes_in_comes_out(compression: Compression, parts: list[list[bytes]]) -> None:
    data = written(parts, compression)
    assert expanded(data, compression) == b"".join(piece for part in parts for piece in part)


def test_members() -> None:
    assert written([[b"a", b"b"], [], [b"c"]], Compression.GZIP).count(b"\x1f\x8b\x08") == 2
    assert written([[b"a", b"b"], [], [b"c"]], Compression.ZSTD).count(b"\x28\xb5\x2f\xfd") == 2


def test_of_nothing_there_is_a_compressed_form() -> None:
    assert written([], Compression.NONE) == b""
    for compression in (Compression.GZIP, Compression.ZSTD):
        data = written([], compression)
        assert data
        assert expanded(data, compression) == b""


def test_nothing_in_the_output_depends_on_the_time() -> None:
    # Bytes 4 to 7 of a gzip member are its time, and bit 3 of byte 3 says that a name follows.
    assert written([[b"a"]], Compression.GZIP)[3:8] == bytes(5)
