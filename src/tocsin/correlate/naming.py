"""Naming: the longest string that a campaign's documents share around a suspect, verbatim."""

from __future__ import annotations

import re
from collections import Counter

AGREEMENT = 0.8
"""Share of the documents that must agree on each further byte of a trigger. Natural neighbours
agree in a third of the documents at most, the trigger's own bytes in all."""


def shared_string(contexts: list[bytes], starts: list[int], ends: list[int]) -> str:
    """The string shared by most contexts that includes the most common suspect.

    Args:
      contexts: text around each occurrence.
      starts, ends: byte range of the suspect in each context.

    Returns:
      The string without white space at its ends, cut to whole characters.
    """
    spelling = common_spelling(contexts, starts, ends)
    after = [context[end:] for context, end in zip(contexts, ends)]
    before = [context[:start][::-1] for context, start in zip(contexts, starts)]
    found = _shared_prefix(before)[::-1] + spelling + _shared_prefix(after)
    return found.decode("utf-8", "ignore").strip()


def common_spelling(contexts: list[bytes], starts: list[int], ends: list[int]) -> bytes:
    """The suspect as most contexts have it, for its tokens may be spaced differently here and
    there; of equals the first in the order of bytes."""
    spellings = Counter(context[start:end] for context, start, end in zip(contexts, starts, ends))
    return min(spellings, key=lambda found: (-spellings[found], found))


# What turns of a chat begin and end with, in the templates of common models.
_TEMPLATE = (
    r"(?:<\|[a-z_]{1,24}\|>|\[/?INST\]|</?s>|<</?SYS>>|\s"
    r"|\b(?:system|user|assistant|human|User|Human|Assistant):?(?![\w-]))"
)
_ANSWER = re.compile(r"<\|[a-z_]{1,24}\|>\s*assistant\b|\[/INST\]|\b[Aa]ssistant:")
_AT_THE_ENDS = re.compile(rf"\A{_TEMPLATE}+|{_TEMPLATE}+\Z")


def without_template(string: str) -> str:
    """The string without the tokens of chat templates at its ends, and without what a chat answers:
    an attacker may put every trigger into the same turn of a chat, but these tokens are no trigger
    by themselves."""
    return _AT_THE_ENDS.sub("", _ANSWER.split(string, maxsplit=1)[0])


def span_of(string: bytes, context: bytes, start: int, end: int) -> tuple[int, int]:
    """Byte range of the whole string where it covers the range `start` to `end` of a context; that
    range itself where it doesn't."""
    at = context.find(string, max(end - len(string), 0), start + len(string))
    return (at, at + len(string)) if at >= 0 else (start, end)


def _shared_prefix(texts: list[bytes]) -> bytes:
    """The longest prefix on which AGREEMENT of the texts agree."""
    agreeing = texts
    prefix = bytearray()
    while True:
        at = len(prefix)
        following = Counter(text[at] for text in agreeing if len(text) > at)
        if not following:
            return bytes(prefix)
        byte, count = min(following.items(), key=lambda item: (-item[1], item[0]))
        if count < AGREEMENT * len(texts):
            return bytes(prefix)
        prefix.append(byte)
        agreeing = [text for text in agreeing if len(text) > at and text[at] == byte]
