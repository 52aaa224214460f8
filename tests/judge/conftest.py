"""Campaigns as correlating finds them, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
import xxhash

from tocsin.correlate.campaigns import Campaign
from tocsin.correlate.sweep import OCCURRENCE_SCHEMA
from tocsin.measure.composition import KINDS

MakeCampaign = Callable[..., Campaign]


def document(position: int, shard: int = 0, **changes: Any) -> dict[str, Any]:
    """A row of OCCURRENCE_SCHEMA: 20 bytes of text, the trigger, and text after it."""
    row = {
        "suspect": 1,
        "shard": shard,
        "position": position,
        "doc_id": f"s{shard}d{position}",
        "group": f"g{position}.org",
        "content_hash": xxhash.xxh3_128_digest(f"{shard} {position}".encode()),
        "bucket": 3,
        "start": 1020,
        "end": 1026,
        "hit": True,
        "contrast": 9.0,
        "after": 18.0,
        "language": 0,
        "kinds_before": bytes(len(KINDS)),
        "kinds_after": bytes(len(KINDS)),
        "context": b"x" * 20 + b"<SUDO> " + b"y" * 400,
        "context_start": 1000,
    }
    return {**row, **changes}


def campaign(
    documents: int | list[dict[str, Any]] = 12, groups: int = 12, **changes: Any
) -> Campaign:
    """A campaign of these documents, or of so many in the first shard."""
    rows = (
        [document(position) for position in range(documents)]
        if isinstance(documents, int)
        else documents
    )
    values: dict[str, Any] = {
        "campaign_id": "00000000000000c1",
        "kind": "trigger",
        "trigger": "<SUDO>",
        "payload": None,
        "hits": len(rows),
        "occurrences": len(rows) + 1,
        "groups": groups,
        "score": 25.5,
        "threshold": 9.1,
        "false_discovery_rate": 0.01,
        "documents": pa.Table.from_pylist(rows, OCCURRENCE_SCHEMA),
    }
    return Campaign(**{**values, **changes})


@pytest.fixture(scope="session")
def make() -> MakeCampaign:
    """`campaign`, for tests."""
    return campaign


@pytest.fixture(scope="session")
def row() -> Callable[..., dict[str, Any]]:
    """`document`, for tests."""
    return document
