"""What a test asks of OUT."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FOLDERS = ("campaigns", "dead_letters", "documents", "evidence", "flagged")

WHEN = ("first_seen", "last_seen")
"""Columns that tell when a scan ran."""

INPUT = ("source_uri", "scan_id", *WHEN)
"""Columns that name the input as well."""

PLACES = (*INPUT, "position")
"""Columns that tell where in the input a document stands as well."""


def manifest_of(out: Path) -> dict[str, Any]:
    """The manifest, which has to be there."""
    return json.loads((out / "manifest.json").read_bytes())


def table(out: Path, folder: str) -> pa.Table:
    """All parts of a folder, as a reader who knows nothing of manifests finds them."""
    return pa.concat_tables(pq.read_table(part) for part in sorted((out / folder).glob("part-*")))


def rows(out: Path, folder: str, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The rows of a folder, less some columns, in an order of their own content."""
    kept = [
        {name: value for name, value in row.items() if name not in without}
        for row in table(out, folder).to_pylist()
    ]
    return sorted(kept, key=lambda row: (str(row.get("doc_id", row.get("campaign_id"))), str(row)))


def findings(out: Path, without: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    """What a scan is for: the rows of `flagged` and `campaigns`."""
    return {folder: rows(out, folder, without) for folder in ("flagged", "campaigns")}


def verify(out: Path) -> None:
    """Checks that OUT holds every output of its manifest as described there, and no more."""
    described = {output["path"]: output for output in manifest_of(out)["outputs"]}
    files = {str(path.relative_to(out)) for folder in FOLDERS for path in files_below(out / folder)}
    assert files == set(described)
    for path, output in described.items():
        content = (out / path).read_bytes()
        assert len(content) == output["bytes"], path
        assert hashlib.sha256(content).hexdigest() == output["sha256"], path
        assert pq.read_metadata(out / path).num_rows == output["rows"], path


def files_below(folder: Path) -> list[Path]:
    """All files in a folder, at any depth, hidden ones among them."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir())
