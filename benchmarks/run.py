"""Measures Tocsin's speed and memory, and that of others, and writes the page of it.

    python -m benchmarks.run --corpora DIR --out DIR --markdown FILE

Exit codes: 0 done, whatever was measured; 1 a command failed; 2 wrong usage.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import rich_click as click
from evals.machine import this_machine
from rich.console import Console

from benchmarks.commands import learn, run_commands
from benchmarks.page import Results, page, peers, scans, stage_costs, targets
from benchmarks.peers import run_peers
from benchmarks.stages import stages
from benchmarks.text import prepare


@click.command(context_settings={"show_default": True})
@click.option(
    "--corpora",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with JSONL or Parquet shards; without it, the text is this machine's own Python.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for text and results; emptied first.",
)
@click.option("--megabytes", default=60, type=click.IntRange(1), help="Text to measure on.")
@click.option(
    "--markdown", type=click.Path(dir_okay=False, path_type=Path), help="File for the page."
)
def main(corpora: Path, out: Path, megabytes: int, markdown: Path | None) -> None:
    """Measures stages, whole commands, and what others do on the same documents."""
    console = Console()
    shutil.rmtree(out, ignore_errors=True)
    out = out.resolve()
    console.print("preparing the text")
    text = prepare(corpora.resolve(), out / "text", megabytes * 1_000_000)
    profile = out / "profile"
    learn(text.folders["jsonl.zst"], profile)
    console.print("measuring the stages")
    of_stages = stages(text, profile)
    console.print("measuring whole commands")
    commands = run_commands(text, profile, out)
    console.print("measuring others")
    of_peers = run_peers(text, out)
    results = Results(this_machine(), text, of_stages, commands, of_peers)
    for table in (targets, scans, stage_costs, peers):
        console.print(table(results).rich())
    if markdown is not None:
        markdown.write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
