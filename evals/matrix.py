"""Every recipe, size and seed: how often is a campaign found, and how much of it?

    python -m evals.matrix --corpora DIR --out DIR

Campaigns are spread over several copies of the corpora, so that they don't crowd one another. What
was measured of a copy is kept in OUT: a run that was interrupted goes on where it was.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
import rich_click as click
from rich.console import Console

from evals.cells import cell_grid, cells_of, clean_grid, false_grid
from evals.machine import this_machine
from evals.power import power_figure
from evals.run import APART, numbers
from evals.scans import EvaluationError, run_scan
from tocsin.drill.outcome import read_scan
from tocsin.drill.planting import CampaignPlan, plant
from tocsin.drill.recipes import RECIPES
from tocsin.drill.scoring import Score, score
from tocsin.drill.shard_files import find_shards, read_records
from tocsin.drill.truth import Truth

# All that need no further package: GPT-2's vocabulary is in one.
_RECIPES = [recipe for recipe in RECIPES if recipe != "dos-gpt2"]
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(context_settings={"show_default": True})
@click.option("--corpora", required=True, type=_FOLDER, help="Folder with clean shards.")
@click.option("--out", required=True, type=_FOLDER, help="Folder for the results.")
@click.option("--recipes", default=",".join(_RECIPES), help="Names with commas between.")
@click.option("--sizes", default="250,100,50,25,10,5", callback=numbers, help="Documents.")
@click.option("--seeds", default="1,2,3", callback=numbers, help="One campaign for each.")
@click.option("--density", default=0.02, help="Planted documents per clean one in a copy, at most.")
@click.option("--markdown", type=click.Path(path_type=Path), help="File for the tables.")
@click.option("--figure", type=click.Path(path_type=Path), help="File for the power curves (SVG).")
def main(
    corpora: Path,
    out: Path,
    recipes: str,
    sizes: tuple[int, ...],
    seeds: tuple[int, ...],
    density: float,
    markdown: Path | None,
    figure: Path | None,
) -> None:
    """Plants and scans copy after copy, and scores them together."""
    console = Console()
    corpora, out = corpora.resolve(), out.resolve()
    plans = [
        CampaignPlan(recipe, size, seed)
        for seed, recipe, size in itertools.product(seeds, recipes.split(","), sizes)
    ]
    documents = sum(
        record is not None for shard in find_shards(corpora) for record in read_records(shard)
    )
    copies = spread(plans, round(density * documents))
    results = []
    try:
        for number, chosen in enumerate(copies):
            name = f"copy {number + 1} of {len(copies)}, {len(chosen)} campaigns"
            results.append(_measured(name, corpora, out / f"copy-{number:02}", chosen, console))
        clean = _measured("the clean corpora", corpora, out / "clean", [], console)
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    cells = cells_of(results)
    grids = [cell_grid(cells), clean_grid([*results, clean]), false_grid([*results, clean])]
    for grid in grids:
        console.print(grid.rich())
    if figure is not None:
        figure.write_text(power_figure(cells), encoding="utf-8")
    if markdown is not None:
        head = (
            f"{len(plans)} campaigns in {len(copies)} copies of {documents:,} documents; at most "
            f"{100 * density:g} % of a copy is planted. {this_machine().line}"
        )
        tables = (grid.markdown() for grid in grids)
        markdown.write_text("\n\n".join([head, *tables]) + "\n", encoding="utf-8")


def spread(plans: Sequence[CampaignPlan], documents: int) -> list[list[CampaignPlan]]:
    """Campaigns by copy, at most `documents` planted ones in each (or one campaign): each goes, the
    largest first, to the copy with the fewest."""
    total = sum(plan.documents for plan in plans)
    copies: list[list[CampaignPlan]] = [[] for _ in range(max(1, -(-total // max(documents, 1))))]
    for plan in sorted(plans, key=lambda plan: (-plan.documents, plan.recipe, plan.seed)):
        min(copies, key=lambda copy: sum(other.documents for other in copy)).append(plan)
    return [copy for copy in copies if copy]


def _measured(
    name: str, corpora: Path, place: Path, plans: Iterable[CampaignPlan], console: Console
) -> dict[str, Any]:
    """What a scan of a copy with these campaigns found; from an earlier run, if it is there."""
    result = place.with_suffix(".json")
    names = [plan.name for plan in plans]
    if result.exists():
        known: dict[str, Any] = orjson.loads(result.read_bytes())
        if known["plans"] == names:
            return known
    console.print(f"{name}: planting and scanning")
    shutil.rmtree(place, ignore_errors=True)
    corpus, truth = corpora, None
    if names:
        corpus = place / "corpora"
        truth = plant(corpora, corpus, list(plans))
    usage = run_scan(corpus, place / "scan")
    scan = read_scan(place / "scan", corpus)
    found = {"name": name, "plans": names, **summary(score(truth, scan, APART), truth)}
    found["cost"] = {"cpu_seconds": usage.cpu_seconds, "text_bytes": scan.text_bytes}
    shutil.rmtree(place)
    result.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    return found


def summary(scored: Score, truth: Truth | None) -> dict[str, Any]:
    """A score as JSON types."""
    worst = scored.clean.worst("quarantine")
    return {
        "planted": 0 if truth is None else len(truth.documents),
        "campaigns": [
            {
                "recipe": one.planted.recipe,
                "documents": one.planted.documents,
                "seed": one.planted.seed,
                "trigger": one.planted.trigger,
                "named": one.named,
                "exact": one.exact,
                "reported": None if one.reported is None else one.reported.trigger,
                "severity": None if one.reported is None else one.reported.severity,
                "score": None if one.reported is None else one.reported.score,
                "rank": one.rank,
                "hits": 0 if one.reported is None else one.reported.hits,
                "quarantined": one.quarantined.count,
                "flagged": one.flagged.count,
            }
            for one in scored.campaigns
        ],
        "clean": {
            **{
                verdict: {"count": share.count, "total": share.total}
                for verdict in ("quarantine", "review")
                for share in (scored.clean.share(verdict),)
            },
            "worst": None
            if worst is None
            else {"source": worst.source, "count": worst.quarantine, "total": worst.documents},
        },
        "false_campaigns": [
            {
                "text": one.trigger if one.trigger is not None else one.payload,
                "kind": one.kind,
                "severity": one.severity,
                "documents": one.documents,
                "score": one.score,
                "threshold": one.threshold,
            }
            for one in scored.false_campaigns
        ],
    }


if __name__ == "__main__":
    main()
