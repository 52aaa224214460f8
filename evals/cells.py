"""Cells: a recipe and a size, over seeds; and the tables that are made of them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from evals.tables import Code, Grid, shown_share
from tocsin.drill.scoring import SEVERITIES, Share


@dataclass(frozen=True)
class Cell:
    """Campaigns of one recipe and size.

    Attributes:
        recipe, documents: which.
        found: share of the campaigns that were reported.
        exact: share of those with a trigger whose trigger was named to the character.
        rank: median place among all reported campaigns, of those found; None if none was.
        before: share of the planted documents that were found before the sweep: the hits.
        flagged, quarantined: share of the planted documents, after the sweep.
    """

    recipe: str
    documents: int
    found: Share
    exact: Share
    rank: float | None
    before: Share
    flagged: Share
    quarantined: Share


def cells_of(results: Iterable[dict[str, Any]]) -> list[Cell]:
    """Cells of the results of copies, by recipe and from the largest size down."""
    by_cell: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for result in results:
        for campaign in result["campaigns"]:
            by_cell.setdefault((campaign["recipe"], -campaign["documents"]), []).append(campaign)
    return [_cell(recipe, -size, by_cell[recipe, size]) for recipe, size in sorted(by_cell)]


def _cell(recipe: str, size: int, campaigns: Sequence[dict[str, Any]]) -> Cell:
    planted = size * len(campaigns)
    named = [one for one in campaigns if one["named"]]
    with_trigger = [one for one in campaigns if one["trigger"] is not None]
    return Cell(
        recipe,
        size,
        Share(len(named), len(campaigns)),
        Share(sum(one["exact"] for one in with_trigger), len(with_trigger)),
        statistics.median(one["rank"] for one in named) if named else None,
        Share(sum(min(one["hits"], size) for one in campaigns), planted),
        Share(sum(one["flagged"] for one in campaigns), planted),
        Share(sum(one["quarantined"] for one in campaigns), planted),
    )


def cell_grid(cells: Sequence[Cell]) -> Grid:
    """The quality of each cell; shares of documents with 95 % Wilson intervals."""
    return Grid(
        "Recipes by size",
        (
            "recipe", "documents", "campaigns found", "trigger exact", "median rank",
            "documents found before the sweep", "flagged after it", "quarantined",
        ),
        tuple(
            (
                cell.recipe,
                cell.documents,
                f"{cell.found.count} of {cell.found.total}",
                f"{cell.exact.count} of {cell.exact.total}" if cell.exact.total else "no trigger",
                "" if cell.rank is None else f"{cell.rank:g}",
                shown_share(cell.before),
                shown_share(cell.flagged),
                shown_share(cell.quarantined),
            )
            for cell in cells
        ),
    )  # fmt: skip


def clean_grid(results: Sequence[dict[str, Any]]) -> Grid:
    """What was wrongly flagged in each scan."""
    rows = []
    for result in results:
        clean, worst = result["clean"], result["clean"]["worst"]
        false = [one["severity"] for one in result["false_campaigns"]]
        rows.append(
            (
                result["name"],
                result["planted"],
                clean["quarantine"]["total"],
                clean["quarantine"]["count"],
                f"{worst['source']}: {worst['count']} of {worst['total']}"
                if worst and worst["count"]
                else "",
                clean["review"]["count"],
                *(false.count(severity) for severity in reversed(SEVERITIES)),
            )
        )
    header = (
        "corpus", "planted", "clean documents", "quarantined", "worst source", "for review",
        *(f"false campaigns: {severity}" for severity in reversed(SEVERITIES)),
    )  # fmt: skip
    return Grid("Clean documents and false campaigns", header, tuple(rows))


def false_grid(results: Sequence[dict[str, Any]]) -> Grid:
    """Every false campaign, and in how many scans it was reported."""
    by_text: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for result in results:
        for one in result["false_campaigns"]:
            by_text.setdefault((one["kind"], one["text"] or ""), []).append(one)
    rows = sorted(
        (
            (
                Code(text),
                kind,
                max((one["severity"] for one in found), key=_gravity),
                max(one["documents"] for one in found),
                max(one["score"] for one in found),
                min(one["threshold"] for one in found),
                len(found),
            )
            for (kind, text), found in by_text.items()
        ),
        key=lambda row: (_gravity(row[2]), row[3]),
        reverse=True,
    )
    header = (
        "trigger or payload", "kind", "severity", "documents", "score", "threshold", "scans",
    )  # fmt: skip
    return Grid("False campaigns", header, tuple(rows))


def _gravity(severity: str) -> int:
    """The graver, the larger."""
    return SEVERITIES.index(severity)
