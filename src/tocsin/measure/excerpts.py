"""Excerpts: the text around each onset, kept so that a later night need not read the shard
again."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tocsin.measure.batch import Measurement, text_buffers
from tocsin.measure.hashes import HASH_TYPE

EXCERPT_BEFORE = 256
EXCERPT_AFTER = 512
"""Bytes of text around an onset: as many as the sweep keeps, for near-duplicate surroundings are
compared over both, and enough to measure a change in (256 bytes are some 45 tokens of prose)."""

EXCERPT_SCHEMA = pa.schema(
    [
        pa.field("shard", pa.uint32(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("content_hash", HASH_TYPE, nullable=False),
        pa.field("context", pa.binary(), nullable=False),
        pa.field("context_start", pa.int64(), nullable=False),
    ]
)
"""One row for each place with an onset, by ascending shard, position and offset. `context`: the
bytes of text around `offset`, which begin at offset `context_start` of the text."""


def excerpts_of(batch: pa.RecordBatch, measured: Measurement) -> pa.RecordBatch:
    """Rows of EXCERPT_SCHEMA for the onsets that were measured in `batch`, rows of
    DOCUMENT_SCHEMA."""
    onsets = measured.evidence["onsets"]
    places = np.unique(onsets[onsets["direction"] > 0][["shard", "position", "offset"]])
    data, offsets = text_buffers(batch)
    rows = np.searchsorted(batch["position"].to_numpy(), places["position"])
    begins = offsets[:-1].astype(np.int64)[rows]
    lengths = np.diff(offsets).astype(np.int64)[rows]
    at = places["offset"].astype(np.int64)
    first = np.maximum(at - EXCERPT_BEFORE, 0)
    last = np.minimum(at + EXCERPT_AFTER, lengths)
    contexts = [
        bytes(data[begin:end])
        for begin, end in zip((begins + first).tolist(), (begins + last).tolist())
    ]
    identity = measured.documents.select(["doc_id", "group", "content_hash"]).take(pa.array(rows))
    return pa.RecordBatch.from_arrays(
        [
            pa.array(places["shard"]),
            pa.array(places["position"]),
            pa.array(at),
            *identity.columns,
            pa.array(contexts, pa.binary()),
            pa.array(first),
        ],
        schema=EXCERPT_SCHEMA,
    )
