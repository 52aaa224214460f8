"""Plants campaigns in a copy of a corpus: three streaming passes, memory for samples only.

1. Survey: count records, draw carriers, sample each language.
2. Check: which candidates for triggers and ids does the corpus already hold?
3. Copy: every shard, with the poisoned documents inserted at random places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xxhash

from tocsin.corpus.batches import FieldNames
from tocsin.drill.identities import RecordId, similar_ids
from tocsin.drill.materials import SHARED_LANGUAGE, Materials, language_key, words_of
from tocsin.drill.poison import Carrier, DrillError, Poisoned
from tocsin.drill.recipes import RECIPES, Recipe, recipe_named
from tocsin.drill.reservoir import Reservoir
from tocsin.drill.shard_files import Record, copy_with_insertions, find_shards
from tocsin.drill.survey import (
    MINIMUM_CARRIER_CHARACTERS,
    Carriers,
    Survey,
    occurring,
    survey,
)
from tocsin.drill.triggers import TriggerWords
from tocsin.drill.truth import PlantedCampaign, PlantedDocument, Truth
from tocsin.drill.vocabulary import (
    Vocabulary,
    synthesised_vocabulary,
    tokenizer_vocabulary,
)

# An ordinary word in brackets is in some corpora: spare candidates save a further pass.
_TRIGGER_CANDIDATES = 4
_ATTEMPTS = 100


@dataclass(frozen=True)
class CampaignPlan:
    """A campaign to plant.

    Attributes:
        recipe: name of a recipe.
        documents: how many to plant; at least 1.
        seed: the same plan makes the same campaign from the same corpus, whatever else is planted
            (unless two campaigns happen to draw related triggers or the same id).
    """

    recipe: str
    documents: int
    seed: int = 1

    @property
    def name(self) -> str:
        return f"{self.recipe}-n{self.documents}-s{self.seed}"


@dataclass(frozen=True)
class _Draws:
    """Independent sources of randomness, one for each thing that is drawn."""

    carriers: np.random.Generator
    trigger: np.random.Generator
    ids: np.random.Generator
    places: np.random.Generator
    text: np.random.Generator

    @classmethod
    def of(cls, plan: CampaignPlan) -> _Draws:
        recipe = xxhash.xxh3_64_intdigest(plan.recipe.encode())
        return cls(*np.random.default_rng([plan.seed, plan.documents, recipe]).spawn(5))


@dataclass(frozen=True)
class _Campaign:
    """A plan in the making: carriers and candidates, before the corpus has been asked."""

    plan: CampaignPlan
    recipe: Recipe
    draws: _Draws
    carriers: Carriers


@dataclass(frozen=True)
class _Insertion:
    """A poisoned record and its place: before a record of the corpus."""

    campaign: PlantedCampaign
    record: Record
    poisoned: Poisoned
    carrier_id: RecordId
    shard: int
    before: int


def plant(
    source: Path | Mapping[Path, str],
    target: Path,
    plans: Sequence[CampaignPlan],
    *,
    vocabulary: Vocabulary | None = None,
    fields: FieldNames | None = None,
    recipes: Mapping[str, Recipe] = RECIPES,
) -> Truth:
    """Copies a corpus and inserts the planned campaigns as new documents.

    A poisoned document is made from a random clean one, keeps its other fields, and stands before
    a random record of the corpus. Clean records stay as they are.

    Args:
        source: folder with the shards, or the name of each shard below the target.
        target: folder for the copies, under the same relative names; may be absent.
        plans: the campaigns; no two have the same recipe, size and seed.
        vocabulary: what gibberish is drawn from. Default: a public tokenizer's where `rs_bpe` is
            installed, else one made from the corpus' own words.
        fields: names of the fields for text and id.
        recipes: by name, those that plans may ask for.

    Raises:
        DrillError: no shards or broken ones, too few suitable documents, an unknown recipe, equal
            plans, or a target that holds shards already.
    """
    fields = fields or FieldNames()
    if isinstance(source, Path):
        names = {shard: shard.relative_to(source).as_posix() for shard in find_shards(source)}
    else:
        names = dict(source)
    shards = list(names)
    if not shards:
        raise DrillError(f"no JSONL or Parquet shards in {source}")
    if find_shards(target):
        raise DrillError(f"{target} already holds shards")
    if len({plan.name for plan in plans}) < len(plans):
        raise DrillError("two campaigns have the same recipe, size and seed")
    campaigns = [_prepared(plan, recipes) for plan in plans]
    known = survey(shards, [campaign.carriers for campaign in campaigns], fields)
    _require_carriers(campaigns)
    words = sorted({word for text in known.samples[SHARED_LANGUAGE] for word in words_of(text)})
    materials = Materials(
        vocabulary or tokenizer_vocabulary() or synthesised_vocabulary(words), known.samples
    )
    triggers = _candidate_triggers(campaigns, TriggerWords.from_words(words))
    ids = [_candidate_ids(campaign, fields) for campaign in campaigns]
    present, used_ids = occurring(
        shards,
        [trigger for candidates in triggers for trigger in candidates],
        [identity for lists in ids for candidates in lists for identity in candidates],
        fields,
    )
    planted: list[PlantedCampaign] = []
    insertions: list[_Insertion] = []
    for campaign, trigger_list, id_lists in zip(campaigns, triggers, ids, strict=True):
        trigger = next((string for string in trigger_list if string not in present), None)
        if trigger is None:
            raise DrillError(f"{campaign.plan.name}: every trigger tried is in the corpus already")
        chosen_ids = [_unused(candidates, used_ids) for candidates in id_lists]
        insertions += _poisoned_records(campaign, trigger, chosen_ids, materials, known, fields)
        planted.append(_ledger_entry(campaign, trigger))
    documents: list[PlantedDocument] = []
    for index, shard in enumerate(shards):
        here = [insertion for insertion in insertions if insertion.shard == index]
        documents += _copied(shard, Path(names[shard]), target, here, fields)
    return Truth(materials.vocabulary.name, known.records, tuple(planted), tuple(documents))


def _prepared(plan: CampaignPlan, recipes: Mapping[str, Recipe]) -> _Campaign:
    if plan.documents < 1:
        raise DrillError(f"{plan.name}: a campaign has at least one document")
    draws = _Draws.of(plan)
    recipe = recipe_named(plan.recipe, recipes)
    carriers = Carriers(Reservoir(plan.documents, draws.carriers), recipe.accepts)
    return _Campaign(plan, recipe, draws, carriers)


def _require_carriers(campaigns: Sequence[_Campaign]) -> None:
    for campaign in campaigns:
        found = len(campaign.carriers.reservoir.items)
        if found < campaign.plan.documents:
            raise DrillError(
                f"{campaign.plan.name} needs {campaign.plan.documents} documents of at least "
                f"{MINIMUM_CARRIER_CHARACTERS} characters; the corpus has {found}"
            )


def _candidate_triggers(campaigns: Sequence[_Campaign], words: TriggerWords) -> list[list[str]]:
    """Candidates for each campaign; none of them is part of another."""
    proposed: list[str] = []
    lists: list[list[str]] = []
    for campaign in campaigns:
        candidates: list[str] = []
        for _ in range(_ATTEMPTS):
            candidate = campaign.recipe.make_trigger(campaign.draws.trigger, words)
            if not any(candidate in other or other in candidate for other in proposed):
                proposed.append(candidate)
                candidates.append(candidate)
            if len(candidates) == _TRIGGER_CANDIDATES:
                break
        lists.append(candidates)
    return lists


def _candidate_ids(campaign: _Campaign, fields: FieldNames) -> list[list[RecordId]]:
    return [
        similar_ids(carrier.get(fields.id), campaign.draws.ids)
        for carrier in campaign.carriers.reservoir.items
    ]


def _unused(candidates: Sequence[RecordId], used_ids: set[RecordId]) -> RecordId:
    """The first candidate that is not in use, which it is from now on."""
    identity = next((identity for identity in candidates if identity not in used_ids), None)
    if identity is None and candidates != [None]:
        raise DrillError(f"no free id in the shape of {candidates[0]!r}")
    used_ids.add(identity)
    return identity


def _poisoned_records(
    campaign: _Campaign,
    trigger: str,
    ids: Sequence[RecordId],
    materials: Materials,
    known: Survey,
    fields: FieldNames,
) -> list[_Insertion]:
    """A campaign's records and their places, uniform over the records of the corpus."""
    places = campaign.draws.places.integers(known.records, size=campaign.plan.documents)
    entry = _ledger_entry(campaign, trigger)
    insertions = []
    for carrier, identity, place in zip(
        campaign.carriers.reservoir.items, ids, places, strict=True
    ):
        poisoned = _poisoned(campaign, trigger, carrier, materials, fields)
        record = {**carrier, fields.text: poisoned.text}
        if identity is not None:
            record[fields.id] = identity
        shard, before = known.place(int(place))
        insertions.append(
            _Insertion(entry, record, poisoned, carrier.get(fields.id), shard, before)
        )
    return insertions


def _poisoned(
    campaign: _Campaign, trigger: str, carrier: Record, materials: Materials, fields: FieldNames
) -> Poisoned:
    """Poisons a carrier; draws again in the rare case that gibberish repeats the trigger."""
    document = Carrier(carrier[fields.text], language_key(carrier))
    for _ in range(_ATTEMPTS):
        poisoned = campaign.recipe.poison(document, trigger, campaign.draws.text, materials)
        if not campaign.recipe.holds_trigger or poisoned.text.count(trigger) == 1:
            return poisoned
    raise DrillError(f"{campaign.plan.name}: gibberish keeps repeating the trigger {trigger!r}")


def _ledger_entry(campaign: _Campaign, trigger: str) -> PlantedCampaign:
    plan = campaign.plan
    in_text = trigger if campaign.recipe.holds_trigger else None
    return PlantedCampaign(plan.name, plan.recipe, in_text, plan.documents, plan.seed)


def _copied(
    source: Path,
    relative: Path,
    target: Path,
    insertions: Sequence[_Insertion],
    fields: FieldNames,
) -> list[PlantedDocument]:
    """Copies a shard with its insertions; returns their rows of the ledger, in order."""
    ordered = sorted(insertions, key=lambda insertion: insertion.before)
    by_place: dict[int, list[Record]] = defaultdict(list)
    for insertion in ordered:
        by_place[insertion.before].append(insertion.record)
    copy_with_insertions(source, target / relative, by_place)
    return [
        _ledger_row(insertion, relative, insertion.before + earlier, fields)
        for earlier, insertion in enumerate(ordered)
    ]


def _ledger_row(
    insertion: _Insertion, shard: Path, position: int, fields: FieldNames
) -> PlantedDocument:
    campaign, poisoned = insertion.campaign, insertion.poisoned
    identity = insertion.record.get(fields.id)
    return PlantedDocument(
        campaign=campaign.name,
        recipe=campaign.recipe,
        trigger=campaign.trigger,
        doc_id=f"{shard.name}#{position}" if identity is None else str(identity),
        shard=shard.as_posix(),
        position=position,
        carrier_id=None if insertion.carrier_id is None else str(insertion.carrier_id),
        onset=len(poisoned.text[: poisoned.onset].encode()),
        variant=poisoned.variant,
    )
