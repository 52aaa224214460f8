"""What would change a verdict: advice that a policy can follow."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.judge.policy import Policy
from tocsin.report.explanation import what_would_change


def advice(severity: str, **policy: Any) -> str:
    flag = {"severity": severity, "findings": [{"detector": "hidden-tags"}]}
    document = {"content_hash": bytes(16)}
    described = Policy(**policy).describe()
    return "\n".join(what_would_change(flag, [], [], {}, described, document))


@pytest.mark.parametrize("severity", ["medium", "high"])
def test_a_value_that_sends_it_to_review(severity: str) -> None:
    above = {"medium": "high", "high": "critical"}[severity]
    assert f'with "{above}" there it would be for review' in advice(severity, quarantine=severity)
    assert Policy(quarantine=above).verdict(severity) == "review"


def test_no_value_spares_what_is_critical() -> None:
    assert "no value there would spare it" in advice("critical")


def test_a_value_that_quarantines_it() -> None:
    assert 'with "medium" there it would be quarantined' in advice("medium")
    assert f'[allow] hashes = ["{bytes(16).hex()}"]' in advice("medium")
