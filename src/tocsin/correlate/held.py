"""What is remembered of documents for payloads and claims: the shingles that they hold, and the
texts that were read for a lead.

A shingle in tonight's documents and in those of earlier nights makes a lead as if all had come
tonight. The texts of documents that hold it are read, and kept, from the night on that it is
a lead; they join those of later nights, so that a payload is tested on all of its texts. Documents
that came before belong to it by their shingles.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.corpus.batches import DOCUMENT_SCHEMA
from tocsin.correlate.campaigns import Campaign
from tocsin.correlate.hash_sets import is_among
from tocsin.correlate.heads import read_heads
from tocsin.correlate.passages import MINIMUM_GROUPS, SAME_PASSAGE
from tocsin.correlate.reading import READ_SCHEMA, Leads, Reader, as_documents
from tocsin.correlate.recall import EARLIER
from tocsin.correlate.shared import SHINGLES_COMPARED
from tocsin.correlate.stories import MEMBER
from tocsin.measure.hashes import HASH_TYPE
from tocsin.measure.shingles import SHINGLE, SHINGLE_BITS

HASH_BYTES = SHINGLE_BITS // 8

HELD_KINDS = ("samples", "sketches")

HELD_SCHEMA = pa.schema(
    [
        pa.field("shard", pa.uint32(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("content_hash", HASH_TYPE, nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("group_hash", pa.uint32(), nullable=False),
        *[pa.field(kind, pa.binary(), nullable=False) for kind in HELD_KINDS],
    ]
)
"""One row a document. `length`: bytes of its text; `group_hash`: 32-bit hash of its group;
`samples`, `sketches`: hashes of the shingles of each kind that it holds, ascending, HASH_BYTES
each, little-endian."""

IDENTITY_COLUMNS = ("position", "doc_id", "group", "content_hash", "byte_length")
"""What of MEASURED_SCHEMA is remembered of a document."""

HELD_SHARE = 0.5
"""Share of the shingles of a payload that a document holds to be one of its documents. All copies
have those in common that winnowing chose within the payload."""

KEPT_SCHEMA = pa.schema([field for field in READ_SCHEMA if field.name != "lead"])
"""Texts that were read for leads, which have other numbers every night."""

KEPT_ROWS = 64
"""Texts of a lead that are kept of one night, at most: a payload is certain with fewer."""


def held_table(shingles: dict[str, np.ndarray], documents: pa.Table) -> pa.Table:
    """The documents of one shard with the shingles that they hold, the SHINGLES_COMPARED smallest
    of each kind: rows of HELD_SCHEMA by position, of those that hold any.

    Args:
      shingles: SHINGLE records by kind, of one shard, in any order.
      documents: IDENTITY_COLUMNS of the same shard, by position.
    """
    every = np.concatenate([np.empty(0, SHINGLE), *shingles.values()])
    positions, first = np.unique(every["position"], return_index=True)
    at = np.searchsorted(documents["position"].to_numpy(), positions)
    own = documents.take(pa.array(at)).combine_chunks()
    columns = {
        "shard": pa.array(every["shard"][first]),
        **{name: own[name] for name in ("position", "doc_id", "group", "content_hash")},
        "length": own["byte_length"].cast(pa.int64()),
        "group_hash": pa.array(every["group"][first]),
    }
    for kind in HELD_KINDS:
        records = shingles[kind][np.lexsort((shingles[kind]["hash"], shingles[kind]["position"]))]
        begins = np.searchsorted(records["position"], positions)
        ends = np.searchsorted(records["position"], positions, side="right")
        counts = np.minimum(ends - begins, SHINGLES_COMPARED)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        taken = np.arange(offsets[-1]) + np.repeat(begins - offsets[:-1], counts)
        hashes = np.ascontiguousarray(records["hash"][taken], "<u8").view(np.uint8)
        packed = np.ascontiguousarray(hashes.reshape(-1, 8)[:, :HASH_BYTES])
        columns[kind] = pa.Array.from_buffers(
            pa.binary(),
            len(positions),
            [None, pa.py_buffer((offsets * HASH_BYTES).astype(np.int32)), pa.py_buffer(packed)],
        )
    return pa.table(columns, schema=HELD_SCHEMA)


def held_shingles_of(table: pa.Table, kind: str) -> np.ndarray:
    """SHINGLE records of a kind from rows of HELD_SCHEMA, in their order."""
    packed = table[kind].combine_chunks()
    counts = pc.binary_length(packed).to_numpy(zero_copy_only=False) // HASH_BYTES
    records = np.zeros(int(counts.sum()), SHINGLE)
    for name, column in (("shard", "shard"), ("position", "position"), ("group", "group_hash")):
        records[name] = np.repeat(table[column].to_numpy(), counts)
    values = np.frombuffer(b"".join(packed.to_pylist()), np.uint8).reshape(-1, HASH_BYTES)
    hashes = np.zeros((len(values), 8), np.uint8)
    hashes[:, :HASH_BYTES] = values
    records["hash"] = hashes.view("<u8").ravel()
    return records


def texts_to_keep(read: pa.Table) -> pa.Table:
    """Rows of KEPT_SCHEMA: of what was read tonight, what may be a payload or a claim when more of
    it has come.

    Args:
      read: rows of READ_SCHEMA, of tonight's documents and of earlier ones. Leads of fewer than
        MINIMUM_GROUPS groups are read as decoys, or as one site's; nothing is kept of them.
    """
    read = read.sort_by([(name, "ascending") for name in ("kind", "lead", "content_hash")])
    leads = list(zip(read["kind"].to_pylist(), read["lead"].to_pylist()))
    groups: dict[tuple[str, int], set[str]] = {}
    for lead, group in zip(leads, read["group"].to_pylist()):
        groups.setdefault(lead, set()).add(group)
    kept: Counter[tuple[str, int]] = Counter()
    rows = []
    for row, (lead, shard) in enumerate(zip(leads, read["shard"].to_pylist())):
        if len(groups[lead]) >= MINIMUM_GROUPS and shard < EARLIER and kept[lead] < KEPT_ROWS:
            kept[lead] += 1
            rows.append(row)
    return read.take(pa.array(rows, pa.int64())).select(KEPT_SCHEMA.names)


def holders_of(held: pa.Table, anchors: np.ndarray) -> pa.Table:
    """Rows of READ_SCHEMA of the kind `held`, without texts: the documents that hold HELD_SHARE of
    the shingles of a lead.

    Args:
      held: rows of HELD_SCHEMA.
      anchors: of tonight's leads, ANCHOR records by ascending hash.
    """
    records = held_shingles_of(held, "samples")
    counts = pc.binary_length(held["samples"]).to_numpy() // HASH_BYTES
    rows = np.repeat(np.arange(held.num_rows), counts)
    # A shingle is of one lead.
    found = is_among(records["hash"], anchors["hash"])
    leads = anchors["passage"][np.searchsorted(anchors["hash"], records["hash"][found])]
    pairs, numbers = np.unique(
        np.stack([rows[found], leads.astype(np.int64)]), axis=1, return_counts=True
    )
    sizes = np.bincount(anchors["passage"].astype(np.int64), minlength=1)
    pairs = pairs[:, numbers >= HELD_SHARE * sizes[pairs[1]]]
    own = held.take(pa.array(pairs[0]))
    size = pairs.shape[1]
    zeros = pa.array(np.zeros(size, np.int64))
    columns = {
        "kind": pa.array(["held"] * size, pa.string()),
        "lead": pa.array(pairs[1].astype(np.uint32)),
        "start": zeros,
        "end": own["length"],
        "context": pa.array([b""] * size, pa.binary()),
        "context_start": zeros,
    }
    return pa.table(
        [columns[name] if name in columns else own[name] for name in READ_SCHEMA.names],
        schema=READ_SCHEMA,
    )


def with_holders(campaign: Campaign, read: pa.Table, held: pa.Table) -> Campaign:
    """A payload campaign with the earlier documents that belong to it by their shingles.

    Args:
      read: rows of READ_SCHEMA of the kind `passage`, by which the campaign was found.
      held: rows of `holders_of` all earlier nights.
    """
    documents = set(_keys(campaign.documents))
    read_for = zip(_keys(read), read["lead"].to_pylist())
    leads = Counter(lead for key, lead in read_for if key in documents)
    own = {lead for lead, number in leads.items() if number >= SAME_PASSAGE * len(documents)}
    rows: dict[tuple[int, int], int] = {}  # one a document: a long payload makes several leads
    for row, (key, lead) in enumerate(zip(_keys(held), held["lead"].to_pylist())):
        if lead in own and key not in documents:
            rows.setdefault(key, row)
    held = held.take(pa.array(sorted(rows.values()), pa.int64()))
    if not held.num_rows:
        return campaign
    starts, ends = held["start"].to_numpy(), held["end"].to_numpy()
    more = as_documents(held, starts, ends, np.zeros(held.num_rows, np.bool_))
    joined = pa.concat_tables([campaign.documents, more])
    joined = joined.sort_by([("shard", "ascending"), ("position", "ascending")])
    return replace(
        campaign,
        documents=joined,
        occurrences=campaign.occurrences + held.num_rows,
        groups=len(joined["group"].unique()),
    )


def _keys(table: pa.Table) -> list[tuple[int, int]]:
    return list(zip(table["shard"].to_pylist(), table["position"].to_pylist()))


def read_again(kept: pa.Table, leads: Leads, seed: int) -> pa.Table:
    """Rows of READ_SCHEMA: what of the texts that were kept belongs to tonight's leads.

    Args:
      kept: rows of KEPT_SCHEMA.
      seed: keys the hashes of tokens, as in the profile.
    """
    passages = kept.filter(pc.equal(kept["kind"], "passage"))
    stories = kept.filter(pc.equal(kept["kind"], "story"))
    return pa.concat_tables([_passages(passages, leads, seed), _stories(stories, leads.members)])


def read_heads_again(passages: pa.Table, heads: list[bytes]) -> pa.Table:
    """Rows of READ_SCHEMA of the kind `head`, of earlier documents.

    Args:
      passages: rows of READ_SCHEMA of the kind `passage`, of tonight's leads.
      heads: as `heads.read_heads` is given.
    """
    earlier = passages.filter(pc.greater_equal(passages["shard"], EARLIER))
    if not (earlier.num_rows and heads):
        return READ_SCHEMA.empty_table()
    return _placed(read_heads(_as_documents(earlier), heads, 0), earlier)


def _passages(kept: pa.Table, leads: Leads, seed: int) -> pa.Table:
    """The texts are read as if they were documents."""
    if not (kept.num_rows and len(leads.anchors)):
        return READ_SCHEMA.empty_table()
    reader = Reader(Leads(leads.anchors, np.zeros(0, MEMBER)), seed)
    return _placed(reader.read(_as_documents(kept), 0), kept)


def _as_documents(texts: pa.Table) -> pa.RecordBatch:
    """Texts as rows of DOCUMENT_SCHEMA, whose positions are their places in the table."""
    columns = (texts[name].combine_chunks() for name in ("doc_id", "group", "context"))
    return pa.RecordBatch.from_arrays(
        [pa.array(np.arange(texts.num_rows)), *columns], schema=DOCUMENT_SCHEMA
    )


def _placed(read: pa.RecordBatch, texts: pa.Table) -> pa.Table:
    """What was read of `_as_documents(texts)`, as of the documents themselves."""
    own = texts.take(read["position"])
    begins = own["context_start"]
    columns = {
        **{name: own[name] for name in ("shard", "position", "content_hash", "length")},
        **{name: pc.add(read[name], begins) for name in ("start", "end", "context_start")},
    }
    rows = pa.table(
        [columns.get(name, read[name]) for name in READ_SCHEMA.names], schema=READ_SCHEMA
    )
    # A document of two leads was kept twice: of either, the text that was read for it is longer.
    keys = zip(*(rows[name].to_pylist() for name in ("lead", "shard", "position")))
    lengths = pc.binary_length(rows["context"]).to_pylist()
    longest: dict[tuple[int, ...], tuple[int, int]] = {}
    for row, (key, length) in enumerate(zip(keys, lengths)):
        longest[key] = max(longest.get(key, (0, 0)), (length, row))
    return rows.take(pa.array(sorted(row for _, row in longest.values()), pa.int64()))


def _stories(kept: pa.Table, members: np.ndarray) -> pa.Table:
    row_of = {key: row for row, key in enumerate(_keys(kept))}
    found = [
        (row_of[shard, position], story)
        for shard, position, story in members.tolist()
        if (shard, position) in row_of
    ]
    rows = kept.take(pa.array([row for row, _ in found], pa.int64()))
    leads = pa.array([story for _, story in found], pa.uint32())
    return rows.add_column(1, READ_SCHEMA.field("lead"), leads).cast(READ_SCHEMA)
