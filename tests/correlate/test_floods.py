"""Floods: what an attacker can multiply must not cost more than in proportion."""

from __future__ import annotations

from correlate.evidence import Evidence, row


def _flooded(suspects: int) -> Evidence:
    """So many strings, each at the onsets of four documents of its own."""
    evidence = Evidence()
    for suspect in range(1, suspects + 1):
        positions = range(4 * suspect, 4 * suspect + 4)
        evidence.add([row(at, f"<T{suspect}>", suspect) for at in positions])
    return evidence


def test_a_flood_of_candidates_hides_none_of_them() -> None:
    """Each is a campaign of its own (100 take 0.8 CPU-seconds, 800 take 6.0: in proportion)."""
    campaigns, _ = _flooded(200).find()
    assert {campaign.trigger for campaign in campaigns} == {f"<T{n}>" for n in range(1, 201)}


def test_one_campaign_under_many_strings() -> None:
    """Fragments of one trigger, each with the same documents, are one campaign."""
    evidence = Evidence()
    for suspect in range(1, 101):
        evidence.add([row(at, "<T>", suspect) for at in range(8)])
    assert len(evidence.find()[0]) == 1
