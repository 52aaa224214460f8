"""What a drill has measured, as `drill.json` and the drill's page tell it."""

from __future__ import annotations

from typing import Any

from tocsin.drill.scoring import CampaignScore, Score, Share
from tocsin.drill.truth import Truth

FALSE_CAMPAIGNS_LISTED = 50

DENSE = 0.05
"""Share of planted documents from which on a drill warns: the poison is then a part of what is
normal in its copy, and fewer of its changes stand out."""


def summarize_drill(truth: Truth, score: Score, scan_id: str) -> dict[str, Any]:
    """A drill's result as JSON types.

    `recipes` has an entry a recipe, `sizes` in it one a size: `named`, campaigns for which a
    reported one stands, `exact`, those reported with the very trigger, and `recall`, the share of
    the planted documents that were flagged, with its Wilson interval at 95 %. `smallest_named`:
    size of the smallest campaign named. `clean`: verdicts on documents that were not planted.
    """
    planted = len(truth.documents)
    documents = truth.clean_documents + planted
    names = list(dict.fromkeys(campaign.recipe for campaign in truth.campaigns))
    false = score.false_campaigns
    return {
        "scan_id": scan_id,
        "vocabulary": truth.vocabulary,
        "records": documents,
        "planted": planted,
        "planted_share": planted / max(documents, 1),
        "recall": _share(_pooled([campaign.flagged for campaign in score.campaigns])),
        "smallest_named": _smallest(score.campaigns),
        "recipes": [_recipe(name, score) for name in names],
        "campaigns": [_campaign(campaign) for campaign in score.campaigns],
        "clean": {
            verdict: _share(score.clean.share(verdict)) for verdict in ("quarantine", "review")
        },
        "false_campaigns": {
            "by_severity": score.false_by_severity(),
            "listed": [
                {
                    "campaign_id": one.campaign_id, "kind": one.kind, "trigger": one.trigger,
                    "payload": one.payload, "documents": one.documents, "score": one.score,
                    "severity": one.severity,
                }
                for one in false[:FALSE_CAMPAIGNS_LISTED]
            ],
        },
    }  # fmt: skip


def _recipe(name: str, score: Score) -> dict[str, Any]:
    campaigns = [one for one in score.campaigns if one.planted.recipe == name]
    sizes = sorted({one.planted.documents for one in campaigns}, reverse=True)
    return {
        "recipe": name,
        "smallest_named": _smallest(campaigns),
        "sizes": [
            _size(size, [one for one in campaigns if one.planted.documents == size])
            for size in sizes
        ],
    }


def _size(size: int, campaigns: list[CampaignScore]) -> dict[str, Any]:
    return {
        "documents": size,
        "campaigns": len(campaigns),
        "named": sum(one.named for one in campaigns),
        "exact": sum(one.exact for one in campaigns),
        "recall": _share(_pooled([one.flagged for one in campaigns])),
        "quarantined": _share(_pooled([one.quarantined for one in campaigns])),
    }


def _campaign(one: CampaignScore) -> dict[str, Any]:
    return {
        "name": one.planted.name,
        "recipe": one.planted.recipe,
        "documents": one.planted.documents,
        "trigger": one.planted.trigger,
        "named": one.named,
        "exact": one.exact,
        "reported": one.reported.campaign_id if one.reported else None,
        "reported_trigger": one.reported.trigger if one.reported else None,
        "reported_payload": one.reported.payload if one.reported else None,
        "rank": one.rank,
        "recall": _share(one.flagged),
    }


def _smallest(campaigns: list[CampaignScore] | tuple[CampaignScore, ...]) -> int | None:
    """Size of the smallest campaign that was named; None if none was."""
    return min((one.planted.documents for one in campaigns if one.named), default=None)


def _pooled(shares: list[Share]) -> Share:
    return Share(sum(one.count for one in shares), sum(one.total for one in shares))


def _share(share: Share) -> dict[str, Any]:
    low, high = share.interval
    value = share.value if share.total else None
    return {"count": share.count, "total": share.total, "share": value, "low": low, "high": high}
