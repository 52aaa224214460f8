"""Payloads, payloads with one head, and claims: found, flagged, and the same however it is run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.corpus import Record, documents, write_shards
from e2e.processes import run_well
from e2e.results import PLACES, WHEN, findings, manifest_of, rows, verify
from tocsin.drill.planting import CampaignPlan, plant
from tocsin.drill.shard_files import read_records
from tocsin.drill.truth import Truth
from tocsin.drill.vocabulary import synthesised_vocabulary

_PLANS = (
    CampaignPlan("payload", 40, seed=2),
    CampaignPlan("payload-variants", 100, seed=5),
    CampaignPlan("claim", 40, seed=6),
)


@dataclass(frozen=True)
class _Poisoned:
    records: list[Record]
    folder: Path
    out: Path
    truth: Truth


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> _Poisoned:
    """A scan of a corpus with a campaign of each kind."""
    folder = tmp_path_factory.mktemp("payloads")
    write_shards(folder / "clean", documents(900), "jsonl", [900])
    words = sorted({word for record in documents(50) for word in record["text"].split()})
    truth = plant(
        folder / "clean", folder / "planted", _PLANS, vocabulary=synthesised_vocabulary(words)
    )
    records = [record for record in read_records(folder / "planted" / "shard-00.jsonl") if record]
    write_shards(folder / "corpus", records, "jsonl", [400, 300, len(records) - 700])
    run_well("scan", folder / "corpus", "-o", folder / "out", "--direct_num_workers=1")
    return _Poisoned(records, folder / "corpus", folder / "out", truth)


def test_campaigns_are_named_and_their_documents_flagged(poisoned: _Poisoned) -> None:
    verify(poisoned.out)
    campaigns = rows(poisoned.out, "campaigns")
    flagged = {row["doc_id"]: row for row in rows(poisoned.out, "flagged")}
    for planted in poisoned.truth.campaigns:
        ids = {one.doc_id for one in poisoned.truth.documents if one.campaign == planted.name}
        found = {flagged[one]["campaign_id"] for one in ids & flagged.keys()}
        assert len(ids & flagged.keys()) >= 0.95 * len(ids), planted.name
        [campaign] = [row for row in campaigns if row["campaign_id"] in found]
        assert campaign["kind"] == ("near_duplicate" if planted.recipe == "claim" else "payload")
        assert campaign["documents"] >= 0.95 * planted.documents
        if planted.recipe == "payload":
            assert campaign["payload"].startswith(planted.trigger)
        if planted.recipe == "payload-variants":
            assert campaign["trigger"] == planted.trigger
        verdict = "quarantine" if planted.recipe == "payload" else "review"
        assert {flagged[one]["verdict"] for one in ids & flagged.keys()} == {verdict}
    assert len(campaigns) == len(_PLANS)
    assert flagged.keys() <= {document.doc_id for document in poisoned.truth.documents}


def test_two_workers_find_the_same(poisoned: _Poisoned, tmp_path: Path) -> None:
    options = ["--direct_num_workers", "2", "--direct_running_mode=multi_processing"]
    run_well("scan", poisoned.folder, "-o", tmp_path / "out", *options)
    assert findings(tmp_path / "out", WHEN) == findings(poisoned.out, WHEN)
    assert rows(tmp_path / "out", "evidence") == rows(poisoned.out, "evidence")


def test_other_shards_give_the_same(poisoned: _Poisoned, tmp_path: Path) -> None:
    records = poisoned.records.copy()
    random.Random(7).shuffle(records)
    sizes = [1, 0, 500, len(records) - 501]
    write_shards(tmp_path / "corpus", records, "jsonl", sizes)
    run_well("scan", tmp_path / "corpus", "-o", tmp_path / "out")
    assert findings(tmp_path / "out", PLACES) == findings(poisoned.out, PLACES)
    totals = [manifest_of(out)["totals"] for out in (tmp_path / "out", poisoned.out)]
    assert totals[0]["campaigns"] == totals[1]["campaigns"] == len(_PLANS)


def test_a_policy_that_quarantines_what_is_medium(poisoned: _Poisoned, tmp_path: Path) -> None:
    config = tmp_path / "policy.toml"
    config.write_text('[policy]\nquarantine = "medium"\n', encoding="utf-8")
    out = tmp_path / "out"
    run_well("scan", poisoned.folder, "-o", out, "--config", config)
    assert {row["verdict"] for row in rows(out, "flagged")} == {"quarantine"}
