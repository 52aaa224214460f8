"""Plants poison in a copy of some corpora, scans copy and original, and prints what was found.

    python -m evals.run --corpora DIR --out DIR

Exit codes: 0 done, whatever was found; 1 a scan failed; 2 wrong usage.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict
from pathlib import Path

import orjson
import rich_click as click
from rich.console import Console

from evals.machine import this_machine
from evals.scans import EvaluationError, run_scan
from evals.tables import ScoredScan, markdown_page, print_tables
from tocsin.drill.outcome import read_scan
from tocsin.drill.planting import CampaignPlan, plant
from tocsin.drill.poison import DrillError
from tocsin.drill.scoring import score
from tocsin.drill.truth import Truth

APART = frozenset({"payloads-naughty", "chatgpt-prompts"})
"""Sources with real attack strings and prompts: flags there can be right."""


def numbers(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    """A click callback: whole numbers with commas between."""
    try:
        return tuple(int(number) for number in value.split(","))
    except ValueError:
        raise click.BadParameter("must be whole numbers with commas between them") from None


@click.command(context_settings={"show_default": True})
@click.option(
    "--corpora",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with clean JSONL or Parquet shards.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="New folder for the planted copy, the scans and the scores.",
)
@click.option("--recipes", default="dos,dos-ascii,dos-words", help="Names with commas between.")
@click.option("--sizes", default="250,100,25,10", callback=numbers, help="Documents a campaign.")
@click.option("--seeds", default="1", callback=numbers, help="One campaign for each.")
@click.option(
    "--markdown", type=click.Path(dir_okay=False, path_type=Path), help="File for the tables."
)
def main(
    corpora: Path,
    out: Path,
    recipes: str,
    sizes: tuple[int, ...],
    seeds: tuple[int, ...],
    markdown: Path | None,
) -> None:
    """Plants one campaign for each recipe, size and seed in one copy, and scores the scans."""
    console = Console()
    corpora, out = corpora.resolve(), out.resolve()
    if out.exists() and any(out.iterdir()):
        raise click.UsageError(f"{out} is not empty")
    plans = [
        CampaignPlan(recipe, size, seed)
        for recipe, size, seed in itertools.product(recipes.split(","), sizes, seeds)
    ]
    planted = out / "planted" / "corpora"
    console.print(f"planting {len(plans)} campaigns")
    try:
        truth = plant(corpora, planted, plans)
    except DrillError as error:
        raise click.UsageError(str(error)) from None
    truth.write(planted.parent)
    try:
        scans = [
            _scored("the planted copy", planted, out / "scans" / "planted", truth, console),
            _scored("the clean corpora", corpora, out / "scans" / "clean", None, console),
        ]
    except (EvaluationError, DrillError) as error:
        raise click.ClickException(str(error)) from None
    machine = this_machine()
    print_tables(console, scans)
    console.print(machine.line, markup=False)
    results = {
        "machine": asdict(machine),
        "vocabulary": truth.vocabulary,
        "scans": [
            {"name": scan.name, "usage": asdict(scan.usage), "score": asdict(scan.score)}
            for scan in scans
        ],
    }
    (out / "scores.json").write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2))
    if markdown is not None:
        markdown.write_text(markdown_page(scans, truth.vocabulary, machine), encoding="utf-8")


def _scored(
    name: str, corpus: Path, out: Path, truth: Truth | None, console: Console
) -> ScoredScan:
    console.print(f"scanning {name}")
    usage = run_scan(corpus, out)
    scan = read_scan(out, corpus)
    return ScoredScan(name, scan, usage, score(truth, scan, APART))


if __name__ == "__main__":
    main()
