"""Findings: what is suspicious about one document by itself."""

from __future__ import annotations

import pyarrow as pa

from tocsin.measure.hashes import HASH_TYPE

FINDING_SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("content_hash", HASH_TYPE, nullable=False),
        pa.field("bucket", pa.uint8(), nullable=False),
        pa.field("detector", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("evidence", pa.string(), nullable=False),
    ]
)
"""One row a finding, ordered by position. `detector`: its name; `score`: -log10 of the expected
share of clean documents with such a finding; `start`, `end`: byte range in the text; `evidence`:
what was found there, decoded, in few words."""
