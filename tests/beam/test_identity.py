from __future__ import annotations

import os
from pathlib import Path

import pytest
import xxhash

from tocsin.beam.identity import IdentifyingReader, Identity, identify


def _expected(content: bytes) -> Identity:
    return Identity(len(content), f"xxh3-128:{xxhash.xxh3_128_hexdigest(content)}", None)


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_a_file_is_identified_by_its_bytes(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    assert identify(str(tmp_path / "file")) == _expected(content)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        identify(str(tmp_path / "absent"))


class _Once:
    """A stream that notes how much was read of it."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("rb")
        self.bytes_read = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.bytes_read += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


@pytest.mark.parametrize("read", [0, 1, 70_000, 100_000, 200_000])
def test_what_was_read_is_identified_on_the_way(tmp_path: Path, read: int) -> None:
    """Also where the reader stopped before the end; the file is gone by then."""
    content = os.urandom(100_000)
    (tmp_path / "file").write_bytes(content)
    stream = _Once(tmp_path / "file")
    reader = IdentifyingReader(str(tmp_path / "file"), stream)  # type: ignore[arg-type]
    assert reader.read(read) == content[:read]
    assert reader.tell() == min(read, len(content))
    (tmp_path / "file").unlink()
    assert reader.identity() == _expected(content)
    assert stream.bytes_read == len(content)


def test_a_reader_that_jumps_about(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    (tmp_path / "file").write_bytes(content)
    with (tmp_path / "file").open("rb") as stream:
        reader = IdentifyingReader(str(tmp_path / "file"), stream)
        reader.seek(-10, os.SEEK_END)
        assert reader.read() == content[-10:]
        reader.seek(0)
        assert reader.read(10) == content[:10]
        assert reader.identity() == _expected(content)
