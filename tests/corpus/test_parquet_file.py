from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tocsin.corpus.batches import FieldNames, Limits
from tocsin.corpus.dead_letters import BrokenShard, Reason
from tocsin.corpus.decompress import CountingReader
from tocsin.corpus.parquet_file import ParquetShard, is_textual


def opened(table: pa.Table, limits: Limits | None = None, **options: Any) -> ParquetShard:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return ParquetShard(CountingReader(buffer), FieldNames(), limits or Limits())


def test_only_the_columns_of_documents_are_wanted() -> None:
    columns = {name: ["a"] for name in ("more", "source", "text", "id")} | {"url": [1]}
    assert opened(pa.table(columns)).columns == ["text", "id", "source"]


def test_starts() -> None:
    assert opened(pa.table({"text": ["a"] * 7}), row_group_size=3).starts == [0, 3, 6, 7]
    assert opened(pa.table({"text": pa.array([], pa.string())})).starts[-1] == 0


@pytest.mark.parametrize("use_dictionary", [True, False])
def test_batches_have_their_size(use_dictionary: bool) -> None:
    texts = ["x" * (row % 50) for row in range(1000)] + ["y" * 5000] * 3
    file = opened(
        pa.table({"text": texts, "more": [1] * 1003}),
        Limits(batch_bytes=2000, batch_records=60),
        use_dictionary=use_dictionary,
    )
    for columns, names in ((["text"], ["text"]), (None, ["text", "more"])):
        batches = list(file.batches(0, columns))
        assert [text for batch in batches for text in batch.column(0).to_pylist()] == texts
        for batch in batches:
            assert batch.schema.names == names
            assert batch.schema.field(0).type == pa.string()
            assert batch.num_rows <= 60
            lengths = [len(text) for text in batch.column(0).to_pylist()]
            assert sum(lengths) <= 2000 or len(lengths) == 1


def test_a_bomb_is_refused_before_it_is_opened() -> None:
    file = opened(pa.table({"text": ["x" * 100_000]}), Limits(bomb_bytes=1000, bomb_ratio=10))
    with pytest.raises(BrokenShard) as caught:
        next(file.batches(0, None))
    assert caught.value.fault.reason is Reason.DECOMPRESSION_BOMB


def test_is_textual() -> None:
    assert is_textual(pa.large_binary())
    assert is_textual(pa.dictionary(pa.int8(), pa.string()))
    assert not is_textual(pa.int8())
    assert not is_textual(pa.dictionary(pa.int8(), pa.int64()))
    assert not is_textual(pa.list_(pa.string()))
