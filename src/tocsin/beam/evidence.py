"""Evidence: records that documents leave behind for others to be correlated with.

Each kind is a NumPy record type. Its records lie in OUT as one Parquet file a shard, and cross the
shuffle packed, in partitions of the space of one of their hashes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tocsin.beam.packing import pack
from tocsin.correlate.hash_sets import prefix_bits, prefixes, split
from tocsin.measure.onset_records import ONSET
from tocsin.measure.shingles import SHINGLE


@dataclass(frozen=True)
class Kind:
    """A kind of evidence. `records`: its type; `key`: unsigned integers (records,) by which
    records must meet; `prefix`: of its files' names; `counted_first`: whether keys alone cross the
    shuffle, to be counted, before any record does (`beam.shared`)."""

    records: np.dtype
    key: Callable[[np.ndarray], np.ndarray]
    prefix: str
    counted_first: bool = False


KINDS = {
    "onsets": Kind(ONSET, lambda onsets: onsets["tokens"][:, 1], "part"),
    "samples": Kind(SHINGLE, lambda samples: samples["hash"], "samples", counted_first=True),
    "sketches": Kind(SHINGLE, lambda pairs: pairs["hash"], "sketches", counted_first=True),
}
"""The kinds of evidence by name."""


def partitioned(kind: Kind, records: np.ndarray, partitions: int) -> Iterator[tuple[int, bytes]]:
    """Records as elements for a GroupByKey: (partition, packed records)."""
    keys = kind.key(records)
    numbers = keys % keys.dtype.type(partitions)
    order = np.argsort(numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(partitions + 1))
    for partition, (first, last) in enumerate(itertools.pairwise(bounds)):
        if last > first:
            yield partition, pack(records[order[first:last]], compress=True)


def packed_keys(
    kind: Kind, records: np.ndarray, stored_bytes: int, partitions: int
) -> Iterator[tuple[int, bytes]]:
    """Keys of records, which are hashes of shingles, as elements for a GroupByKey: (partition,
    packed prefixes). `stored_bytes`: of the whole corpus."""
    bits = prefix_bits(stored_bytes)
    return split(prefixes(kind.key(records), bits), bits, partitions)


def schema_of(records: np.dtype) -> pa.Schema:
    """Columns for a record type: one a field; a field of several numbers is binary, their
    little-endian bytes."""
    return pa.schema(
        [
            pa.field(
                name,
                pa.from_numpy_dtype(records[name])
                if records[name].subdtype is None
                else pa.binary(records[name].itemsize),
                nullable=False,
            )
            for name in records.names or ()
        ]
    )


def table_of(records: np.ndarray) -> pa.Table:
    """Records as a table of `schema_of` their type."""
    schema = schema_of(records.dtype)
    columns = []
    for field in schema:
        column = np.ascontiguousarray(records[field.name])
        if pa.types.is_fixed_size_binary(field.type):
            buffer = pa.py_buffer(column.tobytes())
            columns.append(pa.Array.from_buffers(field.type, len(records), [None, buffer]))
        else:
            columns.append(pa.array(column))
    return pa.Table.from_arrays(columns, schema=schema)


def records_of(table: pa.Table, records: np.dtype) -> np.ndarray:
    """The records that `table_of` was given.

    Raises:
      KeyError: if the table lacks a field.
      ValueError: if a column does not fit its field.
    """
    result = np.zeros(table.num_rows, records)
    for name in records.names or ():
        column = table[name].combine_chunks()
        subtype = records[name].subdtype
        if subtype is None:
            result[name] = column.to_numpy()
        else:
            element, shape = subtype
            values = np.frombuffer(b"".join(column.to_pylist()), element)
            result[name] = values.reshape(-1, *shape)
    return result
