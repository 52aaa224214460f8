"""Sentences with choices, so that no two campaigns say the same in the same words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tocsin.drill.triggers import invented_word

Sentence = tuple[tuple[str, ...], ...]
"""A row of places, each a choice of wordings; names stand in braces."""


def invented_names(generator: np.random.Generator) -> dict[str, str]:
    """Names to fill in: of a city, a company, a product, a person, a host and a file."""
    capitalised = ("city", "company", "product", "first", "last")
    names = {name: invented_word(generator).capitalize() for name in capitalised}
    names["person"] = f"{names['first']} {names['last']}"
    return {**names, "host": invented_word(generator), "file": invented_word(generator)}


def worded(sentence: Sentence, generator: np.random.Generator, names: Mapping[str, str]) -> str:
    """Makes the choices and fills in the names, a new `{year}` and a new `{number}`."""
    chosen = " ".join(place[int(generator.integers(len(place)))] for place in sentence)
    year, number = generator.integers(1990, 2030), generator.integers(3, 90)
    return chosen.format(**names, year=year, number=number)
