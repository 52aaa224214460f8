"""Results as JSON: what `--json` prints in the place of words for people."""

from __future__ import annotations

import json
from typing import Any

from tocsin.beam import prepare, storage
from tocsin.beam.learn import load_profile
from tocsin.beam.results import read_manifest, read_parts
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA


def print_scan(output: str) -> None:
    """The result of a finished scan: scan_id, totals, campaigns, and what the policy set aside."""
    output = prepare.absolute(output)
    manifest = read_manifest(output)
    assert manifest is not None  # the command has just read it
    campaigns = read_parts(output, manifest, "campaigns", CAMPAIGN_SCHEMA).to_pylist()
    print_json(
        {
            "output": output,
            "scan_id": manifest["scan_id"],
            "totals": manifest["totals"],
            "campaigns": campaigns,
            "set_aside": manifest.get("set_aside", []),
            "skipped": manifest["skipped"],
            "report": storage.join(output, "report.html"),
        }
    )


def print_profile(output: str) -> None:
    """What a profile was learned from."""
    output = prepare.absolute(output)
    learned = load_profile(output)
    print_json(
        {
            "output": output,
            "digest": learned.digest,
            "documents": learned.documents,
            "words": learned.words,
            "sample_rate": learned.sample_rate,
        }
    )


def print_written(output: str) -> None:
    """What a command has written, or signed."""
    print_json({"output": prepare.absolute(output)})


def print_json(result: Any) -> None:
    """One JSON value; times as ISO 8601. Only ASCII: text of the corpus may be in it."""
    print(json.dumps(result, indent=2, default=lambda value: value.isoformat()))
