"""What a scan found, before any policy: kept in `evidence/`, so that it can be judged again.

Whoever finds campaigns of a new kind gives `Campaign`s, and whoever finds something in single
documents gives rows of FINDING_SCHEMA: all else follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.correlate.campaigns import Campaign
from tocsin.correlate.sweep import OCCURRENCE_SCHEMA

FOUND_FILE = "evidence/campaigns.parquet"
FOUND_DOCUMENTS_FILE = "evidence/campaign_documents.parquet"
"""Files of OUT: the campaigns before any policy, and their documents."""

SEARCHED_FILE = "evidence/searched.parquet"
"""File of OUT: the strings of the block list that the scan has searched for in the texts."""

SEARCHED_SCHEMA = pa.schema([pa.field("string", pa.string(), nullable=False)])

FOUND_SCHEMA = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("trigger", pa.string()),
        pa.field("payload", pa.string()),
        pa.field("hits", pa.int64(), nullable=False),
        pa.field("occurrences", pa.int64(), nullable=False),
        pa.field("groups", pa.int64(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("threshold", pa.float64(), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("certain", pa.bool_(), nullable=False),
        pa.field("false_discovery_rate", pa.float64()),
        pa.field("first_seen", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)
"""One row a campaign, before any policy; the fields of `correlate.campaigns.Campaign`."""

_OF_DOCUMENT = (
    "shard", "position", "doc_id", "group", "content_hash", "start", "end", "hit", "context",
    "context_start",
)  # fmt: skip

FOUND_DOCUMENT_SCHEMA = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        *[OCCURRENCE_SCHEMA.field(name) for name in _OF_DOCUMENT],
    ]
)
"""One row a document of a campaign: where it is, the byte range (`start`, `end`) of the campaign's
string in its text, and the bytes around that, which begin at offset `context_start`."""


def searched_table(strings: Sequence[str]) -> dict[str, pa.Table]:
    """The strings searched for as a file of OUT; none if there are none."""
    if not strings:
        return {}
    return {SEARCHED_FILE: pa.table({"string": pa.array(strings)}, schema=SEARCHED_SCHEMA)}


@dataclass(frozen=True)
class Found:
    """What a scan found.

    `campaigns`: best score first; their `documents` need the columns of FOUND_DOCUMENT_SCHEMA but
    `campaign_id`. `findings`: what is suspicious about single documents, rows of FINDING_SCHEMA by
    number of the shard. `started`: when the scan began. `first_seen`: when an earlier scan first
    found a campaign, by its id; the others are new.
    """

    campaigns: list[Campaign]
    findings: dict[int, pa.Table]
    started: datetime
    first_seen: Mapping[str, datetime] = field(default_factory=dict)

    def tables(self) -> dict[str, pa.Table]:
        """The campaigns as files of OUT; the findings have theirs by shard."""
        rows = [
            {
                **{name: getattr(campaign, name) for name in FOUND_SCHEMA.names[:-1]},
                "first_seen": self.first_seen.get(campaign.campaign_id, self.started),
            }
            for campaign in self.campaigns
        ]
        documents = [FOUND_DOCUMENT_SCHEMA.empty_table()]
        for campaign in self.campaigns:
            ids = pa.array([campaign.campaign_id] * campaign.documents.num_rows, pa.string())
            table = campaign.documents.append_column(FOUND_DOCUMENT_SCHEMA.field(0), ids)
            documents.append(table.select(FOUND_DOCUMENT_SCHEMA.names))
        return {
            FOUND_FILE: pa.Table.from_pylist(rows, FOUND_SCHEMA),
            FOUND_DOCUMENTS_FILE: pa.concat_tables(documents),
        }

    @classmethod
    def of(
        cls,
        campaigns: pa.Table,
        documents: pa.Table,
        findings: dict[int, pa.Table],
        started: datetime,
    ) -> Found:
        """What `tables` was made of.

        Args:
          campaigns, documents: rows of FOUND_SCHEMA and of FOUND_DOCUMENT_SCHEMA.
        """
        found, first_seen = [], {}
        for row in campaigns.to_pylist():
            first_seen[row["campaign_id"]] = row.pop("first_seen")
            own = documents.filter(pc.equal(documents["campaign_id"], row["campaign_id"]))
            found.append(Campaign(**row, documents=own.drop_columns(["campaign_id"])))
        return cls(found, findings, started, first_seen)
