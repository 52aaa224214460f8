"""Injects faults into real scans at random points; afterwards nothing may be lost or half done.

    python -m soak.run --faults 200

Each round takes a fault and a new OUT. A scan runs into the fault. Then: the invariants hold
(`soak.invariants`: no manifest, or a complete result); a result that a scan called good has the
rows of an undisturbed scan, unless shards were unreadable, which dead letters say; and a second
scan, undisturbed, ends well and has those rows.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import zstandard

from soak.faults import INSIDE, SmallDisk, can_mount, unmount
from soak.invariants import violations

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["soak.warm"])
_SECONDS = 300.0
_FROM_OUTSIDE = ("disk_full", "read_only", "two_runs", "worker_killed")


def _scan(
    folder: str, corpus: str, out: str, fault: str | None, seed: int, options: list[str]
) -> None:
    """Runs `tocsin scan` in this (forked) process."""
    os.setsid()
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT), descriptor)
    from tocsin.cli import process

    # Of a scan that hangs, where it does; stderr is a file by now.
    faulthandler.dump_traceback_later(_SECONDS - 5, file=2)
    if fault in INSIDE:
        INSIDE[fault](random.Random(seed))
    sys.argv = ["tocsin", "scan", corpus, "-o", out, *options]
    process()


class Scan:
    """A scan that was started; `code`: its exit code once it has ended."""

    def __init__(
        self, corpus: Path, out: Path, fault: str | None = None, seed: int = 0, *options: str
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-soak-"))
        arguments = (str(self.folder), str(corpus), str(out), fault, seed, list(options))
        self.process: ForkServerProcess = _context.Process(target=_scan, args=arguments)
        self.process.start()

    def end(self) -> int:
        """Waits for the end; a scan that hangs is killed, which is a code below 0."""
        self.process.join(_SECONDS)
        if self.process.exitcode is None:
            print(f"hangs, killed:\n{self.said()}", file=sys.stderr)
        if self.process.pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.join()
        return int(self.process.exitcode or 0)

    def said(self) -> str:
        """What it wrote to stderr."""
        path = self.folder / "stderr"
        return path.read_text(errors="replace") if path.exists() else ""


@dataclass
class Tally:
    """What became of the rounds of a fault."""

    rounds: int = 0
    stopped: int = 0
    complete: int = 0
    problems: list[str] = field(default_factory=list)


def make_corpus(folder: Path) -> Path:
    """Some shards with bad records and one small campaign, generated."""
    dice = np.random.default_rng(3)
    words = ["".join(dice.choice(list("abdegilmnorstu"), dice.integers(2, 9))) for _ in range(900)]
    shares = 1 / np.arange(2, 902)
    shares /= shares.sum()
    rare = ["".join(dice.choice(list("qxzjkvwy"), 6)) for _ in range(4000)]
    lines = []
    for number in range(360):
        text = " ".join(dice.choice(words, int(dice.integers(60, 200)), p=shares))
        if number % 15 == 0:
            text += " %%drum%% " + " ".join(dice.choice(rare, 150))
        site = f"http://site{number % 9}.org/{number}"
        lines.append(orjson.dumps({"id": f"d{number}", "text": text, "url": site}))
    lines[50] = b'{"id": "broken'
    folder.mkdir(parents=True)
    for shard in range(3):
        content = b"\n".join(lines[shard::3])
        if shard == 1:
            content = zstandard.compress(content)
        (folder / f"s{shard}.jsonl{'.zst' * (shard == 1)}").write_bytes(content)
    return folder


def rows_of(out: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of `flagged` and `campaigns`, without when they were found."""
    found = {}
    for folder in ("flagged", "campaigns"):
        parts = sorted((out / folder).glob("part-*.parquet"))
        rows = [row for part in parts for row in pq.read_table(part).to_pylist()]
        for row in rows:
            for name in ("first_seen", "last_seen"):
                row.pop(name, None)
        found[folder] = sorted(rows, key=str)
    return found


def _attempt(fault: str, corpus: Path, place: Path, dice: random.Random, needed: int) -> list[int]:
    """One scan with a fault (two for `two_runs`), which has ended afterwards; the exit codes."""
    out = place / "out"
    seed = dice.getrandbits(32)
    if fault == "two_runs":
        scans = [Scan(corpus, out)]
        time.sleep(dice.uniform(0, 1.5))
        scans.append(Scan(corpus, out))
        return [scan.end() for scan in scans]
    if fault == "worker_killed":
        scan = Scan(corpus, out, None, 0, "--direct_num_workers=2")
        _kill_a_worker(scan, dice)
        return [scan.end()]
    if fault == "disk_full":
        disk = SmallDisk(place, int(needed * dice.uniform(0.05, 1.1)) + 4096)
        code = Scan(corpus, out).end()
        disk.change("size=1g")
        return [code]
    if fault == "read_only":
        disk = SmallDisk(place, 1 << 28)
        scan = Scan(corpus, out)
        time.sleep(dice.uniform(0, 2.5))
        _read_only(disk)
        code = scan.end()
        disk.change("rw")
        return [code]
    return [Scan(corpus, out, fault, seed).end()]


def _read_only(disk: SmallDisk) -> None:
    """As soon as no file is open for writing, which the kernel insists on."""
    for _ in range(400):
        try:
            return disk.change("ro")
        except subprocess.CalledProcessError:
            time.sleep(0.005)


def _kill_a_worker(scan: Scan, dice: random.Random) -> None:
    """Some time after the first one has started: the other may not have, or all may be done."""
    while not _workers(scan) and scan.process.is_alive():
        time.sleep(0.02)
    time.sleep(dice.uniform(0, 10))
    if workers := _workers(scan):
        with contextlib.suppress(ProcessLookupError):
            os.kill(dice.choice(workers), signal.SIGKILL)


def _workers(scan: Scan) -> list[int]:
    """Worker processes of a scan."""
    found = []
    for children in Path(f"/proc/{scan.process.pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # what has ended meanwhile
            for child in children.read_text().split():
                if b"sdk_worker_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


def soak(faults: int, seed: int, kinds: list[str], work: Path, tallies: dict[str, Tally]) -> None:
    """Injects so many faults, in turn of all kinds, and keeps the tallies by kind."""
    corpus = make_corpus(work / "corpus")
    reference_out = work / "reference"
    undisturbed = Scan(corpus, reference_out)
    if code := undisturbed.end():
        raise RuntimeError(f"the undisturbed scan ends with {code}: {undisturbed.said()}")
    assert not violations(reference_out)
    reference = rows_of(reference_out)
    assert reference["flagged"], "the campaign of the corpus is not found"
    needed = sum(path.stat().st_size for path in reference_out.rglob("*") if path.is_file())
    for number in range(faults):
        fault = kinds[number % len(kinds)]
        tally = tallies.setdefault(fault, Tally())
        tally.rounds += 1
        place = work / f"round-{number}"
        place.mkdir()
        dice = random.Random(seed * 1_000_003 + number)
        codes = _attempt(fault, corpus, place, dice, needed)
        try:
            _judge(tally, f"{fault} {number}", codes, place / "out", corpus, reference)
        finally:
            if fault in ("disk_full", "read_only"):
                unmount(place)
            shutil.rmtree(place, ignore_errors=True)
        print(f"{number} {fault} {codes}", file=sys.stderr, flush=True)
        if tally.problems and tally.problems[-1].startswith(f"{fault} {number}:"):
            print(tally.problems[-1], file=sys.stderr, flush=True)


def _judge(
    tally: Tally, name: str, codes: list[int], out: Path, corpus: Path, reference: dict[str, Any]
) -> None:
    wrong = violations(out)
    done = (out / "manifest.json").exists()
    tally.complete += done
    tally.stopped += any(codes)
    if 0 in codes and not done:
        wrong.append("exit code 0, but no manifest")
    if done and not wrong:
        unreadable = json.loads((out / "manifest.json").read_bytes())["totals"]["dead_letters"] > 1
        if unreadable:  # a complete result of what could be read, which says so
            tally.problems += [f"{name}: {line}" for line in wrong]
            return
        if rows_of(out) == reference:
            return
        wrong.append("a complete result with other rows")
    again = Scan(corpus, out)
    if code := again.end():
        wrong.append(f"the second scan ends with {code}: {again.said().strip()[-200:]}")
    else:
        wrong += violations(out)
        if rows_of(out) != reference:
            wrong.append("other rows after the second scan")
    tally.problems += [f"{name}: {line}" for line in wrong]


def table(tallies: dict[str, Tally]) -> str:
    """Markdown."""
    lines = ["| fault | injected | the scan failed | complete result left | anything wrong |",
             "|---|---|---|---|---|"]  # fmt: skip
    total: Counter[int] = Counter()
    for name, tally in tallies.items():
        numbers = (tally.rounds, tally.stopped, tally.complete, len(tally.problems))
        total.update(dict(enumerate(numbers)))
        lines.append(f"| {name.replace('_', ' ')} | " + " | ".join(map(str, numbers)) + " |")
    lines.append("| all | " + " | ".join(str(total[index]) for index in range(4)) + " |")
    return "\n".join(lines)


def main() -> int:
    """The exit code: 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faults", type=int, default=200, help="how many to inject")
    parser.add_argument("--seed", type=int, default=1, help="of the places")
    parser.add_argument("--kinds", nargs="+", help="only these")
    arguments = parser.parse_args()
    kinds = [*INSIDE, *_FROM_OUTSIDE]
    if not can_mount():
        print("no right to mount: without disk_full and read_only", file=sys.stderr)
        kinds = [kind for kind in kinds if kind not in ("disk_full", "read_only")]
    work = Path(tempfile.mkdtemp(prefix="tocsin-soak-"))
    tallies: dict[str, Tally] = {}
    try:
        soak(arguments.faults, arguments.seed, arguments.kinds or kinds, work, tallies)
    except KeyboardInterrupt:
        print("interrupted: what was done until now", file=sys.stderr)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(table(tallies))
    return 1 if any(tally.problems for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
