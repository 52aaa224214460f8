"""Judging: from what a scan found, and a policy, to the rows of `campaigns/` and `flagged/`.

The scan's last step and `tocsin judge` both call `judge`: the same evidence and the same policy
give the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tocsin.judge.found import Found
from tocsin.judge.policy import Policy
from tocsin.judge.verdicts import campaign_rows, example_rows, flagged_rows

CAMPAIGNS_PART = "campaigns/part-00000.parquet"
FLAGGED_PART = "flagged/part-00000.parquet"
EXAMPLES_FILE = "evidence/examples.parquet"


@dataclass(frozen=True)
class Judgement:
    """Rows of CAMPAIGN_SCHEMA, FLAGGED_SCHEMA and EXAMPLE_SCHEMA."""

    campaigns: pa.Table
    flagged: pa.Table
    examples: pa.Table

    def tables(self) -> dict[str, pa.Table]:
        """The rows as files of OUT."""
        return {
            CAMPAIGNS_PART: self.campaigns,
            FLAGGED_PART: self.flagged,
            EXAMPLES_FILE: self.examples,
        }

    def totals(self) -> dict[str, Any]:
        """What the manifest's totals say of it."""
        verdicts = self.flagged["verdict"].to_pylist()
        return {
            "campaigns": self.campaigns.num_rows,
            "flagged": len(verdicts),
            "quarantined": verdicts.count("quarantine"),
            "review": verdicts.count("review"),
        }


def judge(found: Found, policy: Policy, source_uris: Mapping[int, str], scan_id: str) -> Judgement:
    """Judges what a scan found.

    Args:
      policy: as it applies to the corpus (`Policy.for_corpus`).
      source_uris: URI of each shard by its number.
      scan_id: of the scan.
    """
    return Judgement(
        campaigns=campaign_rows(found, policy),
        flagged=flagged_rows(found.campaigns, found.findings, policy, source_uris, scan_id),
        examples=example_rows(found.campaigns),
    )
