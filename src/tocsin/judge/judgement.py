"""Judging: from what a scan found, and a policy, to the rows of `campaigns/` and `flagged/`.

The scan's last step and `tocsin judge` both call `judge`: the same evidence and the same policy
give the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from tocsin.judge.flags import Flags
from tocsin.judge.found import Found
from tocsin.judge.policy import Policy
from tocsin.judge.verdicts import campaign_rows, example_rows, timeline_rows

CAMPAIGNS_PART = "campaigns/part-00000.parquet"
FLAGGED_PART = "flagged/part-00000.parquet"
EXAMPLES_FILE = "evidence/examples.parquet"
TIMELINES_FILE = "evidence/timelines.parquet"
OVER_BUDGET_FILE = "evidence/over_budget.parquet"

IDENTITY_COLUMNS = ("doc_id", "source_uri", "position", "group", "content_hash")

ReadIdentities = Callable[[], Iterable[pa.Table]]
"""IDENTITY_COLUMNS of all rows of `documents/`; called only if a list names documents."""


@dataclass(frozen=True)
class Scanned:
    """What judging needs to know of a scan. `documents`: how many it has read; `groups`: about how
    many; `source_uris`: URI of each shard by its number; `dates`: when shards of earlier nights
    were read, by number."""

    scan_id: str
    documents: int
    groups: int
    source_uris: Mapping[int, str]
    identities: ReadIdentities
    dates: Mapping[int, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """Rows of CAMPAIGN_SCHEMA, FLAGGED_SCHEMA (twice), EXAMPLE_SCHEMA and TIMELINE_SCHEMA.
    `over_budget`: documents that would be flagged if the policy's budget allowed more; `allowed`:
    number of documents that the policy lets pass; `set_aside`: campaigns that flag nothing by the
    policy, and why."""

    campaigns: pa.Table
    flagged: pa.Table
    over_budget: pa.Table
    examples: pa.Table
    timelines: pa.Table
    allowed: int
    set_aside: list[dict[str, Any]]

    def tables(self) -> dict[str, pa.Table]:
        """The rows as files of OUT."""
        return {
            CAMPAIGNS_PART: self.campaigns,
            FLAGGED_PART: self.flagged,
            EXAMPLES_FILE: self.examples,
            TIMELINES_FILE: self.timelines,
            OVER_BUDGET_FILE: self.over_budget,
        }

    def totals(self) -> dict[str, Any]:
        """What the manifest's totals say of it."""
        verdicts = self.flagged["verdict"].to_pylist()
        return {
            "campaigns": self.campaigns.num_rows,
            "flagged": len(verdicts),
            "quarantined": verdicts.count("quarantine"),
            "review": verdicts.count("review"),
            "over_budget": self.over_budget.num_rows,
            "allowed": self.allowed,
        }


def judge(found: Found, policy: Policy, scanned: Scanned) -> Judgement:
    """Judges what a scan found."""
    policy = policy.for_corpus(scanned.groups)
    flags = Flags(policy, scanned.source_uris, scanned.scan_id)
    accepted, set_aside = [], []
    for campaign in found.campaigns:
        reason = policy.set_aside(campaign)
        if reason is None and not flags.add_campaign(campaign):
            reason = "all its documents are allowed"
        if reason is None:
            accepted.append(campaign)
        else:
            set_aside.append(
                {
                    "campaign_id": campaign.campaign_id,
                    "kind": campaign.kind,
                    "trigger": campaign.trigger,
                    "payload": campaign.payload,
                    "documents": campaign.documents.num_rows,
                    "score": campaign.score,
                    "reason": reason,
                }
            )
    for shard, findings in found.findings.items():
        flags.add_findings(shard, findings)
    if policy.block.names_documents():
        for table in scanned.identities():
            flags.add_listed(table.filter(policy.block.documents(table)))
    flagged, over_budget = flags.tables(policy.budget(scanned.documents))
    return Judgement(
        campaigns=campaign_rows(accepted, policy, found.started, found.first_seen),
        flagged=flagged,
        over_budget=over_budget,
        examples=example_rows(accepted),
        timelines=timeline_rows(accepted, found.started, scanned.dates),
        allowed=flags.allowed,
        set_aside=set_aside,
    )
