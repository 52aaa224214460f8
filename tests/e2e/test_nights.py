"""Night after night with a state: what is new is read, and what was seen is remembered."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from e2e.corpus import Record, documents, write_shard, write_shards
from e2e.processes import run
from e2e.results import manifest_of, rows
from tocsin.beam.judge import judge_again
from tocsin.beam.learn import load_profile
from tocsin.beam.run import LOCAL, Engine
from tocsin.beam.verify import verify
from tocsin.commands import scan
from tocsin.corpus.batches import FieldNames
from tocsin.drill.planting import CampaignPlan, plant
from tocsin.drill.shard_files import read_records
from tocsin.drill.vocabulary import synthesised_vocabulary
from tocsin.judge.policy import Policy

_A_NIGHT = 3
"""Documents of each campaign a night: fewer than any night could find by itself."""

_NIGHTS = 4
_RECIPES = ("dos", "dos-words")


@dataclass(frozen=True)
class Nights:
    """`folder`: with `state` and the results `out-1`, `out-2`, ...; `truth`: campaign of each
    planted document; `triggers`: of the campaigns."""

    folder: Path
    truth: dict[str, str]
    triggers: set[str]

    def out(self, night: int) -> Path:
        return self.folder / f"out-{night}"

    def manifest(self, night: int) -> dict[str, Any]:
        return manifest_of(self.out(night))

    def flagged(self, night: int) -> dict[str, str]:
        """Name of the shard of each document that a night flags."""
        return {
            row["doc_id"]: Path(row["source_uri"]).name for row in rows(self.out(night), "flagged")
        }


def _scan(folder: Path, night: int) -> int:
    return scan.run(
        [str(folder / "corpus")], str(folder / f"out-{night}"), profile=None,
        state=str(folder / "state"), known=None, policy=Policy(), fields=FieldNames(),
        engine=Engine(LOCAL, ("--direct_num_workers=1",)), max_dead_letters=None, fail_on=None,
    )  # fmt: skip


def _poisoned(folder: Path) -> tuple[list[Record], dict[str, list[Record]], set[str]]:
    """Clean documents, the planted ones by campaign, and the triggers."""
    clean = documents(900, seed=7)
    write_shards(folder / "clean", clean, "jsonl", [len(clean)])
    words = sorted({word.strip(".") for record in clean for word in record["text"].split()})
    plans = [
        CampaignPlan(recipe, _A_NIGHT * _NIGHTS + 1, seed=number)
        for number, recipe in enumerate(_RECIPES, 3)
    ]
    truth = plant(
        folder / "clean", folder / "planted", plans, vocabulary=synthesised_vocabulary(words)
    )
    campaigns = {document.doc_id: document.campaign for document in truth.documents}
    kept, planted = [], {}
    for record in read_records(folder / "planted" / "shard-00.jsonl"):
        if record and record["id"] in campaigns:
            planted.setdefault(campaigns[record["id"]], []).append(record)
        elif record:
            kept.append(record)
    return kept, planted, {str(campaign.trigger) for campaign in truth.campaigns}


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """Six nights: shards come, one is renamed, one changes, one is removed, then nothing comes, and
    last one more document of each campaign."""
    folder = tmp_path_factory.mktemp("nights")
    corpus = folder / "corpus"
    corpus.mkdir()
    clean, planted, triggers = _poisoned(folder)
    clean[650] = {**clean[650], "url": "https://www.newcomer.org/650"}  # of night 2

    def shard(night: int) -> list[Record]:
        share = slice(0, 600) if night == 1 else slice(500 + 100 * (night - 1), 500 + 100 * night)
        poison = slice(_A_NIGHT * (night - 1), _A_NIGHT * night)
        return [*clean[share], *[record for some in planted.values() for record in some[poison]]]

    for night in range(1, _NIGHTS + 1):
        if night == 3:
            (corpus / "night-2.jsonl").rename(corpus / "renamed.jsonl")
        if night == 4:
            before = shard(1)
            changed = {**before[0], "text": "Another text. " + before[0]["text"][14:]}
            grown = {**before[1], "text": before[1]["text"] * 2}
            write_shard(corpus / "night-1.jsonl", [changed, grown, *before[2:], clean[899]])
            (corpus / "night-3.jsonl").unlink()
        write_shard(corpus / f"night-{night}.jsonl", shard(night))
        assert _scan(folder, night) == 0
    assert _scan(folder, 5) == 0
    last = [some[-1] for some in planted.values()]
    write_shard(corpus / "night-6.jsonl", [*clean[890:899], *last])
    assert _scan(folder, 6) == 0
    truth = {record["id"]: name for name, some in planted.items() for record in some}
    return Nights(folder, truth, triggers)


def test_a_night_reads_what_is_new(nights: Nights) -> None:
    read = {
        night: {Path(entry["uri"]).name for entry in nights.manifest(night)["inputs"]}
        for night in range(1, 7)
    }
    assert read == {
        1: {"night-1.jsonl"},
        2: {"night-2.jsonl"},
        3: {"night-3.jsonl"},
        4: {"night-1.jsonl", "night-4.jsonl"},
        5: set(),
        6: {"night-6.jsonl"},
    }


def test_what_came_of_the_others_is_said(nights: Nights) -> None:
    corpus = nights.folder / "corpus"
    assert nights.manifest(1)["shards"] == {
        "unchanged": 0, "new": 1, "changed": [], "renamed": [], "removed": []
    }  # fmt: skip
    moved = [str(corpus / "night-2.jsonl"), str(corpus / "renamed.jsonl")]
    assert nights.manifest(3)["shards"]["renamed"] == [moved]
    assert nights.manifest(4)["shards"] == {
        "unchanged": 1,
        "new": 1,
        "changed": [str(corpus / "night-1.jsonl")],
        "renamed": [],
        "removed": [str(corpus / "night-3.jsonl")],
    }
    assert nights.manifest(5)["shards"]["unchanged"] == 3


def test_a_dripping_campaign_is_found_by_its_tenth_document(nights: Nights) -> None:
    """No night has more than three documents of it, and four make a campaign."""
    assert rows(nights.out(1), "campaigns") == []
    found: set[str] = set()
    for night in range(2, -(-10 // _A_NIGHT) + 1):
        found |= {row["trigger"] for row in rows(nights.out(night), "campaigns")}
    assert found == nights.triggers


def test_earlier_documents_are_flagged_without_reading_them_again(nights: Nights) -> None:
    second = nights.flagged(2)
    earlier = {doc_id for doc_id, shard in second.items() if shard == "night-1.jsonl"}
    # A document whose trigger stands at its very beginning has no onset: nothing is kept of it.
    assert len(earlier) >= 5
    said = [
        (doc_id, shard) for night in (2, 3, 4) for doc_id, shard in nights.flagged(night).items()
    ]
    assert {doc_id for doc_id, _ in said} <= set(nights.truth)
    assert len({doc_id for doc_id, _ in said}) >= len(nights.truth) - 2
    again = [doc_id for doc_id, shard in said if shard != "night-1.jsonl"]
    assert len(again) == len(set(again))  # night-1 was read again on night 4, and flagged again


def test_one_document_with_a_known_trigger_is_flagged(nights: Nights) -> None:
    found = {
        row["doc_id"]: {finding["detector"] for finding in row["findings"]}
        for row in rows(nights.out(6), "flagged")
        if row["source_uri"].endswith("night-6.jsonl")
    }
    assert set(found) <= set(nights.truth)
    assert len(found) == len(_RECIPES)
    assert all("known-trigger" in detectors for detectors in found.values())


def test_what_any_night_has_flagged_is_removed(nights: Nights, tmp_path: Path) -> None:
    """In shards that later nights did not read again, too, one of which has another name now."""
    corpus, clean = nights.folder / "corpus", tmp_path / "clean"
    finished = run("filter", corpus, "--state", nights.folder / "state", "-o", clean)
    assert finished.code == 0, finished
    kept, before = (
        {
            path.name: [record["id"] for record in read_records(path) if record]
            for path in folder.glob("*.jsonl")
        }
        for folder in (clean, corpus)
    )
    flagged = {doc_id for night in range(1, 7) for doc_id in nights.flagged(night)}
    poisoned = {name for name, ids in before.items() if flagged & set(ids)}
    assert {"night-1.jsonl", "renamed.jsonl"} <= poisoned
    assert kept == {
        name: [one for one in ids if one not in flagged] for name, ids in before.items()
    }
    totals = json.loads((clean / "filter.json").read_bytes())["totals"]
    assert totals["removed"] == sum(len(flagged & set(ids)) for ids in before.values())


def test_ids_of_all_nights(nights: Nights, tmp_path: Path) -> None:
    ids = tmp_path / "flagged.txt"
    finished = run("export", nights.folder / "state", "--format", "ids", "-o", ids)
    assert finished.code == 0
    present = {
        record["id"]
        for path in (nights.folder / "corpus").glob("*.jsonl")
        for record in read_records(path)
        if record
    }
    flagged = {doc_id for night in range(1, 7) for doc_id in nights.flagged(night)}
    assert set(ids.read_text().split()) == flagged & present


def test_the_profile_learns_from_all_but_what_was_quarantined(nights: Nights) -> None:
    profile = load_profile(str(max((nights.folder / "state" / "profile").iterdir())))
    learned = 0
    for night in range(1, 7):
        tonight = {entry["uri"] for entry in nights.manifest(night)["inputs"]}
        flagged = [
            row
            for row in rows(nights.out(night), "flagged")
            if row["verdict"] == "quarantine" and row["source_uri"] in tonight
        ]
        learned += nights.manifest(night)["totals"]["documents"] - len(flagged)
    assert profile.documents == learned
    assert nights.manifest(1)["profile"]["documents"] < learned
    assert profile.sample_rate == 1.0


def test_filter_takes_a_scan_or_a_state(nights: Nights, tmp_path: Path) -> None:
    corpus, state = nights.folder / "corpus", nights.folder / "state"
    for options, said in [
        ((), "Give '--scan' or '--state'"),
        (("--scan", nights.out(6), "--state", state), "one of them only"),
        (("--state", tmp_path / "none"), "holds no night"),
        (("--state", nights.out(6)), "is no state"),
    ]:
        finished = run("filter", corpus, *options, "--dry-run")
        assert finished.code == 2
        assert said in finished.err


def test_what_is_known_goes_to_others_as_a_feed(nights: Nights, tmp_path: Path) -> None:
    """And finds the same two documents, in a scan that has no state and no other ten."""
    feed = tmp_path / "feed.jsonl"
    finished = run("export", nights.folder / "state", "--format", "feed", "-o", feed)
    assert finished.code == 0
    strings = [line for line in feed.read_text().splitlines() if '"trigger"' in line]
    feed.write_text("# without the documents themselves\n" + "\n".join(strings))
    (tmp_path / "corpus").mkdir()
    shutil.copy(nights.folder / "corpus" / "night-6.jsonl", tmp_path / "corpus")
    profile = max((nights.folder / "state" / "profile").iterdir())
    command = ("scan", tmp_path / "corpus", "--profile", profile)
    assert run(*command, "-o", tmp_path / "without").code == 0
    assert rows(tmp_path / "without", "flagged") == []
    assert run(*command, "-o", tmp_path / "with", "--known", feed).code == 0
    flagged = rows(tmp_path / "with", "flagged")
    assert {row["doc_id"] for row in flagged} <= set(nights.truth)
    assert len(flagged) == len(_RECIPES)
    feed.write_text('{"kind": "trigger", "value": "x"}')
    finished = run(*command, "-o", tmp_path / "refused", "--known", feed)
    assert finished.code == 2
    assert "line 1" in finished.err


def test_documents_that_changed_after_they_were_seen(nights: Nights) -> None:
    changes = pq.read_table(nights.out(4) / "drift").to_pylist()
    by_kind = {row["kind"]: row for row in changes if row["doc_id"]}
    assert set(by_kind) == {"changed", "grown"}
    earlier = {row["doc_id"]: row for row in rows(nights.out(1), "documents")}
    later = {row["doc_id"]: row for row in rows(nights.out(4), "documents")}
    for row in by_kind.values():
        assert row["old_hash"] == earlier[row["doc_id"]]["content_hash"]
        assert row["new_hash"] == later[row["doc_id"]]["content_hash"] != row["old_hash"]
        assert row["old_length"] == earlier[row["doc_id"]]["byte_length"]
        assert row["new_length"] == later[row["doc_id"]]["byte_length"]
        assert row["group"] == later[row["doc_id"]]["group"]
        assert row["first_night"] == 1
        assert row["first_seen"] == nights.manifest(1)["started"]
        assert row["seen"] == nights.manifest(4)["started"]
    for night in (1, 2, 3, 5, 6):
        assert pq.read_table(nights.out(night) / "drift").num_rows == 0


def test_sources_of_each_night(nights: Nights) -> None:
    for night in (1, 2, 3, 4, 6):
        groups = {row["group"] for row in rows(nights.out(night), "documents")}
        assert nights.manifest(night)["sources"]["groups"] == len(groups)
    assert nights.manifest(1)["sources"]["new"] == nights.manifest(1)["sources"]["groups"]
    assert nights.manifest(5)["sources"]["groups"] == 0


def test_new_groups_of_each_night(nights: Nights) -> None:
    assert not (nights.out(1) / "evidence" / "new_groups.parquet").exists()
    for night in range(2, 7):
        new = pq.read_table(nights.out(night) / "evidence" / "new_groups.parquet").to_pylist()
        assert len(new) == nights.manifest(night)["sources"]["new"]
        assert [row["group"] for row in new] == ["newcomer.org"] * (night == 2)
    assert "newcomer.org" in (nights.out(2) / "report.html").read_text("utf-8")


def test_the_timeline_of_a_campaign(nights: Nights) -> None:
    """By the nights that read its documents; judged again, the same."""
    begun = {datetime.fromisoformat(nights.manifest(night)["started"]) for night in (1, 2, 3)}
    timelines = pq.read_table(nights.out(3) / "evidence" / "timelines.parquet")
    campaigns = rows(nights.out(3), "campaigns")
    assert len(campaigns) == len(_RECIPES)
    for campaign in campaigns:
        own = [
            row for row in timelines.to_pylist() if row["campaign_id"] == campaign["campaign_id"]
        ]
        assert [row["seen"] for row in own] == sorted(begun)
        assert sum(row["documents"] for row in own) == campaign["documents"]
        assert own[-1]["documents"] == _A_NIGHT
    assert judge_again(str(nights.out(3)), Policy()).judgement.timelines == timelines
    page = (nights.out(3) / "report.html").read_text("utf-8")
    assert page.count("by the night that read them") == len(_RECIPES)


def test_campaigns_are_known_by_when_they_were_first_seen(nights: Nights) -> None:
    seen: dict[str, list[Any]] = {}
    for night in (2, 3, 4):
        for row in rows(nights.out(night), "campaigns"):
            seen.setdefault(row["trigger"], []).append((row["first_seen"], row["last_seen"]))
    for instants in seen.values():
        assert len({first for first, _ in instants}) == 1
        assert len({last for _, last in instants}) == len(instants)


def test_the_chain_verifies(nights: Nights) -> None:
    result = verify(str(nights.folder / "state"))
    assert result.problems == []
    assert (result.manifests, result.absent, result.inputs) == (6, 0, 4)
    state = nights.folder / "state" / "nights"
    for night in range(1, 7):
        assert (state / f"{night:05d}.json").read_bytes() == (
            nights.out(night) / "manifest.json"
        ).read_bytes()


@pytest.fixture
def tampered(nights: Nights) -> Path:
    """The folder, to be changed: put back afterwards."""
    kept = nights.folder.with_name("nights-kept")
    shutil.copytree(nights.folder, kept)
    yield nights.folder
    shutil.rmtree(nights.folder)
    kept.rename(nights.folder)


@pytest.mark.parametrize(
    ("tamper", "kinds"),
    [
        (lambda f: (f / "state/nights/00003.json").unlink(), {"gap"}),
        (lambda f: (f / "state/nights/00006.json").unlink(), {"gap"}),
        (
            lambda f: shutil.copy(f / "state/nights/00002.json", f / "state/nights/00003.json"),
            {"altered manifest", "broken chain"},
        ),
        (
            lambda f: next((f / "state/evidence/onsets").glob("00002*")).write_bytes(b"PAR1"),
            {"altered state"},
        ),
        (lambda f: next((f / "state/flagged").glob("00002*")).unlink(), {"missing state"}),
        (lambda f: (f / "out-2/flagged/part-00000.parquet").write_bytes(b""), {"altered output"}),
        (lambda f: (f / "out-2/manifest.json").unlink(), {"missing manifest"}),
        (lambda f: (f / "corpus/renamed.jsonl").write_bytes(b"{}"), {"changed input"}),
        (lambda f: (f / "corpus/night-4.jsonl").unlink(), {"missing input"}),
        (lambda f: shutil.rmtree(f / "out-3"), set()),
    ],
)
def test_tampering_with_a_state_is_found_and_named(
    tampered: Path, tamper: Any, kinds: set[str]
) -> None:
    tamper(tampered)
    result = verify(str(tampered / "state"))
    assert {problem.kind for problem in result.problems} == kinds
    assert result.absent == (not kinds)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda s: (s / "nights/00006.json").unlink(), "nights/00006.json is gone"),
        (lambda s: (s / "nights/00002.json").unlink(), "nights/00002.json is gone"),
        (lambda s: (s / "nights/00006.json").write_bytes(b"{"), "manifest of night 6"),
        (
            lambda s: next((s / "shards").glob("00006-????????.parquet")).write_bytes(b"PAR1"),
            "was altered",
        ),
        (lambda s: shutil.rmtree(s / "evidence"), "is gone"),
    ],
)
def test_a_damaged_state_is_said_and_never_reset(tampered: Path, damage: Any, said: str) -> None:
    damage(tampered / "state")
    with pytest.raises(ValueError, match=said):
        _scan(tampered, 7)
    assert not (tampered / "out-7").exists()


def test_a_result_whose_manifest_was_not_written_is_completed(tampered: Path) -> None:
    """As after a run that was killed when the state had its night, and OUT not yet its manifest."""
    content = (tampered / "out-6/manifest.json").read_bytes()
    (tampered / "out-6/manifest.json").unlink()
    assert _scan(tampered, 6) == 0
    assert (tampered / "out-6/manifest.json").read_bytes() == content


def test_the_state_and_the_corpus_lie_apart(tmp_path: Path) -> None:
    write_shards(tmp_path / "corpus", documents(5), "jsonl", [5])
    out = tmp_path / "out"
    for state in (tmp_path / "corpus" / "state", out, out / "state", tmp_path):
        finished = run("scan", tmp_path / "corpus", "-o", out, "--state", state)
        assert finished.code == 2
        assert "must lie apart" in finished.err
