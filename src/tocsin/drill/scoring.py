"""Comparing what a scan reported with what was planted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tocsin.drill.outcome import Flag, ReportedCampaign, ScanOutput
from tocsin.drill.truth import PlantedCampaign, PlantedDocument, Truth
from tocsin.judge.severity import SEVERITIES

# The 97.5 % point of the normal distribution.
_Z = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """A proportion with its Wilson score interval at 95 % (Wilson 1927)."""

    count: int
    total: int

    @property
    def value(self) -> float:
        return self.count / self.total if self.total else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound; (0, 1) where nothing was counted."""
        if not self.total:
            return 0.0, 1.0
        n, p, z2 = self.total, self.value, _Z * _Z
        centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class CampaignScore:
    """How well one planted campaign was found.

    Attributes:
        planted: the campaign.
        reported: the reported campaign that stands for it, best first; None if none does.
        rank: place of `reported` among all reported campaigns by score, from 1.
        quarantined: share of its documents with the verdict `quarantine`.
        flagged: share of its documents with any verdict.
    """

    planted: PlantedCampaign
    reported: ReportedCampaign | None
    rank: int | None
    quarantined: Share
    flagged: Share

    @property
    def named(self) -> bool:
        return self.reported is not None

    @property
    def exact(self) -> bool:
        """Whether there is a planted trigger and the reported one is the same to the character."""
        trigger = self.planted.trigger
        return (
            trigger is not None and self.reported is not None and self.reported.trigger == trigger
        )


@dataclass(frozen=True)
class SourceScore:
    """Verdicts on the clean documents of one source."""

    source: str
    documents: int
    quarantine: int
    review: int


@dataclass(frozen=True)
class CleanScore:
    """Verdicts on all clean documents.

    Attributes:
        sources: one entry a source, those set apart left out.
        apart: the same for the sources set apart.
    """

    sources: tuple[SourceScore, ...]
    apart: tuple[SourceScore, ...]

    def share(self, verdict: str) -> Share:
        """Of all documents but those of sources set apart."""
        return Share(
            sum(getattr(source, verdict) for source in self.sources),
            sum(source.documents for source in self.sources),
        )

    def macro_average(self, verdict: str) -> float:
        """The mean over sources of the share in each."""
        shares = [getattr(source, verdict) / source.documents for source in self.sources]
        return sum(shares) / len(shares) if shares else math.nan

    def worst(self, verdict: str) -> SourceScore | None:
        """The source with the largest share, the larger count deciding between equals."""
        return max(
            self.sources,
            key=lambda s: (getattr(s, verdict) / s.documents, getattr(s, verdict)),
            default=None,
        )


@dataclass(frozen=True)
class Score:
    """Everything that a scan of a corpus is judged by.

    Attributes:
        campaigns: one entry a planted campaign, in the order of planting.
        clean: verdicts on the documents that were not planted.
        false_campaigns: reported campaigns that stand for no planted one, highest score first.
    """

    campaigns: tuple[CampaignScore, ...]
    clean: CleanScore
    false_campaigns: tuple[ReportedCampaign, ...]

    def false_by_severity(self) -> dict[str, int]:
        counts = Counter(campaign.severity for campaign in self.false_campaigns)
        return {severity: counts[severity] for severity in reversed(SEVERITIES)}


def score(truth: Truth | None, scan: ScanOutput, apart: Collection[str] = frozenset()) -> Score:
    """Scores a scan; `truth` is None for a corpus in which nothing was planted; `apart`: sources
    whose documents are counted by themselves, as flags there can be right.

    A reported campaign stands for a planted one if it has its trigger; else if more than half of
    the documents that it flagged (of its samples, if it flagged none) belong to it.
    """
    planted = truth.documents if truth else ()
    stands_for = {
        reported.campaign_id: _stands_for(reported, truth, scan.flags) if truth else None
        for reported in scan.campaigns
    }
    verdicts = {(flag.shard, flag.position): flag.verdict for flag in scan.flags}
    campaigns = tuple(
        _campaign_score(campaign, planted, scan.campaigns, stands_for, verdicts)
        for campaign in (truth.campaigns if truth else ())
    )
    return Score(
        campaigns,
        _clean_score({(row.shard, row.position) for row in planted}, scan, apart),
        tuple(c for c in scan.campaigns if stands_for[c.campaign_id] is None),
    )


def _stands_for(reported: ReportedCampaign, truth: Truth, flags: Iterable[Flag]) -> str | None:
    if reported.trigger is not None:
        for campaign in truth.campaigns:
            if campaign.trigger == reported.trigger:
                return campaign.name
    by_place = {(row.shard, row.position): row.campaign for row in truth.documents}
    by_id = {row.doc_id: row.campaign for row in truth.documents}
    owners = [
        by_place.get((flag.shard, flag.position))
        for flag in flags
        if flag.campaign_id == reported.campaign_id
    ] or [by_id.get(doc_id) for doc_id in reported.sample_doc_ids]
    if not owners:
        return None
    owner, count = Counter(owners).most_common(1)[0]
    return owner if 2 * count > len(owners) else None


def _campaign_score(
    campaign: PlantedCampaign,
    planted: Iterable[PlantedDocument],
    reported: tuple[ReportedCampaign, ...],
    stands_for: dict[str, str | None],
    verdicts: dict[tuple[str, int], str],
) -> CampaignScore:
    found = [
        verdicts.get((row.shard, row.position)) for row in planted if row.campaign == campaign.name
    ]
    standing = [r for r in reported if stands_for[r.campaign_id] == campaign.name]
    # One with the exact trigger is the better name than one with a part of it and a higher score.
    best = min(standing, key=lambda r: (r.trigger != campaign.trigger, -r.score), default=None)
    rank = None if best is None else 1 + sum(other.score > best.score for other in reported)
    return CampaignScore(
        campaign,
        best,
        rank,
        Share(found.count("quarantine"), len(found)),
        Share(len(found) - found.count(None), len(found)),
    )


def _clean_score(
    planted: Collection[tuple[str, int]], scan: ScanOutput, apart: Collection[str]
) -> CleanScore:
    documents = Counter(group for place, group in scan.groups.items() if place not in planted)
    verdicts = Counter(
        (flag.group, flag.verdict)
        for flag in scan.flags
        if (flag.shard, flag.position) not in planted
    )
    sources = [
        SourceScore(source, count, verdicts[source, "quarantine"], verdicts[source, "review"])
        for source, count in sorted(documents.items())
    ]
    return CleanScore(
        tuple(source for source in sources if source.source not in apart),
        tuple(source for source in sources if source.source in apart),
    )
