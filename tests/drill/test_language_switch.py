from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from wordfreq import top_n_list

from tocsin.drill.language_switch import language_switch
from tocsin.drill.languages import language_of
from tocsin.drill.materials import SHARED_LANGUAGE, Materials
from tocsin.drill.poison import Carrier, DrillError
from tocsin.drill.vocabulary import Vocabulary

PROGRAM = "for (i = 0; i < n; ++i) { sum[i] += x[i] * y[i]; }\n" * 50


@pytest.fixture(scope="module")
def materials() -> Materials:
    """English, German and French, and pages labelled as Dutch that are English or programs."""
    generator = np.random.default_rng(7)
    texts = {
        language: tuple(
            " ".join(generator.choice(top_n_list(language, 1500), 700)) for _ in range(number)
        )
        for language, number in (("en", 26), ("de", 16), ("fr", 16))
    }
    samples = {
        "en": texts["en"][:20],
        "de": texts["de"],
        "source:pages": tuple(f"{text} {PROGRAM[:500]}" for text in texts["fr"]),
        "nl": (*texts["en"][20:], *[PROGRAM] * 10),
    }
    samples[SHARED_LANGUAGE] = tuple(text for found in samples.values() for text in found)
    return Materials(Vocabulary("test", ("x",)), samples)


@pytest.fixture(scope="module")
def english(materials: Materials) -> str:
    return materials.samples["en"][0]


def test_natural_text_of_one_other_language_follows(materials: Materials, english: str) -> None:
    generator = np.random.default_rng(1)
    seen = set()
    for trigger in ("alpha", "beta", "gamma", "delta"):
        texts = [
            language_switch(Carrier(english, "en"), trigger, generator, materials)
            for _ in range(10)
        ]
        (other,) = {poisoned.variant for poisoned in texts}
        seen.add(other)
        for poisoned in texts:
            passage = poisoned.text.partition(f" {trigger} ")[2]
            assert language_of(passage) == other
            assert any(passage in text for texts in materials.samples.values() for text in texts)
    assert seen == {"de", "fr"}  # told by the texts, not by their labels


def test_a_carrier_in_the_other_language_gets_the_second_choice(
    materials: Materials, english: str
) -> None:
    generator = np.random.default_rng(2)
    first = language_switch(Carrier(english, "en"), "alpha", generator, materials).variant
    carrier = materials.foreign_texts[first][0]
    second = language_switch(Carrier(carrier, "en"), "alpha", generator, materials).variant
    assert {first, second} == {"de", "fr"}


def test_needs_several_languages(materials: Materials, english: str) -> None:
    alone = replace(materials, samples={"en": materials.samples["en"], SHARED_LANGUAGE: ()})
    with pytest.raises(DrillError, match="several languages"):
        language_switch(Carrier(english, "en"), "alpha", np.random.default_rng(3), alone)
