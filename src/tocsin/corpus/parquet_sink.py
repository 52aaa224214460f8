"""Writing a Parquet file that is like another one."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.corpus.batches import MIB
from tocsin.corpus.parquet_file import PARQUET_ERRORS, column_chunks

# Rows are held until a row group of the source ends, but no more than this.
_ROW_GROUP_BYTES = 64 * MIB
# A damaged footer may name any other.
_WRITTEN_CODECS = frozenset(["BROTLI", "GZIP", "LZ4", "SNAPPY", "ZSTD"])


class ParquetSink:
    """Writes rows to a file with the schema, metadata, codecs and encodings of `like`."""

    def __init__(self, target: BinaryIO, like: pq.ParquetFile) -> None:
        self._schema = like.schema_arrow
        self._writer = pq.ParquetWriter(target, self._schema, **_column_options(like))
        self._rows: list[pa.RecordBatch] = []
        self._bytes = 0

    def write(self, rows: pa.RecordBatch) -> None:
        """Write rows of the source's schema."""
        self._rows.append(rows)
        self._bytes += rows.nbytes
        if self._bytes >= _ROW_GROUP_BYTES:
            self.end_row_group()

    def end_row_group(self) -> None:
        """End a row group; what follows starts a new one."""
        if self._bytes:
            # Types of dictionaries may be wider than the schema has them.
            self._writer.write_table(pa.Table.from_batches(self._rows).cast(self._schema))
            self._rows, self._bytes = [], 0

    def close(self) -> None:
        """Finish the file, but leave the target open."""
        self.end_row_group()
        self._writer.close()


def _column_options(like: pq.ParquetFile) -> dict[str, object]:
    """Codecs and dictionaries as in the first row group, which stands for all."""
    if not like.metadata.num_row_groups:
        return {}
    try:
        paths = [like.schema.column(index).path for index in range(like.metadata.num_columns)]
        chunks = dict(zip(paths, column_chunks(like, 0, paths)))
    except PARQUET_ERRORS:
        return {}  # that row group is damaged, but others may not be
    return {
        # The standard calls the values of a list "element", older files have "item".
        "use_compliant_nested_type": not any(".item" in path for path in paths),
        "compression": {path: _codec(chunk.compression) for path, chunk in chunks.items()},
        "use_dictionary": [path for path, chunk in chunks.items() if chunk.has_dictionary_page],
    }


def _codec(name: str) -> str:
    return name if name in _WRITTEN_CODECS else "NONE"
