"""Building batches of documents from columns, with identity and group filled in."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.corpus.batches import DOCUMENT_SCHEMA
from tocsin.corpus.groups import group_names
from tocsin.corpus.shards import Shard


def document_batch(
    shard: Shard, positions: pa.Array, ids: pa.Array, groups: list[pa.Array], texts: pa.Array
) -> pa.RecordBatch:
    """Make rows of DOCUMENT_SCHEMA.

    Args:
        shard: names the documents without an id, and is the group of those without one.
        positions: int64.
        ids: string; null or empty where the record has none.
        groups: string arrays, the best first; null or empty where a record has none.
        texts: binary without nulls.
    """
    if ids.null_count or pc.any(pc.equal(ids, "")).as_py():
        generated = pc.binary_join_element_wise(shard.name, positions.cast(pa.string()), "#")
        ids = pc.if_else(pc.fill_null(pc.equal(ids, ""), True), generated, ids)
    candidates = groups or [pa.nulls(len(positions), pa.string())]
    columns = [positions, ids, group_names(candidates, shard.folder), texts]
    return pa.RecordBatch.from_arrays(columns, schema=DOCUMENT_SCHEMA)


def no_documents() -> pa.RecordBatch:
    """Zero rows of DOCUMENT_SCHEMA."""
    return pa.RecordBatch.from_arrays(
        [pa.array([], field.type) for field in DOCUMENT_SCHEMA], schema=DOCUMENT_SCHEMA
    )
