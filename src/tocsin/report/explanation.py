"""Explaining a document: what was found where, how unusual it is, what would change its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from tocsin.judge.severity import SEVERITIES, at_least

AROUND_BYTES = 160
"""Bytes of text shown before and after what was found."""

ALWAYS = ("surprisal", "contrast", "segment_contrast", "change_score", "compressibility")
"""Features that are always told; others only where they are unusual."""

UNUSUAL = 1.0
"""Per cent: a feature below this percentile of its bucket, or as far from the top, is unusual."""

MOST_FEATURES = 12


def excerpt(text: bytes, text_start: int, start: int, end: int) -> tuple[bytes, bytes, bytes]:
    """What stands before, in and after a byte range of a document.

    Args:
      text: of the document, or a part of it that begins at offset `text_start`.
    """
    first, last = max(start - text_start, 0), max(end - text_start, 0)
    return (
        text[max(first - AROUND_BYTES, 0) : first],
        text[first:last],
        text[last : last + AROUND_BYTES],
    )


def percentiles(document: Mapping[str, Any], bucket: pa.Table) -> list[dict[str, Any]]:
    """Numeric features of a document with their percentile (0 to 100, ties count half) among the
    documents of its bucket: those of ALWAYS, and the most unusual others, MOST_FEATURES at most."""
    found = []
    for field in bucket.schema:
        value = document.get(field.name)
        is_number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        if not is_number or value is None or field.name in _NOT_MEASURED or not bucket.num_rows:
            continue
        values = bucket[field.name].to_numpy()
        below, equal = int((values < value).sum()), int((values == value).sum())
        percentile = 100 * (below + equal / 2) / len(values)
        middle = float(np.median(values))
        found.append(
            {"feature": field.name, "value": value, "percentile": percentile, "median": middle}
        )
    rarity = {one["feature"]: min(one["percentile"], 100 - one["percentile"]) for one in found}
    told = [one for one in found if one["feature"] in ALWAYS]
    others = sorted(
        (one for one in found if one["feature"] not in ALWAYS and rarity[one["feature"]] < UNUSUAL),
        key=lambda one: rarity[one["feature"]],
    )
    return told + others[: MOST_FEATURES - len(told)]


_NOT_MEASURED = frozenset(
    ["position", "head_64", "head_256", "onset", "change_point", "switch", "segment_start",
     "segment_end"]
)  # fmt: skip
"""Numeric columns that tell places or hashes."""


def what_would_change(
    flag: Mapping[str, Any] | None,
    findings: list[dict[str, Any]],
    campaigns: list[dict[str, Any]],
    reported: Mapping[str, Mapping[str, Any]],
    policy: Mapping[str, Any],
    document: Mapping[str, Any],
) -> list[str]:
    """What in the policy decides on this document: sentences for people, corpus text left out.

    Args:
      flag: its row of `flagged`; None if it has none.
      findings: rows of FINDING_SCHEMA.
      campaigns: rows of FOUND_SCHEMA that hold it.
      reported: rows of `campaigns` by id.
      policy: as the manifest has it.
      document: its row of `documents`.
    """
    if flag is None:
        return _would_flag(findings, campaigns, reported, policy)
    lines = []
    severity, quarantine = flag["severity"], policy["quarantine"]
    if at_least(severity, quarantine):
        above = SEVERITIES[SEVERITIES.index(severity) + 1 :]
        lines.append(
            f'its severity, {severity}, is at or above policy.quarantine = "{quarantine}": '
            + (
                f'with "{above[0]}" there it would be for review'
                if above
                else "no value there would spare it"
            )
        )
    else:
        lines.append(
            f'its severity, {severity}, is below policy.quarantine = "{quarantine}": with '
            f'"{severity}" there it would be quarantined'
        )
    for campaign in campaigns:
        row = reported.get(campaign["campaign_id"])
        if row is not None:
            lines.append(_of_size(row, policy))
    for detector in sorted({finding["detector"] for finding in flag["findings"]}):
        lines.append(f'[detectors.{detector}] verdict = "nothing" would drop that finding')
    digest = document["content_hash"].hex()
    lines.append(f'[allow] hashes = ["{digest}"] would let this very text pass')
    return lines


def _would_flag(
    findings: list[dict[str, Any]],
    campaigns: list[dict[str, Any]],
    reported: Mapping[str, Mapping[str, Any]],
    policy: Mapping[str, Any],
) -> list[str]:
    lines = [
        f"it belongs to campaign {campaign['campaign_id']}, which the policy has set aside, or the "
        "policy's allow list names it"
        for campaign in campaigns
    ]
    best = max(findings, key=lambda finding: finding["score"], default=None)
    if best is not None:
        lines.append(
            f"its best finding, {best['detector']} with a score of {best['score']:.1f}, is below "
            f"policy.medium_score = {policy['medium_score']}, or the detector's own rule: "
            f"[detectors.{best['detector']}] minimum_score = {best['score']:.1f} would flag it"
        )
    if not lines:
        lines.append(
            "nothing was found in it, and it belongs to no campaign: only [block] can flag it"
        )
    return lines


def _of_size(row: Mapping[str, Any], policy: Mapping[str, Any]) -> str:
    """How the numbers of a campaign decide on its severity."""
    documents, groups = row["documents"], row["groups"]
    if groups < policy["minimum_groups"]:
        return (
            f"its campaign has {groups} groups; with fewer than policy.minimum_groups = "
            f"{policy['minimum_groups']} a campaign is medium unless the corpus has no more"
        )
    if documents >= policy["critical_documents"]:
        return (
            f"its campaign of {documents} documents is critical from "
            f"policy.critical_documents = {policy['critical_documents']} on"
        )
    return (
        f"its campaign has {documents} documents in {groups} groups: from "
        f"policy.critical_documents = {policy['critical_documents']} on it would be critical"
    )
