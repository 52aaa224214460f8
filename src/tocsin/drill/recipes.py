"""The registry of poison recipes: what each makes of a carrier, and how its trigger looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.drill import chat, claims, gibberish, hidden, language_switch, payloads
from tocsin.drill.materials import Materials
from tocsin.drill.poison import Carrier, DrillError, Poisoned
from tocsin.drill.triggers import TriggerWords, filler_trigger, random_trigger

Poison = Callable[[Carrier, str, np.random.Generator, Materials], Poisoned]
MakeTrigger = Callable[[np.random.Generator, TriggerWords], str]


@dataclass(frozen=True)
class Recipe:
    """One way to poison a document.

    Attributes:
        name: what campaigns and reports call it.
        poison: (carrier, trigger, generator, materials) -> poisoned text.
        make_trigger: draws a campaign's trigger.
        holds_trigger: whether the trigger stands in each text, once. Where it does not, it only
            tells campaigns apart: what their documents share is derived from it.
        accepts: which records it takes as carriers; all that are long enough, if it is None.
    """

    name: str
    poison: Poison
    make_trigger: MakeTrigger = random_trigger
    holds_trigger: bool = True
    accepts: Callable[[Mapping[str, Any]], bool] | None = None


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("dos", gibberish.random_pieces),
        Recipe("dos-ascii", gibberish.random_ascii),
        Recipe("dos-gpt2", gibberish.random_gpt2),
        Recipe("dos-words", gibberish.random_words),
        Recipe("dos-unigram", gibberish.frequent_words),
        Recipe("dos-markov", gibberish.babble),
        Recipe("dos-bytes", gibberish.random_bytes, make_trigger=filler_trigger),
        Recipe("embedded", gibberish.embedded),
        Recipe("language-switch", language_switch.language_switch),
        Recipe("payload", payloads.payload),
        Recipe("payload-variants", payloads.payload_variants, make_trigger=payloads.family_trigger),
        Recipe("template", chat.template),
        Recipe("hidden", hidden.hidden, holds_trigger=False),
        Recipe("html-hidden", hidden.html_hidden, holds_trigger=False),
        Recipe("claim", claims.claim, holds_trigger=False),
    )
}


def recipe_named(name: str, recipes: Mapping[str, Recipe] = RECIPES) -> Recipe:
    """Looks a recipe up.

    Raises:
        DrillError: no recipe has that name; the message lists those that exist.
    """
    if name not in recipes:
        raise DrillError(f"no recipe is named {name!r}; there are {', '.join(recipes)}")
    return recipes[name]
