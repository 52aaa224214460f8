"""`tocsin explain`: why a document was flagged, or why not."""

from __future__ import annotations

import json
from typing import Any

from rich.table import Table
from rich.text import Text

from tocsin.beam import prepare
from tocsin.beam.explain import Known, find_documents, know
from tocsin.beam.results import read_manifest
from tocsin.commands.console import out, working
from tocsin.measure.onsets import MINIMUM_CONTRASTS, SURPRISAL
from tocsin.report.explanation import excerpt, percentiles, what_would_change
from tocsin.report.visible import visible, visible_bytes

_MOST_DOCUMENTS = 5
_SHOWN = 400
"""Characters of corpus text in one piece."""


def run(output: str, doc_id: str, *, as_json: bool) -> int:
    """Explains the documents with this id; the exit code.

    Raises:
      UsageError, ManifestError: if OUT holds no finished scan, or none of a document of that id.
    """
    output = prepare.absolute(output)
    manifest = read_manifest(output)
    if manifest is None:
        raise prepare.UsageError(f"{output} has no manifest: it holds no finished scan")
    with working("looking for the document"):
        documents = find_documents(output, manifest, doc_id)
    if not documents:
        raise prepare.UsageError(f"no document of that scan has the id {doc_id}")
    told = []
    for document in documents[:_MOST_DOCUMENTS]:
        with working("gathering what is known of it"):
            known = know(output, manifest, document)
        changes = what_would_change(
            known.flag, known.findings, known.campaigns, known.reported,
            manifest["configuration"]["policy"], document,
        )  # fmt: skip
        if as_json:
            told.append(_as_json(known, changes))
        else:
            _print(known, changes)
    if as_json:
        print(json.dumps(told, indent=2))
    elif len(documents) > _MOST_DOCUMENTS:
        out.print(f"{len(documents) - _MOST_DOCUMENTS:,} more documents have that id")
    return 0


def _as_json(known: Known, changes: list[str]) -> dict[str, Any]:
    document, flag = known.document, known.flag
    return {
        "doc_id": document["doc_id"],
        "source_uri": document["source_uri"],
        "position": document["position"],
        "group": document["group"],
        "content_hash": document["content_hash"].hex(),
        "bucket": document["bucket"],
        "verdict": flag["verdict"] if flag and not known.over_budget else None,
        "over_budget": known.over_budget,
        "severity": flag["severity"] if flag else None,
        "findings": flag["findings"] if flag else known.findings_as_json(),
        "campaigns": [campaign["campaign_id"] for campaign in known.campaigns],
        "features": percentiles(document, known.bucket),
        "what_would_change": changes,
    }


def _print(known: Known, changes: list[str]) -> None:
    document, flag = known.document, known.flag
    out.print(
        f"{visible(document['doc_id'], 120)}: record {document['position']:,} of "
        f"{visible(document['source_uri'], 200)}, group {visible(document['group'], 80)}, "
        f"{document['byte_length']:,} bytes"
    )
    if flag is None:
        out.print("not flagged", style="bold")
        _print_nearest(known)
    else:
        budget = ", but over the policy's budget" if known.over_budget else ""
        out.print(f"{flag['verdict']}, severity {flag['severity']}{budget}", style="bold red")
    if known.text is None:
        out.print("(its shard can't be read, or has changed: text is from the scan's evidence)")
    for finding in flag["findings"] if flag else known.findings:
        _print_finding(finding, known)
    for campaign in known.campaigns:
        _print_campaign(campaign, known)
    _print_features(known)
    out.print("What would change the verdict:", style="bold")
    for line in changes:
        out.print(f"- {line}")
    out.print()


def _print_finding(finding: dict[str, Any], known: Known) -> None:
    out.print(
        f"{visible(finding['detector'], 60)}, score {finding['score']:.1f}, bytes "
        f"{finding['start']:,} to {finding['end']:,}",
        style="bold",
    )
    held = next(
        (
            campaign["held"]
            for campaign in known.campaigns
            if campaign["held"]["start"] == finding["start"]
        ),
        None,
    )
    if known.text is not None:
        parts = excerpt(known.text, 0, finding["start"], finding["end"])
    elif held is not None:
        parts = excerpt(held["context"], held["context_start"], held["start"], held["end"])
    else:
        parts = b"", finding["evidence"].encode(), b""
    before, inside, after = (visible_bytes(part, _SHOWN) for part in parts)
    out.print(Text.assemble("  ", before, (inside, "reverse"), after))
    if finding["evidence"] and known.text is not None:
        out.print(f"  evidence: {visible(finding['evidence'], _SHOWN)}")


def _print_campaign(campaign: dict[str, Any], known: Known) -> None:
    row = known.reported.get(campaign["campaign_id"])
    string = campaign["trigger"] if campaign["trigger"] is not None else campaign["payload"]
    name = visible(string, 120) if string is not None else campaign["campaign_id"]
    state = (
        f"severity {row['severity']}, {row['documents']:,} documents in {row['groups']:,} groups"
        if row
        else "set aside by the policy"
    )
    out.print(
        f"{campaign['kind'].replace('_', ' ')} campaign {name}: {state}; score "
        f"{campaign['score']:.1f}, threshold {campaign['threshold']:.1f}"
    )


def _print_nearest(known: Known) -> None:
    """What comes nearest to a finding in a document that is not flagged."""
    contrast, least = known.document["contrast"], float(MINIMUM_CONTRASTS[SURPRISAL])
    if contrast >= least:
        out.print(
            f"nearest: an onset at byte {known.document['onset']:,} with a contrast of "
            f"{contrast:.1f} bits; no string there stands at onsets of enough documents"
        )
    else:
        out.print(
            f"nearest: its sharpest change has a contrast of {contrast:.1f} bits; an onset needs "
            f"{least:.1f}"
        )
    if known.text is not None:
        for row in known.reported.values():
            string = row["trigger"]
            if string and string.encode() in known.text:
                out.print(
                    f"it holds the trigger {visible(string, 120)}, but its text does not change "
                    "there as the campaign's does"
                )


def _print_features(known: Known) -> None:
    table = Table(
        title=f"Features, among {known.bucket.num_rows:,} documents of the bucket "
        f"{visible(known.document['bucket'], 40)}",
        title_justify="left",
    )
    table.add_column("feature")
    for heading in ("value", "percentile", "median"):
        table.add_column(heading, justify="right")
    for one in percentiles(known.document, known.bucket):
        table.add_row(
            one["feature"], f"{one['value']:,.4g}", f"{one['percentile']:.1f}",
            f"{one['median']:,.4g}",
        )  # fmt: skip
    out.print(table)
