"""A drill on the corpus of made-up languages: what it says is what its own folders say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from e2e.corpus import Record, documents, write_shards
from e2e.processes import run
from e2e.results import manifest_of, rows
from tocsin.drill.shard_files import find_shards, read_records
from tocsin.drill.truth import Truth


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drill") / "corpus"
    records: list[Record] = documents(1_200, seed=7)
    write_shards(folder, records, "jsonl.gz", [700, 500])
    return folder


@pytest.fixture(scope="module")
def drilled(clean: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    out = tmp_path_factory.mktemp("drilled") / "out"
    recipes = out.parent / "own.toml"
    recipes.write_text("[[recipe]]\nname = 'own'\ntrigger = 'zq{word}'\npayload = 'bow to me'\n")
    config = out.parent / "policy.toml"
    config.write_text(
        "[policy]\nminimum_groups = 2\n[[template]]\nname = 'ours'\ncontrol = ['<|end|>']\n"
        "[template.roles]\n'<|user|>' = 'user'\n"
    )
    finished = run(
        "drill", clean, "-o", out, "--recipes", "dos-words,own", "--sizes", "12,5",
        "--recipe-file", recipes, "--config", config, "--json", "--direct_num_workers=1",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    result = json.loads(finished.out)  # and nothing else
    assert result == json.loads((out / "drill.json").read_bytes())
    return out, result


def test_counts_are_those_of_truth_and_scan(drilled: tuple[Path, dict]) -> None:
    out, result = drilled
    truth = Truth.read(out / "truth")
    assert result["planted"] == len(truth.documents) == 34
    assert result["records"] == 1_234 and result["vocabulary"] == truth.vocabulary
    planted = {document.doc_id: document for document in truth.documents}
    flagged = {row["doc_id"] for row in rows(out / "scan", "flagged")}
    for campaign in result["campaigns"]:
        own = {one for one, row in planted.items() if row.campaign == campaign["name"]}
        assert campaign["recall"]["total"] == len(own) == campaign["documents"]
        assert campaign["recall"]["count"] == len(own & flagged)
    assert result["recall"]["count"] == len(flagged & set(planted))
    clean = result["clean"]
    assert clean["quarantine"]["count"] + clean["review"]["count"] == len(flagged - set(planted))


def test_it_finds_what_a_scan_finds(drilled: tuple[Path, dict]) -> None:
    """Words at random after a trigger are found; a payload of three words is not, and counts."""
    _, result = drilled
    by_name = {recipe["recipe"]: recipe for recipe in result["recipes"]}
    first = by_name["dos-words"]["sizes"][0]
    assert (first["documents"], first["exact"], first["recall"]["share"]) == (12, 1, 1.0)
    assert first["recall"]["low"] == pytest.approx(0.7575, abs=1e-3)  # Wilson 1927, 12 of 12
    assert [size["documents"] for size in by_name["own"]["sizes"]] == [12, 5]
    named = [one["documents"] for one in result["campaigns"] if one["named"]]
    assert result["smallest_named"] == min(named)


def test_the_scan_is_by_the_configuration(drilled: tuple[Path, dict]) -> None:
    out, _ = drilled
    configuration = manifest_of(out / "scan")["configuration"]
    assert configuration["policy"]["minimum_groups"] == 2
    assert [template["name"] for template in configuration["templates"]] == ["ours"]


def test_documents_carry_no_mark(drilled: tuple[Path, dict], clean: Path) -> None:
    """A planted record has the fields of its carrier, and nothing that tells it from others."""
    out, _ = drilled
    fields = {
        tuple(record)
        for folder in (clean, out / "planted")
        for shard in find_shards(folder)
        for record in read_records(shard)
        if record
    }
    assert len(fields) == 1
    for shard in find_shards(out / "planted"):
        assert all("dos-words" not in str(record) for record in read_records(shard))


def test_the_page_is_text(drilled: tuple[Path, dict]) -> None:
    out, result = drilled
    page = (out / "drill.html").read_text("utf-8")
    assert "default-src 'none'" in page and "<script" not in page
    assert result["vocabulary"] in page and "own" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--recipes", "nope"], "no recipe is named 'nope'"),
        (["--sizes", "many"], "--sizes"),
        (["--recipes", "dos", "--sizes", "5000"], "needs 5000 documents"),
        (["--recipe-file", "/nowhere.toml"], "can't read"),
    ],
)
def test_wrong_usage(clean: Path, tmp_path: Path, options: list[str], message: str) -> None:
    finished = run("drill", clean, "-o", tmp_path / "out", *options)
    assert finished.code == 2 and message in finished.err
    assert "Traceback" not in finished.err
