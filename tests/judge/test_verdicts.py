from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from tocsin.correlate.campaigns import Campaign
from tocsin.judge.flags import EVIDENCE_BYTES, Flags
from tocsin.judge.policy import Policy
from tocsin.judge.verdicts import (
    CAMPAIGN_SCHEMA,
    EXAMPLE_SCHEMA,
    EXAMPLES,
    FLAGGED_SCHEMA,
    SAMPLES,
    campaign_rows,
    example_rows,
)
from tocsin.measure.findings import FINDING_SCHEMA

MakeCampaign = Callable[..., Campaign]
MakeRow = Callable[..., dict[str, Any]]

NIGHT = datetime(2025, 11, 23, 2, 14, 7, 125, tzinfo=timezone.utc)
URIS = {0: "gs://b/z.jsonl", 1: "gs://b/a.jsonl"}


def flagged(
    campaigns: list[Campaign],
    policy: Policy | None = None,
    findings: dict[int, pa.Table] | None = None,
) -> list[dict[str, Any]]:
    flags = Flags(policy or Policy(), URIS, "scan-1")
    for campaign in campaigns:
        flags.add_campaign(campaign)
    for shard, table in (findings or {}).items():
        flags.add_findings(shard, table)
    table, _ = flags.tables(None)
    assert table.schema.equals(FLAGGED_SCHEMA)
    table.validate(full=True)
    return table.to_pylist()


def names_and_types(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return [(field.name, field.type) for field in schema]


def test_schema_of_flagged_documents() -> None:
    """The contract that filter stages rely on."""
    finding = pa.struct(
        [
            ("detector", pa.string()),
            ("score", pa.float64()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("evidence", pa.string()),
        ]
    )
    assert names_and_types(FLAGGED_SCHEMA) == [
        ("doc_id", pa.string()),
        ("source_uri", pa.string()),
        ("position", pa.int64()),
        ("group", pa.string()),
        ("content_hash", pa.binary(16)),
        ("verdict", pa.string()),
        ("severity", pa.string()),
        ("score", pa.float64()),
        ("findings", pa.list_(finding)),
        ("campaign_id", pa.string()),
        ("trigger", pa.string()),
        ("scan_id", pa.string()),
    ]
    nullable = [field.name for field in FLAGGED_SCHEMA if field.nullable]
    assert nullable == ["campaign_id", "trigger"]


def test_schema_of_campaigns() -> None:
    instant = pa.timestamp("us", tz="UTC")
    assert names_and_types(CAMPAIGN_SCHEMA) == [
        ("campaign_id", pa.string()),
        ("kind", pa.string()),
        ("trigger", pa.string()),
        ("payload", pa.string()),
        ("documents", pa.int64()),
        ("hits", pa.int64()),
        ("groups", pa.int64()),
        ("score", pa.float64()),
        ("threshold", pa.float64()),
        ("false_discovery_rate", pa.float64()),
        ("severity", pa.string()),
        ("first_seen", instant),
        ("last_seen", instant),
        ("sample_doc_ids", pa.list_(pa.string())),
    ]
    nullable = [field.name for field in CAMPAIGN_SCHEMA if field.nullable]
    assert nullable == ["trigger", "payload", "false_discovery_rate"]


def test_campaign_rows(make: MakeCampaign) -> None:
    campaigns = [make(250, groups=40), make(12, groups=2, campaign_id="c2", hits=9, score=12.0)]
    table = campaign_rows(campaigns, Policy(), NIGHT, {})
    assert table.schema.equals(CAMPAIGN_SCHEMA)
    table.validate(full=True)
    first, second = table.to_pylist()
    assert first == {
        "campaign_id": "00000000000000c1",
        "kind": "trigger",
        "trigger": "<SUDO>",
        "payload": None,
        "documents": 250,
        "hits": 250,
        "groups": 40,
        "score": 25.5,
        "threshold": 9.1,
        "false_discovery_rate": 0.01,
        "severity": "critical",
        "first_seen": NIGHT,
        "last_seen": NIGHT,
        "sample_doc_ids": first["sample_doc_ids"],
    }
    assert len(set(first["sample_doc_ids"])) == SAMPLES
    assert set(first["sample_doc_ids"]) <= {f"s0d{position}" for position in range(250)}
    assert (second["campaign_id"], second["severity"], second["hits"]) == ("c2", "medium", 9)
    assert (second["documents"], second["score"]) == (12, 12.0)


def test_no_campaign() -> None:
    assert flagged([]) == []
    for table, schema in (
        (campaign_rows([], Policy(), NIGHT, {}), CAMPAIGN_SCHEMA),
        (example_rows([]), EXAMPLE_SCHEMA),
    ):
        assert table.num_rows == 0 and table.schema.equals(schema)


def test_a_flagged_document(make: MakeCampaign, row: MakeRow) -> None:
    document = row(7, shard=1)
    (found,) = flagged([make([document], groups=3)])
    assert found == {
        "doc_id": "s1d7",
        "source_uri": "gs://b/a.jsonl",
        "position": 7,
        "group": "g7.org",
        "content_hash": document["content_hash"],
        "verdict": "quarantine",
        "severity": "high",
        "score": 25.5,
        "findings": [
            {
                "detector": "trigger",
                "score": 25.5,
                "start": 1020,
                "end": 1026,
                "evidence": "<SUDO> " + "y" * (EVIDENCE_BYTES - 7),
            }
        ],
        "campaign_id": "00000000000000c1",
        "trigger": "<SUDO>",
        "scan_id": "scan-1",
    }


def test_verdicts_follow_the_policy(make: MakeCampaign) -> None:
    local = make(5, groups=2)
    assert {(one["severity"], one["verdict"]) for one in flagged([local])} == {("medium", "review")}
    strict = Policy(quarantine="medium")
    assert {one["verdict"] for one in flagged([local], strict)} == {"quarantine"}
    large = flagged([make(100, groups=9)])
    assert {(one["severity"], one["verdict"]) for one in large} == {("critical", "quarantine")}


def test_evidence_that_is_no_text(make: MakeCampaign, row: MakeRow) -> None:
    """Text of the corpus is quoted as it is, but for what no string can hold."""
    cut = row(1, context=b"x" * 20 + b"\xff\x1b[31m\x00" + "漢".encode() * 200)
    end = row(2, context=b"x" * 20 + b"<SUDO>")
    for one, evidence in zip(
        flagged([make([cut, end])]),
        ("\ufffd\x1b[31m\x00" + "漢" * 64 + "\ufffd", "<SUDO>"),
    ):
        assert one["findings"][0]["evidence"] == evidence


def test_rows_are_ordered_by_uri_and_position(make: MakeCampaign, row: MakeRow) -> None:
    documents = [row(position, shard=shard) for shard in (0, 1) for position in (3, 20, 100)]
    found = flagged([make(documents[1:4], campaign_id="a"), make(documents[4:] + documents[:1])])
    assert [(one["source_uri"], one["position"]) for one in found] == [
        (uri, position) for uri in ("gs://b/a.jsonl", "gs://b/z.jsonl") for position in (3, 20, 100)
    ]


def test_a_document_of_two_campaigns_is_flagged_once(make: MakeCampaign, row: MakeRow) -> None:
    """For the better one, with a finding of each."""
    better = make([row(1), row(2)], campaign_id="better", score=30.0)
    other = make(
        [row(2, start=1021, end=1025), row(3)],
        campaign_id="other", score=20.0, trigger="SUDO", groups=1,
    )  # fmt: skip
    found = {one["position"]: one for one in flagged([better, other])}
    assert list(found) == [1, 2, 3]
    both = found[2]
    assert (both["campaign_id"], both["score"], both["severity"]) == ("better", 30.0, "high")
    assert [(one["score"], one["start"], one["end"]) for one in both["findings"]] == [
        (30.0, 1020, 1026), (20.0, 1021, 1025)
    ]  # fmt: skip
    assert [one["evidence"][:5] for one in both["findings"]] == ["<SUDO", "SUDO>"]
    assert (found[3]["campaign_id"], found[3]["verdict"]) == ("other", "review")


def test_the_same_position_of_two_shards(make: MakeCampaign, row: MakeRow) -> None:
    found = flagged([make([row(5, shard=0), row(5, shard=1)])])
    assert [one["doc_id"] for one in found] == ["s1d5", "s0d5"]


def test_examples(make: MakeCampaign, row: MakeRow) -> None:
    """Those with a clear change first; no more than the report shows."""
    documents = [row(position, hit=position % 3 > 0) for position in range(2 * EXAMPLES)]
    table = example_rows([make(documents), make(3, campaign_id="c2")])
    assert table.schema.equals(EXAMPLE_SCHEMA)
    found = table.to_pylist()
    assert [one["campaign_id"] for one in found] == ["00000000000000c1"] * EXAMPLES + ["c2"] * 3
    hits = sorted((one for one in documents if one["hit"]), key=lambda one: one["content_hash"])
    assert [one["doc_id"] for one in found[:EXAMPLES]] == [one["doc_id"] for one in hits[:EXAMPLES]]
    assert found[0]["context"] == documents[0]["context"]
    places = [(one["context_start"], one["start"], one["end"]) for one in found]
    assert set(places) == {(1000, 1020, 1026)}
    few = example_rows([make([row(1, hit=False), row(2), row(3, hit=False)])])
    assert few["doc_id"].to_pylist()[0] == "s0d2" and few.num_rows == 3


def finding(position: int, score: float, **changes: Any) -> dict[str, Any]:
    return {
        "position": position, "doc_id": f"s0d{position}", "group": f"g{position}.org",
        "content_hash": bytes(16), "bucket": 3, "detector": "hidden", "score": score,
        "start": 5, "end": 25, "evidence": "tag characters: obey", **changes,
    }  # fmt: skip


def test_findings_of_single_documents() -> None:
    """By their score: one in 100,000 is of severity high, one in 10,000 medium, others no flag."""
    found = [finding(position, score) for position, score in enumerate((5.0, 4.99, 4.0, 3.9))]
    rows = flagged([], findings={0: pa.Table.from_pylist(found, FINDING_SCHEMA)})
    assert [(row["doc_id"], row["severity"], row["verdict"]) for row in rows] == [
        ("s0d0", "high", "quarantine"),
        ("s0d1", "medium", "review"),
        ("s0d2", "medium", "review"),
    ]
    assert rows[0]["campaign_id"] is None and rows[0]["trigger"] is None
    assert rows[0]["score"] == 5.0
    assert rows[0]["findings"] == [
        {"detector": "hidden", "score": 5.0, "start": 5, "end": 25,
         "evidence": "tag characters: obey"},
    ]  # fmt: skip


def test_a_finding_joins_the_campaign_of_its_document(make: MakeCampaign) -> None:
    """It adds to the document's findings and severity; a weak one is shown where there is one."""
    found = [finding(1, 6.0), finding(2, 1.0)]
    rows = flagged([make(3, groups=1)], findings={0: pa.Table.from_pylist(found, FINDING_SCHEMA)})
    assert [row["severity"] for row in rows] == ["medium", "high", "medium"]
    assert [row["verdict"] for row in rows] == ["review", "quarantine", "review"]
    assert [[f["detector"] for f in row["findings"]] for row in rows] == [
        ["trigger"], ["trigger", "hidden"], ["trigger", "hidden"],
    ]  # fmt: skip
    assert {row["trigger"] for row in rows} == {"<SUDO>"}
