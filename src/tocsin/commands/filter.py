"""`tocsin filter`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.beam import prepare, storage
from tocsin.beam.filter import FILTER_FILE, FilterJob, FilterTask
from tocsin.beam.past import CAMPAIGNS, flagged_now
from tocsin.beam.progress import Progress
from tocsin.beam.results import read_manifest, read_parts
from tocsin.beam.run import Engine
from tocsin.beam.state import open_state
from tocsin.commands.console import out, watch
from tocsin.commands.machine import print_json
from tocsin.corpus.batches import FieldNames, Limits
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA, FLAGGED_SCHEMA
from tocsin.pipelines.filter import filter_corpus
from tocsin.report.visible import visible

REMOVED_BY = {"quarantine": ("quarantine",), "review": ("quarantine", "review")}
"""Verdicts that each value of `--verdict` removes."""

QUARANTINED_SHARDS = "shards"
REASONS_FILE = "reasons.parquet"
"""What `--quarantine DIR` holds: the removed records, in shards named as in the corpus, and the
rows of `flagged` that say why."""

_REASONS_SHOWN = 10


def run(
    patterns: list[str],
    output: str | None,
    *,
    scan: str | None,
    state: str | None = None,
    verdict: str,
    quarantine: str | None,
    engine: Engine,
    as_json: bool = False,
) -> int:
    """Copies a corpus without what a scan has flagged; the exit code.

    Args:
      scan: OUT of the scan.
      state: in its place, the state of nights that have read the corpus.
      output: folder for the copy; None only says what would be removed.
      quarantine: folder for what is removed; None keeps it in the corpus alone.

    Raises:
      UsageError, StorageError, ManifestError, StateError: for what the user gave.
      JobFailed: if the job failed, also when its counts do not reconcile with the scan's.
    """
    source = prepare.absolute(scan or state or "")
    output, quarantine = (folder and prepare.absolute(folder) for folder in (output, quarantine))
    inputs = prepare.find_inputs(patterns, output or source)
    scanned = _nights(source) if scan is None else _scan(source)
    removed = _removed(inputs, scanned.flagged, verdict)
    reasons = _reasons(removed, scanned.campaigns)
    tasks = _tasks(inputs, scanned, removed)
    if output is None:
        documents = sum(task.documents for task in tasks)
        dead_letters = sum(task.dead_letters for task in tasks)
        totals = {
            "records": documents + dead_letters,
            "kept": documents - removed.num_rows,
            "removed": removed.num_rows,
            "dead_letters": dead_letters,
        }
        return _tell(totals, reasons, None, None, as_json)
    for folder in (output, quarantine):
        if folder and storage.files_in(folder):
            raise prepare.UsageError(f"{folder} is not empty: choose another folder")
    if quarantine:
        # A loader that takes all files of CLEAN must not find the poison there.
        if prepare.is_below(quarantine, output) or prepare.is_below(output, quarantine):
            raise prepare.UsageError(f"{quarantine} must lie apart from {output}")
        prepare.find_inputs(patterns, quarantine)
        with storage.writing(storage.join(quarantine, REASONS_FILE)) as file:
            pq.write_table(removed, file, compression="zstd")
    progress = Progress.create(len(tasks))
    job = FilterJob(
        tasks=tasks,
        output=output,
        quarantine=storage.join(quarantine, QUARANTINED_SHARDS) if quarantine else None,
        fields=FieldNames(**scanned.manifest["configuration"]["fields"]),
        limits=Limits(),
        scan_id=scanned.manifest["scan_id"],
        verdicts=REMOVED_BY[verdict],
        progress=progress,
    )
    with watch(progress, inputs.stored_bytes):
        engine.run(lambda pipeline: filter_corpus(pipeline, job), inputs.stored_bytes)
    totals = json.loads(storage.read(storage.join(output, FILTER_FILE)))["totals"]
    return _tell(totals, reasons, output, quarantine, as_json)


@dataclass(frozen=True)
class _Scanned:
    """What was read, and what was found in it. `manifest`: of the scan, or of the last night;
    `shards`: `checksum`, `documents` and `dead_letters` of each, by URI; `flagged`, `campaigns`:
    rows of FLAGGED_SCHEMA and of CAMPAIGN_SCHEMA."""

    manifest: dict[str, Any]
    shards: dict[str, dict[str, Any]]
    flagged: pa.Table
    campaigns: pa.Table


def _scan(uri: str) -> _Scanned:
    manifest = read_manifest(uri)
    if manifest is None:
        raise prepare.UsageError(f"{uri} has no manifest: it holds no finished scan")
    shards = {entry["uri"]: entry for entry in manifest["inputs"]}
    return _Scanned(
        manifest,
        shards,
        read_parts(uri, manifest, "flagged", FLAGGED_SCHEMA),
        read_parts(uri, manifest, "campaigns", CAMPAIGN_SCHEMA),
    )


def _nights(uri: str) -> _Scanned:
    state = open_state(uri)
    if state.head is None:
        raise prepare.UsageError(f"{uri} holds no night: scan with --state {uri} first")
    present, flagged = flagged_now(state)
    shards = {shard.uri: vars(shard) for shard in present}
    return _Scanned(state.head, shards, flagged, state.table(CAMPAIGNS, CAMPAIGN_SCHEMA))


def _tell(
    totals: dict[str, int],
    reasons: list[tuple[str, int]],
    output: str | None,
    quarantine: str | None,
    as_json: bool,
) -> int:
    """Says what was removed, or would be if there is no `output`; the exit code."""
    if as_json:
        told = [{"reason": reason, "documents": count} for reason, count in reasons]
        print_json({"output": output, "quarantine": quarantine, "totals": totals, "reasons": told})
        return 0
    if output is None:
        out.print(
            f"{totals['records']:,} records: would keep {totals['kept']:,}, remove "
            f"{totals['removed']:,} and leave out {totals['dead_letters']:,} dead letters"
        )
    else:
        out.print(
            f"{totals['records']:,} records = {totals['kept']:,} kept + {totals['removed']:,} "
            f"removed + {totals['dead_letters']:,} dead letters: {output}"
        )
    for reason, documents in reasons[:_REASONS_SHOWN]:
        out.print(f"{documents:>9,}  {reason}")
    if len(reasons) > _REASONS_SHOWN:
        out.print(f"{'':9}  and {len(reasons) - _REASONS_SHOWN:,} other reasons")
    if quarantine:
        out.print(f"removed records and reasons: {quarantine}")
    return 0


def _removed(inputs: prepare.Inputs, flagged: pa.Table, verdict: str) -> pa.Table:
    """The rows of `flagged` that lie in the inputs and are to be removed."""
    uris = pa.array([shard.uri for shard in inputs.shards], pa.string())
    return flagged.filter(
        pc.and_(
            pc.is_in(flagged["source_uri"], uris),
            pc.is_in(flagged["verdict"], pa.array(REMOVED_BY[verdict])),
        )
    )


def _tasks(inputs: prepare.Inputs, scanned: _Scanned, removed: pa.Table) -> tuple[FilterTask, ...]:
    dropped: dict[str, list[int]] = {}
    for uri, position in zip(removed["source_uri"].to_pylist(), removed["position"].to_pylist()):
        dropped.setdefault(uri, []).append(position)
    names = list(inputs.names.values())
    if len(set(names)) != len(names):
        raise prepare.UsageError("two inputs hold files of the same name: filter them one by one")
    tasks = []
    for shard in inputs.shards:
        entry = scanned.shards.get(shard.uri)
        if entry is None:
            raise prepare.UsageError(f"{shard.uri} is not in that scan: scan it first")
        tasks.append(
            FilterTask(
                shard,
                inputs.names[shard.uri],
                tuple(sorted(dropped.get(shard.uri, []))),
                entry["checksum"],
                entry["documents"],
                entry["dead_letters"],
            )
        )
    return tuple(tasks)


def _reasons(removed: pa.Table, campaigns: pa.Table) -> list[tuple[str, int]]:
    """Why documents are removed, with their number, the most frequent reason first."""
    rows = removed.select(["campaign_id", "findings"]).to_pylist()
    names = {row["campaign_id"]: _name(row) for row in campaigns.to_pylist()}
    return Counter(
        _reason(row["campaign_id"], row["findings"], names) for row in rows
    ).most_common()


def _name(campaign: dict[str, Any]) -> str:
    string = campaign["trigger"] or campaign["payload"] or campaign["campaign_id"]
    return f"{campaign['kind'].replace('_', ' ')} {visible(string, 80)}"


def _reason(
    campaign_id: str | None, findings: Sequence[dict[str, Any]], names: dict[str, str]
) -> str:
    if campaign_id is not None:
        return names.get(campaign_id) or f"campaign {visible(campaign_id, 80)}"
    detectors = sorted({finding["detector"] for finding in findings})
    return visible(", ".join(detectors), 80)
