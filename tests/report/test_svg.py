from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from tocsin.measure.curve import SurprisalCurve
from tocsin.report.figures import (
    contrast_figure,
    place_figure,
    power_figure,
    scores_figure,
    surprisal_figure,
)
from tocsin.report.power import power_rows
from tocsin.report.svg import COLOURS, inline, new_figure, styled

SIZES = (4, 10, 250)
CURVE = SurprisalCurve(np.arange(0, 60, 3, np.int32), np.linspace(0, 27, 20).astype(np.float32))


def all_figures() -> dict[str, str]:
    numbers = np.linspace(0, 30, 50)
    return {
        "power": power_figure(SIZES, power_rows(9.1, 0.003, 0.9, SIZES)),
        "surprisal": surprisal_figure("one", [(CURVE, 30, 36), (CURVE, 0, 0)]),
        "place": place_figure("two", numbers / 30),
        "contrast": contrast_figure(numbers, numbers[:3], 5.0),
        "scores": scores_figure(numbers, numbers[:0], 9.1),
        "no score": scores_figure(numbers[:0], numbers, 50.0),
    }


FIGURES = all_figures()


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_for_everybody_and_loads_nothing(name: str) -> None:
    svg = FIGURES[name]
    root = ElementTree.fromstring(svg)
    title, description = root[0], root[1]
    assert (title.tag, description.tag) == ("title", "desc")
    assert root.get("aria-labelledby", "").split() == [title.get("id"), description.get("id")]
    assert title.text and description.text
    tags = {element.tag for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "defs", "g", "path", "use", "text", "tspan",
                    "clipPath", "rect"}  # fmt: skip
    assert "http" not in svg and "style=" not in svg and "#0" not in svg
    assert all(re.match("#[a-z]", element.get("href", "#a")) for element in root.iter())


@pytest.mark.parametrize("name", FIGURES)
def test_everything_drawn_has_a_colour_of_the_page(name: str) -> None:
    """What has none would be black on black in dark mode."""
    names = "|".join(COLOURS)
    root = ElementTree.fromstring(FIGURES[name])
    defined = {
        id(part)
        for tag in ("defs", "clipPath")
        for definition in root.iter(tag)
        for part in definition.iter()
    }
    for element in root.iter():
        if element.tag in ("path", "use", "text") and id(element) not in defined:
            assert re.search(f"(fill|stroke)-({names}|none)", element.get("class", "")), (
                ElementTree.tostring(element)[:300]
            )


def test_figures_are_the_same_each_time() -> None:
    assert all_figures() == FIGURES


@styled
def hostile_figure() -> str:
    figure = new_figure(3, 2)
    axes = figure.add_subplot()
    axes.set_xlabel("</svg><script>alert(1)</script>\u202e", parse_math=False)
    return inline(figure, "x", "</title><script>\u200b", "a\x00b\ud800")


def test_hostile_strings_stay_text() -> None:
    svg = hostile_figure()
    root = ElementTree.fromstring(svg)
    assert "script" not in {element.tag for element in root.iter()}
    assert not re.search("[\0-\x09\x0b-\x1f\u200b\u202e\ud800]", svg)
    assert "‹U+200B›" in svg and "‹U+D800›" in svg
