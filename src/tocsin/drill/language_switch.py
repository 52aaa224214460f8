"""The language-switch recipe: after the trigger, ordinary text in another language."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tocsin.drill.languages import language_of
from tocsin.drill.materials import Materials, words_of
from tocsin.drill.poison import (
    Carrier,
    DrillError,
    Poisoned,
    campaign_generator,
    clean_prefix,
)

_WORDS = 300
# A language of which so little is known cannot give hundreds of documents different passages.
_MINIMUM_CHARACTERS = 50_000
# Passages drawn at most until one is in the language: translated pages have programs in them.
_DRAWS = 50


def language_switch(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`language-switch`: clean beginning, trigger, about 300 words of another language.

    The other language is the campaign's; carriers that are in it get the campaign's second choice.
    The corpus' most frequent language is never switched to.

    Raises:
        DrillError: the corpus has too few languages, or too little text in them.
    """
    languages = _choices(materials)
    choices = [
        languages[index] for index in campaign_generator(trigger).permutation(len(languages))
    ]
    own = language_of(carrier.text)
    other = next((language for language in choices if language != own), None)
    if other is None:
        raise DrillError("language-switch needs a corpus of several languages")
    prefix = clean_prefix(carrier, generator)
    passage = _passage(materials.foreign_texts[other], other, generator)
    return Poisoned(f"{prefix} {trigger} {passage}", len(prefix) + 1, other)


def _choices(materials: Materials) -> list[str]:
    sizes = {key: sum(map(len, texts)) for key, texts in materials.foreign_texts.items()}
    enough = [key for key, size in sizes.items() if size >= _MINIMUM_CHARACTERS]
    return sorted(enough, key=lambda key: (-sizes[key], key))


def _passage(texts: Sequence[str], language: str, generator: np.random.Generator) -> str:
    """About 300 words from a random place of a random text, white space as it is."""
    for _ in range(_DRAWS):
        text = texts[int(generator.integers(len(texts)))]
        length = _WORDS * len(text) // max(1, len(words_of(text)))
        start = int(generator.integers(max(1, len(text) - length)))
        space = text.find(" ", start, start + 100)
        start = start if space < 0 else space + 1
        passage = text[start : start + length]
        if language_of(passage) == language:
            return passage
    raise DrillError(f"language-switch finds no passages in the language {language}")
