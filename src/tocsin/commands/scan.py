"""`tocsin scan`."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from rich.table import Table

from tocsin.beam import prepare, storage
from tocsin.beam.job import ScanJob
from tocsin.beam.learn import load_profile
from tocsin.beam.progress import Progress
from tocsin.beam.results import read_manifest, read_parts
from tocsin.beam.run import Engine
from tocsin.commands.console import out, watch
from tocsin.corpus.batches import FieldNames, Limits
from tocsin.judge.judgement import OVER_BUDGET_FILE
from tocsin.judge.policy import Policy
from tocsin.judge.severity import at_least
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA
from tocsin.ledger.manifest import digest_of
from tocsin.pipelines.scan import scan
from tocsin.report.visible import visible

FINDINGS = 3
"""Exit code: done, with findings at or above `--fail-on`."""


def run(
    patterns: list[str],
    output: str,
    *,
    profile: str | None,
    policy: Policy,
    fields: FieldNames,
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
    digest = None
    if profile is not None:
        profile = prepare.absolute(profile)
        try:
            digest = load_profile(profile).digest
        except OSError as error:
            raise prepare.UsageError(f"no profile in {profile}: {error}") from error
    job = ScanJob(
        shards=inputs.shards,
        skipped=inputs.skipped,
        fields=fields,
        limits=Limits(),
        progress=None,
        output=output,
        profile_uri=profile,
        sample_rate=inputs.sample_rate,
        partitions=inputs.partitions,
        policy=policy,
        max_dead_letters=max_dead_letters,
        runner=engine.runner,
        started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        profile_digest=digest,
    )
    manifest = read_manifest(output)
    if manifest is None:
        prepare.check_output(output)
        storage.delete_temporaries(output)
        progress = Progress.create(len(inputs.shards))
        job = replace(job, progress=progress)
        started = time.monotonic()
        with watch(progress, inputs.stored_bytes):
            engine.run(lambda pipeline: scan(pipeline, job), inputs.stored_bytes)
        seconds: float | None = time.monotonic() - started
        manifest = read_manifest(output)
        if manifest is None:
            raise prepare.UsageError(f"{engine.runner} has accepted the job; OUT follows when done")
    elif manifest["scan_id"] == job.scan_id:
        out.print("This scan is complete already; nothing was read.")
        if manifest["configuration_digest"] != digest_of(job.configuration):
            out.print("Its verdicts are those of another policy, by which it was judged since.")
        seconds = None
    elif _differs_by_policy(manifest, job):
        raise prepare.UsageError(
            f"{output} holds a scan of this input by another policy: tocsin judge {output} "
            "applies a policy without reading the corpus again"
        )
    else:
        raise prepare.UsageError(
            f"{output} holds the results of another scan ({manifest['scan_id']}): "
            "choose another folder, or delete it"
        )
    campaigns = read_parts(output, manifest, "campaigns", CAMPAIGN_SCHEMA).to_pylist()
    summarize(output, manifest, campaigns, seconds)
    if fail_on and any(at_least(campaign["severity"], fail_on) for campaign in campaigns):
        return FINDINGS
    return 0


def _differs_by_policy(manifest: dict[str, Any], job: ScanJob) -> bool:
    """Whether a finished scan has read the same as this one would, and is only judged otherwise."""
    scanned, wanted = manifest["configuration"], job.configuration
    same_inputs = [(entry["uri"], entry["size"]) for entry in manifest["inputs"]] == [
        (shard.uri, shard.size) for shard in job.shards
    ]
    return same_inputs and {**scanned, "policy": None} == {**wanted, "policy": None}


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
