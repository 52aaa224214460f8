"""The drill: known poison in a copy of the user's own corpus, and how much of it a scan finds.

    plant -> scan -> score

Run it as `tocsin drill`, or as a main: `python -m tocsin.pipelines.drill INPUT --out DIR`. Planting
is of one machine; the scan is the very one of `tocsin scan`, on any engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tocsin.corpus.batches import FieldNames
from tocsin.drill.outcome import read_scan
from tocsin.drill.planting import CampaignPlan, plant
from tocsin.drill.recipes import Recipe
from tocsin.drill.scoring import Score, score
from tocsin.drill.truth import Truth

PLANTED = "planted"
TRUTH = "truth"
SCAN = "scan"
"""Folders of a drill: the poisoned copy, what was planted in it, and the scan's OUT."""


def drill(
    shards: Mapping[Path, str],
    plans: Sequence[CampaignPlan],
    recipes: Mapping[str, Recipe],
    fields: FieldNames,
    folder: Path,
    run_scan: Callable[[Path, Path], None],
) -> tuple[Truth, Score]:
    """Plants campaigns, scans the copy, and compares.

    Args:
      shards: local shards with their names in the copy.
      folder: for the folders of the drill.
      run_scan: scans the folder given first into the folder given second.
    """
    truth = plant(shards, folder / PLANTED, plans, fields=fields, recipes=recipes)
    truth.write(folder / TRUTH)
    run_scan(folder / PLANTED, folder / SCAN)
    return truth, score(truth, read_scan(folder / SCAN, folder / PLANTED))


if __name__ == "__main__":
    from tocsin.cli import process

    process(["drill"])
