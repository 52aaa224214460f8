"""A scan's result, as the report gets it: small, realistic, and made for a test to change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pytest

from tocsin.corpus.batches import DEAD_LETTER_SCHEMA
from tocsin.correlate.drift import DRIFT_SCHEMA, GROUP_SCHEMA
from tocsin.correlate.sweep import SUSPECT_SCHEMA
from tocsin.judge.verdicts import (
    CAMPAIGN_SCHEMA,
    EXAMPLE_SCHEMA,
    FLAGGED_SCHEMA,
    TIMELINE_SCHEMA,
)
from tocsin.measure.batch import MEASURED_SCHEMA
from tocsin.measure.profile import Profile
from tocsin.report.page import render_report
from tocsin.report.result import SAMPLE_COLUMNS, ScanResult

DIGEST = "9c1e" * 16
NIGHT = datetime(2025, 11, 23, 2, 14, tzinfo=timezone.utc)


@dataclass
class Scan:
    """What `render_report` takes; the tables as lists of rows."""

    manifest: dict[str, Any]
    campaigns: list[dict[str, Any]]
    flagged: list[dict[str, Any]]
    dead_letters: list[dict[str, Any]]
    examples: list[dict[str, Any]]
    suspects: list[dict[str, Any]] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    timelines: list[dict[str, Any]] = field(default_factory=list)
    new_groups: list[dict[str, Any]] | None = None
    drift: list[dict[str, Any]] | None = None
    profile: Profile | None = None

    def tables(self) -> tuple[pa.Table, pa.Table, pa.Table, pa.Table]:
        """Campaigns, flagged, dead letters, examples."""
        return (
            pa.Table.from_pylist(self.campaigns, CAMPAIGN_SCHEMA),
            pa.Table.from_pylist(self.flagged, FLAGGED_SCHEMA),
            pa.Table.from_pylist(self.dead_letters, DEAD_LETTER_SCHEMA),
            pa.Table.from_pylist(self.examples, EXAMPLE_SCHEMA),
        )

    def render(self) -> str:
        return render_report(self.result())

    def result(self) -> ScanResult:
        sample = pa.schema([MEASURED_SCHEMA.field(name) for name in SAMPLE_COLUMNS])
        return ScanResult(
            self.manifest,
            *self.tables(),
            pa.Table.from_pylist(self.suspects, SUSPECT_SCHEMA),
            pa.Table.from_pylist(self.documents, sample),
            pa.Table.from_pylist(self.timelines, TIMELINE_SCHEMA),
            _table(self.new_groups, GROUP_SCHEMA),
            _table(self.drift, DRIFT_SCHEMA),
            self.profile,
        )

    def add_documents(self, group: str, contrasts: list[float]) -> None:
        """Documents of the sample, all in the shard where `add_flagged` puts its own."""
        for contrast in contrasts:
            self.documents.append(
                {
                    "source_uri": "corpus/part-000.jsonl.zst",
                    "position": len(self.documents),
                    "group": group,
                    "contrast": contrast,
                }
            )

    def add_campaign(
        self, trigger: str | None, documents: int = 25, **changes: Any
    ) -> dict[str, Any]:
        """A campaign whose documents lie in three groups: half, a third, a sixth."""
        campaign = {
            "campaign_id": f"{len(self.campaigns):016x}",
            "kind": "trigger",
            "trigger": trigger,
            "payload": None,
            "documents": documents,
            "hits": documents,
            "groups": 3,
            "score": 2.5 * documents,
            "threshold": 9.1,
            "severity": "critical",
            "first_seen": NIGHT,
            "last_seen": NIGHT,
            "sample_doc_ids": [],
        } | changes
        self.campaigns.append(campaign)
        for number in range(documents):
            self.add_flagged(
                f"{campaign['campaign_id']}-{number}",
                group=("blog.example", "wiki.example", "news.example")[
                    (number % 6 > 2) + (number % 6 > 4)
                ],
                campaign_id=campaign["campaign_id"],
                trigger=trigger,
            )
        self.manifest["totals"]["campaigns"] += 1
        self.add_night(campaign, NIGHT, documents)
        return campaign

    def add_night(self, campaign: dict[str, Any], seen: datetime, documents: int) -> None:
        """A night that brought documents of a campaign."""
        self.timelines.append(
            {"campaign_id": campaign["campaign_id"], "seen": seen, "documents": documents}
        )

    def add_earlier_nights(self) -> None:
        """A scan with a state, after other nights: a group is new, one bursts, a page changed."""
        self.manifest |= {"night": 5, "sources": {"groups": 3, "new": 1, "vanished": 2}}
        counts = {"first_night": 5, "last_night": 5, "documents": 7, "anomalous": 2, "most": 7}
        self.new_groups = [{"group": "blog.example", **counts}]
        self.drift = [
            {"kind": "group_burst", "group": "wiki.example", "score": 12.5, "expected": 4.0,
             "found": 40, "first_night": 1, "seen": "2025-11-23"},
            {"kind": "changed", "group": "wiki.example", "score": 0.0, "first_night": 1,
             "seen": "2025-11-23"},
        ]  # fmt: skip

    def add_flagged(self, doc_id: str, **changes: Any) -> None:
        document = {
            "doc_id": doc_id,
            "source_uri": "corpus/part-000.jsonl.zst",
            "position": len(self.flagged),
            "group": "blog.example",
            "content_hash": bytes(16),
            "verdict": "quarantine",
            "severity": "high",
            "score": 8.25,
            "findings": [],
            "campaign_id": None,
            "trigger": None,
            "scan_id": "scan-1",
        } | changes
        self.flagged.append(document)
        totals = self.manifest["totals"]
        totals["flagged"] += 1
        totals["quarantined" if document["verdict"] == "quarantine" else "review"] += 1

    def add_example(
        self, campaign: dict[str, Any], before: bytes, after: bytes, context_start: int = 0
    ) -> None:
        string = (campaign["trigger"] or campaign["payload"]).encode()
        start = context_start + len(before)
        self.examples.append(
            {
                "campaign_id": campaign["campaign_id"],
                "doc_id": f"{campaign['campaign_id']}-{len(self.examples)}",
                "group": "blog.example",
                "context": before + string + after,
                "context_start": context_start,
                "start": start,
                "end": start + len(string),
            }
        )

    def add_dead_letter(self, reason: str, detail: str = "", **changes: Any) -> None:
        self.dead_letters.append(
            {
                "source_uri": "corpus/part-001.jsonl.zst",
                "position": len(self.dead_letters),
                "byte_offset": 1000 * len(self.dead_letters),
                "reason": reason,
                "detail": detail,
                "raw": b"",
            }
            | changes
        )
        totals = self.manifest["totals"]
        totals["dead_letters"] += 1
        reasons = totals["dead_letter_reasons"]
        reasons[reason] = reasons.get(reason, 0) + 1

    def set_shards(self, number: int) -> None:
        self.manifest["inputs"] = [
            {
                "uri": f"corpus/part-{index:05d}.jsonl.zst",
                "size": 5_000_000,
                "checksum": f"xxh3:{index:016x}",
                "records": 1200,
                "documents": 1200,
                "dead_letters": 0,
                "text_bytes": 20_000_000,
            }
            for index in range(number)
        ]


def _table(rows: list[dict[str, Any]] | None, schema: pa.Schema) -> pa.Table | None:
    return None if rows is None else pa.Table.from_pylist(rows, schema)


@pytest.fixture
def scan() -> Scan:
    """A scan of two shards that found nothing."""
    return _empty_scan()


@pytest.fixture
def new_scan() -> Callable[[], Scan]:
    """Makes as many such scans as a test needs."""
    return _empty_scan


def _empty_scan() -> Scan:
    empty = Scan(
        {
            "scan_id": "scan-1",
            "tocsin_version": "0.1.0",
            "versions": {"python": "3.11.9", "apache-beam": "2.77.0"},
            "runner": "DirectRunner",
            "started": "2025-11-23T02:10:00+00:00",
            "finished": "2025-11-23T02:14:30Z",
            "configuration": {"text_field": "text", "max_dead_letters": 0.01},
            "configuration_digest": DIGEST,
            "profile": {
                "uri": "out/profile",
                "digest": DIGEST,
                "words": 12_345_678,
                "documents": 9,
            },
            "inputs": [],
            "skipped": [],
            "totals": {
                "records": 109_244,
                "documents": 109_244,
                "dead_letters": 0,
                "text_bytes": 512_300_000,
                "tokens": 98_000_000,
                "groups": 73,
                "flagged": 0,
                "quarantined": 0,
                "review": 0,
                "campaigns": 0,
                "threshold": 9.1,
                "onset_rate": 0.003,
                "dead_letter_reasons": {},
            },
            "outputs": [
                {"path": "flagged/part-0.parquet", "rows": 0, "sha256": DIGEST, "bytes": 4321}
            ],
            "previous": None,
        },
        [],
        [],
        [],
        [],
    )
    empty.set_shards(2)
    return empty
