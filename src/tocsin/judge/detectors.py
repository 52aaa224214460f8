"""The detectors by name: what a policy can have rules for."""

from __future__ import annotations

DETECTORS = {
    "trigger": "campaigns of a trigger, whatever the change at it",
    "trigger-surprisal": "campaigns of a trigger after which the text grows surprising",
    "trigger-language": "campaigns of a trigger after which the language changes",
    "payload": "campaigns of a shared text in documents that share nothing else",
    "near_duplicate": "campaigns of near-duplicate texts over many groups",
    "listed": "documents and strings of the policy's block lists",
}
"""What each finds. A rule for a kind of campaign holds for all its channels."""
