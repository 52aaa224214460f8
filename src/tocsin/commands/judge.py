"""`tocsin judge`: new verdicts on what a scan has found, without reading the corpus."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from tocsin.beam import prepare
from tocsin.beam.judge import NotJudgeable, commit_judgement, judge_again
from tocsin.cli import FINDINGS
from tocsin.commands.console import errors, out, working
from tocsin.commands.machine import print_json
from tocsin.commands.scan import summarize
from tocsin.judge.policy import Policy
from tocsin.judge.severity import at_least
from tocsin.report.visible import visible

_CHANGES_SHOWN = 20
_STRINGS_SHOWN = 5


def run(
    output: str, *, policy: Policy, dry_run: bool, fail_on: str | None, as_json: bool = False
) -> int:
    """Judges again, says what changed, and replaces the results; the exit code.

    Args:
      dry_run: say what would change; write nothing.

    Raises:
      UsageError, ManifestError: if OUT holds nothing that could be judged.
    """
    output = prepare.absolute(output)
    try:
        with working("judging again"):
            rejudged = judge_again(output, policy)
    except NotJudgeable as error:
        raise prepare.UsageError(str(error)) from error
    changed = {
        "campaigns": changes(
            rejudged.campaigns, rejudged.judgement.campaigns, ["campaign_id"], "severity"
        ),
        "documents": changes(
            rejudged.flagged, rejudged.judgement.flagged, ["source_uri", "position"], "verdict"
        ),
    }
    campaigns = rejudged.judgement.campaigns.to_pylist()
    if not dry_run:
        with working("writing the new result"):
            commit_judgement(output, rejudged)
    if as_json:
        print_json(
            {
                "output": output,
                "written": not dry_run,
                "totals": rejudged.after["totals"],
                "campaigns": campaigns,
                "set_aside": rejudged.after["set_aside"],
                "not_searched": rejudged.not_searched,
                "changed": {
                    what: [
                        {"key": list(key), "before": before, "after": after}
                        for key, before, after in found
                    ]
                    for what, found in changed.items()
                },
            }
        )
    else:
        for what, found in changed.items():
            _print_changes(found, what)
        if dry_run:
            out.print("Nothing was written.")
        else:
            summarize(output, rejudged.after, campaigns, None)
        _print_not_searched(rejudged.not_searched)
    if fail_on and any(at_least(campaign["severity"], fail_on) for campaign in campaigns):
        return FINDINGS
    return 0


def changes(
    before: pa.Table, after: pa.Table, key: list[str], value: str
) -> list[tuple[tuple[Any, ...], str | None, str | None]]:
    """Rows whose `value` is another one than before: (key, before, after), ordered by key; None
    where there is no such row."""
    old, new = (
        dict(zip(zip(*(table[name].to_pylist() for name in key)), table[value].to_pylist()))
        for table in (before, after)
    )
    return [
        (one, old.get(one), new.get(one))
        for one in sorted(old.keys() | new.keys())
        if old.get(one) != new.get(one)
    ]


def _print_not_searched(strings: list[str]) -> None:
    if strings:
        named = ", ".join(visible(one, 60) for one in strings[:_STRINGS_SHOWN])
        more = f" and {len(strings) - _STRINGS_SHOWN:,} more" * (len(strings) > _STRINGS_SHOWN)
        errors.print(
            f"tocsin: that scan has not searched the texts for {named}{more}: their campaigns were "
            "judged, other documents that hold them take a new scan with this policy"
        )


def _print_changes(
    changed: list[tuple[tuple[Any, ...], str | None, str | None]], what: str
) -> None:
    if not changed:
        out.print(f"{what}: nothing changed")
        return
    kinds = Counter((before, after) for _, before, after in changed)
    for (before, after), number in sorted(kinds.items(), key=str):
        out.print(f"{what}: {number:,} {before or 'not flagged'} -> {after or 'not flagged'}")
    for key, before, after in changed[:_CHANGES_SHOWN]:
        name = " ".join(visible(str(part), 80) for part in key)
        out.print(f"  {name}: {before or 'not flagged'} -> {after or 'not flagged'}")
    if len(changed) > _CHANGES_SHOWN:
        out.print(f"  and {len(changed) - _CHANGES_SHOWN:,} more")
