"""Verdicts: the rows of `flagged/` and `campaigns/`, from campaigns and a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from tocsin.correlate.campaigns import Campaign
from tocsin.judge.found import Found
from tocsin.judge.policy import Policy
from tocsin.judge.severity import at_least
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
        pa.field("severity", pa.string(), nullable=False),
        pa.field("first_seen", _INSTANT, nullable=False),
        pa.field("last_seen", _INSTANT, nullable=False),
        pa.field("sample_doc_ids", pa.list_(pa.string()), nullable=False),
    ]
)
"""`kind`: trigger, payload or near_duplicate; `hits`: documents in which the text changes at the
string; `score`: -log10 of the probability of so many hits by chance, named if it is above
`threshold`; `first_seen`, `last_seen`: when the first and the latest scan that found it began."""

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

_IDENTITY = ("doc_id", "position", "group", "content_hash")

EVIDENCE_BYTES = 200
"""Bytes of text from the trigger on that a finding quotes."""

SAMPLES = 10
"""Documents named in a row of `campaigns/`."""

EXAMPLES = 20
"""Documents of a campaign whose surroundings are kept for the report."""


def campaign_rows(found: Found, policy: Policy) -> pa.Table:
    """Rows of CAMPAIGN_SCHEMA in the order of the campaigns found."""
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
            "severity": policy.severity(campaign),
            "first_seen": found.first_seen.get(campaign.campaign_id, found.started),
            "last_seen": found.started,
            "sample_doc_ids": _samples(campaign),
        }
        for campaign in found.campaigns
    ]
    return pa.Table.from_pylist(rows, CAMPAIGN_SCHEMA)


def _samples(campaign: Campaign) -> list[str]:
    """Ids of some documents of a campaign: the same however the documents lie in shards."""
    ordered = campaign.documents.sort_by([("content_hash", "ascending"), ("doc_id", "ascending")])
    return ordered["doc_id"].slice(0, SAMPLES).to_pylist()


def flagged_rows(
    campaigns: Sequence[Campaign],
    findings: dict[int, pa.Table],
    policy: Policy,
    source_uris: Mapping[int, str],
    scan_id: str,
) -> pa.Table:
    """Rows of FLAGGED_SCHEMA ordered by source_uri and position, one a document.

    Args:
      campaigns: best score first; a document of several is flagged for the first and has a
        finding for each.
      findings: what is suspicious about single documents, rows of FINDING_SCHEMA by shard.
      policy: what a campaign or a finding means for its documents.
      source_uris: URI of each shard by its number.
      scan_id: of this scan.
    """
    rows: dict[tuple[int, int], dict] = {}

    def flag(
        shard: int, document: dict, severity: str, finding: dict, **of_campaign: str | None
    ) -> None:
        key = shard, document["position"]
        if key not in rows:
            rows[key] = {
                "source_uri": source_uris[shard],
                **{name: document[name] for name in _IDENTITY},
                "findings": [],
                "severity": severity,
                "score": finding["score"],
                "scan_id": scan_id,
                **of_campaign,
            }
        row = rows[key]
        row["findings"].append(finding)
        if at_least(severity, row["severity"]):
            row["severity"] = severity
        row["verdict"] = policy.verdict(row["severity"])

    for campaign in campaigns:
        severity = policy.severity(campaign)
        for document in campaign.documents.to_pylist():
            start, end = document["start"], document["end"]
            quoted = document["context"][start - document["context_start"] :][:EVIDENCE_BYTES]
            finding = {
                "detector": campaign.detector,
                "score": campaign.score,
                "start": start,
                "end": end,
                "evidence": quoted.decode("utf-8", "replace"),
            }
            flag(
                document["shard"], document, severity, finding,
                campaign_id=campaign.campaign_id, trigger=campaign.trigger,
            )  # fmt: skip
    for shard, table in findings.items():
        for found in table.to_pylist():
            alone = policy.finding_severity(found["score"])
            if alone or (shard, found["position"]) in rows:
                finding = {field.name: found[field.name] for field in FINDING_TYPE}
                flag(shard, found, alone or "low", finding)
    table = pa.Table.from_pylist([rows[key] for key in sorted(rows)], FLAGGED_SCHEMA)
    return table.sort_by([("source_uri", "ascending"), ("position", "ascending")])


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
