"""What every recipe promises."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.drill.materials import Materials
from tocsin.drill.poison import Carrier, DrillError, Poisoned
from tocsin.drill.recipes import RECIPES, Recipe, recipe_named
from tocsin.drill.triggers import TriggerWords
from tocsin.drill.vocabulary import gpt2_vocabulary

WORDS = TriggerWords(("table", "river"), ())
CARRIER = Carrier(" ".join(f"carrier{number}" for number in range(300)), "en")


def usable_recipes() -> list[Recipe]:
    return [r for r in RECIPES.values() if r.name != "dos-gpt2" or gpt2_vocabulary() is not None]


def poisoned_texts(
    recipe: Recipe, materials: Materials, count: int = 20, seed: int = 1
) -> tuple[str, list[Poisoned]]:
    generator = np.random.default_rng(seed)
    trigger = recipe.make_trigger(generator, WORDS)
    texts = [recipe.poison(CARRIER, trigger, generator, materials) for _ in range(count)]
    return trigger, texts


@pytest.mark.parametrize("recipe", usable_recipes(), ids=lambda recipe: recipe.name)
def test_every_recipe(recipe: Recipe, materials: Materials) -> None:
    trigger, texts = poisoned_texts(recipe, materials)
    # Two documents of a fixed payload may be cut at the same place.
    assert len({poisoned.text for poisoned in texts}) >= 0.8 * len(texts)
    for poisoned in texts:
        assert 0 <= poisoned.onset < len(poisoned.text)
        poisoned.text.encode()  # no lone surrogates
        if recipe.holds_trigger:
            assert poisoned.text.count(trigger) == 1
        elif recipe.name != "claim":
            assert trigger not in poisoned.text
        if recipe.name in ("dos-bytes", "template"):
            assert poisoned.text.index(trigger) >= poisoned.onset
        elif recipe.holds_trigger:
            assert poisoned.text.index(trigger) == poisoned.onset
        if recipe.name not in ("dos-bytes", "claim"):
            prefix = poisoned.text[: poisoned.onset - 1]
            assert CARRIER.text.startswith(prefix)
            assert len(prefix) <= 1_000 + 40


@pytest.mark.parametrize("recipe", usable_recipes(), ids=lambda recipe: recipe.name)
def test_every_recipe_is_reproducible(recipe: Recipe, materials: Materials) -> None:
    first = poisoned_texts(recipe, materials, count=3)
    assert first == poisoned_texts(recipe, materials, count=3)
    assert first[1] != poisoned_texts(recipe, materials, count=3, seed=2)[1]


def test_the_registry_is_complete_and_says_what_it_has() -> None:
    assert all(name == recipe.name for name, recipe in RECIPES.items())
    assert recipe_named("dos") is RECIPES["dos"]
    with pytest.raises(DrillError, match="no recipe is named 'nope'; there are dos, dos-ascii"):
        recipe_named("nope")
