"""Committing: campaigns and verdicts as Parquet, then the report, then the manifest."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.beam import metrics, storage
from tocsin.beam.held import keep_held
from tocsin.beam.identities import GROUPS, drift_of
from tocsin.beam.job import ScanJob
from tocsin.beam.keeping import kept_files
from tocsin.beam.learn import load_profile
from tocsin.beam.memory import keep_evidence, keep_profile, with_memory
from tocsin.beam.packing import unpack, unpack_table
from tocsin.beam.past import CAMPAIGNS, FLAGGED, Past
from tocsin.beam.payloads import Followed
from tocsin.beam.results import SUSPECTS_FILE, read_identities, write_report, write_tables
from tocsin.beam.state import FORMAT, commit_night
from tocsin.beam.totals import Totals, statistics_of
from tocsin.correlate.campaigns import find_campaigns
from tocsin.correlate.recurrences import find_recurrences
from tocsin.correlate.sweep import OCCURRENCE_SCHEMA, SweepCounts, suspect_table
from tocsin.judge.found import Found, searched_table
from tocsin.judge.judgement import Scanned, judge
from tocsin.ledger.manifest import MANIFEST_FILE, digest_of, encode, reconcile, versions
from tocsin.measure.onsets import CHANNELS, SURPRISAL


class CountsDisagree(RuntimeError):
    """Records went missing between the reader and the receipts: nothing is committed."""


class TooManyDeadLetters(RuntimeError):
    """More records were unreadable than the user allows: nothing is committed."""


@dataclass(frozen=True)
class Judged:
    """A result that lacks its manifest and its report. `manifest`: as it will be, on a night but
    for the profile of the next; `quarantined`: positions by URI of tonight's documents."""

    manifest: dict[str, Any]
    quarantined: dict[str, list[int]]


@dataclass
class Judge(beam.PTransform):
    """Everything that was found -> OUT but for its manifest; one element, a Judged.

    `found`: side inputs by the names of `_judge`'s parameters.
    """

    job: ScanJob
    found: dict[str, Any]

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        return (
            root
            | "Found" >> beam.Create([None])
            | "Write verdicts" >> beam.Map(functools.partial(_judge, self.job), **self.found)
        )


@dataclass
class Commit(beam.PTransform):
    """A Judged -> OUT complete; one element, the URI of the manifest. `rolled`: what RollProfile
    gave, None where no profile rolls."""

    job: ScanJob
    judged: beam.pvalue.AsSingleton
    rolled: beam.pvalue.AsSingleton | None

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        rolled = {} if self.rolled is None else {"rolled": self.rolled}
        return (
            root
            | "End" >> beam.Create([None])
            | "Write results"
            >> beam.Map(functools.partial(_commit, self.job), self.judged, **rolled)
        )


def _commit(job: ScanJob, _: None, judged: Judged, rolled: Sequence[dict[str, Any]] = ()) -> str:
    manifest = judged.manifest
    if job.night:
        state = manifest["state"]
        manifest = {**manifest, "state": {**state, "files": [*state["files"], *rolled]}}
    write_report(job.output, manifest)
    content = encode(manifest)
    if night := job.night:
        content = commit_night(night.state, night.number, night.run, night.lease, content)
    storage.write(job.path(MANIFEST_FILE), content)
    return job.path(MANIFEST_FILE)


def _judge(
    job: ScanJob,
    _: None,
    profile: str,
    receipts: list[dict[str, Any]],
    findings: list[tuple[tuple[int, int], bytes]],
    totals: Totals,  # of all nights that are remembered
    suspects: bytes,
    counts: bytes,
    occurrences: list[bytes],
    followed: Followed,
    headed: list[bytes],
    recalled: Sequence[tuple[bytes, bytes]] = (),
    compared: Sequence[dict[str, Any]] = (),
    groups: Sequence[bytes] = (),
) -> Judged:
    receipts = sorted(receipts, key=lambda receipt: (receipt["shard"], receipt["range"]))
    remembered, totals = totals, Totals.of(receipts)
    past = Past.of(job.night) if job.night else None
    if problems := reconcile(receipts):
        raise CountsDisagree("; ".join(problems[:3]))
    if job.max_dead_letters is not None:
        share = totals.dead_letters / max(totals.records, 1)
        if share > job.max_dead_letters:
            raise TooManyDeadLetters(
                f"{totals.dead_letters} of {totals.records} records are dead letters "
                f"({share:.2%}, allowed {job.max_dead_letters:.2%}); see {job.path('dead_letters')}"
            )
    [tested] = unpack(suspects)
    swept = SweepCounts(*unpack(counts))
    rows = [unpack_table(block) for block in occurrences]
    if recalled:
        swept, earlier_rows = with_memory(tested, swept, recalled, load_profile(profile))
        rows.append(earlier_rows)
    campaigns, thresholds = find_campaigns(
        tested,
        swept,
        pa.concat_tables([OCCURRENCE_SCHEMA.empty_table(), *rows]),
        remembered.corpus(),
    )
    campaigns += followed.campaigns(headed)
    alone = {
        shard: pa.concat_tables([unpack_table(packed) for _, packed in of_shard])
        for shard, of_shard in itertools.groupby(sorted(findings), lambda found: found[0][0])
    }
    campaigns += find_recurrences(alone, totals.documents)
    campaigns.sort(key=lambda campaign: (-campaign.score, campaign.campaign_id))
    found = Found(
        past.active(campaigns) if past else campaigns,
        alone,
        datetime.fromisoformat(job.started),
        past.first_seen if past else {},
    )
    # What `tocsin judge` judges again is written beside the verdicts.
    outputs = [output for receipt in receipts for output in receipt["outputs"]]
    source_uris = {shard.index: shard.uri for shard in job.shards}
    scanned = Scanned(
        job.scan_id,
        totals.documents,
        remembered.groups,
        source_uris | (past.source_uris if past else {}),
        functools.partial(read_identities, job.output, outputs),
        past.dates if past else {},
    )
    judgement = judge(found, job.policy, scanned)
    if past:
        judgement = replace(judgement, flagged=past.unsaid(judgement.flagged))
        drift = drift_of(job, receipts, compared, groups)
    tables = {
        **found.tables(),
        SUSPECTS_FILE: suspect_table(tested, swept),
        **judgement.tables(),
        **searched_table(job.policy.block.triggers),
        **(drift.tables() if past else {}),
    }
    outputs += write_tables(job.output, tables)
    _remove_leftovers(job, {output["path"] for output in outputs})
    judged = judgement.totals()
    metrics.counter("flagged").inc(judged["flagged"])
    metrics.counter("campaigns").inc(judged["campaigns"])
    metrics.counter("suspects").inc(int((tested["direction"] > 0).sum()))
    detectors = Counter(
        finding["detector"]
        for findings in judgement.flagged["findings"].to_pylist()
        for finding in findings
    )
    metrics.count_each("flagged_DETECTOR", detectors.items())
    metrics.log("judged", job.scan_id, **judged)
    learned = load_profile(profile)
    inputs = [
        _input_of(list(of_shard))
        for _, of_shard in itertools.groupby(receipts, key=lambda receipt: receipt["shard"])
    ]
    manifest: dict[str, Any] = {
        "scan_id": job.scan_id,
        "tocsin_version": versions()["tocsin"],
        "versions": versions(),
        "runner": job.runner,
        "started": job.started,
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "configuration": job.configuration,
        "configuration_digest": digest_of(job.configuration),
        "profile": {
            "uri": profile,
            "digest": learned.digest,
            "words": learned.words,
            "documents": learned.documents,
        },
        "inputs": inputs,
        "skipped": list(job.skipped),
        "totals": {
            "records": totals.records,
            "documents": totals.documents,
            "dead_letters": totals.dead_letters,
            "dead_letter_reasons": totals.dead_letter_reasons,
            "other_records": totals.other_records,
            "text_bytes": totals.text_bytes,
            "tokens": totals.tokens,
            "groups": totals.groups,
            "groups_remembered": remembered.groups,  # with those of earlier nights
            "onset_rate": int(totals.bucket_onsets[SURPRISAL].sum()) / max(totals.tokens, 1),
            "suspects": int((tested["direction"] > 0).sum()),
            "threshold": thresholds[SURPRISAL],
            "thresholds": dict(zip(CHANNELS, thresholds)),
            **judged,
        },
        "set_aside": judgement.set_aside,
        "outputs": outputs,
        "previous": None,
    }
    if past:
        manifest |= {
            "previous": past.night.previous,
            "night": past.night.number,
            "run": past.night.run,
            "output": job.output,
            "shards": past.night.changes,
            "dates": {**past.night.dates, str(past.night.number): job.started},
            "sources": drift.diversity,
            **past.named_shards(found.campaigns),
            "state": {
                "uri": past.night.state,
                "format": FORMAT,
                "files": [
                    *[
                        entry
                        for entry in kept_files(past.night, job.rolls)
                        if entry["path"] not in drift.replaced
                    ],
                    *drift.entries,
                    *keep_evidence(job, outputs, statistics_of(receipts)),
                    *keep_held(job, outputs, followed.texts),
                    *past.keep(
                        inputs,
                        job.output,
                        {
                            FLAGGED: judgement.flagged,
                            CAMPAIGNS: judgement.campaigns,
                            GROUPS: drift.groups,
                        },
                    ),
                    *([] if job.rolls else keep_profile(past.night, profile)),
                ],
            },
        }
    return Judged(manifest, _quarantined(judgement.flagged))


def _quarantined(flagged: pa.Table) -> dict[str, list[int]]:
    """Positions of the documents in quarantine by the URI of their shard."""
    rows = flagged.filter(pc.equal(flagged["verdict"], "quarantine"))
    found: dict[str, list[int]] = {}
    for uri, position in zip(rows["source_uri"].to_pylist(), rows["position"].to_pylist()):
        found.setdefault(uri, []).append(position)
    return found


def _input_of(receipts: list[dict[str, Any]]) -> dict[str, Any]:
    """The manifest's entry of a shard, from the receipts of its ranges in order."""
    summed = ("records", "documents", "dead_letters", "other_records", "text_bytes")
    return {
        **{name: receipts[0][name] for name in ("uri", "size", "checksum", "generation")},
        **{name: sum(receipt[name] for receipt in receipts) for name in summed},
    }


def _remove_leftovers(job: ScanJob, written: set[str]) -> None:
    """Deletes parts of an interrupted run that this one did not write again, so that whoever reads
    a folder reads what the manifest names."""
    prefix = job.output.rstrip("/") + "/"
    folders = ("documents", "dead_letters", "evidence", "campaigns", "flagged", "drift")
    storage.delete(
        [
            file.uri
            for folder in folders
            for file in storage.files_in(job.path(folder))
            if file.uri.removeprefix(prefix) not in written
        ]
    )
