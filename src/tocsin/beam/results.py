"""Reading what a scan has written."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.beam import storage
from tocsin.corpus.batches import DEAD_LETTER_SCHEMA
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA, FLAGGED_SCHEMA
from tocsin.ledger.manifest import MANIFEST_FILE, decode
from tocsin.report.page import render_report

EXAMPLES_FILE = "evidence/examples.parquet"
SUSPECTS_FILE = "evidence/suspects.parquet"
REPORT_FILE = "report.html"

SHOWN_DEAD_LETTERS = 1000
"""Dead letters that are read for the report; their number is in the manifest."""


def read_manifest(output: str) -> dict[str, Any] | None:
    """The manifest in OUT, or None if there is none.

    Raises:
      ManifestError: if it is damaged.
    """
    uri = storage.join(output, MANIFEST_FILE)
    return decode(storage.read(uri)) if storage.exists(uri) else None


def read_part(output: str, path: str) -> pa.Table:
    """One Parquet file of OUT."""
    with storage.open_file(storage.join(output, path)) as stream:
        return pq.read_table(stream)


def read_parts(output: str, manifest: dict[str, Any], folder: str, schema: pa.Schema) -> pa.Table:
    """All parts of a folder of OUT that the manifest names, as one table."""
    paths = [part["path"] for part in manifest["outputs"] if part["path"].startswith(f"{folder}/")]
    return pa.concat_tables([schema.empty_table(), *[read_part(output, path) for path in paths]])


def read_dead_letters(output: str, manifest: dict[str, Any]) -> pa.Table:
    """The first dead letters of a scan, at most SHOWN_DEAD_LETTERS."""
    tables = [DEAD_LETTER_SCHEMA.empty_table()]
    rows = 0
    for part in manifest["outputs"]:
        if part["path"].startswith("dead_letters/") and rows < SHOWN_DEAD_LETTERS:
            tables.append(read_part(output, part["path"]).slice(0, SHOWN_DEAD_LETTERS - rows))
            rows += tables[-1].num_rows
    return pa.concat_tables(tables)


def write_report(output: str, manifest: dict[str, Any]) -> None:
    """Writes OUT/report.html from the parts of OUT and its manifest."""
    page = render_report(
        manifest,
        read_parts(output, manifest, "campaigns", CAMPAIGN_SCHEMA),
        read_parts(output, manifest, "flagged", FLAGGED_SCHEMA),
        read_dead_letters(output, manifest),
        read_part(output, EXAMPLES_FILE),
    )
    storage.write(storage.join(output, REPORT_FILE), page.encode())
