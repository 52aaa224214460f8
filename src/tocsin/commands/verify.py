"""`tocsin verify`."""

from __future__ import annotations

import json
from dataclasses import asdict

from tocsin.beam import prepare, storage
from tocsin.beam.verify import verify
from tocsin.commands.console import out, working
from tocsin.ledger.signature import KeyProblem
from tocsin.report.visible import visible

_SHOWN = 200
"""Characters of a path or a detail."""


def run(folder: str, *, key: str | None, as_json: bool) -> int:
    """Checks the outputs and the inputs of a scan; the exit code: 1 if anything does not match.

    Args:
      key: file of the public key that must have signed the (last) manifest; None for any or none.

    Raises:
      UsageError: if the folder is none of Tocsin's, or the key can't be used.
    """
    folder = prepare.absolute(folder)
    if not storage.files_in(folder):
        raise prepare.UsageError(f"{folder} is empty or not there: nothing to verify")
    try:
        with working("reading every output and input"):
            result = verify(folder, None if key is None else storage.read(key))
    except KeyProblem as error:
        raise prepare.UsageError(f"{key}: {error}") from error
    if as_json:
        out.print(json.dumps({"verified": not result.problems, **asdict(result)}, indent=2))
        return 1 if result.problems else 0
    for problem in result.problems:
        out.print(
            f"{problem.kind:<17} {visible(problem.subject, _SHOWN)}: "
            f"{visible(problem.detail, _SHOWN)}"
        )
    checked = (
        f"{result.manifests:,} manifest{'s' * (result.manifests != 1)}, "
        f"{result.outputs:,} outputs and {result.inputs:,} inputs checked"
    )
    if result.absent:
        out.print(f"{result.absent:,} results of earlier nights are not there any more")
    if result.problems:
        out.print(f"{checked}: {len(result.problems):,} do not match")
        return 1
    out.print(f"{checked}: all match")
    return 0
