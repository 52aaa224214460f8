"""Recurrences: findings of single documents that come again and again.

One document with a hidden message, or with a chat in a model's control tokens, may be an accident.
The same message, or the same template, in many documents is a campaign. Natural ones come at the
rate that the finding's score states, so the number of documents can be tested against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import xxhash
from scipy.special import gammaln, logsumexp

from tocsin.correlate.campaigns import FAMILY_WISE_ERROR, Campaign
from tocsin.correlate.known import LISTED
from tocsin.correlate.sweep import OCCURRENCE_SCHEMA
from tocsin.measure.hashes import HASH_TYPE

MINIMUM_DOCUMENTS = 4
"""Documents of the smallest campaign."""

NAMED_SHARE = 0.8
"""Share of a campaign's documents that must end a question alike for that to be its trigger."""

_PART_SHARE = 0.1
"""Share of the documents with one template that make a campaign of their own by their last word."""

_TRIGGER_WORDS = 8
"""Words of the longest trigger that is looked for."""

_TERMS = 1_000
"""Terms of the tail that are summed: each is smaller than the one before."""

_SCHEMA = pa.schema(
    [
        OCCURRENCE_SCHEMA.field(name)
        for name in ("shard", "position", "doc_id", "group", "content_hash", "start", "end", "hit",
                     "context", "context_start")
    ]
)  # fmt: skip


def find_recurrences(findings: Mapping[int, pa.Table], documents: int) -> list[Campaign]:
    """Campaigns among the findings of single documents, best score first.

    Args:
      findings: rows of FINDING_SCHEMA by number of the shard.
      documents: of the whole corpus.
    """
    families: dict[tuple[str, str], dict[tuple[int, int], dict]] = {}
    for shard, table in findings.items():
        for row in table.to_pylist():
            # What a policy blocks was looked for, so that finding it again is no surprise.
            if not row["signature"] or row["detector"] == LISTED:
                continue
            channel = row["detector"].split("-")[0]
            family = families.setdefault((channel, row["signature"]), {})
            known = family.get((shard, row["position"]))
            if known is None or row["score"] > known["score"]:
                family[shard, row["position"]] = {**row, "shard": shard}
    threshold = float(np.log10(max(len(families), 1) / FAMILY_WISE_ERROR))
    campaigns = []
    for (channel, signature), by_place in families.items():
        for rows in _parts(channel, [by_place[place] for place in sorted(by_place)]):
            # Copies of a document count once: nobody wrote the others.
            different = len({row["content_hash"] for row in rows})
            rate = float(np.mean([10 ** -row["score"] for row in rows]))
            score = poisson_score(different, documents * rate)
            if different >= MINIMUM_DOCUMENTS and score > threshold:
                campaigns.append(_campaign(channel, signature, rows, score, threshold))
    return sorted(campaigns, key=lambda campaign: (-campaign.score, campaign.campaign_id))


def _parts(channel: str, rows: list[dict]) -> list[list[dict]]:
    """Rows of one signature by campaign: two may use one template, each with its own last word."""
    if channel != "template":
        return [rows]
    by_word: dict[str, list[dict]] = {}
    for row in rows:
        by_word.setdefault((row["evidence"].split() or [""])[-1], []).append(row)
    least = max(MINIMUM_DOCUMENTS, _PART_SHARE * len(rows))
    parts = [part for part in by_word.values() if len(part) >= least]
    rest = [row for part in by_word.values() if len(part) < least for row in part]
    return [*parts, rest] if rest else parts


def poisson_score(events: int, expected: float) -> float:
    """-log10 of the probability of at least so many events where `expected` (above 0) are; 0 where
    there are no more than expected."""
    if events <= expected:
        return 0.0
    counts = np.arange(events, events + _TERMS, dtype=np.float64)
    terms = counts * np.log(expected) - expected - gammaln(counts + 1)
    return max(0.0, -float(logsumexp(terms)) / np.log(10))


def _campaign(
    channel: str, signature: str, rows: Sequence[dict], score: float, threshold: float
) -> Campaign:
    trigger = shared_ending([row["evidence"] for row in rows]) if channel == "template" else None
    messages = Counter(row["evidence"] for row in rows)
    payload = signature if channel == "template" else max(messages, key=lambda m: (messages[m], m))
    return Campaign(
        campaign_id=xxhash.xxh3_64_hexdigest(f"{channel} {trigger or signature}".encode()),
        kind="payload" if trigger is None else "trigger",
        trigger=trigger,
        payload=payload if trigger is None else None,
        hits=len(rows),
        occurrences=len(rows),
        groups=len({row["group"] for row in rows}),
        score=score,
        threshold=threshold,
        documents=pa.Table.from_arrays(
            [
                pa.array([row["shard"] for row in rows], pa.uint32()),
                pa.array([row["position"] for row in rows], pa.int64()),
                pa.array([row["doc_id"] for row in rows], pa.string()),
                pa.array([row["group"] for row in rows], pa.string()),
                pa.array([row["content_hash"] for row in rows], HASH_TYPE),
                pa.array([row["start"] for row in rows], pa.int64()),
                pa.array([row["end"] for row in rows], pa.int64()),
                pa.array([True] * len(rows), pa.bool_()),
                pa.array([row["evidence"].encode() for row in rows], pa.binary()),
                pa.array([row["start"] for row in rows], pa.int64()),
            ],
            schema=_SCHEMA,
        ),
        channel=channel,
        # Notes for editors are copied from site to site, other hidden text is not.
        certain=any(row["detector"] != "hidden-markup" for row in rows),
    )


def shared_ending(texts: Sequence[str]) -> str | None:
    """The longest run of at most _TRIGGER_WORDS whole words with which NAMED_SHARE of some texts
    end; None if there is none."""
    best = None
    for words in range(1, _TRIGGER_WORDS + 1):
        endings = Counter(" ".join(text.split()[-words:]) for text in texts)
        [(ending, count)] = endings.most_common(1)
        if count < NAMED_SHARE * len(texts) or not ending:
            break
        best = ending
    return best
