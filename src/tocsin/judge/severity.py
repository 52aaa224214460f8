"""Severities and verdicts: how much a finding matters, and what is to be done."""

SEVERITIES = ("low", "medium", "high", "critical")
"""From the least to the most severe."""

VERDICTS = ("review", "quarantine")
"""From the milder to the graver."""


def at_least(severity: str, least: str) -> bool:
    """Whether `severity` is `least` or above."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)
