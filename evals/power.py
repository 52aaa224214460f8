"""Power curves: how much of a campaign is flagged, by its size."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib
from matplotlib.figure import Figure

from evals.cells import Cell

_COLUMNS = 4


def power_figure(cells: Sequence[Cell]) -> str:
    """An SVG with one panel a recipe: share of the planted documents flagged, with its Wilson
    interval, and share of the campaigns found, by the number of documents in a campaign."""
    recipes = sorted({cell.recipe for cell in cells})
    rows = max(1, -(-len(recipes) // _COLUMNS))
    # The same figure gives the same file: ids from a salt, no date.
    with matplotlib.rc_context({"svg.hashsalt": "tocsin", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(10, 1.9 * rows + 0.4), layout="constrained")
        panels = figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False).flat
        for panel, recipe in zip(panels, [*recipes, *[""] * (rows * _COLUMNS - len(recipes))]):
            if not recipe:
                panel.set_axis_off()
                continue
            own = sorted((cell for cell in cells if cell.recipe == recipe), key=_size)
            sizes = [cell.documents for cell in own]
            bounds = [cell.flagged.interval for cell in own]
            panel.fill_between(
                sizes, [low for low, _ in bounds], [high for _, high in bounds], alpha=0.25, lw=0
            )
            panel.plot(sizes, [cell.flagged.value for cell in own], marker="o", ms=3)
            panel.plot(sizes, [cell.found.value for cell in own], ls=":", color="0.3")
            panel.set_xscale("log")
            panel.set_xticks(sizes, [str(size) for size in sizes])
            panel.minorticks_off()
            panel.set_ylim(-0.03, 1.03)
            panel.set_title(recipe, fontsize=9)
        figure.supxlabel("documents in the campaign")
        figure.supylabel("documents flagged (line), campaigns found (dots)")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _size(cell: Cell) -> int:
    return cell.documents
