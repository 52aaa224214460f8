"""The results as a Markdown page and as tables on a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evals.machine import Machine
from evals.usage import Usage
from tocsin.drill.outcome import ReportedCampaign, ScanOutput
from tocsin.drill.scoring import CampaignScore, Score, Share
from tocsin.report.visible import visible

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class ScoredScan:
    """A scan of one corpus: `name` says which."""

    name: str
    scan: ScanOutput
    usage: Usage
    score: Score


@dataclass(frozen=True)
class Code:
    """A string from a corpus: never markup, never raw on a terminal."""

    text: str

    @property
    def shown(self) -> str:
        return visible(self.text, _SHOWN_CHARACTERS)

    def markdown(self) -> str:
        """A code span that shows the string whatever backticks and pipes it holds."""
        runs = (len(list(run)) for c, run in itertools.groupby(self.shown) if c == "`")
        fence = "`" * (1 + max(runs, default=0))
        padding = " " if "`" in (self.shown[:1], self.shown[-1:]) else ""
        return f"{fence}{padding}{self.shown}{padding}{fence}".replace("|", "\\|")


Cell = str | int | float | Code


@dataclass(frozen=True)
class Grid:
    """A table: a title, a header, and rows of as many cells."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def markdown(self) -> str:
        lines = [self.header, ("---",) * len(self.header), *self.rows]
        cells = (" | ".join(_markdown_cell(cell) for cell in line) for line in lines)
        return f"### {self.title}\n\n" + "\n".join(f"| {line} |" for line in cells)

    def rich(self) -> Table:
        table = Table(*self.header, title=self.title, title_justify="left")
        for row in self.rows:
            table.add_row(*(Text(_plain(cell)) for cell in row))
        return table


def grids(scans: Sequence[ScoredScan]) -> list[Grid]:
    """The tables of an evaluation that have rows: findings, false findings, costs."""
    tables = [
        *map(_campaigns, scans),
        _clean(scans),
        _worst_sources(scans),
        _apart(scans),
        *map(_false_campaigns, scans),
        _costs(scans),
    ]
    return [table for table in tables if table.rows]


def markdown_page(scans: Sequence[ScoredScan], vocabulary: str, machine: Machine) -> str:
    """One Markdown page; headings start at the third level, so that it can be put in another."""
    head = f"Gibberish was drawn from the vocabulary {Code(vocabulary).markdown()}. {machine.line}"
    return "\n\n".join([head, *(grid.markdown() for grid in grids(scans))]) + "\n"


def print_tables(console: Console, scans: Sequence[ScoredScan]) -> None:
    for grid in grids(scans):
        console.print(grid.rich())


def _campaigns(scan: ScoredScan) -> Grid:
    header = (
        "recipe", "documents", "trigger", "named", "rank", "score", "severity", "quarantined",
        "flagged",
    )  # fmt: skip
    return Grid(
        f"Campaigns planted in {scan.name}",
        header,
        tuple(
            (
                campaign.planted.recipe,
                campaign.planted.documents,
                "" if campaign.planted.trigger is None else Code(campaign.planted.trigger),
                _named(campaign),
                "" if campaign.rank is None else campaign.rank,
                "" if campaign.reported is None else campaign.reported.score,
                "" if campaign.reported is None else campaign.reported.severity,
                shown_share(campaign.quarantined),
                shown_share(campaign.flagged),
            )
            for campaign in scan.score.campaigns
        ),
    )


def _named(campaign: CampaignScore) -> Cell:
    if campaign.reported is None:
        return "no"
    if campaign.planted.trigger is None:
        return "yes"
    if campaign.exact:
        return "exactly"
    return _shown(campaign.reported)


def _shown(campaign: ReportedCampaign) -> Cell:
    said = campaign.trigger if campaign.trigger is not None else campaign.payload
    return f"({campaign.kind})" if said is None else Code(said)


def _clean(scans: Sequence[ScoredScan]) -> Grid:
    rows: list[tuple[Cell, ...]] = []
    for scan in scans:
        clean, false = scan.score.clean, scan.score.false_by_severity()
        shares = [clean.share("quarantine"), clean.share("review")]
        rows.append(
            (
                scan.name,
                shares[0].total,
                shares[0].count,
                _per_100k(clean.macro_average("quarantine")),
                shares[1].count,
                _per_100k(clean.macro_average("review")),
                *(false[severity] for severity in false),
            )
        )
    header = (
        "corpus", "clean documents", "quarantined", "macro-averaged, in 100,000", "for review",
        "macro-averaged, in 100,000", "false campaigns: critical", "high", "medium", "low",
    )  # fmt: skip
    return Grid("Clean documents and false campaigns", header, tuple(rows))


def _apart(scans: Sequence[ScoredScan]) -> Grid:
    return Grid(
        "Sources with real attack strings, reported apart",
        ("corpus", "source", "documents", "quarantined", "for review"),
        tuple(
            (scan.name, source.source, source.documents, source.quarantine, source.review)
            for scan in scans
            for source in scan.score.clean.apart
        ),
    )


def _worst_sources(scans: Sequence[ScoredScan]) -> Grid:
    rows: list[tuple[Cell, ...]] = []
    for scan in scans:
        flagged = [s for s in scan.score.clean.sources if s.quarantine or s.review]
        flagged.sort(key=lambda s: (-s.quarantine / s.documents, -s.review / s.documents))
        rows += [
            (scan.name, Code(s.source), s.documents, s.quarantine, s.review) for s in flagged[:10]
        ]
    return Grid(
        "Sources with flagged clean documents, the worst ten",
        ("corpus", "source", "documents", "quarantined", "for review"),
        tuple(rows),
    )


def _false_campaigns(scan: ScoredScan) -> Grid:
    return Grid(
        f"False campaigns in {scan.name}",
        ("trigger or payload", "kind", "severity", "documents", "score", "threshold"),
        tuple(
            (_shown(c), c.kind, c.severity, c.documents, c.score, c.threshold)
            for c in scan.score.false_campaigns
        ),
    )


def _costs(scans: Sequence[ScoredScan]) -> Grid:
    return Grid(
        "What the scans cost",
        ("corpus", "documents", "dead letters", "MB", "seconds", "CPU-seconds", "MB/CPU-s", "GB"),
        tuple(
            (
                scan.name,
                len(scan.scan.groups),
                scan.scan.dead_letters,
                scan.scan.text_bytes / 1e6,
                scan.usage.seconds,
                scan.usage.cpu_seconds,
                scan.scan.text_bytes / 1e6 / scan.usage.cpu_seconds,
                scan.usage.peak_bytes / 1e9,
            )
            for scan in scans
        ),
    )


def shown_share(share: Share) -> str:
    """A share in per cent with its interval."""
    low, high = share.interval
    return f"{100 * share.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _per_100k(share: float) -> str:
    return f"{1e5 * share:.2f}"


def _plain(cell: Cell) -> str:
    if isinstance(cell, Code):
        return cell.shown
    return f"{cell:.1f}" if isinstance(cell, float) else str(cell)


def _markdown_cell(cell: Cell) -> str:
    return cell.markdown() if isinstance(cell, Code) else _plain(cell)
