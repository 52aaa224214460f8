from __future__ import annotations

import numpy as np
import pytest

from tocsin.beam.evidence import KINDS, partitioned, records_of, schema_of, table_of
from tocsin.beam.packing import unpack


def _records(kind: str, count: int) -> np.ndarray:
    """Records of random bytes: every value that a field can have."""
    record = KINDS[kind].records
    content = np.random.default_rng(count).bytes(count * record.itemsize)
    return np.frombuffer(content, record)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 100])
def test_records_survive_their_table(kind: str, count: int) -> None:
    records = _records(kind, count)
    table = table_of(records)
    assert table.schema == schema_of(records.dtype)
    assert table.column_names == list(records.dtype.names or ())
    assert records_of(table, records.dtype).tobytes() == records.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_without_a_field_is_refused(kind: str) -> None:
    records = _records(kind, 3)
    with pytest.raises(KeyError):
        records_of(table_of(records).drop_columns(["position"]), records.dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_records_of_one_key_meet_in_one_partition(kind: str) -> None:
    records = np.repeat(_records(kind, 200), 3)
    where: dict[int, int] = {}
    found = []
    for partition, block in partitioned(KINDS[kind], records, partitions=7):
        [some] = unpack(block)
        for key in KINDS[kind].key(some).tolist():
            assert where.setdefault(key, partition) == partition
        found.append(some)
    assert 1 < len(found) <= 7
    assert sorted(map(bytes, np.concatenate(found))) == sorted(map(bytes, records))
