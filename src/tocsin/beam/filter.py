"""Filtering: copies of the shards without what a scan has flagged."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, cast

import apache_beam as beam
import numpy as np

from tocsin.beam import metrics, storage
from tocsin.beam.identity import identify
from tocsin.beam.progress import Progress
from tocsin.corpus.batches import FieldNames, Limits
from tocsin.corpus.copy import CopyCounts, copy_shard
from tocsin.corpus.dead_letters import BrokenShard
from tocsin.corpus.shards import Shard

FILTER_FILE = "filter.json"


class FilterMismatch(RuntimeError):
    """The copy is not what the scan says it should be: nothing is committed."""


@dataclass(frozen=True)
class FilterTask:
    """One shard to copy.

    `name`: of the copy below CLEAN; `dropped`: positions to leave out, ascending; `checksum`,
    `documents`, `dead_letters`: what the scan has read.
    """

    shard: Shard
    name: str
    dropped: tuple[int, ...]
    checksum: str | None
    documents: int
    dead_letters: int


@dataclass(frozen=True)
class FilterJob:
    """Copies a corpus to `output` (CLEAN) without what `scan_id` flagged with `verdicts`. That goes
    into shards of the same names below `quarantine`, if it is not None. `progress`: where to report
    to, for local runs."""

    tasks: tuple[FilterTask, ...]
    output: str
    quarantine: str | None
    fields: FieldNames
    limits: Limits
    scan_id: str
    verdicts: tuple[str, ...]
    progress: Progress | None = None


class CopyShard(beam.DoFn):
    """A FilterTask -> a dict of its counts, once its copy is written."""

    def __init__(self, job: FilterJob) -> None:
        self._job = job
        self._kept = metrics.counter("kept_documents")
        self._removed = metrics.counter("removed_documents")

    def process(self, task: FilterTask) -> Iterator[dict[str, Any]]:
        shard = task.shard
        if task.checksum is None:  # the scan could not read it either: there is nothing to copy
            yield _entry(task, CopyCounts(task.dead_letters, 0, 0, task.dead_letters), None)
            return
        if identify(shard.uri).checksum != task.checksum:
            raise FilterMismatch(f"{shard.uri} has changed since it was scanned: scan it again")
        try:
            counts, copy = self._copy(task)
        except BrokenShard:  # a Parquet file that can't be opened: the scan has one dead letter
            counts, copy = CopyCounts(1, 0, 0, 1), None
            _check(task, counts)
        if self._job.progress:
            self._job.progress.report(
                "copy", shard.index, counts.kept + counts.removed, shard.size, shard.size, 1.0
            )
        self._kept.inc(counts.kept)
        self._removed.inc(counts.removed)
        yield _entry(task, counts, copy)

    def _copy(self, task: FilterTask) -> tuple[CopyCounts, storage.WrittenFile]:
        """Writes the copy of a shard and, where it is wanted, a shard of what is removed."""
        with contextlib.ExitStack() as files:
            source = files.enter_context(storage.open_file(task.shard.uri))
            target = files.enter_context(storage.writing(storage.join(self._job.output, task.name)))
            removed = None
            if self._job.quarantine and task.dropped:
                uri = storage.join(self._job.quarantine, task.name)
                removed = files.enter_context(storage.writing(uri))
            counts = copy_shard(
                source, cast(BinaryIO, target), task.shard, self._job.fields, self._job.limits,
                np.array(task.dropped, np.int64), cast("BinaryIO | None", removed),
            )  # fmt: skip
            _check(task, counts)
        return counts, target


def _check(task: FilterTask, counts: CopyCounts) -> None:
    if (counts.removed, counts.kept + counts.removed, counts.dead_letters) != (
        len(task.dropped), task.documents, task.dead_letters,
    ):  # fmt: skip
        raise FilterMismatch(
            f"{task.shard.uri}: {counts.kept} kept, {counts.removed} removed and "
            f"{counts.dead_letters} dead letters, but the scan has {task.documents} "
            f"documents, {len(task.dropped)} to remove and {task.dead_letters} dead letters"
        )


def _entry(
    task: FilterTask, counts: CopyCounts, copy: storage.WrittenFile | None
) -> dict[str, Any]:
    return {
        "uri": task.shard.uri,
        "copy": task.name if copy else None,
        "sha256": copy.sha256 if copy else None,
        "bytes": copy.bytes if copy else 0,
        **asdict(counts),
    }


@dataclass
class CommitFilter(beam.PTransform):
    """Counts of all shards (a side input) -> CLEAN/filter.json, which makes the copy valid."""

    job: FilterJob
    counts: beam.pvalue.AsList

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        return (
            root
            | "End" >> beam.Create([None])
            | "Write counts" >> beam.Map(functools.partial(_commit, self.job), self.counts)
        )


def _commit(job: FilterJob, _: None, counts: list[dict[str, Any]]) -> str:
    names = ("records", "kept", "removed", "dead_letters")
    totals = {name: sum(entry[name] for entry in counts) for name in names}
    if totals["records"] != totals["kept"] + totals["removed"] + totals["dead_letters"]:
        raise FilterMismatch(f"counts do not add up: {totals}")
    summary = {
        "scan_id": job.scan_id,
        "verdicts": list(job.verdicts),
        "totals": totals,
        "shards": sorted(counts, key=lambda entry: entry["uri"]),
    }
    uri = storage.join(job.output, FILTER_FILE)
    storage.write(uri, (json.dumps(summary, indent=2) + "\n").encode())
    return uri
