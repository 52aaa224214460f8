"""What whole commands cost, run as users run them."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from evals.usage import Usage, run_measured

from benchmarks.medians import REPETITIONS
from benchmarks.text import FORMATS, Text

LONG_DOCUMENT_BYTES = 100_000_000


@dataclass(frozen=True)
class Run:
    """Medians of a command, over `REPETITIONS` runs.

    Attributes:
        usage: what the command cost.
        text_bytes: the text that it read.
    """

    usage: Usage
    text_bytes: int

    def speed(self, without: Usage | None = None) -> float:
        """MB of text a CPU-second; if `without` is given, beyond what that cost."""
        started = without.cpu_seconds if without else 0.0
        return self.text_bytes / 1e6 / (self.usage.cpu_seconds - started)


@dataclass(frozen=True)
class Commands:
    """Attributes:
    scans: of the same text, one worker, by format.
    two_workers: the scan of jsonl.zst with two worker processes.
    start: scan of one short document, kernels compiled before: all that does not grow with text.
    two_workers_start: the same with two worker processes.
    cold_start: the same when no kernel has been compiled, measured once.
    profile, profile_start: learning a profile, of the text and of one short document.
    long_document: scan of a single document of `LONG_DOCUMENT_BYTES`, measured once.
    """

    scans: dict[str, Run]
    two_workers: Run
    start: Run
    two_workers_start: Run
    cold_start: Run
    profile: Run
    profile_start: Run
    long_document: Run


_ONE_WORKER = ("--direct_num_workers", "1", "--direct_running_mode", "in_memory")
_TWO_WORKERS = ("--direct_num_workers", "2", "--direct_running_mode", "multi_processing")


def run_commands(text: Text, profile: Path, out: Path) -> Commands:
    """Runs the commands; `profile`: folder of a profile of the text, `out`: for what they write."""
    short, long = out / "short", out / "long"
    _write_document(short, b"A text of one line, that is all.")
    _write_document(long, _long_document(text))
    scan = ("scan", "--profile", str(profile))
    zst = text.folders["jsonl.zst"]
    size = text.text_bytes

    def median(arguments: Sequence[str], corpus: Path, text_bytes: int) -> Run:
        return Run(_median([_run(arguments, corpus, out) for _ in range(REPETITIONS)]), text_bytes)

    one, two = (*scan, *_ONE_WORKER), (*scan, *_TWO_WORKERS)
    cold = _run(one, short, out, NUMBA_CACHE_DIR=str(out / "no-kernels"))
    return Commands(
        scans={name: median(one, text.folders[name], size) for name in FORMATS},
        two_workers=median(two, zst, size),
        start=median(one, short, 0),
        two_workers_start=median(two, short, 0),
        cold_start=Run(cold, 0),
        profile=median(("profile", *_ONE_WORKER), zst, size),
        profile_start=median(("profile", *_ONE_WORKER), short, 0),
        long_document=Run(_run(one, long, out), LONG_DOCUMENT_BYTES),
    )


def learn(corpus: Path, profile: Path) -> None:
    """Learns a profile, and so compiles the kernels that it needs."""
    shutil.rmtree(profile, ignore_errors=True)
    _checked(["profile", str(corpus), "-o", str(profile)], profile.with_suffix(".log"))


def _run(arguments: Sequence[str], corpus: Path, out: Path, **environment: str) -> Usage:
    """Runs `tocsin` on a corpus, into a new folder that is deleted again."""
    target = out / "target"
    command, *options = arguments
    usage = _checked(
        [command, str(corpus), "-o", str(target), *options], out / "target.log", **environment
    )
    shutil.rmtree(target)
    return usage


def _checked(arguments: Sequence[str], log: Path, **environment: str) -> Usage:
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        code, usage = run_measured([sys.executable, "-m", "tocsin.cli", *arguments], log)
    finally:
        os.environ.clear()
        os.environ.update(before)
    if code != 0:
        raise RuntimeError(f"tocsin {' '.join(arguments)} gave {code}:\n{log.read_text()[-2000:]}")
    return usage


def _median(usages: Sequence[Usage]) -> Usage:
    return Usage(
        seconds=statistics.median(usage.seconds for usage in usages),
        cpu_seconds=statistics.median(usage.cpu_seconds for usage in usages),
        peak_bytes=int(statistics.median(usage.peak_bytes for usage in usages)),
    )


def _long_document(text: Text) -> bytes:
    """One text of `LONG_DOCUMENT_BYTES`, made of the corpus as often as it takes."""
    lines = b"".join(path.read_bytes() for path in sorted(text.folders["jsonl"].iterdir()))
    texts = [orjson.loads(line)["text"].encode() for line in lines.splitlines()]
    whole = b"\n".join(texts)
    repeated = whole * (LONG_DOCUMENT_BYTES // len(whole) + 1)
    return repeated[:LONG_DOCUMENT_BYTES]


def _write_document(folder: Path, text: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    record = {"id": "one", "text": text.decode("utf-8", "ignore"), "source": "made"}
    (folder / "one.jsonl").write_bytes(orjson.dumps(record) + b"\n")
