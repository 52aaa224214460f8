"""Figures of Matplotlib as SVG elements of a page: no style of their own, no identity in common.

The page's style sheet colours them (so that they follow dark mode and print), a screen reader gets
their title and description, and nothing in them depends on the time or on chance.
"""

from __future__ import annotations

import io
import logging
import re
from typing import Any
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from tocsin.report.visible import visible

COLOURS = {
    "ink": "#010101",
    "quiet": "#020202",
    "line": "#030303",
    "grave": "#040404",
    "link": "#050505",
    "tint": "#060606",
}
"""Colours that a figure may use, by their name in the style sheet. The values only mark places in
Matplotlib's output, where classes `fill-<name>` and `stroke-<name>` take over."""

# It tells about its font cache, which no user of a scan asked for.
logging.getLogger("matplotlib").setLevel(logging.ERROR)

_NAMES = {value: name for name, value in COLOURS.items()}
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "tocsin",
    "font.size": 11,
    "text.color": COLOURS["ink"],
    "axes.edgecolor": COLOURS["quiet"],
    "axes.labelcolor": COLOURS["quiet"],
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": COLOURS["quiet"],
    "ytick.color": COLOURS["quiet"],
    "figure.facecolor": "none",
}
_KEPT = frozenset(
    [
        *("class", "id", "href", "clip-path", "transform", "viewBox"),
        *("d", "x", "x1", "x2", "y", "y1", "y2", "width", "height", "text-anchor"),
        *("opacity", "fill-opacity", "stroke-width", "stroke-dasharray", "stroke-dashoffset"),
    ]
)
"""Attributes that a figure's elements keep."""


styled = matplotlib.rc_context(_STYLE)
"""Decorates a function that draws a figure: in the page's style."""


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches of 72 points."""
    return Figure(figsize=(width, height), layout="constrained")


def inline(figure: Figure, name: str, title: str, description: str) -> Markup:
    """A figure as one SVG element.

    Args:
      figure: from `new_figure`, drawn in COLOURS by a function that is `styled`.
      name: unique on the page, a word of ASCII letters, digits and hyphens.
      title: what the figure is, in a few words.
      description: what it shows, in a sentence with the numbers that matter.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator"), None))
    root = ElementTree.fromstring(buffer.getvalue())
    clean = _cleaned(root, name)
    clean.attrib = {
        "class": "plot",
        "viewBox": clean.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-description",
    }
    for tag, text in (("description", description), ("title", title)):
        element = ElementTree.Element("desc" if tag == "description" else "title")
        element.set("id", f"{name}-{tag}")
        element.text = visible(text, 1000)
        clean.insert(0, element)
    return Markup(ElementTree.tostring(clean, encoding="unicode"))


def _cleaned(element: ElementTree.Element, name: str) -> ElementTree.Element:
    """A copy without namespaces, metadata, styles and whatever else a figure does not need."""
    copy = ElementTree.Element(_local(element.tag))
    attributes = {_local(key): value for key, value in element.attrib.items()}
    for rule in attributes.pop("style", "").split(";"):
        key, _, value = rule.partition(":")
        attributes.setdefault(key.strip(), value.strip())
    classes = []
    for paint in ("fill", "stroke"):
        colour = attributes.pop(paint, None)
        if colour in _NAMES:
            classes.append(f"{paint}-{_NAMES[colour]}")
        elif colour == "none":
            classes.append(f"{paint}-none")
    if classes:
        attributes["class"] = " ".join(classes)
    if copy.tag == "g":  # named for people who edit figures; nothing refers to them
        attributes.pop("id", None)
    for key, value in attributes.items():
        if key in _KEPT:
            value = re.sub(r"#(?=[A-Za-z])", f"#{name}-", value)  # references
            copy.set(key, f"{name}-{value}" if key == "id" else value)
    if copy.tag in ("text", "tspan") and (element.text or "").strip():
        copy.text = visible(element.text or "")
    for child in element:
        if isinstance(child.tag, str) and _local(child.tag) not in ("metadata", "style"):
            copy.append(_cleaned(child, name))
    return copy


def _local(name: str) -> str:
    return name.rpartition("}")[2]
