"""`tocsin scan`."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from rich.table import Table

from tocsin.beam import prepare, storage
from tocsin.beam.job import ScanJob
from tocsin.beam.learn import load_profile
from tocsin.beam.night import Prepared, complete_output, prepared_night
from tocsin.beam.past import known_bad
from tocsin.beam.results import read_manifest, read_parts
from tocsin.beam.run import Engine, JobFailed
from tocsin.cli import FINDINGS
from tocsin.commands.console import out, watched
from tocsin.corpus.batches import FieldNames, Limits
from tocsin.corpus.ranges import RANGE_BYTES
from tocsin.correlate.known import FeedError, Known, parse_feed
from tocsin.judge.judgement import OVER_BUDGET_FILE
from tocsin.judge.policy import Policy
from tocsin.judge.severity import at_least
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA
from tocsin.ledger.manifest import MANIFEST_FILE
from tocsin.measure.chat_templates import ChatTemplate
from tocsin.pipelines.scan import scan
from tocsin.report.visible import visible


def run(
    patterns: list[str],
    output: str,
    *,
    profile: str | None,
    state: str | None = None,
    known: str | None = None,
    policy: Policy,
    templates: tuple[ChatTemplate, ...] = (),
    fields: FieldNames,
    range_bytes: int = RANGE_BYTES,
    engine: Engine,
    max_dead_letters: float | None,
    fail_on: str | None,
) -> int:
    """Scans a corpus and prints what was found; the exit code.

    Raises:
      UsageError, StorageError, ProfileError, ManifestError: for what the user gave.
      JobFailed: if the job failed.
    """
    output = prepare.absolute(output)
    inputs = prepare.find_inputs(patterns, output)
    with contextlib.ExitStack() as held:
        shards, night = inputs.shards, None
        feed = list(_feed(known))
        if state is not None:
            if not engine.waits:
                raise prepare.UsageError(
                    "a scan with --state is waited for: leave out --no_wait_until_finish"
                )
            state = prepare.absolute(state)
            _check_apart(state, output, patterns)
            prepared = held.enter_context(prepared_night(state, inputs.shards))
            complete_output(prepared.state, output)
            if _is_last_night(prepared, output):
                return _finish(output, read_manifest(output), None, fail_on)
            shards, night = prepared.shards, prepared.night
            _check_seeds(profile, night.profile)
            profile = profile or night.profile
            feed += known_bad(prepared.state)
        job = ScanJob(
            shards=shards,
            skipped=inputs.skipped,
            fields=fields,
            limits=Limits(),
            progress=None,
            output=output,
            profile_uri=profile and prepare.absolute(profile),
            sample_rate=replace(inputs, shards=shards).sample_rate,
            partitions=inputs.partitions,
            policy=policy,
            max_dead_letters=max_dead_letters,
            runner=engine.runner,
            started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            profile_digest=_profile_digest(profile),
            known=tuple(dict.fromkeys(feed)),
            night=night,
            templates=templates,
            range_bytes=range_bytes,
        )
        manifest = read_manifest(output)
        seconds: float | None = None
        if manifest is None:
            with storage.claimed(output):
                seconds = _scan(job, engine)
            manifest = read_manifest(output)
            if manifest is None and not engine.waits:
                out.print(f"{engine.runner} has accepted the job; when it is done, there is")
                out.print(job.path(MANIFEST_FILE))
                return 0
            if manifest is None:
                raise JobFailed(f"{engine.runner} ended without a manifest in {output}")
        elif _differs_by_policy(manifest, job):
            raise prepare.UsageError(
                f"{output} holds a scan of this input by another policy: tocsin judge {output} "
                "applies a policy without reading the corpus again"
            )
        elif manifest["scan_id"] != job.scan_id:
            raise prepare.UsageError(
                f"{output} holds the results of another scan ({manifest['scan_id']}): "
                "choose another folder, or delete it"
            )
    return _finish(output, manifest, seconds, fail_on)


def _differs_by_policy(manifest: dict[str, Any], job: ScanJob) -> bool:
    """Whether a finished scan has read the same as this one would, and is only judged otherwise."""
    scanned, wanted = manifest["configuration"], job.configuration
    same_inputs = [(entry["uri"], entry["size"]) for entry in manifest["inputs"]] == [
        (shard.uri, shard.size) for shard in job.shards
    ]
    same_reading = {**scanned, "policy": None} == {**wanted, "policy": None}
    return manifest["scan_id"] != job.scan_id and same_inputs and same_reading


def _feed(path: str | None) -> tuple[Known, ...]:
    if path is None:
        return ()
    try:
        return parse_feed(storage.read(path))
    except (OSError, FeedError) as error:
        raise prepare.UsageError(f"{path}: {error}") from error


def _profile_digest(profile: str | None) -> str | None:
    if profile is None:
        return None
    profile = prepare.absolute(profile)
    try:
        return load_profile(profile).digest
    except OSError as error:
        raise prepare.UsageError(f"no profile in {profile}: {error}") from error


def _check_seeds(given: str | None, remembered: str | None) -> None:
    """Refuses a profile by which tonight's hashes could not meet those of earlier nights."""
    if given and remembered:
        uri = prepare.absolute(given)
        if _profile_digest(uri) and load_profile(uri).seed != load_profile(remembered).seed:
            raise prepare.UsageError(
                f"the profile {uri} has another seed than that of the state: what earlier nights "
                "have seen would not be found"
            )


def _check_apart(state: str, output: str, patterns: list[str]) -> None:
    folders = [output, *[prepare.absolute(one) for one in patterns if not set("*?[") & set(one)]]
    for folder in folders:
        if prepare.is_below(state, folder) or prepare.is_below(folder, state):
            raise prepare.UsageError(f"the state {state} must lie apart from {folder}")


def _is_last_night(prepared: Prepared, output: str) -> bool:
    """Whether OUT holds the last night of the state, and nothing has come since."""
    head = prepared.state.head
    return bool(head and head["output"] == output and prepared.nothing_new)


def _scan(job: ScanJob, engine: Engine) -> float:
    """Runs the scan; how many seconds it took."""
    prepare.check_output(job.output)
    storage.delete_temporaries(job.output)
    stored_bytes = sum(shard.size for shard in job.shards)
    started = time.monotonic()
    with watched(job, engine, stored_bytes) as job:
        engine.run(lambda pipeline: scan(pipeline, job), stored_bytes)
    return time.monotonic() - started


def _finish(
    output: str, manifest: dict[str, Any] | None, seconds: float | None, fail_on: str | None
) -> int:
    """Prints the result of a scan, that took so many seconds or was complete before; the exit
    code."""
    assert manifest
    if seconds is None:
        out.print("This scan is complete already; nothing was read.")
        if "judged" in manifest:
            out.print("Its verdicts are those of the policy by which it was judged since.")
    campaigns = read_parts(output, manifest, "campaigns", CAMPAIGN_SCHEMA).to_pylist()
    summarize(output, manifest, campaigns, seconds)
    if fail_on and any(at_least(campaign["severity"], fail_on) for campaign in campaigns):
        return FINDINGS
    return 0


def summarize(
    output: str, manifest: dict[str, Any], campaigns: list[dict[str, Any]], seconds: float | None
) -> None:
    """Prints the result of a scan. `seconds`: how long it took, None if it was done before."""
    totals = manifest["totals"]
    megabytes = totals["text_bytes"] / 1e6
    speed = f" in {seconds:.0f} s ({megabytes / seconds:.1f} MB/s)" if seconds else ""
    out.print(
        f"{totals['documents']:,} documents, {megabytes:,.1f} MB of text, about "
        f"{totals['groups']:,} groups{speed}"
    )
    if totals["dead_letters"]:
        reasons = ", ".join(
            f"{reason} {count:,}" for reason, count in totals["dead_letter_reasons"].items()
        )
        out.print(f"{totals['dead_letters']:,} dead letters: {reasons}")
    if manifest["skipped"]:
        out.print(f"{len(manifest['skipped']):,} files skipped: not shards by their names")
    if campaigns:
        table = Table(
            title=f"{len(campaigns)} campaign{'s' * (len(campaigns) > 1)}", title_justify="left"
        )
        for heading in ("severity", "trigger", "documents", "groups", "score", "threshold"):
            table.add_column(
                heading, justify="left" if heading in ("severity", "trigger") else "right"
            )
        for campaign in campaigns:
            table.add_row(
                campaign["severity"],
                visible(campaign["trigger"] or campaign["payload"] or "", 60),
                f"{campaign['documents']:,}",
                f"{campaign['groups']:,}",
                f"{campaign['score']:.1f}",
                f"{campaign['threshold']:.1f}",
            )
        out.print(table)
    else:
        out.print("No campaign found.")
    out.print(
        f"{totals['flagged']:,} documents flagged: {totals['quarantined']:,} to quarantine, "
        f"{totals['review']:,} for review"
    )
    for one in manifest.get("set_aside", []):
        name = visible(one["trigger"] or one["payload"] or one["campaign_id"], 60)
        out.print(
            f"set aside by the policy ({one['reason']}): {one['kind']} campaign {name}, "
            f"{one['documents']:,} documents"
        )
    if totals.get("allowed"):
        out.print(f"{totals['allowed']:,} documents let pass by the policy's allow list")
    if totals.get("over_budget"):
        out.print(
            f"{totals['over_budget']:,} more documents would be flagged, over the policy's budget: "
            f"{storage.join(output, OVER_BUDGET_FILE)}"
        )
    out.print(f"flagged ids  {storage.join(output, 'flagged')}")
    out.print(f"report       {storage.join(output, 'report.html')}")
