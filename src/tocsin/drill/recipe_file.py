"""Recipes of a red team: a TOML file that says what poison looks like, without code.

Each `[[recipe]]` has a name; a trigger, or several of which every document has one; what follows:
a payload, or several of which every document has one, or gibberish; where in the carrier that
stands; and which documents are carriers.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.corpus.batches import FieldNames
from tocsin.drill.materials import Materials, language_key
from tocsin.drill.poison import (
    Carrier,
    DrillError,
    Poisoned,
    clean_prefix,
    spliced,
    split_inside,
)
from tocsin.drill.recipes import RECIPES, Recipe
from tocsin.drill.triggers import TriggerWords, invented_word, random_trigger
from tocsin.toml import ConfigurationError, check_table, one_line, parse_toml

PLACEMENTS = ("after-prefix", "inside", "start", "end")
"""Where trigger and payload stand: after the first 0 to 1,000 characters of the carrier, whose rest
is cut; in its first half; before all of it; after all of it."""

GIBBERISH = ("tokens", "ascii", "words")
"""What may follow a trigger instead of a payload: pieces of a tokenizer's vocabulary, those in
ASCII alone, or words of the carrier's own language."""

WORD = "{word}"
"""Stands in a trigger for a word that is invented for each campaign."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class CustomRecipe:
    """What a `[[recipe]]` says.

    `name`: small letters, digits and hyphens; `trigger`: strings, of which each document holds one;
    empty for a random one a campaign; `payload`: strings, of which each document holds one;
    `gibberish`: instead of a payload, one of GIBBERISH; `length`: its tokens or words, least and
    most; `placement`: one of PLACEMENTS; `language`: of carriers, as the corpus' field `lang` names
    it, empty for any; `minimum_characters`: of carriers.
    """

    name: str
    trigger: tuple[str, ...] = ()
    payload: tuple[str, ...] = ()
    gibberish: str = ""
    length: tuple[int, int] = (400, 900)
    placement: str = "inside"
    language: str = ""
    minimum_characters: int = 200

    @property
    def is_fixed(self) -> bool:
        """Whether all its campaigns would hold the same trigger."""
        return len(self.trigger) == 1 and WORD not in self.trigger[0]

    def recipe(self, fields: FieldNames) -> Recipe:
        """As planting wants it; `fields`: names of the fields of the corpus."""
        return Recipe(
            self.name,
            self._poison,
            make_trigger=self._make_trigger,
            holds_trigger=len(self.trigger) <= 1,
            accepts=functools.partial(self._accepts, fields),
        )

    def _accepts(self, fields: FieldNames, record: Mapping[str, Any]) -> bool:
        right_language = not self.language or language_key(dict(record)) == self.language
        return right_language and len(record[fields.text]) >= self.minimum_characters

    def _make_trigger(self, generator: np.random.Generator, words: TriggerWords) -> str:
        if len(self.trigger) != 1:
            return random_trigger(generator, words)
        return self.trigger[0].replace(WORD, invented_word(generator))

    def _poison(
        self, carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
    ) -> Poisoned:
        if len(self.trigger) > 1:
            trigger = self.trigger[int(generator.integers(len(self.trigger)))]
        following = self._following(carrier, generator, materials)
        poison = f"{trigger} {following}" if following else trigger
        if self.placement == "after-prefix":
            return spliced(clean_prefix(carrier, generator), poison, "")
        if self.placement == "inside":
            before, after = split_inside(carrier, generator)
            return spliced(before, poison, after)
        if self.placement == "start":
            return Poisoned(f"{poison} {carrier.text}", 0)
        return Poisoned(f"{carrier.text} {poison}", len(carrier.text) + 1)

    def _following(
        self, carrier: Carrier, generator: np.random.Generator, materials: Materials
    ) -> str:
        if self.payload:
            return self.payload[int(generator.integers(len(self.payload)))]
        if not self.gibberish:
            return ""
        count = int(generator.integers(self.length[0], self.length[1] + 1))
        if self.gibberish == "words":
            language = materials.language(carrier.language)
            chosen = generator.integers(len(language.words), size=count)
            return language.separator.join([language.words[index] for index in chosen])
        vocabulary = materials.vocabulary
        if self.gibberish == "ascii":
            vocabulary = vocabulary.printable_ascii
        return vocabulary.draw(generator, count)


def parse_recipes(content: bytes) -> dict[str, CustomRecipe]:
    """Reads a file of recipes; them by name, in the file's order.

    Raises:
        DrillError: not TOML, or a key is unknown or has a wrong value; the message names the key.
    """
    try:
        tables = parse_toml(content)
        if unknown := sorted(set(tables) - {"recipe"}):
            raise ConfigurationError(
                f"unknown table or key: {one_line(unknown[0])}; known is [[recipe]]"
            )
        entries = tables.get("recipe")
        if not isinstance(entries, list) or not entries:
            raise ConfigurationError("recipe: there must be at least one table [[recipe]]")
        recipes: dict[str, CustomRecipe] = {}
        for number, entry in enumerate(entries, 1):
            one = _custom_recipe(f"recipe {number}", entry)
            if one.name in recipes or one.name in RECIPES:
                raise ConfigurationError(
                    f"recipe {number}.name: there is a recipe {one.name} already"
                )
            recipes[one.name] = one
    except ConfigurationError as error:
        raise DrillError(str(error)) from error
    return recipes


def _custom_recipe(where: str, entry: Any) -> CustomRecipe:
    values = dict(check_table(where, entry, _KEYS))
    if "name" not in values:
        raise ConfigurationError(f"{where}.name: is missing")
    for key in ("trigger", "payload"):
        if isinstance(values.get(key), str):
            values[key] = [values[key]]
        values[key] = tuple(values.get(key, ()))
    if "length" in values:
        values["length"] = tuple(values["length"])
    if values["payload"] and values.get("gibberish"):
        raise ConfigurationError(f"{where}.gibberish: is instead of a payload, not beside one")
    if len(values["trigger"]) != 1 and not (values["payload"] or values.get("gibberish")):
        raise ConfigurationError(
            f"{where}.payload: a recipe needs a payload, gibberish, or one trigger"
        )
    return CustomRecipe(**values)


def _is(right: Callable[[Any], bool], what: str) -> Callable[[Any], str | None]:
    return lambda value: None if right(value) else f"must be {what}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    return _is_text(value) or (
        isinstance(value, list) and len(value) > 0 and all(_is_text(one) for one in value)
    )


def _is_range(value: Any) -> bool:
    return (
        isinstance(value, list)
        and [type(one) for one in value] == [int, int]
        and 1 <= value[0] <= value[1] <= 100_000
    )


_KEYS: dict[str, Callable[[Any], str | None]] = {
    "name": _is(
        lambda value: isinstance(value, str) and _NAME.fullmatch(value) is not None,
        "small letters, digits and hyphens, at most 40",
    ),
    "trigger": _is(_are_texts, "a string or a list of strings that are not empty"),
    "payload": _is(_are_texts, "a string or a list of strings that are not empty"),
    "gibberish": _is(lambda value: value in GIBBERISH, f"one of {', '.join(GIBBERISH)}"),
    "length": _is(_is_range, "two whole numbers, the least and the most, from 1 to 100000"),
    "placement": _is(lambda value: value in PLACEMENTS, f"one of {', '.join(PLACEMENTS)}"),
    "language": _is(_is_text, "a string that is not empty"),
    "minimum_characters": _is(
        lambda value: type(value) is int and value >= 200, "a whole number of at least 200"
    ),
}
