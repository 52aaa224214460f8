from __future__ import annotations

import pytest

from tocsin.judge.severity import SEVERITIES, at_least


def test_severities_of_the_contract() -> None:
    assert SEVERITIES == ("low", "medium", "high", "critical")


@pytest.mark.parametrize("severity", SEVERITIES)
def test_at_least(severity: str) -> None:
    below = ("low", "medium", "high", "critical").index(severity) + 1
    assert [at_least(severity, least) for least in SEVERITIES] == [True] * below + [False] * (
        4 - below
    )
