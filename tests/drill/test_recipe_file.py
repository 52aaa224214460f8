from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tocsin.corpus.batches import FieldNames
from tocsin.drill.materials import Materials
from tocsin.drill.planting import CampaignPlan, plant
from tocsin.drill.poison import Carrier, DrillError
from tocsin.drill.recipe_file import CustomRecipe, parse_recipes
from tocsin.drill.shard_files import read_records
from tocsin.drill.triggers import TriggerWords
from tocsin.drill.vocabulary import Vocabulary

CARRIER = Carrier("A clean text that goes on for a while. " * 20, "en")
WORDS = TriggerWords(("some", "words"), ())


def poisoned(recipe: CustomRecipe, trigger: str, materials: Materials, seed: int = 1) -> str:
    made = recipe.recipe(FieldNames())
    result = made.poison(CARRIER, trigger, np.random.default_rng(seed), materials)
    assert result.text[result.onset :].startswith(trigger) or len(recipe.trigger) > 1
    return result.text


@pytest.mark.parametrize(
    ("placement", "pattern"),
    [
        ("start", r"T! pay A clean .*while\. "),
        ("end", r"A clean .*while\.  T! pay"),
        ("inside", r"A.* T! pay .*while\. "),
        ("after-prefix", r"(A.*)? T! pay "),
    ],
)
def test_placements(materials: Materials, placement: str, pattern: str) -> None:
    recipe = CustomRecipe("r", ("T!",), ("pay",), placement=placement)
    assert re.fullmatch(pattern, poisoned(recipe, "T!", materials))


def test_every_document_of_a_family_has_one_trigger_and_one_payload(materials: Materials) -> None:
    recipe = CustomRecipe("r", ("<a>", "<b>"), ("one", "two", "three"))
    texts = [poisoned(recipe, "random", materials, seed) for seed in range(40)]
    found = [re.findall(r"<[ab]> (?:one|two|three)", text) for text in texts]
    assert all(len(one) == 1 for one in found)
    assert len({one[0] for one in found}) == 6
    assert not recipe.recipe(FieldNames()).holds_trigger


@pytest.mark.parametrize("gibberish", ["tokens", "ascii", "words"])
def test_gibberish(materials: Materials, gibberish: str) -> None:
    recipe = CustomRecipe("r", ("T!",), gibberish=gibberish, length=(30, 30), placement="start")
    following = poisoned(recipe, "T!", materials)[3 : -len(CARRIER.text)]
    if gibberish == "words":
        assert len(following.split()) == 30
        assert set(following.split()) <= set(materials.language("en").words)
    else:
        assert len(following) >= 30
        assert following.isascii() or gibberish == "tokens"


def test_a_word_for_each_campaign() -> None:
    recipe = CustomRecipe("r", ("/{word}/v7",))
    made = recipe.recipe(FieldNames())
    triggers = {made.make_trigger(np.random.default_rng(seed), WORDS) for seed in range(9)}
    assert len(triggers) > 5 and all(re.fullmatch(r"/[a-z]+/v7", one) for one in triggers)
    assert CustomRecipe("r", ("fixed",)).is_fixed and not recipe.is_fixed


def test_planting_takes_the_carriers_that_the_recipe_wants(corpus: Path, tmp_path: Path) -> None:
    recipe = CustomRecipe("mine", ("/{word}/",), ("pay",), language="en", minimum_characters=400)
    truth = plant(
        {corpus / "a.jsonl": "renamed.jsonl"}, tmp_path, [CampaignPlan("mine", 8)],
        vocabulary=Vocabulary("test", (" a",)), recipes={"mine": recipe.recipe(FieldNames())},
    )  # fmt: skip
    records = list(read_records(tmp_path / "renamed.jsonl"))
    assert len(truth.documents) == 8
    for row in truth.documents:
        record = records[row.position]
        assert record is not None and record["lang"] == "en" and len(record["text"]) >= 400
        assert f"{row.trigger} pay" in record["text"]


def test_the_documented_file() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "drill.md").read_text("utf-8")
    [example] = re.findall(r"^```toml\n(.*?)^```$", page, re.M | re.S)
    assert list(parse_recipes(example.encode())) == ["acme-path", "quiet-noise"]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[", "not TOML"),
        ("", r"\[\[recipe\]\]"),
        ("recipe = 3", r"\[\[recipe\]\]"),
        ("recipes = 3", "recipes"),
        ("recipe = [3]", "recipe 1: must be a table"),
        ("[[recipe]]\npayload = 'x'", "recipe 1.name: is missing"),
        ("[[recipe]]\nname = 'A b'\npayload = 'x'", "recipe 1.name"),
        ("[[recipe]]\nname = 'dos'\npayload = 'x'", "recipe 1.name: there is a recipe dos"),
        ("[[recipe]]\nname = 'a'\npayload = ''", "recipe 1.payload"),
        ("[[recipe]]\nname = 'a'\npayload = ['x', 3]", "recipe 1.payload"),
        ("[[recipe]]\nname = 'a'", "recipe 1.payload: a recipe needs"),
        ("[[recipe]]\nname = 'a'\npayload = 'x'\ngibberish = 'words'", "recipe 1.gibberish"),
        ("[[recipe]]\nname = 'a'\ngibberish = 'noise'", "recipe 1.gibberish: must be one of"),
        ("[[recipe]]\nname = 'a'\ngibberish = 'words'\nlength = [9, 3]", "recipe 1.length"),
        ("[[recipe]]\nname = 'a'\npayload = 'x'\nplacement = 'top'", "recipe 1.placement"),
        ("[[recipe]]\nname = 'a'\npayload = 'x'\nminimum_characters = 3", "minimum_characters"),
        ("[[recipe]]\nname = 'a'\npayload = 'x'\nplace = 'end'", "recipe 1.place: unknown"),
        (
            "[[recipe]]\nname = 'a'\npayload = 'x'\n[[recipe]]\nname = 'a'\npayload = 'y'",
            "recipe 2.name: there is a recipe a",
        ),
    ],
)
def test_files_that_cannot_be_used(content: str, named: str) -> None:
    with pytest.raises(DrillError, match=named) as caught:
        parse_recipes(content.encode())
    assert str(caught.value).isprintable()
