from __future__ import annotations

import math

import pytest

from tocsin.drill.outcome import ScanOutput
from tocsin.drill.scoring import CleanScore, Share, SourceScore, score
from tocsin.drill.truth import Truth


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        # Newcombe 1998, table I, method 3 (Wilson without continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_wilson_interval(count: int, total: int, low: float, high: float) -> None:
    assert Share(count, total).interval == pytest.approx((low, high), abs=5e-5)


def test_nothing_counted_says_nothing() -> None:
    assert math.isnan(Share(0, 0).value)
    assert Share(0, 0).interval == (0.0, 1.0)


def test_campaigns(truth: Truth, scan: ScanOutput) -> None:
    a, b, c, d = score(truth, scan).campaigns
    # The exact name wins over a part of it with a higher score; r0 is above it all the same.
    assert a.reported is not None and a.reported.campaign_id == "r1"
    assert a.exact and a.rank == 2
    assert a.quarantined == Share(3, 4) and a.flagged == Share(4, 4)
    # Two of the three documents of r2 belong to b, but its trigger is not the whole one; r7 is
    # another name for b with a lower score.
    assert b.reported is not None and b.reported.campaign_id == "r2"
    assert b.named and not b.exact and b.rank == 4
    assert b.quarantined == Share(2, 4) and b.flagged == Share(2, 4)
    assert c.reported is not None and c.reported.campaign_id == "r4"
    assert c.quarantined == Share(0, 4) and c.flagged == Share(3, 4)
    assert not d.named and not d.exact and d.rank is None
    assert d.flagged == Share(0, 1)


def test_false_campaigns(truth: Truth, scan: ScanOutput) -> None:
    result = score(truth, scan)
    # Half of the samples of r6 are planted: not more than half, so it stands for nothing.
    assert [c.campaign_id for c in result.false_campaigns] == ["r5", "r6"]
    assert result.false_by_severity() == {"critical": 0, "high": 1, "medium": 0, "low": 1}


def test_clean_documents(truth: Truth, scan: ScanOutput) -> None:
    clean = score(truth, scan, {"chatgpt-prompts"}).clean
    assert clean.sources == (SourceScore("x", 50, 1, 1), SourceScore("y", 40, 1, 1))
    assert clean.apart == (SourceScore("chatgpt-prompts", 10, 1, 0),)
    assert clean.share("quarantine") == Share(2, 90)
    assert clean.macro_average("quarantine") == pytest.approx((1 / 50 + 1 / 40) / 2)
    assert clean.worst("quarantine") == SourceScore("y", 40, 1, 1)


def test_without_truth_everything_is_clean(scan: ScanOutput) -> None:
    result = score(None, scan, {"chatgpt-prompts"})
    assert result.campaigns == ()
    assert len(result.false_campaigns) == 7
    assert result.clean.share("quarantine") == Share(7, 103)
    assert result.clean.share("review") == Share(6, 103)


def test_a_scan_that_found_nothing(truth: Truth, scan: ScanOutput) -> None:
    result = score(truth, ScanOutput((), (), scan.groups, 0, 0), {"chatgpt-prompts"})
    assert not any(campaign.named for campaign in result.campaigns)
    assert result.clean.share("quarantine") == Share(0, 90)
    assert CleanScore((), ()).worst("quarantine") is None
    assert math.isnan(CleanScore((), ()).macro_average("review"))
