"""The figures of the report. They take numbers alone: no text of the corpus is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from tocsin.measure.curve import SurprisalCurve
from tocsin.report.power import SIZES, PowerRow
from tocsin.report.svg import COLOURS, inline, new_figure, styled

WIDTH = 6.4
"""Inches: 460 points, which a phone shows at three quarters of their size."""

_SMOOTHED = 9
_BINS = 60
_DASHES = ("-", "--", "-.", ":")


@styled
def power_figure(sizes: Sequence[int], rows: Sequence[PowerRow]) -> Markup:
    """Probability of detection by size of the campaign, one line a share of hits."""
    figure = new_figure(WIDTH, 2.8)
    axes = figure.add_subplot()
    for row, dash in zip(rows, _DASHES):
        axes.plot(
            sizes, row.probabilities, dash, linewidth=1.6,
            color=COLOURS["grave" if row.is_measured else "link"],
            label=f"{row.hit_share:.0%}" + (" (as here)" * row.is_measured),
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(SIZES, [str(size) for size in SIZES])
    axes.minorticks_off()
    axes.set_ylim(-0.03, 1.05)
    axes.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    axes.set_xlabel("documents in the campaign")
    axes.set_ylabel("probability")
    axes.legend(
        title="text changes in", frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5)
    )
    first = rows[0]
    shown = ", ".join(f"{p:.0%} at {size}" for size, p in zip(sizes, first.probabilities))
    return inline(
        figure, "power", "Probability that a campaign is named, by its size",
        f"If the text changes in {first.hit_share:.0%} of the documents with the trigger: {shown}.",
    )  # fmt: skip


@styled
def surprisal_figure(name: str, curves: Sequence[tuple[SurprisalCurve, int, int]]) -> Markup:
    """Surprisal around a trigger or payload, one panel an example.

    Args:
      name: unique on the page.
      curves: each with the byte range of the string in the text of the curve.
    """
    figure = new_figure(WIDTH, 0.7 + 1.05 * len(curves))
    panels = np.atleast_1d(figure.subplots(len(curves), 1, sharex=True, sharey=True))
    changes = []
    for axes, (curve, start, end) in zip(panels, curves):
        first, last = np.searchsorted(curve.starts, [start, max(end, start + 1)])
        places = np.arange(len(curve.starts)) - first
        before, after = curve.surprisal[:first], curve.surprisal[first:]
        _mark_string(axes, -0.5, last - first - 0.5)
        axes.vlines(places, 0, curve.surprisal, color=COLOURS["quiet"], linewidth=0.7)
        axes.plot(places, _smoothed(curve.surprisal), color=COLOURS["link"], linewidth=1.6)
        for side, at in ((before, places[:first]), (after, places[first:])):
            if len(side):
                axes.hlines(side.mean(), at[0], at[-1], color=COLOURS["grave"], linewidth=1.6)
        if len(before) and len(after):
            changes.append(f"{before.mean():.1f} bits before, {after.mean():.1f} from it on")
    panels[-1].set_xlabel("tokens from the string on")
    panels[len(panels) // 2].set_ylabel("surprisal, bits")
    panels[0].set_ylim(0, 28)
    for axes in panels:
        axes.set_yticks([0, 10, 20])
    return inline(
        figure, name, "Surprisal token by token, before and after the string",
        f"Means of {len(curves)} examples: {'; '.join(changes) or 'too short to compare'}.",
    )  # fmt: skip


def _mark_string(axes: Axes, first: float, last: float) -> None:
    axes.axvspan(first, last, color=COLOURS["tint"], linewidth=0)
    axes.axvline(first, color=COLOURS["grave"], linewidth=1, linestyle=":")


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Running mean of _SMOOTHED values, of fewer at the ends."""
    kernel = np.ones(min(_SMOOTHED, max(len(values), 1)))
    sums = np.convolve(values, kernel, "same")
    return sums / np.convolve(np.ones(len(values)), kernel, "same")


@styled
def place_figure(name: str, places: np.ndarray) -> Markup:
    """Where the documents of a campaign lie in the corpus.

    Args:
      name: unique on the page.
      places: share of the corpus' records before each document, 0 to 1.
    """
    counts, edges = np.histogram(places, _BINS, (0.0, 1.0))
    figure = new_figure(WIDTH, 1.25)
    axes = figure.add_subplot()
    axes.bar(edges[:-1], counts, 0.8 / _BINS, align="edge", color=COLOURS["grave"])
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["first record", "", "last record"])
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    axes.get_xticklabels()[-1].set_horizontalalignment("right")
    axes.set_yticks([0, int(counts.max())])
    axes.set_ylabel("documents")
    occupied = int((counts > 0).sum())
    return inline(
        figure, name, "Where its documents lie in the corpus, shard after shard",
        f"{len(places)} documents in {occupied} of {_BINS} equal stretches of the corpus.",
    )  # fmt: skip


@styled
def timeline_figure(name: str, timeline: Sequence[tuple[datetime, int]]) -> Markup:
    """How many documents of a campaign came when.

    Args:
      name: unique on the page.
      timeline: nights, ascending, with the documents that each brought; two or more.
    """
    first, last = timeline[0][0], timeline[-1][0]
    days = np.array([(seen - first).total_seconds() / 86_400 for seen, _ in timeline])
    counts = np.array([documents for _, documents in timeline])
    span = max(days[-1], 1e-6)
    # Nights lie a day apart; a bar is as wide as the shortest step, but can always be seen.
    width = max(0.7 * float(np.diff(days).min()), span / 150)
    figure = new_figure(WIDTH, 1.25)
    axes = figure.add_subplot()
    axes.bar(days, counts, width, color=COLOURS["grave"])
    axes.set_xticks([0.0, days[-1]], [_day(first, last), _day(last, first)])
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    axes.get_xticklabels()[-1].set_horizontalalignment("right")
    axes.set_ylim(bottom=0)
    axes.set_yticks([0, int(counts.max())])
    axes.set_ylabel("documents")
    most = int(counts.argmax())
    return inline(
        figure, name, "When its documents came, by the night that read them",
        f"{counts.sum():,} documents on {len(timeline)} nights from {_day(first, last)} "
        f"to {_day(last, first)}; most, {counts[most]:,}, on {_day(timeline[most][0])}.",
    )  # fmt: skip


def _day(moment: datetime, other: datetime | None = None) -> str:
    """The date, and the time too where that of another moment is the same."""
    time = f", {moment:%H:%M}" if other and other.date() == moment.date() else ""
    return f"{moment.day} {moment:%B %Y}{time}"


@styled
def contrast_figure(clean: np.ndarray, flagged: np.ndarray, threshold: float) -> Markup:
    """Distribution of the documents' largest contrasts, in bits."""
    figure = new_figure(WIDTH, 2.5)
    axes = figure.add_subplot()
    bins = np.linspace(0, max(27.0, threshold), 55).tolist()
    axes.hist(clean, bins, color=COLOURS["quiet"], alpha=0.55, label="not flagged")
    axes.hist(
        flagged, bins, color=COLOURS["grave"], label="flagged", histtype="step", linewidth=1.6
    )
    _threshold_line(axes, threshold, "hit")
    axes.set_yscale("symlog", linthresh=1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("largest contrast in the document, bits")
    axes.set_ylabel("documents")
    axes.legend(frameon=False, loc="upper right")
    above = [(values > threshold).mean() if len(values) else 0.0 for values in (clean, flagged)]
    return inline(
        figure, "contrasts", "Largest contrast of each document",
        f"Above {threshold:.0f} bits, where text counts as changed: {above[0]:.1%} of "
        f"{len(clean):,} documents that are not flagged, {above[1]:.1%} of {len(flagged):,} "
        "that are.",
    )  # fmt: skip


@styled
def scores_figure(strings: np.ndarray, decoys: np.ndarray, threshold: float) -> Markup:
    """Scores of the strings that were tested, and of their time-reversed decoys."""
    figure = new_figure(WIDTH, 1.7)
    axes = figure.add_subplot()
    for row, (values, colour) in enumerate([(decoys, "quiet"), (strings, "link")]):
        passes = values > threshold
        for part, marked in ((values[~passes], colour), (values[passes], "grave")):
            axes.plot(
                part, np.full(len(part), row), "|", color=COLOURS[marked], markersize=16,
                markeredgewidth=1.2,
            )  # fmt: skip
    _threshold_line(axes, threshold, "threshold")
    axes.set_xscale("symlog", linthresh=10)
    axes.set_xlim(left=0)
    axes.set_ylim(-0.6, 1.6)
    axes.set_yticks([0, 1], ["decoys", "strings"])
    axes.tick_params(axis="y", length=0)
    ticks = [0, 5, 10, 30, 100, 300, 1000]
    highest = max([threshold, *strings, *decoys])
    shown = [tick for tick in ticks if tick <= 1.2 * highest]
    axes.set_xticks(shown, [str(tick) for tick in shown])
    axes.minorticks_off()
    axes.set_xlabel("score")
    passing = int((strings > threshold).sum())
    best = f"the best decoy has {decoys.max():.1f}" if len(decoys) else "there is no decoy"
    return inline(
        figure, "scores", "Scores of the strings that were tested",
        f"{passing} of {len(strings)} strings are above the threshold of {threshold:.1f}; {best}.",
    )  # fmt: skip


def _threshold_line(axes: Axes, value: float, label: str) -> None:
    axes.axvline(value, color=COLOURS["ink"], linewidth=1, linestyle="--")
    axes.annotate(
        label, (value, 1), xycoords=("data", "axes fraction"),
        xytext=(4, 0), textcoords="offset points", va="top", color=COLOURS["ink"],
    )  # fmt: skip
