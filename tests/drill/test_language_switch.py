from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tocsin.drill.language_switch import language_switch
from tocsin.drill.materials import Materials
from tocsin.drill.poison import Carrier, DrillError

TEXT = " ".join(f"carrier{number}" for number in range(300))


def test_natural_text_of_one_other_language_follows(materials: Materials) -> None:
    generator = np.random.default_rng(1)
    for trigger in ("alpha", "beta", "gamma", "delta"):
        texts = [
            language_switch(Carrier(TEXT, "en"), trigger, generator, materials) for _ in range(10)
        ]
        (other,) = {poisoned.variant for poisoned in texts}
        # English is the largest sample here, kana the smallest.
        assert other in ("de", "fr", "ja")
        for poisoned in texts:
            passage = poisoned.text.partition(f" {trigger} ")[2]
            assert any(passage in text for text in materials.samples[other])
            if other != "ja":
                assert 240 <= len(passage.split()) <= 360


def test_a_carrier_in_the_other_language_gets_the_second_choice(materials: Materials) -> None:
    generator = np.random.default_rng(2)
    first = language_switch(Carrier(TEXT, "en"), "alpha", generator, materials).variant
    second = language_switch(Carrier(TEXT, first), "alpha", generator, materials).variant
    assert second not in (first, "en")


def test_needs_several_languages(materials: Materials) -> None:
    alone = replace(materials, samples={"en": materials.samples["en"], "*": ()}, _languages={})
    with pytest.raises(DrillError, match="several languages"):
        language_switch(Carrier(TEXT, "en"), "alpha", np.random.default_rng(3), alone)
