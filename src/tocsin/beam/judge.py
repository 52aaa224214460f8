"""Judging again what a scan has found: from `evidence/` to new verdicts, without the corpus."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from tocsin.beam import storage
from tocsin.beam.results import (
    findings_parts,
    read_identities,
    read_part,
    read_parts,
    write_report,
    write_tables,
)
from tocsin.judge.found import FOUND_DOCUMENTS_FILE, FOUND_FILE, SEARCHED_FILE, Found
from tocsin.judge.judgement import Judgement, Scanned, judge
from tocsin.judge.policy import Policy
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA, FLAGGED_SCHEMA
from tocsin.ledger.manifest import MANIFEST_FILE, decode, digest_of, encode

JUDGING_FILE = "evidence/manifest-before-judging.json"
"""The manifest while its results are being replaced: there is none in its place meanwhile, and with
this one an interrupted judgement can be finished."""


class NotJudgeable(ValueError):
    """There is nothing in OUT that could be judged again; the message is one line."""


@dataclass(frozen=True)
class Rejudged:
    """`before`, `after`: manifests; `judgement`: the new rows; `campaigns`, `flagged`: the rows
    that they replace; `not_searched`: triggers of the policy's block list that the scan has not
    searched for in the texts, which takes another scan."""

    before: dict[str, Any]
    after: dict[str, Any]
    judgement: Judgement
    campaigns: pa.Table
    flagged: pa.Table
    not_searched: list[str]


def judge_again(output: str, policy: Policy) -> Rejudged:
    """Judges what the scan in OUT has found by another policy; writes nothing.

    Raises:
      NotJudgeable: if OUT holds no finished scan, or one without what is to be judged.
      ManifestError: if its manifest is damaged.
    """
    content = _stored_manifest(output)
    before = decode(content)
    paths = {part["path"] for part in before["outputs"]}
    by_shard = findings_parts(before)
    if not {FOUND_FILE, FOUND_DOCUMENTS_FILE} <= paths:
        raise NotJudgeable(f"{output} has no {FOUND_FILE}: scan again with this version")
    findings = {
        shard: pa.concat_tables([read_part(output, path) for path in parts])
        for shard, parts in sorted(by_shard.items())
    }
    found = Found.of(
        read_part(output, FOUND_FILE),
        read_part(output, FOUND_DOCUMENTS_FILE),
        findings,
        datetime.fromisoformat(before["started"]),
    )
    searched = (
        set(read_part(output, SEARCHED_FILE)["string"].to_pylist())
        if SEARCHED_FILE in paths
        else set()
    )
    source_uris = dict(enumerate(entry["uri"] for entry in before["inputs"]))
    source_uris |= {int(number): uri for number, uri in before.get("earlier_shards", {}).items()}
    scanned = Scanned(
        before["scan_id"],
        before["totals"]["documents"],
        before["totals"].get("groups_remembered", before["totals"]["groups"]),
        source_uris,
        functools.partial(read_identities, output, before["outputs"]),
        {
            int(number): datetime.fromisoformat(one)
            for number, one in before.get("earlier_dates", {}).items()
        },
    )
    judgement = judge(found, policy, scanned)
    configuration = {**before["configuration"], "policy": policy.describe()}
    after = {
        **before,
        "configuration": configuration,
        "configuration_digest": digest_of(configuration),
        "totals": {**before["totals"], **judgement.totals()},
        "set_aside": judgement.set_aside,
        "judged": {
            "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            # Of the scan itself, however often it is judged: a state knows that one.
            "manifest_before": before.get("judged", {}).get(
                "manifest_before", storage.WrittenFile.of(content).sha256
            ),
        },
    }
    return Rejudged(
        before=before,
        after=after,
        judgement=judgement,
        campaigns=read_parts(output, before, "campaigns", CAMPAIGN_SCHEMA),
        flagged=read_parts(output, before, "flagged", FLAGGED_SCHEMA),
        not_searched=[one for one in policy.block.triggers if one not in searched],
    )


def _stored_manifest(output: str) -> bytes:
    """The manifest of OUT, or that of a judgement that was interrupted."""
    for name in (MANIFEST_FILE, JUDGING_FILE):
        uri = storage.join(output, name)
        if storage.exists(uri):
            return storage.read(uri)
    raise NotJudgeable(f"{output} has no manifest: it holds no finished scan")


def commit_judgement(output: str, rejudged: Rejudged) -> None:
    """Replaces the results in OUT. Interrupted at any point, it leaves the old result, or the new
    one, or no manifest, and `judge_again` finishes the job."""
    storage.write(storage.join(output, JUDGING_FILE), encode(rejudged.before))
    storage.delete([storage.join(output, MANIFEST_FILE)])
    tables = rejudged.judgement.tables()
    outputs = write_tables(output, tables)
    kept = [part for part in rejudged.before["outputs"] if part["path"] not in tables]
    manifest: Mapping[str, Any] = {**rejudged.after, "outputs": [*kept, *outputs]}
    write_report(output, dict(manifest))
    storage.write(storage.join(output, MANIFEST_FILE), encode(dict(manifest)))
    storage.delete([storage.join(output, JUDGING_FILE)])
