"""`tocsin filter`."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from tocsin.beam import prepare, storage
from tocsin.beam.filter import FILTER_FILE, FilterJob, FilterTask
from tocsin.beam.results import read_manifest, read_parts
from tocsin.beam.run import Engine
from tocsin.commands.console import out
from tocsin.corpus.batches import FieldNames, Limits
from tocsin.judge.verdicts import FLAGGED_SCHEMA
from tocsin.pipelines.filter import filter_corpus

REMOVED_BY = {"quarantine": ("quarantine",), "review": ("quarantine", "review")}
"""Verdicts that each value of `--verdict` removes."""


def run(
    patterns: list[str],
    output: str,
    *,
    scan: str,
    verdict: str,
    engine: Engine,
) -> int:
    """Copies a corpus without what a scan has flagged; the exit code.

    Raises:
      UsageError, StorageError, ManifestError: for what the user gave.
      JobFailed: if the job failed, also when its counts do not reconcile with the scan's.
    """
    output, scan = prepare.absolute(output), prepare.absolute(scan)
    inputs = prepare.find_inputs(patterns, output)
    manifest = read_manifest(scan)
    if manifest is None:
        raise prepare.UsageError(f"{scan} has no manifest: it holds no finished scan")
    if storage.files_in(output):
        raise prepare.UsageError(f"{output} is not empty: choose another folder")
    job = FilterJob(
        tasks=_tasks(inputs, scan, manifest, REMOVED_BY[verdict]),
        output=output,
        fields=FieldNames(**manifest["configuration"]["fields"]),
        limits=Limits(),
        scan_id=manifest["scan_id"],
        verdicts=REMOVED_BY[verdict],
    )
    engine.run(lambda pipeline: filter_corpus(pipeline, job), inputs.stored_bytes)
    totals = json.loads(storage.read(storage.join(output, FILTER_FILE)))["totals"]
    out.print(
        f"{totals['records']:,} records = {totals['kept']:,} kept + {totals['removed']:,} removed "
        f"+ {totals['dead_letters']:,} dead letters: {output}"
    )
    return 0


def _tasks(
    inputs: prepare.Inputs, scan: str, manifest: dict[str, Any], verdicts: tuple[str, ...]
) -> tuple[FilterTask, ...]:
    known = {entry["uri"]: entry for entry in manifest["inputs"]}
    flagged = read_parts(scan, manifest, "flagged", FLAGGED_SCHEMA)
    dropped = defaultdict(list)
    for uri, position, verdict in zip(
        flagged["source_uri"].to_pylist(),
        flagged["position"].to_pylist(),
        flagged["verdict"].to_pylist(),
    ):
        if verdict in verdicts:
            dropped[uri].append(position)
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
                tuple(sorted(dropped[shard.uri])),
                entry["checksum"],
                entry["documents"],
                entry["dead_letters"],
            )
        )
    return tuple(tasks)
