"""What the report is made of: the parts of OUT that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tocsin.measure.profile import Profile

SAMPLE_COLUMNS = ("source_uri", "position", "group", "contrast")
"""Columns of `documents/` that the report reads."""


@dataclass(frozen=True)
class ScanResult:
    """The result of a scan.

    Attributes:
        manifest: the scan's manifest.
        campaigns, flagged, dead_letters: tables with the schemas of the contract.
        examples: rows of EXAMPLE_SCHEMA: texts around the campaigns' strings.
        suspects: rows of SUSPECT_SCHEMA: the strings that were tested.
        documents: SAMPLE_COLUMNS of all documents of some shards.
        timelines: rows of TIMELINE_SCHEMA: when the campaigns' documents came.
        new_groups: rows of GROUP_SCHEMA: groups that no night before had; None if there is no
            night before.
        drift: rows of DRIFT_SCHEMA; None without a state.
        profile: that of the scan, for the surprisal of examples; None if it is gone.
    """

    manifest: Mapping[str, Any]
    campaigns: pa.Table
    flagged: pa.Table
    dead_letters: pa.Table
    examples: pa.Table
    suspects: pa.Table
    documents: pa.Table
    timelines: pa.Table
    new_groups: pa.Table | None
    drift: pa.Table | None
    profile: Profile | None
