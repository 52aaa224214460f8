"""`docs/benchmarks.md`: what was measured, as a page."""

from __future__ import annotations

from dataclasses import dataclass

from evals.machine import Machine
from evals.tables import Cell, Grid
from evals.usage import Usage

from benchmarks.commands import Commands, Run
from benchmarks.medians import REPETITIONS
from benchmarks.peers import PeerSpeed
from benchmarks.text import Text


@dataclass(frozen=True)
class Results:
    """All that `make bench` measures. `stages`: ns a byte, by name."""

    machine: Machine
    text: Text
    stages: dict[str, float]
    commands: Commands
    peers: tuple[PeerSpeed, ...]


def page(results: Results) -> str:
    """The page, as Markdown."""
    text = results.text
    head = f"""# Speed and memory as measured

Written by `make bench`. {results.machine.line} The text is {text.text_bytes / 1e6:.0f} MB in
{text.documents:,} documents: {text.source}. MB are of uncompressed text, seconds are CPU-seconds
(user and system) where nothing else is said. Every number is the median of {REPETITIONS} runs,
unless it says *once*. Other work on the machine makes numbers worse, by a quarter and more, so
compare what stands in one page, and ratios rather than seconds."""
    tables = [targets(results), scans(results), stage_costs(results), peers(results)]
    return "\n\n".join([head, *(table.markdown() for table in tables)]) + "\n"


def targets(results: Results) -> Grid:
    """What the design asks for, and what was reached."""
    commands = results.commands
    zst = commands.scans["jsonl.zst"]
    reading = 1e3 / results.stages["read jsonl.zst"]
    scan = zst.speed(commands.start.usage)
    two = (zst.usage.seconds - commands.start.usage.seconds) / (
        commands.two_workers.usage.seconds - commands.two_workers_start.usage.seconds
    )
    profile = commands.profile.speed(commands.profile_start.usage)
    more: list[tuple[str, float, float]] = [
        ("whole scan from jsonl.zst, one worker, start-up apart, MB/CPU-s", 60, scan),
        ("the same as a share of reading alone", 0.18, scan / reading),
        ("learning a profile, start-up apart, MB/CPU-s", 80, profile),
        ("two workers over one, wall clock, start-up apart", 1.8, two),
    ]
    for peer in results.peers:
        if peer.target:
            more.append((f"whole scan over {peer.name}", peer.target, scan / peer.speed))
    long = commands.long_document.usage.peak_bytes / 1e9
    less: list[tuple[str, float, float]] = [
        ("fused kernel, ns/byte", 8.5, results.stages[KERNEL]),
        ("peak memory of a worker, GB", 1.5, zst.usage.peak_bytes / 1e9),
        ("the same with a document of 100 MB, GB, once", 1.5, long),
        ("whole scan of one line, compiled before, wall-clock s", 5, commands.start.usage.seconds),
    ]
    rows = [
        *((what, target, found, found >= target) for what, target, found in more),
        *((what, target, found, found <= target) for what, target, found in less),
    ]
    return Grid(
        "Targets",
        ("what", "target", "measured", "reached"),
        tuple(
            (what, _figure(target), _figure(found), "yes" if reached else "**no**")
            for what, target, found, reached in rows
        ),
    )


KERNEL = "the kernel: those, segments, onsets, repetition, shingles"


def scans(results: Results) -> Grid:
    """Whole commands."""
    commands = results.commands
    start, two_start = commands.start.usage, commands.two_workers_start.usage
    rows: list[tuple[str, Run, Usage | None]] = [
        *((f"scan from {name}", run, start) for name, run in commands.scans.items()),
        ("scan from jsonl.zst, two workers", commands.two_workers, two_start),
        ("scan of one document of 100 MB, once", commands.long_document, start),
        ("profile from jsonl.zst", commands.profile, commands.profile_start.usage),
        ("scan of one line", commands.start, None),
        ("scan of one line, two workers", commands.two_workers_start, None),
        ("scan of one line, no kernel compiled, once", commands.cold_start, None),
        ("profile of one line", commands.profile_start, None),
    ]  # fmt: skip
    return Grid(
        "Whole commands, with `--profile` given",
        ("command", "wall s", "CPU s", "MB/CPU-s", "start-up apart", "peak GB"),
        tuple(
            (
                name,
                f"{run.usage.seconds:.1f}",
                f"{run.usage.cpu_seconds:.1f}",
                f"{run.speed():.1f}" if run.text_bytes else "",
                f"{run.speed(without):.1f}" if without else "",
                f"{run.usage.peak_bytes / 1e9:.2f}",
            )
            for name, run, without in rows
        ),
    )


def stage_costs(results: Results) -> Grid:
    """Stages, each by itself."""
    return Grid(
        "Stages, each by itself, in one process without Beam",
        ("stage", "ns/byte", "MB/CPU-s"),
        tuple((name, f"{cost:.2f}", f"{1e3 / cost:.0f}") for name, cost in results.stages.items()),
    )


def peers(results: Results) -> Grid:
    """Others, on the same documents."""
    scan = results.commands.scans["jsonl.zst"].speed(results.commands.start.usage)
    rows: list[tuple[Cell, ...]] = [
        (
            "Tocsin: whole scan from jsonl.zst",
            results.machine.versions["tocsin"],
            f"{scan:.1f}",
            "1",
        )
    ]
    for peer in results.peers:
        rows.append((peer.name, peer.version, _figure(peer.speed), f"{_figure(scan / peer.speed)}"))
    return Grid(
        "Others on documents of the same text, already in memory, start-up apart",
        ("what", "version", "MB/CPU-s", "Tocsin is faster by"),
        tuple(rows),
    )


def _figure(number: float) -> str:
    return f"{number:.3g}"
