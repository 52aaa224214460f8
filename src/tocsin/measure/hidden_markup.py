"""Text that is hidden by markup: comments, and elements that a page does not show.

It is natural nearly everywhere, so it is scored by what it says (`instructions`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from resiliparse.parse.html import HTMLTree

from tocsin.measure.findings import Finding, Levels, signature_of
from tocsin.measure.instructions import instruction_strength
from tocsin.measure.literals import Literal

PASSAGES = 128
"""Passages of a document that are looked at."""

HINTS = 1_024
"""Places of a document at which passages may begin that are looked at."""

PASSAGE_BYTES = 8_192
"""Bytes of a passage that are looked at."""

_LABEL_BYTES = 48
"""Bytes from the start of its line within which a comment of Markdown has its label."""

_TAG_BYTES = 2_048
"""Bytes of the longest tag that is looked at."""

_HIDING_STYLES = (
    "display:none", "visibility:hidden", "visibility:collapse", "font-size:0", "opacity:0",
    "text-indent:-", "left:-", "top:-", "right:-", "clip:rect(0", "clip-path:inset(", "scale(0",
    "color:transparent", "max-height:0", "height:0", "width:0",
)  # fmt: skip


def markup_literals() -> list[Literal]:
    """Byte strings that stand where markup may hide something; their places are wanted."""
    texts = ["<!--", "]: #", "]:#", "]: <>", "aria-hidden=", "ARIA-HIDDEN="]
    for style in _HIDING_STYLES:
        for spelt in (style, style.replace(":", ": "), style.replace(":", " : ")):
            texts += [spelt, spelt.upper()]
    for after in (">", "=", " class", " id", " style", " aria", " data", "/>"):
        texts += [f" hidden{after}", f" HIDDEN{after}"]
    return [Literal(text.encode(), 0, placed=True) for text in texts]


class HiddenMarkup(NamedTuple):
    """Hidden text of each document of a batch; arrays of one entry a document.

    hidden_passages (int32): comments and hidden elements with text, at most PASSAGES.
    hidden_bytes (int64): bytes of their text. hidden_instructions (int32): how much one of them
    looks like instructions to a model, 0 to 10 (`instructions.instruction_strength`).
    """

    hidden_passages: np.ndarray
    hidden_bytes: np.ndarray
    hidden_instructions: np.ndarray


def no_hidden_markup(documents: int) -> HiddenMarkup:
    """`documents` documents that hide nothing."""
    return HiddenMarkup(*[np.zeros(documents, dtype) for dtype in (np.int32, np.int64, np.int32)])


_MARKDOWN = re.compile(
    rb" {0,3}\[[^\]\n]{0,40}\]:[ \t]*(?:#|<>)[ \t]*(?:\n[ \t]*)?[\"'(](.+?)[\"')][ \t]*(?:\n|\Z)",
    re.DOTALL,
)
_TAG = re.compile(rb"<([a-zA-Z][a-zA-Z0-9-]{0,15})\b([^<>]*)>")
_HIDES = re.compile(
    rb"(?:display|visibility)\s*:\s*(?:none|hidden|collapse)"
    rb"|(?:font-size|opacity)\s*:\s*(?:0+(?:\.0*)?|\.0+)(?:px|pt|em|rem|%)?\s*(?:;|\"|'|!|$)"
    rb"|(?:text-indent|left|top|right|bottom|margin-left|margin-top)\s*:\s*-\s*\d{3,}"
    rb"|clip\s*:\s*rect\(\s*[01]|clip-path\s*:\s*inset\(\s*(?:50|100)%|scale\(\s*0\s*\)"
    rb"|color\s*:\s*transparent"
    rb"|(?:max-height|height|width)\s*:\s*0(?:px)?\s*(?:;|\"|'|$)"
    rb"|(?:^|\s)hidden(?=[\s=/]|$)(?!\s*=\s*[\"']?(?:false|until-found))"
    rb"|aria-hidden\s*=\s*[\"']?true",
    re.IGNORECASE,
)
_VOID = frozenset(
    b"area base br col embed hr img input link meta param source track wbr".split()
)  # fmt: skip


def hidden_passages(text: bytes, hints: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """Passages that markup hides: (start, end, what they say), one after the other.

    Args:
      text: the document.
      hints: byte offsets of `markup_literals` in it, ascending.
    """
    reached = found = 0
    for hint in hints[:HINTS]:
        if hint < reached:
            continue
        passage = _passage(text, hint)
        if passage is None:
            continue
        start, reached, said = passage
        if said:
            yield start, reached, said
            found += 1
        if found == PASSAGES:
            break


def _passage(text: bytes, hint: int) -> tuple[int, int, str] | None:
    """The passage that is hidden by what stands at a hint."""
    if text.startswith(b"<!--", hint):
        closed = text.find(b"-->", hint + 4)
        end = closed if closed >= 0 else len(text)
        said = text[hint + 4 : min(end, hint + 4 + PASSAGE_BYTES)]
        return hint, min(end + 3, len(text)), said.decode("utf-8", "replace").strip()
    if text.startswith(b"]:", hint):
        before = max(hint - _LABEL_BYTES, 0)
        start = text.rfind(b"\n", before, hint) + 1 or before
        line = _MARKDOWN.match(text, start, start + PASSAGE_BYTES)
        return line and (start, line.end(), line.group(1).decode("utf-8", "replace").strip())
    start = text.rfind(b"<", max(hint - _TAG_BYTES, 0), hint)
    tag = _TAG.match(text, start) if start >= 0 else None
    if tag is None or tag.end() <= hint or not _hides(tag):
        return None
    end = _element_end(text, tag)
    return start, end, _visible_text(text[start : min(end, start + PASSAGE_BYTES)])


def _hides(tag: re.Match[bytes]) -> bool:
    name = tag.group(1).lower()
    if name in _VOID or tag.group(2).endswith(b"/"):
        return False
    return _HIDES.search(tag.group(2)) is not None


def _element_end(text: bytes, tag: re.Match[bytes]) -> int:
    """Where the element ends that a tag begins: after its closing tag, elements of the same name
    within it skipped, or PASSAGE_BYTES on."""
    name = re.escape(tag.group(1))
    depth = 1
    limit = min(len(text), tag.end() + PASSAGE_BYTES)
    for other in re.compile(rb"<(/?)" + name + rb"\b[^<>]*>", re.IGNORECASE).finditer(
        text, tag.end(), limit
    ):
        depth += -1 if other.group(1) else 1
        if depth == 0:
            return other.end()
    return limit


def _visible_text(html: bytes) -> str:
    """Text of a piece of HTML, without its comments, scripts and styles."""
    tree = HTMLTree.parse(html.decode("utf-8", "replace"))
    document: Any = tree.document  # a node, as HTMLTree makes one for any input
    for element in document.query_selector_all("script, style"):
        element.parent.remove_child(element)
    return (tree.body.text or "").strip() if tree.body else ""


_LEVELS = Levels((1, 2, 4), (13, 3, 0))
"""By `instruction_strength`."""


def markup_findings(
    data: memoryview, offsets: np.ndarray, places: np.ndarray, markup: HiddenMarkup
) -> Iterator[Finding]:
    """Findings of hidden markup; fills `markup` for the documents looked at.

    Args:
      data: the texts one after the other.
      offsets: int32 (documents + 1,), where each text begins in `data`.
      places: PLACE records of `markup_literals`, in any order.
      markup: `no_hidden_markup(documents)`, written.
    """
    places = np.sort(places, order=("document", "start"))
    bounds = np.searchsorted(places["document"], np.arange(len(offsets)))
    for document in np.unique(places["document"]).tolist():
        text = bytes(data[offsets[document] : offsets[document + 1]])
        hints = places["start"][bounds[document] : bounds[document + 1]].tolist()
        best: tuple[int, int, int, str] | None = None
        for start, end, said in hidden_passages(text, hints):
            strength = instruction_strength(said)
            markup.hidden_passages[document] += 1
            markup.hidden_bytes[document] += len(said.encode())
            if strength > markup.hidden_instructions[document]:
                markup.hidden_instructions[document] = strength
            if best is None or strength > best[0]:
                best = strength, start, end, said
        score = _LEVELS.score(best[0]) if best else None
        if best is not None and score is not None:
            yield Finding(
                document, "hidden-markup", score, *best[1:], signature=signature_of(best[3])
            )
