"""Writing a Parquet file that is like another one."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.corpus.batches import MIB

# Rows are held until a row group of the source ends, but no more than this.
_ROW_GROUP_BYTES = 64 * MIB


class ParquetSink:
    """Writes rows to a file with the schema, metadata, codecs and encodings of `like`."""

    def __init__(self, target: BinaryIO, like: pq.ParquetFile) -> None:
        self._schema = like.schema_arrow
        self._writer = pq.ParquetWriter(target, self._schema, **_column_options(like.metadata))
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


def _column_options(metadata: pq.FileMetaData) -> dict[str, object]:
    """Codecs and dictionaries as in the first row group, which stands for all."""
    if not metadata.num_row_groups:
        return {}
    group = metadata.row_group(0)
    chunks = [group.column(index) for index in range(group.num_columns)]
    return {
        # The standard calls the values of a list "element", older files have "item".
        "use_compliant_nested_type": not any(".item" in chunk.path_in_schema for chunk in chunks),
        "compression": {chunk.path_in_schema: _codec(chunk.compression) for chunk in chunks},
        "use_dictionary": [chunk.path_in_schema for chunk in chunks if chunk.has_dictionary_page],
    }


def _codec(name: str) -> str:
    return "NONE" if name == "UNCOMPRESSED" else name
