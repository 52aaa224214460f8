from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from evals.cells import cell_grid, cells_of, clean_grid, false_grid
from evals.matrix import spread, summary
from evals.power import power_figure
from evals.run import APART

from tocsin.drill.outcome import ScanOutput
from tocsin.drill.planting import CampaignPlan
from tocsin.drill.scoring import score
from tocsin.drill.truth import Truth


def test_campaigns_are_spread_over_copies() -> None:
    plans = [CampaignPlan("dos", size, seed) for size in (250, 100, 10) for seed in (1, 2, 3)]
    copies = spread(plans, 400)
    assert sorted(plan.name for copy in copies for plan in copy) == sorted(p.name for p in plans)
    assert [sum(plan.documents for plan in copy) for copy in copies] == [360, 360, 360]
    assert spread(plans[:1], 10) == [
        plans[:1]
    ]  # larger than a copy may be, but it must go somewhere
    assert spread([], 10) == []


@pytest.fixture
def result(truth: Truth, scan: ScanOutput) -> dict[str, Any]:
    """The campaigns `a` to `d` of the shared truth, as if they were of two recipes."""
    found = {"name": "a copy", "plans": [], **summary(score(truth, scan, APART), truth)}
    for campaign in found["campaigns"]:
        campaign["recipe"] = "dos" if campaign["recipe"] in "ab" else "claim"
        campaign["documents"] = 4
    return found


def test_cells(result: dict[str, Any]) -> None:
    claim, dos = cells_of([result])
    assert (dos.recipe, dos.documents) == ("dos", 4)
    assert (dos.found.count, dos.found.total) == (2, 2)
    assert (dos.exact.count, dos.exact.total) == (1, 2)
    assert (dos.flagged.count, dos.flagged.total) == (6, 8)
    assert (dos.quarantined.count, dos.before.count) == (5, 0)
    assert dos.rank == 3  # of the second and the fourth
    assert (claim.found.count, claim.exact.total) == (1, 1)
    (both,) = (cell for cell in cells_of([result, result]) if cell.recipe == "dos")
    assert (both.found.total, both.flagged.total) == (4, 16)


def test_tables(result: dict[str, Any]) -> None:
    lines = cell_grid(cells_of([result])).markdown().splitlines()
    assert any(line.startswith("| dos | 4 | 2 of 2 | 1 of 2 | 3 | 0.0 % (0") for line in lines)
    (clean,) = clean_grid([result]).markdown().splitlines()[4:]
    assert clean == "| a copy | 13 | 90 | 2 | y: 1 of 40 | 2 | 0 | 1 | 0 | 1 |"
    false = false_grid([result, result]).markdown().splitlines()[4:]
    assert any(line.startswith("| `licence` | trigger | low | 4 ") for line in false)
    assert all(line.endswith("| 2 |") for line in false)


def test_power_curves_are_the_same_for_the_same_cells(result: dict[str, Any]) -> None:
    figure = power_figure(cells_of([result]))
    assert figure == power_figure(cells_of([result]))
    assert ElementTree.fromstring(figure).tag.endswith("svg")
