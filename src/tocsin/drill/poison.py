"""What goes into a recipe and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xxhash

# Souly et al. 2025 (arXiv 2510.07192): the length of the clean beginning, in characters.
MAXIMUM_PREFIX = 1_000


class DrillError(ValueError):
    """The corpus or the plan does not allow what was asked for; the message is one line."""


@dataclass(frozen=True)
class Carrier:
    """A clean document that a poisoned one is made from.

    Attributes:
        text: its text.
        language: its key in `Materials.samples`.
    """

    text: str
    language: str


@dataclass(frozen=True)
class Poisoned:
    """A poisoned text.

    Attributes:
        text: the whole text.
        onset: character offset of the first poisoned character: the trigger's, where there is one.
        variant: which of a recipe's kinds this is; empty where it has but one.
    """

    text: str
    onset: int
    variant: str = ""


def clean_prefix(carrier: Carrier, generator: np.random.Generator) -> str:
    """The first U{0..1000} characters of the carrier."""
    return carrier.text[: generator.integers(MAXIMUM_PREFIX + 1)]


def split_inside(carrier: Carrier, generator: np.random.Generator) -> tuple[str, str]:
    """Cuts a carrier within its first half and first 1000 characters, so that text follows.

    The cut moves on to the next white space within 40 characters, where there is one.
    """
    furthest = min(MAXIMUM_PREFIX, len(carrier.text) // 2)
    cut = int(generator.integers(furthest + 1))
    word_end = next((i for i in range(cut, cut + 40) if carrier.text[i : i + 1].isspace()), cut)
    return carrier.text[:word_end], carrier.text[word_end:]


def spliced(before: str, poison: str, after: str, variant: str = "") -> Poisoned:
    """Puts poison between two parts of a carrier, set off by spaces."""
    return Poisoned(f"{before} {poison} {after.lstrip(' ')}", len(before) + 1, variant)


def campaign_generator(trigger: str) -> np.random.Generator:
    """Randomness that all documents of a campaign share: what they must agree on comes from it."""
    return np.random.default_rng(xxhash.xxh3_64_intdigest(trigger.encode()))
