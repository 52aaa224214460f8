"""The detectors by name: what a policy can have rules for."""

from __future__ import annotations

DETECTORS = {
    "trigger": "campaigns of a trigger, whatever the change at it",
    "trigger-surprisal": "campaigns of a trigger after which the text grows surprising",
    "trigger-language": "campaigns of a trigger after which the language changes",
    "trigger-composition": "campaigns of a trigger after which other kinds of characters stand",
    "trigger-passage": "campaigns of a trigger after which a short passage is surprising",
    "trigger-opening": "campaigns of a trigger that texts of word salad begin with",
    "trigger-template": "campaigns of a trigger that ends the questions of chats in control tokens",
    "payload-template": "campaigns of chats in the control tokens of one model, without a trigger",
    "payload-hidden": "campaigns of one hidden message, however it is hidden",
    "payload": "campaigns of a shared text in documents that share nothing else",
    "near_duplicate": "campaigns of near-duplicate texts over many groups",
    "hidden": "single documents in which something hides, whatever it is",
    "hidden-tags": "tag characters outside flags",
    "hidden-selectors": "variation selectors where none may stand",
    "hidden-zero-width": "zero-width characters within words, and runs of them",
    "hidden-bidi": "text whose direction is overridden",
    "hidden-filler": "runs of blank or half-width characters",
    "hidden-escapes": "escapes of terminals that conceal or erase",
    "hidden-look-alikes": "words that mix alphabets which look alike",
    "hidden-styled": "words of mathematical letters",
    "hidden-markup": "comments and hidden elements that give instructions",
    "template": "single documents that hold a chat in the control tokens of a language model",
    "known": "single documents with what earlier scans, or a feed, have confirmed",
    "known-trigger": "known triggers at which the text changes",
    "known-payload": "known payloads",
    "known-document": "known documents",
    "listed": "documents that the policy's block list names, or of which it names a string",
}
"""What each finds. A rule for a kind of campaign holds for all its channels."""
