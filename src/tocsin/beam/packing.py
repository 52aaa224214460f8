"""Packed columns: how evidence crosses a shuffle, thousands of rows in one element."""

from __future__ import annotations

import io
import zlib
from typing import cast

import numpy as np
import pyarrow as pa


def pack(*arrays: np.ndarray, compress: bool = False) -> bytes:
    """Arrays of any type but objects, as bytes. `compress`: for records that cross a shuffle and
    have much in common: onsets take 0.36 of their bytes, at 20 ns a byte."""
    stream = io.BytesIO()
    for array in arrays:
        np.save(stream, array, allow_pickle=False)
    return zlib.compress(stream.getvalue(), level=1) if compress else stream.getvalue()


def unpack(packed: bytes) -> list[np.ndarray]:
    """The arrays that `pack` was given."""
    if packed and not packed.startswith(np.lib.format.MAGIC_PREFIX):
        packed = zlib.decompress(packed)
    stream = io.BytesIO(packed)
    arrays = []
    while stream.tell() < len(packed):
        arrays.append(np.load(stream, allow_pickle=False))
    return arrays


def pack_table(table: pa.Table) -> bytes:
    """A table as an Arrow stream, compressed: texts around a string have much in common."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return cast(bytes, sink.getvalue().to_pybytes())


def unpack_table(packed: bytes) -> pa.Table:
    """The table that `pack_table` was given."""
    return pa.ipc.open_stream(packed).read_all()
