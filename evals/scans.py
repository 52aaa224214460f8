"""Running `tocsin scan` as its users do."""

from __future__ import annotations

import sys
from pathlib import Path

from evals.usage import Usage, run_measured


class EvaluationError(RuntimeError):
    """The evaluation cannot be done; the message says why."""


def run_scan(corpus: Path, out: Path) -> Usage:
    """Scans a folder with the installed command line; its output goes to `<out>.log`.

    Raises:
        EvaluationError: the exit code is not 0; the message ends with the last lines of the log.
    """
    log = out.with_name(f"{out.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tocsin.cli", "scan", str(corpus), "-o", str(out)]
    code, usage = run_measured(command, log)
    if code != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise EvaluationError(f"scanning {corpus} ended with exit code {code}:\n{tail}")
    return usage
