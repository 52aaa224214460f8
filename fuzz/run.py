"""Fuzzes every target for so many executions and prints a table of what was done.

    python -m fuzz.run --runs 20000
    python -m fuzz.run --runs 1000000 --targets jsonl parquet --folder build/fuzz

An execution is one call of a target with one input of its own. Inputs that found new code are kept
in the folder and go on from there the next time; an input that fails stays there as `crash-…`.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
from pathlib import Path

from fuzz.seeds import seeds
from fuzz.targets import TARGETS

_DONE = re.compile(r"Done (\d+) (?:runs )?in \d+ second|stat::number_of_executed_units:\s*(\d+)")


def fuzz(target: str, runs: int, seed: int, folder: Path) -> tuple[int, float, list[str]]:
    """Executions, CPU-seconds and names of the failing inputs of a target."""
    corpus = folder / target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds(target)):
        (corpus / f"seed-{number}").write_bytes(content)
    before = {path.name for path in folder.glob(f"{target}-*")}
    spent = _children_seconds()
    finished = subprocess.run(
        [
            sys.executable,
            "-m",
            "fuzz.one",
            target,
            f"-runs={runs}",
            f"-seed={seed}",
            "-max_len=6000",
            "-timeout=600",
            "-rss_limit_mb=6000",
            "-print_final_stats=1",
            "-verbosity=1",
            f"-artifact_prefix={folder}/{target}-",
            str(corpus),
        ],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    said = finished.stderr + finished.stdout
    counts = [int(a or b) for a, b in _DONE.findall(said)]
    failed = sorted({path.name for path in folder.glob(f"{target}-*")} - before)
    if finished.returncode and not failed:
        failed = [f"exit code {finished.returncode}"]
    if failed:
        print(said[-4000:], file=sys.stderr)
    return max(counts, default=0), _children_seconds() - spent, failed


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """The exit code: 1 if an input failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=20_000, help="executions for each target")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    total, failures = 0, 0
    print("| target | executions | CPU seconds | failures |\n|---|---|---|---|")
    for target in arguments.targets:
        executions, seconds, failed = fuzz(target, arguments.runs, arguments.seed, arguments.folder)
        total += executions
        failures += len(failed)
        print(
            f"| {target} | {executions:,} | {seconds:.0f} | {', '.join(failed) or 0} |", flush=True
        )
    print(f"| all | {total:,} | | {failures} |")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
