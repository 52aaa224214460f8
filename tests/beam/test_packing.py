from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from tocsin.beam.packing import pack, pack_table, unpack, unpack_table
from tocsin.correlate.suspects import SUSPECT
from tocsin.correlate.sweep import OCCURRENCE_SCHEMA
from tocsin.measure.onset_records import ONSET

_arrays = st.one_of(
    st_numpy.arrays(
        st_numpy.scalar_dtypes(), st_numpy.array_shapes(min_dims=0, max_dims=3, min_side=0)
    ),
    st_numpy.arrays(st.sampled_from([ONSET, SUSPECT]), st.integers(0, 20)),
)


@given(st.lists(_arrays, max_size=4))
def test_arrays(arrays: list[np.ndarray]) -> None:
    unpacked = unpack(pack(*arrays))
    assert len(unpacked) == len(arrays)
    for found, array in zip(unpacked, arrays):
        assert found.dtype == array.dtype
        assert found.shape == array.shape
        assert found.tobytes() == array.tobytes()


def test_arrays_that_are_not_contiguous() -> None:
    array = np.arange(24).reshape(4, 6)[::2, ::-1]
    np.testing.assert_array_equal(unpack(pack(array, array.T))[1], array.T)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "text": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
                "bytes": st.none() | st.binary(),
                "number": st.none() | st.integers(-(2**63), 2**63 - 1),
                "list": st.none() | st.lists(st.floats(allow_nan=False)),
            }
        )
    )
)
def test_tables(rows: list[dict[str, object]]) -> None:
    schema = pa.schema(
        [
            ("text", pa.string()),
            ("bytes", pa.binary()),
            ("number", pa.int64()),
            ("list", pa.list_(pa.float64())),
        ]
    )
    table = pa.Table.from_pylist(rows, schema)
    assert unpack_table(pack_table(table)) == table


def test_a_table_of_no_rows_keeps_its_schema() -> None:
    table = OCCURRENCE_SCHEMA.empty_table()
    assert unpack_table(pack_table(table)).schema == OCCURRENCE_SCHEMA


def test_packed_arrays_cannot_execute() -> None:
    """NumPy's format may hold pickled objects; neither side may take them."""
    try:
        pack(np.array([object()], object))
    except ValueError as error:
        assert "allow_pickle" in str(error)
    else:
        raise AssertionError("objects were packed")
