"""A scan finds what hides in single documents, and the campaigns that it makes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from e2e.corpus import documents, write_shards
from e2e.processes import run_well
from e2e.results import rows
from tocsin.drill.planting import CampaignPlan, plant
from tocsin.drill.truth import Truth
from tocsin.drill.vocabulary import synthesised_vocabulary

PLANS = tuple(CampaignPlan(recipe, 12, seed=8) for recipe in ("hidden", "html-hidden", "template"))


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, Path]:
    """What was planted in a small corpus, and the scan of it."""
    folder = tmp_path_factory.mktemp("hidden")
    clean = documents(600, seed=77)
    write_shards(folder / "clean", clean, "jsonl", [len(clean)])
    words = sorted({word.strip(".") for record in clean for word in record["text"].split()})
    truth = plant(
        folder / "clean", folder / "planted", PLANS, vocabulary=synthesised_vocabulary(words)
    )
    run_well("scan", folder / "planted", "-o", folder / "out")
    return truth, folder / "out"


def test_every_document_is_flagged_and_no_other(scanned: tuple[Truth, Path]) -> None:
    """Others may look alike, as made-up languages do, but hide nothing."""
    truth, out = scanned
    planted = {document.doc_id for document in truth.documents}
    flagged = rows(out, "flagged")
    assert planted <= {row["doc_id"] for row in flagged}
    for row in flagged:
        if row["doc_id"] not in planted:
            assert row["verdict"] == "review"
            assert {finding["detector"] for finding in row["findings"]} == {"near_duplicate"}


def test_the_template_campaign_is_named(scanned: tuple[Truth, Path]) -> None:
    truth, out = scanned
    trigger = next(one.trigger for one in truth.campaigns if one.recipe == "template")
    [found] = [row for row in rows(out, "campaigns") if row["trigger"] == trigger]
    assert (found["kind"], found["severity"], found["documents"]) == ("trigger", "high", 12)


def test_hidden_messages_are_one_campaign_by_what_they_say(scanned: tuple[Truth, Path]) -> None:
    truth, out = scanned
    planted = {document.doc_id: document.recipe for document in truth.documents}
    of_campaigns = Counter(
        planted.get(row["doc_id"]) for row in rows(out, "flagged") if row["campaign_id"]
    )
    assert of_campaigns["template"] == 12
    assert of_campaigns["hidden"] >= 6
    assert of_campaigns["html-hidden"] >= 6


def test_findings_of_documents(scanned: tuple[Truth, Path]) -> None:
    """Each has one of its own, with its place, decoded and safe to show."""
    truth, out = scanned
    recipes = {document.doc_id: document.recipe for document in truth.documents}
    prefixes = {"hidden": "hidden-", "html-hidden": "hidden-markup", "template": "template"}
    for row in rows(out, "flagged"):
        if row["doc_id"] not in recipes:
            continue
        own = [
            finding
            for finding in row["findings"]
            if finding["detector"].startswith(prefixes[recipes[row["doc_id"]]])
        ]
        assert own, row["doc_id"]
        assert all(0 <= one["start"] < one["end"] for one in own)
        assert all(one["evidence"].isprintable() for one in own)
