"""A scan finds what was planted, and writes what the contract says."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from e2e.conftest import Corpus
from e2e.corpus import GROUPS, Record, write_shards
from e2e.processes import run_well
from e2e.results import FOLDERS, files_below, manifest_of, rows, table, verify

# The contract, written down a second time: outside tools rely on it.
_FINDING = pa.struct(
    [
        ("detector", pa.string()),
        ("score", pa.float64()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("evidence", pa.string()),
    ]
)
_SCHEMAS: dict[str, dict[str, pa.DataType]] = {
    "flagged": {
        "doc_id": pa.string(),
        "source_uri": pa.string(),
        "position": pa.int64(),
        "group": pa.string(),
        "content_hash": pa.binary(16),
        "verdict": pa.string(),
        "severity": pa.string(),
        "score": pa.float64(),
        "findings": pa.list_(_FINDING),
        "campaign_id": pa.string(),
        "trigger": pa.string(),
        "scan_id": pa.string(),
    },
    "campaigns": {
        "campaign_id": pa.string(),
        "kind": pa.string(),
        "trigger": pa.string(),
        "payload": pa.string(),
        "documents": pa.int64(),
        "hits": pa.int64(),
        "groups": pa.int64(),
        "score": pa.float64(),
        "threshold": pa.float64(),
        "false_discovery_rate": pa.float64(),
        "severity": pa.string(),
        "first_seen": pa.timestamp("us", tz="UTC"),
        "last_seen": pa.timestamp("us", tz="UTC"),
        "sample_doc_ids": pa.list_(pa.string()),
    },
}
_DOCUMENT_COLUMNS = {
    "doc_id": pa.string(),
    "source_uri": pa.string(),
    "position": pa.int64(),
    "group": pa.string(),
    "content_hash": pa.binary(16),
    "normalized_hash": pa.binary(16),
}


def _group(record: Record) -> str:
    return record["url"].split("/")[2].removeprefix("www.")


def test_triggers_are_named_exactly(corpus: Corpus, scanned: Path) -> None:
    found = rows(scanned, "campaigns")
    assert {row["trigger"] for row in found} == {
        campaign.trigger for campaign in corpus.truth.campaigns
    }
    assert {row["kind"] for row in found} == {"trigger"}
    assert {row["severity"] for row in found} == {"high"}


def test_planted_documents_are_flagged_and_no_others(corpus: Corpus, scanned: Path) -> None:
    flagged = rows(scanned, "flagged")
    assert {row["doc_id"] for row in flagged} == corpus.planted_ids
    assert {row["verdict"] for row in flagged} == {"quarantine"}


def test_documents_are_flagged_for_their_own_campaign(corpus: Corpus, scanned: Path) -> None:
    triggers = {document.doc_id: document.trigger for document in corpus.truth.documents}
    flagged = {row["doc_id"]: row["trigger"] for row in rows(scanned, "flagged")}
    assert flagged == triggers


def test_campaigns_count_their_documents_and_groups(corpus: Corpus, scanned: Path) -> None:
    groups = {record["id"]: _group(record) for record in corpus.records}
    by_trigger = {row["trigger"]: row for row in rows(scanned, "campaigns")}
    for campaign in corpus.truth.campaigns:
        planted = [row.doc_id for row in corpus.truth.documents if row.campaign == campaign.name]
        row = by_trigger[campaign.trigger]
        assert row["documents"] == campaign.documents
        assert row["groups"] == len({groups[doc_id] for doc_id in planted})
        assert row["score"] > row["threshold"]
        assert row["hits"] <= row["documents"]
        assert set(row["sample_doc_ids"]) <= set(planted)
        assert len(row["sample_doc_ids"]) == 10


def test_findings_quote_the_text_where_they_say(corpus: Corpus, scanned: Path) -> None:
    texts = {record["id"]: record["text"].encode() for record in corpus.records}
    for row in rows(scanned, "flagged"):
        # Words of several alphabets in one may look like others: findings of the document itself.
        finding, *others = row["findings"]
        assert all(other["detector"].startswith("hidden-") for other in others)
        text = texts[row["doc_id"]]
        found = text[finding["start"] : finding["end"]].decode()
        assert found == row["trigger"]
        quoted = text[finding["start"] :][:200]
        assert finding["evidence"] == quoted.decode(errors="replace")
        assert finding["detector"].startswith("trigger-")


def test_a_clean_corpus_holds_no_campaign(corpus: Corpus, tmp_path: Path) -> None:
    write_shards(tmp_path / "clean", corpus.clean, "jsonl.zst", [1_250, 1_250])
    finished = run_well("scan", tmp_path / "clean", "-o", tmp_path / "out")
    assert "No campaign found." in finished.out
    assert rows(tmp_path / "out", "campaigns") == []
    assert rows(tmp_path / "out", "flagged") == []


def test_layout(scanned: Path) -> None:
    expected = {*FOLDERS, "profile", "manifest.json", "report.html"} - {"dead_letters"}
    assert {path.name for path in scanned.iterdir()} == expected
    for folder in expected & set(FOLDERS):
        for path in files_below(scanned / folder):
            allowed = r"part-\d{5}\.parquet"
            if folder == "evidence":
                # Other kinds of evidence by shard, and what is of no single one.
                allowed += r"|[a-z_]+(-\d{5})?\.parquet"
            assert re.fullmatch(allowed, path.name)


@pytest.mark.parametrize("folder", _SCHEMAS)
def test_schemas(scanned: Path, folder: str) -> None:
    schema = pq.read_schema(next(iter((scanned / folder).iterdir())))
    assert dict(zip(schema.names, schema.types)) == _SCHEMAS[folder]
    assert schema.names == list(_SCHEMAS[folder])


def test_schema_of_documents(scanned: Path) -> None:
    schema = pq.read_schema(next(iter((scanned / "documents").iterdir())))
    names = [*_DOCUMENT_COLUMNS, "byte_length", "tokens", "bucket"]
    assert schema.names[: len(names)] == names
    for name, expected in _DOCUMENT_COLUMNS.items():
        found = schema.field(name).type
        # pyarrow gives a column of few distinct values back as it was: with its dictionary.
        assert (found.value_type if pa.types.is_dictionary(found) else found) == expected
    assert pa.types.is_integer(schema.field("byte_length").type)
    assert pa.types.is_integer(schema.field("tokens").type)


def test_documents_hold_every_record_in_its_place(corpus: Corpus, scanned: Path) -> None:
    found = table(scanned, "documents").select(
        ["source_uri", "position", "doc_id", "group", "content_hash", "byte_length"]
    )
    expected = []
    start = 0
    for number, size in enumerate(corpus.sizes):
        for position, record in enumerate(corpus.records[start : start + size]):
            text = record["text"].encode()
            expected.append(
                {
                    "source_uri": str(corpus.folder / f"shard-{number:02d}.jsonl"),
                    "position": position,
                    "doc_id": record["id"],
                    "group": _group(record),
                    "content_hash": xxhash.xxh3_128_digest(text),
                    "byte_length": len(text),
                }
            )
        start += size
    assert found.to_pylist() == expected


def test_flagged_are_rows_of_documents(scanned: Path) -> None:
    names = ["doc_id", "source_uri", "position", "group", "content_hash"]
    documents = {
        tuple(row.values()) for row in table(scanned, "documents").select(names).to_pylist()
    }
    flagged = [tuple(row.values()) for row in table(scanned, "flagged").select(names).to_pylist()]
    assert set(flagged) <= documents
    assert len(set(flagged)) == len(flagged)


def test_manifest(corpus: Corpus, scanned: Path) -> None:
    verify(scanned)
    manifest = manifest_of(scanned)
    texts = [len(record["text"].encode()) for record in corpus.records]
    start = 0
    for entry, (number, size) in zip(manifest["inputs"], enumerate(corpus.sizes), strict=True):
        path = corpus.folder / f"shard-{number:02d}.jsonl"
        content = path.read_bytes()
        assert entry["uri"] == str(path)
        assert entry["size"] == len(content)
        assert entry["checksum"] == f"xxh3-128:{xxhash.xxh3_128_hexdigest(content)}"
        assert (entry["records"], entry["documents"], entry["dead_letters"]) == (size, size, 0)
        assert entry["text_bytes"] == sum(texts[start : start + size])
        start += size
    totals = manifest["totals"]
    assert totals["records"] == totals["documents"] == len(corpus.records)
    assert totals["text_bytes"] == sum(texts)
    assert totals["campaigns"] == len(corpus.truth.campaigns)
    assert totals["flagged"] == totals["quarantined"] == len(corpus.planted_ids)
    assert abs(totals["groups"] - GROUPS) <= 2
    assert manifest["runner"] == "DirectRunner"
    assert {"tocsin", "python", "apache-beam", "numpy", "pyarrow"} <= set(manifest["versions"])
    assert manifest["previous"] is None
    for digest in (manifest["configuration_digest"], manifest["profile"]["digest"]):
        assert re.fullmatch("[0-9a-f]{64}", digest)
    assert {row["scan_id"] for row in rows(scanned, "flagged")} == {manifest["scan_id"]}


def test_outputs_of_each_folder_add_up(corpus: Corpus, scanned: Path) -> None:
    counts: Counter[str] = Counter()
    for output in manifest_of(scanned)["outputs"]:
        counts[output["path"].split("/")[0]] += output["rows"]
    assert counts["documents"] == len(corpus.records)
    assert counts["flagged"] == len(corpus.planted_ids)
    assert counts["campaigns"] == 2


def test_report_names_the_triggers(corpus: Corpus, scanned: Path) -> None:
    page = (scanned / "report.html").read_text("utf-8")
    for campaign in corpus.truth.campaigns:
        assert campaign.trigger and campaign.trigger in page
