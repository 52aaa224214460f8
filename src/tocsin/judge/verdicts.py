"""The tables of verdicts, and the rows of `campaigns/`; those of `flagged/`: `judge.flags`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.correlate.campaigns import Campaign
from tocsin.judge.policy import Policy
from tocsin.measure.hashes import HASH_TYPE

FINDING_TYPE = pa.struct(
    [
        pa.field("detector", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("start", pa.int64()),
        pa.field("end", pa.int64()),
        pa.field("evidence", pa.string()),
    ]
)

FLAGGED_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("source_uri", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("content_hash", HASH_TYPE, nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("severity", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("findings", pa.list_(FINDING_TYPE), nullable=False),
        pa.field("campaign_id", pa.string()),
        pa.field("trigger", pa.string()),
        pa.field("scan_id", pa.string(), nullable=False),
    ]
)
"""`position`: number of the record in its shard, from 0; `verdict`: quarantine or review;
`severity`: critical, high, medium or low, the gravest of its findings; `score`: of the first
finding; `start`, `end` of a finding: byte offsets in the text. `campaign_id` and `trigger` are null
for a document that is flagged for what it holds itself."""

_INSTANT = pa.timestamp("us", tz="UTC")

CAMPAIGN_SCHEMA = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("trigger", pa.string()),
        pa.field("payload", pa.string()),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("hits", pa.int64(), nullable=False),
        pa.field("groups", pa.int64(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("threshold", pa.float64(), nullable=False),
        pa.field("false_discovery_rate", pa.float64()),
        pa.field("severity", pa.string(), nullable=False),
        pa.field("first_seen", _INSTANT, nullable=False),
        pa.field("last_seen", _INSTANT, nullable=False),
        pa.field("sample_doc_ids", pa.list_(pa.string()), nullable=False),
    ]
)
"""`kind`: trigger, payload or near_duplicate; `hits`: documents in which the text changes at the
string; `score`: -log10 of the probability of so many hits by chance, named if it is above
`threshold`; `false_discovery_rate`: estimated share of false ones among the campaigns with such a
score, null where it can't be told; `first_seen`, `last_seen`: when the first and the latest scan
that found it began."""

EXAMPLE_SCHEMA = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("context", pa.binary(), nullable=False),
        pa.field("context_start", pa.int64(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
    ]
)
"""A document of a campaign with the text around its trigger; see `correlate.sweep`."""

TIMELINE_SCHEMA = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("seen", _INSTANT, nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
    ]
)
"""How a campaign came, one row a night that brought documents of it: `seen`, when the scan that
read them first began, and how many it read. Without a state all came with one scan."""

SAMPLES = 10
"""Documents named in a row of `campaigns/`."""

EXAMPLES = 20
"""Documents of a campaign whose surroundings are kept for the report."""


def campaign_rows(
    campaigns: Sequence[Campaign],
    policy: Policy,
    started: datetime,
    first_seen: Mapping[str, datetime],
) -> pa.Table:
    """Rows of CAMPAIGN_SCHEMA in the order of `campaigns`; `started`: when the scan began, which is
    when those that are not in `first_seen` were first seen."""
    rows = [
        {
            "campaign_id": campaign.campaign_id,
            "kind": campaign.kind,
            "trigger": campaign.trigger,
            "payload": campaign.payload,
            "documents": campaign.documents.num_rows,
            "hits": campaign.hits,
            "groups": campaign.groups,
            "score": campaign.score,
            "threshold": campaign.threshold,
            "false_discovery_rate": campaign.false_discovery_rate,
            "severity": policy.severity(campaign),
            "first_seen": first_seen.get(campaign.campaign_id, started),
            "last_seen": started,
            "sample_doc_ids": _samples(campaign),
        }
        for campaign in campaigns
    ]
    return pa.Table.from_pylist(rows, CAMPAIGN_SCHEMA)


def timeline_rows(
    campaigns: Sequence[Campaign], started: datetime, dates: Mapping[int, datetime]
) -> pa.Table:
    """Rows of TIMELINE_SCHEMA, each campaign's by date. `dates`: when shards were read, by number;
    others were read by the scan that began at `started`."""
    rows = []
    for campaign in campaigns:
        seen: Counter[datetime] = Counter()
        for counted in pc.value_counts(campaign.documents["shard"]).to_pylist():
            seen[dates.get(counted["values"], started)] += counted["counts"]
        rows += [
            {"campaign_id": campaign.campaign_id, "seen": when, "documents": documents}
            for when, documents in sorted(seen.items())
        ]
    return pa.Table.from_pylist(rows, TIMELINE_SCHEMA)


def _samples(campaign: Campaign) -> list[str]:
    """Ids of some documents of a campaign: the same however the documents lie in shards."""
    ordered = campaign.documents.sort_by([("content_hash", "ascending"), ("doc_id", "ascending")])
    return ordered["doc_id"].slice(0, SAMPLES).to_pylist()


def example_rows(campaigns: Sequence[Campaign]) -> pa.Table:
    """Rows of EXAMPLE_SCHEMA: documents of each campaign, those with a clear change first."""
    tables = [EXAMPLE_SCHEMA.empty_table()]
    for campaign in campaigns:
        documents = campaign.documents.sort_by(
            [("hit", "descending"), ("content_hash", "ascending")]
        ).slice(0, EXAMPLES)
        tables.append(
            documents.append_column(
                EXAMPLE_SCHEMA.field("campaign_id"),
                pa.array([campaign.campaign_id] * documents.num_rows, pa.string()),
            ).select(EXAMPLE_SCHEMA.names)
        )
    return pa.concat_tables(tables)
