"""Reading for leads: the text around shared passages, and the beginnings of stories.

A part of the sweep. A passage is searched by the hashes of its shingles, at every place and not
only where winnowing would sample: whoever holds the passage is found, whatever surrounds it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tocsin.correlate.sweep import OCCURRENCE_SCHEMA
from tocsin.measure.batch import text_buffers
from tocsin.measure.hashes import HASH_TYPE, content_hashes
from tocsin.measure.kernels import kernel
from tocsin.measure.pieces import PIECE_TOKENS, Tokenizer, Tokens
from tocsin.measure.shingles import SAMPLE_TOKENS, SHINGLE_BITS, sample_hashes
from tocsin.measure.tokens import GOLDEN

AROUND_BYTES = 512
"""Bytes of text before the first and after the last shingle of a passage that are read."""

LONGEST_BYTES = 4096
"""Bytes from the first shingle of a passage on that are read at most."""

STORY_BYTES = 2048
"""Bytes at the beginning of a document that its story is judged by."""

_FILTER_BITS = 16

_OF_CAMPAIGN = frozenset(
    [
        "shard",
        "position",
        "doc_id",
        "group",
        "content_hash",
        "start",
        "end",
        "hit",
        "context",
        "context_start",
    ]
)

READ_SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("lead", pa.uint32(), nullable=False),
        pa.field("shard", pa.uint32(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("content_hash", HASH_TYPE, nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("context", pa.binary(), nullable=False),
        pa.field("context_start", pa.int64(), nullable=False),
    ]
)
"""One row a document and lead. `kind`: passage or story; `lead`: its number; `length`: bytes of the
document's text; `start`, `end`: byte range of the passage's first shingle in it, 0 for a story;
`context`: the bytes read, which begin at offset `context_start` of the text."""


def as_documents(
    rows: pa.Table, starts: np.ndarray, ends: np.ndarray, hits: np.ndarray
) -> pa.Table:
    """Documents of a campaign, by shard and position, as `Campaign` holds them.

    Args:
      rows: of READ_SCHEMA.
      starts, ends: int64, byte range of what is suspicious in each text.
      hits: bool, whether a document is one that the campaign was tested by.
    """
    found = {"start": starts, "end": ends, "hit": hits}
    schema = pa.schema([field for field in OCCURRENCE_SCHEMA if field.name in _OF_CAMPAIGN])
    columns = [
        pa.array(found[name]) if name in found else rows[name].combine_chunks()
        for name in schema.names
    ]
    documents = pa.Table.from_arrays(columns, schema=schema)
    return documents.sort_by([("shard", "ascending"), ("position", "ascending")])


class Leads(NamedTuple):
    """What to read for: ANCHOR records by ascending hash, MEMBER records by ascending shard and
    position."""

    anchors: np.ndarray
    members: np.ndarray


class Reader:
    """Reads shard after shard for the same leads. Not for use by two threads at once."""

    def __init__(self, leads: Leads, seed: int) -> None:
        """`seed`: keys the hashes of tokens, as in the profile."""
        self._leads = leads
        self._tokenizer = Tokenizer(seed)
        self._orders = np.empty(PIECE_TOKENS, np.uint64)
        self._matches: list[np.ndarray] = []
        self._filter = np.zeros(1 << _FILTER_BITS, np.bool_)
        self._filter[(leads.anchors["hash"] & np.uint64((1 << _FILTER_BITS) - 1)).astype(int)] = 1

    def needs(self, shard: int) -> bool:
        """Whether a shard, by its number, has to be read."""
        return bool(len(self._leads.anchors)) or bool((self._leads.members["shard"] == shard).any())

    def read(self, batch: pa.RecordBatch, shard: int) -> pa.RecordBatch:
        """Rows of READ_SCHEMA of the documents of `batch` (rows of DOCUMENT_SCHEMA)."""
        data, offsets = text_buffers(batch)
        for tokens in self._tokenizer.tokens(np.frombuffer(data, np.uint8), offsets):
            self.search(tokens)
        return self.rows(batch, shard)

    def search(self, tokens: Tokens) -> None:
        """Searches some tokens of a batch, the next ones, for passages."""
        if not len(self._leads.anchors):
            return
        room = 1 << 12
        while True:
            found = np.zeros(room, _MATCH)
            count = _find_anchors(*tokens, self._orders, self._filter, found)
            if count <= room:
                break
            room = count
        self._matches.append(found[:count])

    def rows(self, batch: pa.RecordBatch, shard: int) -> pa.RecordBatch:
        """Rows of READ_SCHEMA of the documents of `batch` (rows of DOCUMENT_SCHEMA), all of whose
        tokens were searched."""
        data, offsets = text_buffers(batch)
        passages = self._passages(offsets)
        stories = self._stories(batch, shard)
        kinds = ["passage"] * len(passages) + ["story"] * len(stories)
        places = np.concatenate([passages, stories])
        documents = places["document"]
        begins = offsets[documents].astype(np.int64)
        lengths = offsets[documents + 1] - begins
        passage = np.arange(len(places)) < len(passages)
        first = np.where(passage, np.maximum(places["start"] - AROUND_BYTES, 0), 0)
        last = np.minimum(places["last"] + AROUND_BYTES, places["start"] + LONGEST_BYTES)
        last = np.minimum(np.where(passage, last, STORY_BYTES), lengths)
        contexts = [
            bytes(data[begin:end])
            for begin, end in zip((begins + first).tolist(), (begins + last).tolist())
        ]
        hashes = [
            content_hashes(data, offsets[document : document + 2])[0].as_py()
            for document in documents.tolist()
        ]
        taken = batch.select(["position", "doc_id", "group"]).take(pa.array(documents))
        return pa.RecordBatch.from_arrays(
            [
                pa.array(kinds, pa.string()),
                pa.array(places["lead"]),
                pa.array(np.full(len(places), shard, np.uint32)),
                taken.column("position"),
                taken.column("doc_id"),
                taken.column("group"),
                pa.array(hashes, HASH_TYPE),
                pa.array(lengths),
                pa.array(places["start"]),
                pa.array(places["end"]),
                pa.array(contexts, pa.binary()),
                pa.array(first),
            ],
            schema=READ_SCHEMA,
        )

    def _passages(self, offsets: np.ndarray) -> np.ndarray:
        """_PLACE records, one for each document and passage in it; `offsets`: of the batch."""
        anchors = self._leads.anchors
        found = np.concatenate([np.zeros(0, _MATCH), *self._matches])
        self._matches = []
        if not len(found):
            return np.zeros(0, _PLACE)
        found["start"] -= offsets[found["document"]]
        found["end"] -= offsets[found["document"]]
        at = np.searchsorted(anchors["hash"], found["hash"])
        at[at == len(anchors)] = 0
        real = anchors["hash"][at] == found["hash"]
        found, leads = found[real], anchors["passage"][at[real]]
        order = np.lexsort((found["start"], leads, found["document"]))
        found, leads = found[order], leads[order]
        new = np.ones(len(found), np.bool_)
        new[1:] = (found["document"][1:] != found["document"][:-1]) | (leads[1:] != leads[:-1])
        places = np.zeros(int(new.sum()), _PLACE)
        for name in ("document", "start", "end"):
            places[name] = found[name][new]
        places["lead"] = leads[new]
        if len(found):
            places["last"] = np.maximum.reduceat(found["end"], np.flatnonzero(new))
        return places

    def _stories(self, batch: pa.RecordBatch, shard: int) -> np.ndarray:
        """_PLACE records, one for each document of a story."""
        members = self._leads.members[self._leads.members["shard"] == shard]
        positions = batch.column("position").to_numpy()  # ascending, as records come
        at = np.searchsorted(positions, members["position"])
        here = at < len(positions)
        here[here] = positions[at[here]] == members["position"][here]
        places = np.zeros(int(here.sum()), _PLACE)
        places["document"] = at[here]
        places["lead"] = members["story"][here]
        return places


_MATCH = np.dtype([("document", "<i4"), ("hash", "<u8"), ("start", "<i8"), ("end", "<i8")])

_PLACE = np.dtype(
    [("document", "<i4"), ("lead", "<u4"), ("start", "<i8"), ("end", "<i8"), ("last", "<i8")]
)


@kernel()
def _find_anchors(documents, cores, bounds, starts, ends, exact, orders, wanted, found):
    """Writes _MATCH records, with places in the batch's data, for the shingles of some tokens (of
    `measure.pieces.Tokens`) whose hash passes the filter `wanted`.

    Returns:
      Their number; above `len(found)` the rest was not written.
    """
    count = 0
    for piece in range(len(documents)):
        first, last = np.int64(bounds[piece]), np.int64(bounds[piece + 1])
        shingles = last - first - SAMPLE_TOKENS + 1
        if shingles <= 0:
            continue
        sample_hashes(exact[first:last], last - first, 0, shingles, orders)
        for at in range(shingles):
            hashed = orders[at] * GOLDEN >> np.uint64(64 - SHINGLE_BITS)
            if not wanted[hashed & np.uint64((1 << _FILTER_BITS) - 1)]:
                continue
            start = starts[first + at]
            if start < cores[piece, 0] or start >= cores[piece, 1]:
                continue
            if count < len(found):
                match = found[count]
                match.document = documents[piece]
                match.hash = hashed
                match.start = start
                match.end = ends[first + at + SAMPLE_TOKENS - 1]
            count += 1
    return count
