"""`tocsin filter`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.beam import prepare, storage
from tocsin.beam.filter import FILTER_FILE, FilterJob, FilterTask
from tocsin.beam.progress import Progress
from tocsin.beam.results import read_manifest, read_parts
from tocsin.beam.run import Engine
from tocsin.commands.console import out, watch
from tocsin.commands.machine import print_json
from tocsin.corpus.batches import FieldNames, Limits
from tocsin.judge.verdicts import FLAGGED_SCHEMA
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
    scan: str,
    verdict: str,
    quarantine: str | None,
    engine: Engine,
    as_json: bool = False,
) -> int:
    """Copies a corpus without what a scan has flagged; the exit code.

    Args:
      output: folder for the copy; None only says what would be removed.
      quarantine: folder for what is removed; None keeps it in the corpus alone.

    Raises:
      UsageError, StorageError, ManifestError: for what the user gave.
      JobFailed: if the job failed, also when its counts do not reconcile with the scan's.
    """
    scan = prepare.absolute(scan)
    output, quarantine = (folder and prepare.absolute(folder) for folder in (output, quarantine))
    inputs = prepare.find_inputs(patterns, output or scan)
    manifest = read_manifest(scan)
    if manifest is None:
        raise prepare.UsageError(f"{scan} has no manifest: it holds no finished scan")
    removed = _removed(inputs, read_parts(scan, manifest, "flagged", FLAGGED_SCHEMA), verdict)
    tasks = _tasks(inputs, manifest, removed)
    if output is None:
        documents = sum(task.documents for task in tasks)
        dead_letters = sum(task.dead_letters for task in tasks)
        totals = {
            "records": documents + dead_letters,
            "kept": documents - removed.num_rows,
            "removed": removed.num_rows,
            "dead_letters": dead_letters,
        }
        return _tell(totals, removed, None, None, as_json)
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
        fields=FieldNames(**manifest["configuration"]["fields"]),
        limits=Limits(),
        scan_id=manifest["scan_id"],
        verdicts=REMOVED_BY[verdict],
        progress=progress,
    )
    with watch(progress, inputs.stored_bytes):
        engine.run(lambda pipeline: filter_corpus(pipeline, job), inputs.stored_bytes)
    totals = json.loads(storage.read(storage.join(output, FILTER_FILE)))["totals"]
    return _tell(totals, removed, output, quarantine, as_json)


def _tell(
    totals: dict[str, int],
    removed: pa.Table,
    output: str | None,
    quarantine: str | None,
    as_json: bool,
) -> int:
    """Says what was removed, or would be if there is no `output`; the exit code."""
    reasons = _reasons(removed)
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


def _tasks(
    inputs: prepare.Inputs, manifest: dict[str, Any], removed: pa.Table
) -> tuple[FilterTask, ...]:
    known = {entry["uri"]: entry for entry in manifest["inputs"]}
    dropped: dict[str, list[int]] = {}
    for uri, position in zip(removed["source_uri"].to_pylist(), removed["position"].to_pylist()):
        dropped.setdefault(uri, []).append(position)
    names = list(inputs.names.values())
    if len(set(names)) != len(names):
        raise prepare.UsageError("two inputs hold files of the same name: filter them one by one")
    tasks = []
    for shard in inputs.shards:
        entry = known.get(shard.uri)
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


def _reasons(removed: pa.Table) -> list[tuple[str, int]]:
    """Why documents are removed, with their number, the most frequent reason first."""
    rows = removed.select(["campaign_id", "trigger", "findings"]).to_pylist()
    return Counter(
        _reason(row["campaign_id"], row["trigger"], row["findings"]) for row in rows
    ).most_common()


def _reason(
    campaign_id: str | None, trigger: str | None, findings: Sequence[dict[str, Any]]
) -> str:
    if trigger is not None:
        return f"trigger {visible(trigger, 80)}"
    if campaign_id is not None:
        return f"campaign {visible(campaign_id, 80)}"
    detectors = sorted({finding["detector"] for finding in findings})
    return visible(", ".join(detectors), 80)
