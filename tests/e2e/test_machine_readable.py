"""`--json`: one JSON value on standard output, and the same exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from e2e.conftest import Corpus
from e2e.processes import run, run_well
from e2e.results import manifest_of


def parsed(*arguments: object, code: int = 0) -> Any:
    finished = run(*arguments, "--json")
    assert finished.code == code, finished
    return json.loads(finished.out)


def test_scan_that_is_complete(corpus: Corpus, scanned: Path) -> None:
    options = ["scan", corpus.folder, "-o", scanned, "--fail-on", "high"]
    told = parsed(*options, code=3)
    assert told["totals"] == manifest_of(scanned)["totals"]
    assert {one["trigger"] for one in told["campaigns"]} == {
        campaign.trigger for campaign in corpus.truth.campaigns
    }


def test_judge(scanned: Path, tmp_path: Path) -> None:
    shutil.copytree(scanned, tmp_path / "out")
    policy = tmp_path / "policy.toml"
    policy.write_text('[policy]\nquarantine = "critical"\n')
    told = parsed("judge", tmp_path / "out", "--config", policy, "--dry-run")
    assert not told["written"] and not told["changed"]["campaigns"]
    assert len(told["changed"]["documents"]) == manifest_of(scanned)["totals"]["quarantined"]
    assert {one["after"] for one in told["changed"]["documents"]} == {"review"}
    assert parsed("judge", tmp_path / "out", "--config", policy)["written"]
    assert manifest_of(tmp_path / "out")["totals"]["quarantined"] == 0


def test_filter(corpus: Corpus, scanned: Path, tmp_path: Path) -> None:
    dry = parsed("filter", corpus.folder, "--scan", scanned, "--dry-run")
    told = parsed("filter", corpus.folder, "--scan", scanned, "-o", tmp_path / "clean")
    assert dry["totals"] == told["totals"] and dry["reasons"] == told["reasons"]
    totals = told["totals"]
    assert totals["records"] == totals["kept"] + totals["removed"] + totals["dead_letters"]
    assert sum(one["documents"] for one in told["reasons"]) == totals["removed"] > 0


def test_errors_stay_words(tmp_path: Path) -> None:
    for command in (["judge", tmp_path], ["scan", tmp_path / "gone", "-o", tmp_path / "out"]):
        finished = run(*command, "--json")
        assert finished.code == 2 and not finished.out and finished.err.startswith("tocsin: ")


def test_doctor(tmp_path: Path) -> None:
    checks = {one["name"]: one for one in parsed("doctor", tmp_path)}
    assert checks["kernels"]["status"] == "ok"
    assert checks[f"write to {tmp_path}"]["status"] in ("ok", "warning")
    assert not list(tmp_path.iterdir())
    said = run_well("doctor", tmp_path).out
    assert "\x1b" not in said and "kernels" in said


def test_doctor_tells_of_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    checks = {one["name"]: one for one in parsed("doctor", tmp_path / "file" / "out", code=1)}
    assert checks[f"write to {tmp_path / 'file' / 'out'}"]["status"] == "problem"


def test_report_and_export(scanned: Path, tmp_path: Path) -> None:
    shutil.copytree(scanned, tmp_path / "out")
    told = parsed("report", tmp_path / "out")
    assert told["totals"] == manifest_of(scanned)["totals"]
    assert Path(told["report"]).exists()
    ids = tmp_path / "ids.txt"
    assert parsed("export", scanned, "--format", "ids", "-o", ids) == {"output": str(ids)}
    assert len(ids.read_text().split()) == manifest_of(scanned)["totals"]["quarantined"]
