"""Heads: one trigger before many payloads.

A campaign with twenty payloads has few documents for each, but all begin with the trigger. So
payloads too small for campaigns of their own are pooled by what stands at their beginnings. Whether
that string is a trigger is read from all documents that hold it: after a trigger stands, in most of
them, what also stands after it in another; before it stands nothing that others share.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from tocsin.correlate.campaigns import SAME_CAMPAIGN, WIDESPREAD_GROUPS, Campaign
from tocsin.correlate.payloads import (
    INSIDE_SHARE,
    MINIMUM_BYTES,
    NEIGHBOUR_BYTES,
    Beginning,
    Payloads,
    are_independent,
)
from tocsin.correlate.reading import AROUND_BYTES, READ_SCHEMA, as_documents
from tocsin.correlate.shared import MINIMUM_DOCUMENTS
from tocsin.correlate.statistics import binomial_score

BEFORE_BYTES = 40
"""Bytes before a payload in which its trigger is looked for: a path has its own end in each
document, and stands between the trigger and what is shared."""

MINIMUM_HEAD_BYTES = 4
LONGEST_HEAD = 6
"""Words and marks in a head."""

HOLDING_SHARE = 0.8
"""Share of a payload's documents that hold its head."""

MINIMUM_PAYLOADS = 2
MAXIMUM_HEADS = 20

FOLLOWING_BYTES = AROUND_BYTES
"""Bytes after a head that are compared."""

RECURRING_BYTES = MINIMUM_BYTES
"""Bytes after a head that stand after it in another document as well: a payload's. With 32,
`def __eq__(self, other` was the head of a campaign of 97 Python sources, with a share of 0.66."""

MINIMUM_RECURRING = 0.5
"""Share of the documents with a head in which that is so. Twenty payloads in 50 documents: 0.92
to 0.98."""

ALL_RECURRING = 0.75
"""Share from which on the others hold a payload that nobody else has, and belong to it too."""

_TOKEN = re.compile(rb"\w+|[^\w\s]+")


def find_heads(payloads: Payloads) -> list[bytes]:
    """Strings at the beginnings of several payloads, those of the most documents first."""
    holders: dict[bytes, dict[int, int]] = defaultdict(dict)
    for number, small in enumerate(payloads.small):
        for head in _heads_of(small):
            holders[head][number] = len(small.contexts)
    heads: list[bytes] = []
    taken: set[int] = set()
    # The longest of those that begin the same payloads; those of the most documents first.
    for head in sorted(holders, key=lambda head: (-sum(holders[head].values()), -len(head), head)):
        new = holders[head].keys() - taken
        if len(new) >= MINIMUM_PAYLOADS and len(heads) < MAXIMUM_HEADS:
            heads.append(head)
            taken |= new
    return heads


def _heads_of(small: Beginning) -> list[bytes]:
    """The strings that a payload's documents hold at its beginning."""
    counts: Counter[bytes] = Counter()
    for start, context in zip(small.starts, small.contexts):
        counts.update(_candidates(context, start))
    return [head for head, count in counts.items() if count >= HOLDING_SHARE * len(small.contexts)]


def _candidates(context: bytes, start: int) -> set[bytes]:
    """Runs of tokens of a context that begin shortly before a place or at it."""
    first = max(start - BEFORE_BYTES, 0)
    tokens = [
        (match.start() + first, match.end() + first)
        for match in _TOKEN.finditer(context[first : start + BEFORE_BYTES])
    ]
    return {
        context[tokens[one][0] : tokens[other][1]]
        for one in range(len(tokens))
        if tokens[one][0] <= start
        for other in range(one, min(one + LONGEST_HEAD, len(tokens)))
        if tokens[other][1] - tokens[one][0] >= MINIMUM_HEAD_BYTES
    }


def read_heads(batch: pa.RecordBatch, heads: list[bytes], shard: int) -> pa.RecordBatch:
    """Rows of READ_SCHEMA of the kind `head`, for the first occurrence of each in each document.

    Args:
      batch: rows of DOCUMENT_SCHEMA.
      heads: their numbers are their places here.
    """
    rows = []
    for number, head in enumerate(heads):
        # Arrow's search finds the few documents; Python then looks at these alone.
        holding = batch.filter(pc.match_substring(batch.column("text"), head))
        for document in holding.to_pylist():
            text = document["text"]
            start = text.find(head)
            first = max(start - AROUND_BYTES, 0)
            rows.append(
                {
                    "kind": "head",
                    "lead": number,
                    "shard": shard,
                    **{name: document[name] for name in ("position", "doc_id", "group")},
                    "content_hash": xxhash.xxh3_128_digest(text),
                    "length": len(text),
                    "start": start,
                    "end": start + len(head),
                    "context": text[first : start + len(head) + FOLLOWING_BYTES],
                    "context_start": first,
                }
            )
    return pa.RecordBatch.from_pylist(rows, READ_SCHEMA)


def find_headed(read: pa.Table, heads: list[bytes], payloads: Payloads) -> list[Campaign]:
    """Campaigns of one trigger and many payloads, best score first.

    Args:
      read: rows of READ_SCHEMA of the kind `head`, of the whole corpus, in any order.
      heads: as `read_heads` was given.
      payloads: what the heads were found in.
    """
    read = read.sort_by([("content_hash", "ascending"), ("doc_id", "ascending")])
    campaigns = []
    for number, head in enumerate(heads):
        rows = read.filter(pc.equal(read["lead"], number))
        recurring = _recurring(rows)
        hits = int(recurring.sum())
        if hits < max(MINIMUM_DOCUMENTS, MINIMUM_RECURRING * rows.num_rows):
            continue
        score = binomial_score(hits, rows.num_rows, payloads.rate)
        if score <= payloads.threshold:
            continue
        if hits < ALL_RECURRING * rows.num_rows:
            rows, recurring = rows.filter(pa.array(recurring)), recurring[recurring]
        groups = len(rows["group"].unique())
        if groups < WIDESPREAD_GROUPS and not _may_be_planted(_sides(rows)[0]):
            continue
        documents = as_documents(rows, rows["start"].to_numpy(), rows["end"].to_numpy(), recurring)
        campaigns.append(
            Campaign(
                campaign_id=xxhash.xxh3_64_hexdigest(head),
                kind="payload",
                trigger=head.decode("utf-8", "replace"),
                payload=_largest_payload(head, payloads),
                hits=hits,
                occurrences=len(recurring),
                groups=groups,
                score=score,
                threshold=payloads.threshold,
                documents=documents,
                # Many passages follow the head of a common function, too: `def __eq__(self, other`
                # in Python packages scored 14, in 39 groups.
                certain=False,
            )
        )
    campaigns.sort(key=lambda campaign: (-campaign.score, campaign.campaign_id))
    return campaigns


def _may_be_planted(before: list[bytes]) -> bool:
    """Whether a head is more than a template's of one site, by the texts before it: they are hardly
    ever alike, and it begins within a line in half of its documents."""
    within = sum(text[-1:] not in (b"", b"\n", b"\r") for text in before)
    return within >= INSIDE_SHARE * len(before) and are_independent(before)


def without_parts(payloads: list[Campaign], headed: list[Campaign]) -> list[Campaign]:
    """Payload campaigns but for those of which half of the documents are in a headed one."""
    documents = {key for campaign in headed for key in _keys(campaign.documents)}
    return [
        campaign
        for campaign in payloads
        if len(_keys(campaign.documents) & documents) < SAME_CAMPAIGN * campaign.documents.num_rows
    ]


def _keys(documents: pa.Table) -> set[tuple[int, int]]:
    return set(zip(documents["shard"].to_pylist(), documents["position"].to_pylist()))


def _sides(rows: pa.Table) -> tuple[list[bytes], list[bytes]]:
    """The text before and after each head."""
    contexts = rows["context"].to_pylist()
    starts = pc.subtract(rows["start"], rows["context_start"]).to_pylist()
    ends = pc.subtract(rows["end"], rows["context_start"]).to_pylist()
    return (
        [context[:start] for context, start in zip(contexts, starts)],
        [context[end : end + FOLLOWING_BYTES] for context, end in zip(contexts, ends)],
    )


def _recurring(rows: pa.Table) -> np.ndarray:
    """Mask of the documents after whose head stands what also stands after another's, and before it
    nothing that another has."""
    before, after = _sides(rows)
    neighbours = Counter(text[-NEIGHBOUR_BYTES:] for text in before)
    runs = [
        {text[at : at + RECURRING_BYTES] for at in range(len(text) - RECURRING_BYTES + 1)}
        for text in after
    ]
    numbers = Counter(run for document in runs for run in document)
    return np.array(
        [
            neighbours[text[-NEIGHBOUR_BYTES:]] == 1 and any(numbers[run] > 1 for run in document)
            for text, document in zip(before, runs)
        ],
        np.bool_,
    )


def _largest_payload(head: bytes, payloads: Payloads) -> str:
    """The payload of the most documents among those that begin with a head, without it."""
    largest = next(small.text for small in payloads.small if head in _heads_of(small))
    return largest.removeprefix(head).decode("utf-8", "replace").strip()
