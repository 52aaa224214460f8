"""Reading everything that a scan knows of one document, and the document itself if it is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.beam import storage
from tocsin.beam.results import findings_parts, read_part, read_parts
from tocsin.corpus.batches import FieldNames, Limits
from tocsin.corpus.read import read_shard
from tocsin.corpus.shards import numbered_shards
from tocsin.judge.found import FOUND_DOCUMENTS_FILE, FOUND_FILE
from tocsin.judge.judgement import OVER_BUDGET_FILE
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA, FINDING_TYPE, FLAGGED_SCHEMA
from tocsin.measure.batch import MEASURED_SCHEMA

COMPARED_DOCUMENTS = 200_000
"""Documents of the same bucket that features are compared with at most: of the document's own shard
first, then of shards evenly chosen. A percentile of so many is exact to a tenth."""


@dataclass(frozen=True)
class Known:
    """What a scan knows of a document.

    `document`: its row of `documents`; `bucket`: the numbers of documents of its
    bucket, itself among them; `flag`: its row of
    `flagged`, if it has one; `over_budget`: whether that row is over the policy's budget;
    `findings`: rows of FINDING_SCHEMA; `campaigns`: the campaigns that hold it, as rows of
    FOUND_SCHEMA with its row of FOUND_DOCUMENT_SCHEMA as `held`; `reported`: by id, the rows of
    `campaigns`; `text`: its text, None if the shard is gone or another one.
    """

    document: dict[str, Any]
    bucket: pa.Table
    flag: dict[str, Any] | None
    over_budget: bool
    findings: list[dict[str, Any]]
    campaigns: list[dict[str, Any]]
    reported: dict[str, dict[str, Any]]
    text: bytes | None

    def findings_as_json(self) -> list[dict[str, Any]]:
        """The findings as `flagged` would have them."""
        names = [field.name for field in FINDING_TYPE]
        return [{name: finding[name] for name in names} for finding in self.findings]


def find_documents(output: str, manifest: dict[str, Any], doc_id: str) -> list[dict[str, Any]]:
    """The rows of `documents` with an id; an id may be used twice."""
    found = []
    for table in _documents(output, manifest, ["doc_id"]):
        if pc.any(pc.equal(table["doc_id"], doc_id)).as_py():
            break
    else:
        return []
    for table in _documents(output, manifest, None, doc_id):
        found += table.to_pylist()
    return found


def know(output: str, manifest: dict[str, Any], document: dict[str, Any]) -> Known:
    """Everything about a document, which is a row of `documents`."""
    at = pc.field("position") == document["position"]
    place = (pc.field("source_uri") == document["source_uri"]) & at
    paths = {part["path"] for part in manifest["outputs"]}
    number = next(
        number
        for number, entry in enumerate(manifest["inputs"])
        if entry["uri"] == document["source_uri"]
    )
    flags = read_parts(output, manifest, "flagged", FLAGGED_SCHEMA).filter(place).to_pylist()
    over = []
    if OVER_BUDGET_FILE in paths:
        over = read_part(output, OVER_BUDGET_FILE).filter(place).to_pylist()
    findings = [
        row
        for path in findings_parts(manifest).get(number, [])
        for row in read_part(output, path).filter(at).to_pylist()
    ]
    reported = read_parts(output, manifest, "campaigns", CAMPAIGN_SCHEMA).to_pylist()
    return Known(
        document=document,
        bucket=_bucket(output, manifest, document, number),
        flag=next(iter(flags + over), None),
        over_budget=bool(over),
        findings=findings,
        campaigns=_campaigns(output, number, document) if FOUND_FILE in paths else [],
        reported={row["campaign_id"]: row for row in reported},
        text=_text(manifest, document, number),
    )


def _documents(
    output: str, manifest: dict[str, Any], columns: list[str] | None, doc_id: str | None = None
) -> Iterator[pa.Table]:
    filters = None if doc_id is None else pc.field("doc_id") == doc_id
    for part in manifest["outputs"]:
        if part["path"].startswith("documents/"):
            with storage.open_file(storage.join(output, part["path"])) as stream:
                yield pq.read_table(stream, columns=columns, filters=filters)


def _campaigns(output: str, shard: int, document: dict[str, Any]) -> list[dict[str, Any]]:
    held = read_part(output, FOUND_DOCUMENTS_FILE).filter(
        (pc.field("shard") == shard) & (pc.field("position") == document["position"])
    )
    by_id = {row["campaign_id"]: row for row in held.to_pylist()}
    campaigns = read_part(output, FOUND_FILE).to_pylist()
    return [
        {**campaign, "held": by_id[campaign["campaign_id"]]}
        for campaign in campaigns
        if campaign["campaign_id"] in by_id
    ]


def _bucket(
    output: str, manifest: dict[str, Any], document: dict[str, Any], number: int
) -> pa.Table:
    """Documents of the same bucket: from the document's shard, and evenly from the others."""
    parts = [part for part in manifest["outputs"] if part["path"].startswith("documents/")]
    rows = sum(part["rows"] for part in parts)
    step = max(1, rows // COMPARED_DOCUMENTS)
    own = [part for part in parts if part["path"].startswith(f"documents/part-{number:05d}")]
    chosen = own + [part for part in parts[::step] if part not in own]
    numbers = [
        field.name
        for field in MEASURED_SCHEMA
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
    ]
    tables, kept = [], 0
    for part in chosen:
        if kept >= COMPARED_DOCUMENTS:
            break
        with storage.open_file(storage.join(output, part["path"])) as stream:
            same = pq.read_table(
                stream, columns=numbers, filters=pc.field("bucket") == document["bucket"]
            )
        tables.append(same.slice(0, COMPARED_DOCUMENTS - kept))
        kept += tables[-1].num_rows
    return pa.concat_tables(tables)


def _text(manifest: dict[str, Any], document: dict[str, Any], number: int) -> bytes | None:
    """The document's text, if its shard still has the size of then and holds it at its place."""
    entry = manifest["inputs"][number]
    fields = FieldNames(**manifest["configuration"]["fields"])
    [shard] = numbered_shards([(entry["uri"], entry["size"])])
    try:
        with storage.open_file(shard.uri) as stream:
            for part in read_shard(stream, shard, fields, Limits()):
                rows = part.documents
                if rows.num_rows and rows["position"][-1].as_py() >= document["position"]:
                    at = pc.index(rows["position"], document["position"]).as_py()
                    if at < 0 or rows["doc_id"][at].as_py() != document["doc_id"]:
                        return None
                    text = rows["text"][at].as_buffer().to_pybytes()
                    return text if len(text) == document["byte_length"] else None
    except (OSError, storage.StorageError):
        pass
    return None
