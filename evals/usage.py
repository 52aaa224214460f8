"""Runs a command and measures what it cost, in a process of its own.

A process inherits the peak memory of the one that starts it (Linux counts the memory before exec),
so one that holds a corpus cannot measure a smaller one: this file is run as a script in between,
and uses the standard library only.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

# ru_maxrss is in KiB, but on macOS in bytes.
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Usage:
    """What a command cost, the processes it waited for included.

    Attributes:
        seconds: wall-clock time.
        cpu_seconds: user and system time.
        peak_bytes: the largest resident set of any of its processes.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run_measured(command: Sequence[str], log: Path) -> tuple[int, Usage]:
    """Runs a command, its output going to a file; returns its exit code and what it cost."""
    measuring = [sys.executable, __file__, *command]
    with open(log, "wb") as output:
        process = subprocess.run(measuring, stdout=subprocess.PIPE, stderr=output, check=True)
    result = json.loads(process.stdout)
    return result.pop("exit_code"), Usage(**result)


def _main(command: Sequence[str]) -> None:
    """Runs the command with all output to standard error; prints exit code and usage as JSON."""
    started = time.monotonic()
    exit_code = subprocess.run(command, stdout=sys.stderr, check=False).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    usage = Usage(
        time.monotonic() - started,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss * _PEAK_UNIT,
    )
    print(json.dumps({"exit_code": exit_code, **asdict(usage)}))


if __name__ == "__main__":
    _main(sys.argv[1:])
