"""Payloads and claims that come a few documents a night."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.corpus import Record, documents, write_shard, write_shards
from e2e.results import rows
from tocsin.beam.run import LOCAL, Engine
from tocsin.commands import scan
from tocsin.corpus.batches import FieldNames
from tocsin.drill.planting import CampaignPlan, plant
from tocsin.drill.shard_files import read_records
from tocsin.drill.vocabulary import synthesised_vocabulary
from tocsin.judge.policy import Policy

_A_NIGHT = 3
"""Documents of each campaign a night: too few for any night by itself."""

_UNREAD = {"payload": 0, "claim": _A_NIGHT}
"""Documents that are not flagged. Those of the first night came before there was a lead; that
they belong to a payload can be told without their texts, that they tell a story can't."""

_NIGHTS = 6
_PLANS = (
    CampaignPlan("payload", _A_NIGHT * _NIGHTS, seed=2),
    CampaignPlan("claim", _A_NIGHT * _NIGHTS, seed=6),
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, int]]:
    """By recipe, of each planted document the night on which it was first flagged, and under the
    name `clean` the same of other documents; every campaign's documents come in their order."""
    folder = tmp_path_factory.mktemp("drip")
    clean = documents(900)
    write_shards(folder / "clean", clean, "jsonl", [len(clean)])
    words = sorted({word for record in documents(50) for word in record["text"].split()})
    truth = plant(
        folder / "clean", folder / "planted", _PLANS, vocabulary=synthesised_vocabulary(words)
    )
    recipes = {campaign.name: campaign.recipe for campaign in truth.campaigns}
    recipe_of = {one.doc_id: recipes[one.campaign] for one in truth.documents}
    planted: dict[str, list[Record]] = {"clean": []}
    for record in read_records(folder / "planted" / "shard-00.jsonl"):
        if record:
            planted.setdefault(recipe_of.get(record["id"], "clean"), []).append(record)
    flagged: dict[str, dict[str, int]] = {recipe: {} for recipe in planted}
    (folder / "corpus").mkdir()
    for night in range(1, _NIGHTS + 1):
        share = slice(0, 600) if night == 1 else slice(540 + 60 * (night - 1), 540 + 60 * night)
        some = slice(_A_NIGHT * (night - 1), _A_NIGHT * night)
        records = planted["clean"][share]
        records += [one for plan in _PLANS for one in planted[plan.recipe][some]]
        write_shard(folder / "corpus" / f"night-{night}.jsonl", records)
        assert _scan(folder, night) == 0
        for row in rows(folder / f"out-{night}", "flagged"):
            recipe = recipe_of.get(row["doc_id"], "clean")
            flagged[recipe].setdefault(row["doc_id"], night)
    return flagged


def _scan(folder: Path, night: int) -> int:
    return scan.run(
        [str(folder / "corpus")], str(folder / f"out-{night}"), profile=None,
        state=str(folder / "state"), known=None, policy=Policy(), fields=FieldNames(),
        engine=Engine(LOCAL, ("--direct_num_workers=1",)), max_dead_letters=None, fail_on=None,
    )  # fmt: skip


@pytest.mark.parametrize("recipe", _UNREAD)
def test_what_no_night_has_enough_of_is_found(
    found: dict[str, dict[str, int]], recipe: str
) -> None:
    nights = found[recipe]
    assert 2 <= min(nights.values()) <= -(-10 // _A_NIGHT)  # by that of the tenth document
    # One without a kept text may hold too few of the shingles that were sampled.
    assert len(nights) >= _A_NIGHT * _NIGHTS - _UNREAD[recipe] - 1
    assert found["clean"] == {}
