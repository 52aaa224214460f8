"""Severities: how much a finding matters."""

SEVERITIES = ("low", "medium", "high", "critical")
"""From the least to the most severe."""


def at_least(severity: str, least: str) -> bool:
    """Whether `severity` is `least` or above."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)
