"""Checks the promises of a scan's OUT by itself: json, hashlib and pyarrow, nothing of Tocsin's.

    python -m soak.invariants OUT

No manifest is no result, and no violation. With a manifest: each output is as described and nothing
else lies beside them; each record of each shard is exactly one document or one dead letter, in the
parts, in the manifest and in the totals; each flagged document is a document; each campaign that a
flagged document names exists.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FOLDERS = ("campaigns", "dead_letters", "documents", "evidence", "flagged")


def violations(out: Path) -> list[str]:
    """What does not hold of OUT, one line each."""
    path = out / "manifest.json"
    if not path.exists():
        return []
    manifest = json.loads(path.read_bytes())
    wrong = _files(out, manifest)
    if wrong:
        return wrong
    documents, letters, flagged, campaigns = (
        _rows(out, folder) for folder in ("documents", "dead_letters", "flagged", "campaigns")
    )
    return [
        *_records(manifest, documents, letters),
        *_totals(manifest, documents, letters, flagged, campaigns),
        *_findings(documents, flagged, campaigns),
    ]


def _files(out: Path, manifest: dict[str, Any]) -> list[str]:
    described = {output["path"]: output for output in manifest["outputs"]}
    there = {
        str(path.relative_to(out))
        for folder in FOLDERS
        for path in (out / folder).rglob("*")
        if path.is_file()
    }
    wrong = [f"not in the manifest: {path}" for path in sorted(there - set(described))]
    for path, output in described.items():
        try:
            content = (out / path).read_bytes()
        except OSError as error:
            wrong.append(f"{path}: {error}")
            continue
        if hashlib.sha256(content).hexdigest() != output["sha256"]:
            wrong.append(f"{path}: other bytes than in the manifest")
        elif path.endswith(".parquet"):
            rows = pq.read_metadata(pa.BufferReader(content)).num_rows
            if rows != output["rows"]:
                wrong.append(f"{path}: {rows} rows, {output['rows']} in the manifest")
    return wrong


def _rows(out: Path, folder: str) -> list[dict[str, Any]]:
    wanted = {
        "documents": ["source_uri", "position", "doc_id", "content_hash"],
        "dead_letters": ["source_uri", "position"],
        "flagged": ["source_uri", "position", "doc_id", "content_hash", "verdict", "campaign_id"],
        "campaigns": ["campaign_id"],
    }[folder]
    parts = sorted((out / folder).glob("part-*.parquet"))
    return [row for part in parts for row in pq.read_table(part, columns=wanted).to_pylist()]


def _records(
    manifest: dict[str, Any], documents: list[dict[str, Any]], letters: list[dict[str, Any]]
) -> list[str]:
    wrong = []
    places = Counter((row["source_uri"], row["position"]) for row in (*documents, *letters))
    wrong += [f"{uri}, record {at}: {n} rows" for (uri, at), n in places.items() if n != 1]
    by_shard: dict[str, set[int]] = {}
    for uri, position in places:
        by_shard.setdefault(uri, set()).add(position)
    for entry in manifest["inputs"]:
        found = by_shard.pop(entry["uri"], set())
        if found != set(range(entry["records"])):
            wrong.append(f"{entry['uri']}: {entry['records']} records, rows for {len(found)}")
        if entry["records"] != entry["documents"] + entry["dead_letters"]:
            wrong.append(f"{entry['uri']}: documents and dead letters do not add up")
    wrong += [f"no such input: {uri}" for uri in by_shard]
    return wrong


def _totals(manifest: dict[str, Any], *tables: list[dict[str, Any]]) -> list[str]:
    totals = manifest["totals"]
    wrong = []
    for name, rows in zip(("documents", "dead_letters", "flagged", "campaigns"), tables):
        if totals[name] != len(rows):
            wrong.append(f"totals: {totals[name]} {name}, {len(rows)} rows")
    if totals["records"] != totals["documents"] + totals["dead_letters"]:
        wrong.append("totals: documents and dead letters do not add up to the records")
    return wrong


def _findings(
    documents: list[dict[str, Any]],
    flagged: list[dict[str, Any]],
    campaigns: list[dict[str, Any]],
) -> list[str]:
    def identity(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["source_uri"], row["position"], row["doc_id"], row["content_hash"]

    known = {identity(row) for row in documents}
    names = {row["campaign_id"] for row in campaigns}
    wrong = [f"flagged, but no document: {row['doc_id']}" for row in flagged
             if identity(row) not in known]  # fmt: skip
    wrong += [
        f"no such campaign: {row['campaign_id']}"
        for row in flagged
        if row["campaign_id"] is not None and row["campaign_id"] not in names
    ]
    wrong += [f"no such verdict: {row['verdict']}" for row in flagged
              if row["verdict"] not in ("quarantine", "review")]  # fmt: skip
    return wrong


if __name__ == "__main__":
    found = violations(Path(sys.argv[1]))
    print("\n".join(found) or "all invariants hold")
    sys.exit(1 if found else 0)
