"""The page: renders what a scan wrote as one self-contained HTML file.

Corpus text is hostile. Three walls keep it text, and none depends on the template's author: every
string that a template expression prints passes `visible` (the environment's `finalize`), then
Jinja's escaping, and the page's Content-Security-Policy forbids scripts and any load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup, escape

from tocsin.report.detectors import agreement
from tocsin.report.findings import campaign_cards, flagged_alone
from tocsin.report.plots import curve_sizes, plots
from tocsin.report.power import SIZES, PowerRow, measured_hit_share, power_rows
from tocsin.report.reading import dead_letter_reasons, shards_to_list
from tocsin.report.result import ScanResult
from tocsin.report.sources import since_earlier, sources
from tocsin.report.visible import MARK, visible, visible_bytes


def render_report(result: ScanResult) -> str:
    """The report of a scan as HTML: no script, no link to anything outside, bounded in size.

    Returns:
      The page; encode as UTF-8.
    """
    manifest = result.manifest
    totals = manifest["totals"]
    cards = campaign_cards(result.campaigns, result.flagged, result.examples, result.timelines)
    measured = measured_hit_share(result.campaigns)
    return (
        _environment()
        .get_template("scan.html")
        .render(
            manifest=manifest,
            finished=manifest["finished"],
            totals=totals,
            verdict=verdict_sentence(totals),
            alarm=_alarm(totals),
            campaigns=cards,
            sizes=SIZES,
            power=_power(totals, measured, SIZES),
            seen_from=_seen_from(_power(totals, measured, SIZES)),
            plots=plots(result, cards, _power(totals, measured, curve_sizes())),
            alone=flagged_alone(result.flagged),
            agreement=agreement(result.flagged),
            sources=sources(result.documents, result.flagged),
            since=None
            if result.drift is None
            else since_earlier(result.drift, result.new_groups, result.flagged),
            reasons=dead_letter_reasons(totals["dead_letter_reasons"], result.dead_letters),
            shards=shards_to_list(manifest["inputs"]),
            seconds=_seconds(manifest["started"], manifest["finished"]),
        )
    )


def render_drill(drill: Mapping[str, Any], finished: str, dense: bool) -> str:
    """The page of a drill as HTML, under the same walls.

    Args:
      drill: what `drill.json` holds.
      finished: when, ISO 8601.
      dense: whether so much was planted that it changes what is normal.
    """
    page = _environment().get_template("drill.html")
    return page.render(drill=drill, finished=finished, dense=dense)


def verdict_sentence(totals: Mapping[str, Any]) -> str:
    """The outcome of a scan in one sentence, from the totals of its manifest."""
    documents, campaigns, flagged = (totals[name] for name in ("documents", "campaigns", "flagged"))
    if not documents:
        return "No document was read."
    if not campaigns and not flagged:
        return f"Nothing found in {_counted(documents, 'document')}."
    found = f"{_counted(campaigns, 'campaign')} found" if campaigns else "No campaign found"
    return (
        f"{found}; of {_counted(documents, 'document')}, {_whole(totals['quarantined'])} "
        f"quarantined and {_whole(totals['review'])} for review."
    )


def _alarm(totals: Mapping[str, Any]) -> str:
    """How the verdict looks: `alarm`, `caution` (also when nothing was read), `calm`."""
    if totals["quarantined"]:
        return "alarm"
    suspicious = totals["campaigns"] or totals["flagged"] or not totals["documents"]
    return "caution" if suspicious else "calm"


def _power(
    totals: Mapping[str, Any], measured: float | None, sizes: Sequence[int]
) -> list[PowerRow]:
    """Probabilities of detection at these sizes; none if the scan tested nothing."""
    threshold, onset_rate = totals["threshold"], totals["onset_rate"]
    if threshold is None or onset_rate is None or not 0 < onset_rate < 1:
        return []
    return power_rows(threshold, onset_rate, measured, sizes)


def _seen_from(power: Sequence[PowerRow]) -> int | None:
    """The smallest of SIZES that is named with a probability of 90 %, by the first row; None if
    none is."""
    if not power:
        return None
    found = zip(SIZES, power[0].probabilities)
    return next((size for size, probability in found if probability >= 0.9), None)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tocsin.report", package_path=""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        shown=_shown,
        counted=_counted,
        whole=_whole,
        size=_size,
        moment=_moment,
        duration=_duration,
        probability=_probability,
        share=_share,
    )
    return environment


def _printed(value: Any) -> Any:
    """What a template expression prints for a value: text only in its visible form."""
    if isinstance(value, bytes):
        return visible_bytes(value)
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def _shown(value: str | bytes, limit: int) -> Markup:
    """Visible text, its marks set apart so that they do not read as text."""
    show = visible_bytes(value, limit) if isinstance(value, bytes) else visible(value, limit)
    # Markup would escape what is put into it, so the marks are set apart in a plain string.
    return Markup(MARK.sub(r'<span class="invisible">\g<0></span>', str(escape(show))))


def _whole(number: int) -> str:
    return f"{number:,}"


def _counted(number: int, noun: str) -> str:
    return f"{_whole(number)} {noun}" if number == 1 else f"{_whole(number)} {noun}s"


def _size(number: int) -> str:
    """Bytes in decimal units, as storage and the benchmarks count them."""
    size = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def _parsed(moment: str) -> datetime:
    # Python 3.10 does not read the Z of ISO 8601.
    return datetime.fromisoformat(moment.replace("Z", "+00:00"))


def _moment(moment: str | datetime) -> str:
    """A time for people; the zone is the manifest's, UTC."""
    time = _parsed(moment) if isinstance(moment, str) else moment
    return f"{time.day} {time:%B %Y, %H:%M} {time.tzname() or 'UTC'}"


def _seconds(started: str, finished: str) -> float:
    return (_parsed(finished) - _parsed(started)).total_seconds()


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _probability(probability: float) -> str:
    """In per cent, never rounded to a certainty."""
    if 0 < probability < 0.005:
        return "< 1 %"
    if 0.995 <= probability < 1 - 1e-12:
        return "> 99 %"
    return f"{probability:.0%}".replace("%", " %")


def _share(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")
