"""Derives again which documents a scan has to flag for triggers, and compares row for row.

    python -m checker.run CORPUS --scan OUT

CORPUS: a folder of JSONL shards; OUT: of `tocsin scan CORPUS -o OUT` without a profile or a policy.
Exit codes: 0 all rows agree; 1 some don't; 2 wrong usage, or something that is not checked.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from checker.campaigns import Campaign, find_campaigns
from checker.changes import Measured
from checker.corpus import Document, NotChecked, read
from checker.hashing import seed_of
from checker.languages import Voters
from checker.surprisal import Profile
from checker.suspects import Evidence
from checker.sweep import Sweep
from checker.tokens import Names, Tokens

SEVERITIES = ("low", "medium", "high", "critical")
_SCORES_DIFFER = 1e-4

Place = tuple[str, int]
Row = dict[str, Any]


def derive(documents: list[Document], every_count: bool = False) -> list[Campaign]:
    """The campaigns of triggers in a corpus."""
    names = Names(seed_of(document.content_hash for document in documents))
    profile, voters = Profile(names, every_count), Voters(names)
    tokens = []
    for document in documents:
        tokens.append(Tokens(document.text, names))
        profile.learn(document.text)
    profile.finish()
    evidence = Evidence(profile, names)

    def measured(at: int) -> Measured:
        return Measured(documents[at].text, tokens[at], profile, voters, names)

    for at, document in enumerate(documents):
        evidence.add(document, measured(at))
    suspects = evidence.suspects()
    sweep = Sweep(suspects)
    matches = [sweep.matches(of_document) for of_document in tokens]
    for at, found in enumerate(matches):
        alive = [(suspect, place) for suspect, place in found if suspect.has_shape]
        if alive:
            sweep.add(documents[at], measured(at), alive)
    return find_campaigns(suspects, sweep.rows, evidence.corpus)


def flagged_rows(campaigns: list[Campaign], groups: int) -> dict[Place, Row]:
    """What the default policy makes of campaigns in a corpus of so many groups."""
    rows: dict[Place, Row] = {}
    for campaign in campaigns:
        severity = _severity(campaign, groups)
        for found in campaign.rows:
            document = found.document
            row = rows.setdefault(
                document.place,
                {
                    "doc_id": document.doc_id,
                    "group": document.group,
                    "content_hash": document.content_hash,
                    "severity": severity,
                    "score": campaign.score,
                    "campaign_id": campaign.campaign_id,
                    "trigger": campaign.trigger,
                    "findings": [],
                },
            )
            if SEVERITIES.index(severity) > SEVERITIES.index(row["severity"]):
                row.update(
                    severity=severity, campaign_id=campaign.campaign_id, trigger=campaign.trigger
                )
            row["verdict"] = "quarantine" if row["severity"] in SEVERITIES[2:] else "review"
            detector = f"trigger-{campaign.channel}"
            row["findings"].append((detector, campaign.score, found.start, found.end))
    return rows


def _severity(campaign: Campaign, groups: int) -> str:
    few_groups = groups < 3  # then groups say nothing, and 20 documents are needed
    if (len(campaign.rows) < 20) if few_groups else (campaign.groups < 3):
        return "medium"
    if not campaign.certain:
        return "medium"
    return "critical" if len(campaign.rows) >= 100 else "high"


_CHANNELS = ("surprisal", "language", "composition", "passage", "opening")
CHECKED = tuple(f"trigger-{channel}" for channel in _CHANNELS)


def scanned_rows(out: Path) -> tuple[dict[Place, Row], Counter[str]]:
    """The rows of `flagged/` with a finding that is checked, and how many findings of each detector
    are not."""
    rows: dict[Place, Row] = {}
    others: Counter[str] = Counter()
    for part in sorted((out / "flagged").glob("part-*.parquet")):
        for row in pq.read_table(part).to_pylist():
            findings = [
                (one["detector"], one["score"], one["start"], one["end"])
                for one in row["findings"]
                if one["detector"] in CHECKED
            ]
            others.update(f["detector"] for f in row["findings"] if f["detector"] not in CHECKED)
            if findings:
                alone = len(findings) == len(row["findings"])
                names = ["doc_id", "group", "content_hash"]
                if alone:  # else the other findings have a part in these
                    names += ["verdict", "severity", "score", "campaign_id", "trigger"]
                place = Path(row["source_uri"]).name, row["position"]
                rows[place] = {**{name: row[name] for name in names}, "findings": findings}
    return rows, others


def differences(derived: dict[Place, Row], scanned: dict[Place, Row]) -> list[str]:
    """What differs, one line each."""
    found = [f"{place}: not flagged by the scan" for place in sorted(derived.keys() - scanned)]
    found += [f"{place}: flagged by the scan alone" for place in sorted(scanned.keys() - derived)]
    for place in sorted(derived.keys() & scanned):
        for name, value in scanned[place].items():
            if not _equal(value, derived[place][name]):
                found.append(f"{place}: {name} {value!r}, derived {derived[place][name]!r}")
    return found


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float):
        return bool(abs(one - other) <= _SCORES_DIFFER)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--scan", type=Path, required=True, help="OUT of the scan of CORPUS")
    parser.add_argument("--every-count", action="store_true", help="as if tables lost no count")
    arguments = parser.parse_args()
    started = time.process_time()
    try:
        documents = list(read(arguments.corpus))
    except NotChecked as error:
        print(error, file=sys.stderr)
        return 2
    campaigns = derive(documents, arguments.every_count)
    derived = flagged_rows(campaigns, len({document.group for document in documents}))
    scanned, others = scanned_rows(arguments.scan)
    wrong = differences(derived, scanned)
    print("\n".join(wrong[:50]))
    megabytes = sum(len(document.text.encode()) for document in documents) / 1e6
    print(
        f"{len(documents):,} documents, {megabytes:.1f} MB; "
        f"{len(campaigns)} campaigns of triggers, {len(derived):,} documents flagged for them; "
        f"{len(wrong):,} differences; {time.process_time() - started:.0f} CPU-seconds"
    )
    for detector, count in sorted(others.items()):
        print(f"not checked: {count:,} findings of {detector}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
