from __future__ import annotations

import io

import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tocsin.corpus.zstd_frames import frame_starts

SKIPPABLE = b"\x5f\x2a\x4d\x18\x05\0\0\0hello"


def frame(data: bytes, checksum: bool, stated: bool) -> bytes:
    compressor = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=stated)
    if stated:
        return compressor.compress(data)
    stream = compressor.compressobj()
    return stream.compress(data) + stream.flush()


frames = st.one_of(
    st.just(SKIPPABLE),
    st.builds(
        frame,
        st.one_of(
            st.binary(max_size=50), st.just(b"a" * 300_000), st.just(bytes(range(256)) * 999)
        ),
        st.booleans(),
        st.booleans(),
    ),
)


@given(st.lists(frames, max_size=6))
def test_every_frame_is_found(frames: list[bytes]) -> None:
    expected = [len(b"".join(frames[:number])) for number in range(len(frames))]
    assert list(frame_starts(io.BytesIO(b"".join(frames)))) == expected


@given(st.binary(max_size=60))
def test_what_is_no_frame_ends_the_search(data: bytes) -> None:
    good = frame(b"good", True, True)
    found = list(frame_starts(io.BytesIO(good + b"\0" + data)))
    assert found == [0]


@given(st.binary(max_size=200))
def test_anything_else_ends(data: bytes) -> None:
    starts = list(frame_starts(io.BytesIO(data)))
    assert starts == sorted(set(starts))
    assert all(start < len(data) for start in starts)
