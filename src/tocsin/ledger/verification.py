"""Verification: what no longer matches a manifest, told apart by what is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tocsin.ledger.manifest import ManifestError, decode, reconcile

ALTERED_MANIFEST = "altered manifest"
MISSING_MANIFEST = "missing manifest"
BROKEN_CHAIN = "broken chain"
ALTERED_OUTPUT = "altered output"
MISSING_OUTPUT = "missing output"
UNKNOWN_OUTPUT = "unknown output"
CHANGED_INPUT = "changed input"
MISSING_INPUT = "missing input"
ALTERED_STATE = "altered state"
MISSING_STATE = "missing state"
GAP = "gap"
NO_SIGNATURE = "no signature"
WRONG_SIGNATURE = "wrong signature"
ALTERED_PROFILE = "altered profile"
MISSING_PROFILE = "missing profile"


@dataclass(frozen=True)
class Problem:
    """Something that does not match. `kind`: one of this module's names; `subject`: the file or
    URI; `detail`: what was found, one line."""

    kind: str
    subject: str
    detail: str


@dataclass
class Verification:
    """What was checked, by its kind, and what did not match. `absent`: results of earlier nights
    that are not where they were written: nothing is wrong with deleting them, and nothing is known
    of them."""

    outputs: int = 0
    inputs: int = 0
    manifests: int = 0
    absent: int = 0
    problems: list[Problem] = field(default_factory=list)

    def found(self, kind: str, subject: str, detail: str) -> None:
        """Adds a problem."""
        self.problems.append(Problem(kind, subject, detail))


def check_chain(
    manifests: Sequence[tuple[int, bytes]], last_night: int, result: Verification
) -> list[dict[str, Any] | None]:
    """Walks the manifests of a state, each of which names the digest of the one before.

    Args:
      manifests: (number of the night, the manifest's file), ascending.
      last_night: number of nights that there have been at least.

    Returns:
      The manifests, None for those that can't be read.
    """
    decoded: list[dict[str, Any] | None] = []
    expected, before = 1, None
    for number, content in manifests:
        result.manifests += 1
        if number != expected:
            missing = f"{expected}" if number - 1 == expected else f"{expected} to {number - 1}"
            result.found(GAP, f"night {missing}", "there is no manifest")
        try:
            manifest = decode(content)
            if manifest["night"] != number:
                raise ManifestError(f"altered manifest: it is that of night {manifest['night']}")
        except (ManifestError, KeyError) as error:
            result.found(ALTERED_MANIFEST, f"night {number}", str(error))
            decoded.append(None)
        else:
            decoded.append(manifest)
            if number == expected and manifest["previous"] != before:
                result.found(
                    BROKEN_CHAIN, f"night {number}", "it does not follow the night before it"
                )
        expected, before = number + 1, hashlib.sha256(content).hexdigest()
    if expected <= last_night:
        result.found(GAP, f"night {expected} to {last_night}", "the last manifests are gone")
    return decoded


def check_counts(manifest: dict[str, Any]) -> list[str]:
    """What does not add up in a manifest by itself; none if all does."""
    inputs, totals = manifest["inputs"], manifest["totals"]
    wrong = reconcile(inputs)
    for name in ("records", "documents", "dead_letters", "other_records", "text_bytes"):
        total = sum(entry[name] for entry in inputs)
        if totals[name] != total:
            wrong.append(f"totals have {totals[name]} {name}, the inputs together {total}")
    for folder, name in (
        ("documents", "documents"),
        ("dead_letters", "dead_letters"),
        ("flagged", "flagged"),
        ("campaigns", "campaigns"),
    ):
        rows = _rows(manifest["outputs"], folder)
        if totals[name] != rows:
            wrong.append(f"totals have {totals[name]} {name}, the parts of {folder}/ {rows} rows")
    if totals["flagged"] != totals["quarantined"] + totals["review"]:
        wrong.append(
            f"{totals['flagged']} flagged, but {totals['quarantined']} to quarantine "
            f"and {totals['review']} for review"
        )
    return wrong


def _rows(outputs: Sequence[dict[str, Any]], folder: str) -> int:
    return sum(output["rows"] for output in outputs if output["path"].startswith(f"{folder}/"))
