"""Reading what a scan has written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.beam import storage
from tocsin.beam.learn import load_profile
from tocsin.corpus.batches import DEAD_LETTER_SCHEMA
from tocsin.judge.judgement import EXAMPLES_FILE, IDENTITY_COLUMNS, TIMELINES_FILE
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA, FLAGGED_SCHEMA, TIMELINE_SCHEMA
from tocsin.ledger.manifest import MANIFEST_FILE, decode
from tocsin.measure.batch import MEASURED_SCHEMA
from tocsin.measure.profile import Profile, ProfileError
from tocsin.report.result import SAMPLE_COLUMNS, ScanResult

SUSPECTS_FILE = "evidence/suspects.parquet"
DRIFT_PART = "drift/part-00000.parquet"
NEW_GROUPS_FILE = "evidence/new_groups.parquet"
"""Rows of GROUP_SCHEMA: the groups that no night before had. None on the first night, when all are
new, nor without a state."""

REPORT_FILE = "report.html"

SHOWN_DEAD_LETTERS = 1000
"""Dead letters that are read for the report; their number is in the manifest."""

SAMPLED_DOCUMENTS = 1_000_000
"""Documents whose numbers are read for the report: a second, and 50 MB."""


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


def write_tables(output: str, tables: Mapping[str, pa.Table]) -> list[dict[str, Any]]:
    """Writes tables as files of OUT by their names; how the manifest describes them."""
    outputs = []
    for path, table in tables.items():
        with storage.writing(storage.join(output, path)) as file:
            pq.write_table(table, file, compression="zstd")
        outputs.append(
            {"path": path, "rows": table.num_rows, "sha256": file.sha256, "bytes": file.bytes}
        )
    return outputs


def read_parts(output: str, manifest: dict[str, Any], folder: str, schema: pa.Schema) -> pa.Table:
    """All parts of a folder of OUT that the manifest names, as one table."""
    paths = [part["path"] for part in manifest["outputs"] if part["path"].startswith(f"{folder}/")]
    return pa.concat_tables([schema.empty_table(), *[read_part(output, path) for path in paths]])


_FINDINGS = re.compile(r"evidence/findings-(\d+)(?:-\d+)?\.parquet")
"""Of a shard, or of a range of a shard."""


def findings_parts(manifest: dict[str, Any]) -> dict[int, list[str]]:
    """Paths in OUT of the findings of single documents, in order, by number of the shard."""
    parts: dict[int, list[str]] = {}
    for path in sorted(part["path"] for part in manifest["outputs"]):
        if match := _FINDINGS.fullmatch(path):
            parts.setdefault(int(match[1]), []).append(path)
    return parts


def read_identities(output: str, outputs: Sequence[dict[str, Any]]) -> Iterator[pa.Table]:
    """IDENTITY_COLUMNS of the parts of `documents/` among `outputs` of a manifest, part by part."""
    for part in outputs:
        if part["path"].startswith("documents/"):
            with storage.open_file(storage.join(output, part["path"])) as stream:
                yield pq.read_table(stream, columns=list(IDENTITY_COLUMNS))


def read_dead_letters(output: str, manifest: dict[str, Any]) -> pa.Table:
    """The first dead letters of a scan, at most SHOWN_DEAD_LETTERS."""
    tables = [DEAD_LETTER_SCHEMA.empty_table()]
    rows = 0
    for part in manifest["outputs"]:
        if part["path"].startswith("dead_letters/") and rows < SHOWN_DEAD_LETTERS:
            tables.append(read_part(output, part["path"]).slice(0, SHOWN_DEAD_LETTERS - rows))
            rows += tables[-1].num_rows
    return pa.concat_tables(tables)


def read_sample(output: str, manifest: dict[str, Any]) -> pa.Table:
    """SAMPLE_COLUMNS of the documents of some shards, evenly chosen: of all if they are at most
    SAMPLED_DOCUMENTS, otherwise of as many as stay below that number, but at least of one."""
    parts = [part for part in manifest["outputs"] if part["path"].startswith("documents/")]
    rows = sum(part["rows"] for part in parts)
    step = max(1, math.ceil(rows / SAMPLED_DOCUMENTS))
    tables = []
    for part in parts[::step]:
        with storage.open_file(storage.join(output, part["path"])) as stream:
            tables.append(
                pq.read_table(
                    stream, columns=list(SAMPLE_COLUMNS), read_dictionary=["source_uri", "group"]
                )
            )
    empty = pa.schema([MEASURED_SCHEMA.field(name) for name in SAMPLE_COLUMNS]).empty_table()
    return pa.concat_tables(tables).unify_dictionaries() if tables else empty


def read_result(output: str, manifest: dict[str, Any]) -> ScanResult:
    """What the report needs of OUT."""
    return ScanResult(
        manifest=manifest,
        campaigns=read_parts(output, manifest, "campaigns", CAMPAIGN_SCHEMA),
        flagged=read_parts(output, manifest, "flagged", FLAGGED_SCHEMA),
        dead_letters=read_dead_letters(output, manifest),
        examples=read_part(output, EXAMPLES_FILE),
        suspects=read_part(output, SUSPECTS_FILE),
        documents=read_sample(output, manifest),
        timelines=_optional(output, manifest, TIMELINES_FILE) or TIMELINE_SCHEMA.empty_table(),
        new_groups=_optional(output, manifest, NEW_GROUPS_FILE),
        drift=_optional(output, manifest, DRIFT_PART),
        profile=_profile(manifest),
    )


def _optional(output: str, manifest: dict[str, Any], path: str) -> pa.Table | None:
    """A file of OUT that not every scan has; None without it."""
    has = any(part["path"] == path for part in manifest["outputs"])
    return read_part(output, path) if has else None


def _profile(manifest: dict[str, Any]) -> Profile | None:
    """The profile of a scan, if it is still where the scan found it."""
    try:
        profile = load_profile(manifest["profile"]["uri"])
    except (OSError, ProfileError, storage.StorageError):
        return None
    return profile if profile.digest == manifest["profile"]["digest"] else None


def write_report(output: str, manifest: dict[str, Any]) -> None:
    """Writes OUT/report.html from the parts of OUT and its manifest."""
    # Matplotlib takes a second to import, which other readers of results need not pay.
    from tocsin.report.page import render_report

    page = render_report(read_result(output, manifest))
    storage.write(storage.join(output, REPORT_FILE), page.encode())
