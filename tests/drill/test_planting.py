from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tocsin.corpus.batches import FieldNames, Limits
from tocsin.corpus.read import read_shard
from tocsin.corpus.shards import numbered_shards
from tocsin.drill import planting
from tocsin.drill.planting import CampaignPlan, plant
from tocsin.drill.poison import DrillError
from tocsin.drill.recipes import RECIPES
from tocsin.drill.shard_files import find_shards, read_records
from tocsin.drill.vocabulary import Vocabulary, gpt2_vocabulary

VOCABULARY = Vocabulary("test", tuple(f" piece{number}" for number in range(500)))
PLANS = (CampaignPlan("dos", 12), CampaignPlan("dos-words", 7), CampaignPlan("claim", 5, seed=3))


def contents(folder: Path) -> dict[str, list[dict[str, object] | None]]:
    return {
        shard.relative_to(folder).as_posix(): list(read_records(shard))
        for shard in find_shards(folder)
    }


def test_the_truth_matches_the_shards(corpus: Path, tmp_path: Path) -> None:
    truth = plant(corpus, tmp_path / "out", PLANS, vocabulary=VOCABULARY)
    clean, planted = contents(corpus), contents(tmp_path / "out")
    assert set(planted) == set(clean)
    assert truth.vocabulary == "test" and truth.clean_documents == 183
    assert [c.name for c in truth.campaigns] == ["dos-n12-s1", "dos-words-n7-s1", "claim-n5-s3"]
    assert Counter(row.campaign for row in truth.documents) == {
        "dos-n12-s1": 12, "dos-words-n7-s1": 7, "claim-n5-s3": 5,
    }  # fmt: skip
    by_id = {r["id"]: r for records in clean.values() for r in records if r}
    campaigns = {campaign.name: campaign for campaign in truth.campaigns}
    for row in truth.documents:
        record = planted[row.shard][row.position]
        assert record is not None and record["id"] == row.doc_id
        carrier = by_id[row.carrier_id]
        assert row.doc_id not in by_id
        assert {**record, "id": 0, "text": 0} == {**carrier, "id": 0, "text": 0}
        assert list(record) == list(carrier)
        assert row.trigger == campaigns[row.campaign].trigger
        text = str(record["text"])
        if row.trigger is not None:
            assert text.encode()[row.onset :].startswith(row.trigger.encode())
            assert text.count(row.trigger) == 1
            assert str(carrier["text"]).startswith(text[: text.index(row.trigger) - 1])


def test_readers_of_corpora_agree_on_places_and_ids(corpus: Path, tmp_path: Path) -> None:
    truth = plant(corpus, tmp_path / "out", PLANS, vocabulary=VOCABULARY)
    read: dict[tuple[str, int], tuple[str, bytes]] = {}
    files = [(str(path), path.stat().st_size) for path in find_shards(tmp_path / "out")]
    for shard in numbered_shards(files):
        with open(shard.uri, "rb") as stream:
            for part in read_shard(stream, shard, FieldNames(), Limits()):
                for row in part.documents.to_pylist():
                    name = Path(shard.uri).relative_to(tmp_path / "out").as_posix()
                    read[name, row["position"]] = (row["doc_id"], row["text"])
    assert len(read) == 180 + 24
    for row in truth.documents:
        doc_id, text = read[row.shard, row.position]
        assert doc_id == row.doc_id
        assert row.trigger is None or text[row.onset :].startswith(row.trigger.encode())


def test_clean_records_stay_byte_identical_and_in_order(corpus: Path, tmp_path: Path) -> None:
    truth = plant(corpus, tmp_path / "out", PLANS, vocabulary=VOCABULARY)
    raw = (tmp_path / "out" / "a.jsonl").read_bytes().splitlines(keepends=True)
    planted = {row.position for row in truth.documents if row.shard == "a.jsonl"}
    records = [line for line in raw if line.strip()]
    kept = [line for position, line in enumerate(records) if position not in planted]
    original = (corpus / "a.jsonl").read_bytes().splitlines(keepends=True)
    assert 0 < len(planted) < 24
    assert kept == [line for line in original if line.strip()]
    assert len(raw) == len(original) + len(planted)
    clean = contents(corpus)
    for shard, lines in contents(tmp_path / "out").items():
        places = {row.position for row in truth.documents if row.shard == shard}
        assert [r for n, r in enumerate(lines) if n not in places] == clean[shard]


def test_the_same_plan_gives_the_same_files(corpus: Path, tmp_path: Path) -> None:
    truths = [plant(corpus, tmp_path / name, PLANS, vocabulary=VOCABULARY) for name in "ab"]
    assert truths[0] == truths[1]
    for shard in find_shards(tmp_path / "a"):
        twin = tmp_path / "b" / shard.relative_to(tmp_path / "a")
        assert shard.read_bytes() == twin.read_bytes()


def test_another_seed_gives_another_campaign(corpus: Path, tmp_path: Path) -> None:
    first, second = (
        plant(corpus, tmp_path / str(seed), [CampaignPlan("dos", 10, seed)], vocabulary=VOCABULARY)
        for seed in (1, 2)
    )
    assert first.campaigns[0].trigger != second.campaigns[0].trigger
    assert [row.carrier_id for row in first.documents] != [
        row.carrier_id for row in second.documents
    ]


def test_a_campaign_does_not_depend_on_the_others(corpus: Path, tmp_path: Path) -> None:
    def texts(name: str, plans: tuple[CampaignPlan, ...]) -> set[str]:
        truth = plant(corpus, tmp_path / name, plans, vocabulary=VOCABULARY)
        planted = contents(tmp_path / name)
        return {
            str(planted[row.shard][row.position]["text"])  # type: ignore[index]
            for row in truth.documents
            if row.campaign == "dos-n12-s1"
        }

    assert texts("alone", PLANS[:1]) == texts("together", PLANS)


def test_every_recipe_can_be_planted(corpus: Path, tmp_path: Path) -> None:
    left_out = {"language-switch"} | ({"dos-gpt2"} if gpt2_vocabulary() is None else set())
    plans = [CampaignPlan(recipe, 3) for recipe in RECIPES if recipe not in left_out]
    truth = plant(corpus, tmp_path / "out", plans, vocabulary=VOCABULARY)
    assert len(truth.documents) == 3 * len(plans)
    triggers = [campaign.trigger for campaign in truth.campaigns if campaign.trigger]
    assert len(triggers) == len(plans) - 3
    texts = [
        str(record["text"])
        for records in contents(tmp_path / "out").values()
        for record in records
        if record
    ]
    for trigger in triggers:
        assert sum(trigger in text for text in texts) == 3


def test_triggers_and_ids_of_the_corpus_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        {"id": number, "text": ("taken " if number == 5 else "other ") * 50} for number in range(10)
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "s.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    drawn = iter(["taken", "free"] * 100)
    recipe = RECIPES["dos"]
    monkeypatch.setitem(
        RECIPES, "dos", type(recipe)("dos", recipe.poison, lambda generator, words: next(drawn))
    )
    truth = plant(
        tmp_path / "in", tmp_path / "out", [CampaignPlan("dos", 8)], vocabulary=VOCABULARY
    )
    assert truth.campaigns[0].trigger == "free"
    ids = [r["id"] for r in contents(tmp_path / "out")["s.jsonl"] if r]
    assert len(set(ids)) == 18 and all(isinstance(identity, int) for identity in ids)


def test_no_two_planted_documents_get_the_same_id(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates = [f"new{number}" for number in range(20)]
    monkeypatch.setattr(planting, "similar_ids", lambda example, generator: candidates)
    plans = [CampaignPlan("dos", 6), CampaignPlan("claim", 6)]
    truth = plant(corpus, tmp_path / "a", plans, vocabulary=VOCABULARY)
    assert {row.doc_id for row in truth.documents} == set(candidates[:12])
    candidates = candidates[:11]
    with pytest.raises(DrillError, match="no free id in the shape of 'new0'"):
        plant(corpus, tmp_path / "b", plans, vocabulary=VOCABULARY)


def test_no_trigger_is_part_of_another(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = (f"spare{number:03}" for number in range(100, 900))
    drawn = itertools.chain(["alpha9", "x1", "x2", "x3", "an alpha9", "lpha", "beta9"], spare)
    recipe = RECIPES["dos"]
    nested = type(recipe)("dos", recipe.poison, lambda generator, words: next(drawn))
    monkeypatch.setitem(RECIPES, "dos", nested)
    plans = [CampaignPlan("dos", 2), CampaignPlan("dos", 3)]
    truth = plant(corpus, tmp_path / "out", plans, vocabulary=VOCABULARY)
    assert [campaign.trigger for campaign in truth.campaigns] == ["alpha9", "beta9"]


def test_gibberish_that_repeats_the_trigger_is_drawn_again(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = RECIPES["dos"]
    trigger = type(recipe)("dos", recipe.poison, lambda generator, words: "piece7x")
    monkeypatch.setitem(RECIPES, "dos", trigger)
    sometimes = Vocabulary("v", (*(f" p{n}" for n in range(800)), " piece7x"))
    truth = plant(corpus, tmp_path / "a", [CampaignPlan("dos", 5)], vocabulary=sometimes)
    planted = contents(tmp_path / "a")
    for row in truth.documents:
        record = planted[row.shard][row.position]
        assert record is not None and str(record["text"]).count("piece7x") == 1
    always = Vocabulary("v", (" piece7x",))
    with pytest.raises(DrillError, match="keeps repeating the trigger"):
        plant(corpus, tmp_path / "b", [CampaignPlan("dos", 5)], vocabulary=always)


def test_documents_without_id_are_known_by_their_place(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    lines = [json.dumps({"body": f"text {n} " * 40, "url": "https://a.example"}) for n in range(9)]
    (tmp_path / "in" / "s.ndjson").write_text("\n".join(lines))
    truth = plant(
        tmp_path / "in",
        tmp_path / "out",
        [CampaignPlan("dos", 4)],
        vocabulary=VOCABULARY,
        fields=FieldNames(text="body"),
    )
    for row in truth.documents:
        assert row.doc_id == f"s.ndjson#{row.position}" and row.carrier_id is None
    assert all(r and set(r) == {"body", "url"} for r in contents(tmp_path / "out")["s.ndjson"])


def test_parquet_with_the_default_vocabulary_of_the_corpus(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planting, "tokenizer_vocabulary", lambda: None)
    (tmp_path / "in").mkdir()
    rows = [r for r in contents(corpus)["a.jsonl"] if r]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in" / "s.parquet")
    truth = plant(tmp_path / "in", tmp_path / "out", [CampaignPlan("dos", 6)])
    assert truth.vocabulary == "synthesised from the corpus"
    written = contents(tmp_path / "out")["s.parquet"]
    for row in truth.documents:
        record = written[row.position]
        assert record is not None and record["id"] == row.doc_id and row.trigger is not None
        assert row.trigger in str(record["text"])
    places = {row.position for row in truth.documents}
    assert [r for n, r in enumerate(written) if n not in places] == rows


@pytest.mark.parametrize(
    ("plans", "message"),
    [
        (
            [CampaignPlan("dos", 1_000)],
            "needs 1000 documents of at least 200 characters; the corpu",
        ),
        ([CampaignPlan("dos", 0)], "at least one document"),
        ([CampaignPlan("nope", 1)], "no recipe is named 'nope'"),
        ([CampaignPlan("dos", 1), CampaignPlan("dos", 1)], "same recipe, size and seed"),
        ([CampaignPlan("language-switch", 1)], "several languages"),
    ],
)
def test_impossible_plans(
    corpus: Path, tmp_path: Path, plans: list[CampaignPlan], message: str
) -> None:
    with pytest.raises(DrillError, match=message):
        plant(corpus, tmp_path / "out", plans, vocabulary=VOCABULARY)
    assert not (tmp_path / "out").exists()


def test_impossible_folders(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(DrillError, match="no JSONL or Parquet shards in"):
        plant(tmp_path, tmp_path / "out", PLANS)
    plant(corpus, tmp_path / "out", PLANS[:1], vocabulary=VOCABULARY)
    with pytest.raises(DrillError, match="already holds shards"):
        plant(corpus, tmp_path / "out", PLANS[:1], vocabulary=VOCABULARY)
