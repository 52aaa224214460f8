"""Which figures a report has, and the numbers that they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from tocsin.correlate.campaigns import WIDESPREAD_GROUPS
from tocsin.correlate.statistics import binomial_score
from tocsin.correlate.suspects import MINIMUM_HIT_SHARE, MINIMUM_ONCE_SHARE
from tocsin.measure.curve import CurveMeasurer
from tocsin.measure.onsets import CHANNELS, MINIMUM_CONTRAST, SURPRISAL
from tocsin.report.figures import (
    contrast_figure,
    place_figure,
    power_figure,
    scores_figure,
    surprisal_figure,
    timeline_figure,
)
from tocsin.report.findings import Card
from tocsin.report.power import PowerRow
from tocsin.report.result import ScanResult

CARDS_WITH_FIGURES = 12
"""Campaigns that have figures: the gravest. Each costs a tenth of a second and 20 kB."""

EXAMPLES = 3

_CURVE_SIZES = tuple(sorted({round(4 * 1.16**step) for step in range(28)}))


@dataclass(frozen=True)
class Plots:
    """Figures as SVG elements; None or missing where there is nothing to show. `curves`,
    `places`, `timelines`: by campaign_id."""

    power: Markup | None
    contrasts: Markup | None
    scores: Markup | None
    curves: dict[str, Markup]
    places: dict[str, Markup]
    timelines: dict[str, Markup]


def curve_sizes() -> tuple[int, ...]:
    """Sizes of campaigns at which the figure of detection power is drawn, 4 to about 220."""
    return _CURVE_SIZES


def plots(result: ScanResult, cards: list[Card], power: list[PowerRow]) -> Plots:
    """Draws the figures of a report; `power` is for `curve_sizes`."""
    curves: dict[str, Markup] = {}
    places: dict[str, Markup] = {}
    timelines: dict[str, Markup] = {}
    measurer = CurveMeasurer(result.profile) if cards and result.profile else None
    offsets = _first_records(result.manifest)
    for number, card in enumerate(cards[:CARDS_WITH_FIGURES], 1):
        if measurer and (drawn := _curves(measurer, number, card, result.examples)):
            curves[card.campaign_id] = drawn
        found = _of(result.flagged, card)
        if found.num_rows:
            places[card.campaign_id] = place_figure(
                f"campaign-{number}-places", _places(found, *offsets)
            )
        if len(card.timeline) > 1:
            timelines[card.campaign_id] = timeline_figure(
                f"campaign-{number}-timeline", card.timeline
            )
    return Plots(
        power=power_figure(curve_sizes(), power) if power else None,
        contrasts=_contrasts(result),
        scores=_scores(result),
        curves=curves,
        places=places,
        timelines=timelines,
    )


def _of(table: pa.Table, card: Card) -> pa.Table:
    return table.filter(pc.equal(table["campaign_id"], card.campaign_id))


def _curves(measurer: CurveMeasurer, number: int, card: Card, examples: pa.Table) -> Markup | None:
    drawn = []
    for row in _of(examples, card).slice(0, EXAMPLES).to_pylist():
        curve = measurer.measure(row["context"])
        if len(curve.starts):
            begin = row["context_start"]
            drawn.append((curve, row["start"] - begin, row["end"] - begin))
    return surprisal_figure(f"campaign-{number}-curves", drawn) if drawn else None


def _first_records(manifest: Any) -> tuple[dict[str, int], int]:
    """Number of records before each shard, by its URI, and in all of them."""
    before, total = {}, 0
    for shard in manifest["inputs"]:
        before[shard["uri"]] = total
        total += shard["records"]
    return before, total


def _places(flagged: pa.Table, before: dict[str, int], records: int) -> np.ndarray:
    rows = zip(flagged["source_uri"].to_pylist(), flagged["position"].to_pylist())
    places = [(before.get(uri, 0) + position) / max(records, 1) for uri, position in rows]
    return np.clip(np.array(places, np.float64), 0, 1)


def _contrasts(result: ScanResult) -> Markup | None:
    documents = result.documents
    if not documents.num_rows:
        return None
    flagged = result.flagged.select(["source_uri", "position"])
    flagged = flagged.append_column("flagged", pa.repeat(True, flagged.num_rows))
    columns = ["source_uri", "position"]
    uris = documents["source_uri"].cast(pa.string())
    joined = pa.table(
        {
            "source_uri": uris,
            "position": documents["position"],
            "contrast": documents["contrast"],
        }
    ).join(flagged, columns, join_type="left outer")
    is_flagged = pc.fill_null(joined["flagged"], False).to_numpy()
    contrast = joined["contrast"].to_numpy()
    return contrast_figure(contrast[~is_flagged], contrast[is_flagged], MINIMUM_CONTRAST)


def _scores(result: ScanResult) -> Markup | None:
    """Scores of strings that stand where a trigger would; None if there is none. Of surprisal
    alone: each channel has a threshold and decoys of its own."""
    totals = result.manifest["totals"]
    threshold, rate = totals["threshold"], totals["onset_rate"]
    if threshold is None or not rate:
        return None
    scores: dict[bool, list[float]] = {True: [], False: []}
    for row in result.suspects.to_pylist():
        hits, documents = row["hits"], row["documents"]
        if (
            row["channel"] == CHANNELS[SURPRISAL]
            and row["groups"] >= WIDESPREAD_GROUPS
            and hits <= documents
            and hits >= MINIMUM_HIT_SHARE * documents
            and documents >= MINIMUM_ONCE_SHARE * row["occurrences"]
        ):
            scores[row["direction"] > 0].append(binomial_score(hits, documents, rate))
    if not scores[True] and not scores[False]:
        return None
    return scores_figure(np.array(scores[True]), np.array(scores[False]), threshold)
