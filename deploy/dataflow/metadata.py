"""Writes metadata.json, the template's parameters, from the options of `tocsin scan`.

python deploy/dataflow/metadata.py > deploy/dataflow/metadata.json
"""

from __future__ import annotations

import json
from typing import Any

import click

from tocsin.cli import scan

_STORAGE = r"^gs://[^/\n\r]{3,}(/.*)?$"
_LEFT_OUT = frozenset(["inputs", "json", "runner", "state", "verbose"])
"""What the template decides, or nobody sees; a scan with a state is waited for, which a template
can't do."""


def metadata() -> dict[str, Any]:
    """The template's metadata in the form that Dataflow reads."""
    parameters = [
        {
            "name": "input",
            "label": "INPUT",
            "helpText": "Shards: files, folders or globs below gs://, with commas between them.",
            "regexes": [r"^gs://[^\n\r]+$"],
        }
    ]
    parameters += [_parameter(option) for option in scan.params if option.name not in _LEFT_OUT]
    return {
        "name": "tocsin scan",
        "description": "Finds poisoned documents in a corpus and the campaigns behind them",
        "parameters": parameters,
    }


def _parameter(option: Any) -> dict[str, Any]:
    name = option.opts[-1].removeprefix("--").replace("-", "_")
    parameter: dict[str, Any] = {
        "name": name,
        "label": option.opts[-1],
        "helpText": option.help,
        "isOptional": not option.required,
    }
    if isinstance(option.type, click.Choice):
        parameter["regexes"] = [f"^({'|'.join(option.type.choices)})$"]
    elif option.metavar in ("DIR", "FILE"):
        parameter["regexes"] = [_STORAGE]
    return parameter


if __name__ == "__main__":
    print(json.dumps(metadata(), indent=2))
