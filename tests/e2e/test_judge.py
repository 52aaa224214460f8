"""Judging again, without the corpus: what changes, what stays, and what a crash leaves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from e2e.conftest import Corpus
from e2e.processes import run, run_well
from e2e.results import findings, manifest_of, rows, verify
from tocsin.beam import judge as judging
from tocsin.beam import storage
from tocsin.beam.judge import JUDGING_FILE, commit_judgement, judge_again
from tocsin.judge.policy import Policy


@pytest.fixture
def out(scanned: Path, tmp_path: Path) -> Path:
    """A copy of a scan's OUT, of which the corpus is not needed."""
    shutil.copytree(scanned, tmp_path / "out")
    return tmp_path / "out"


def test_same_policy_same_rows(out: Path, scanned: Path) -> None:
    finished = run_well("judge", out)
    assert "documents: nothing changed" in finished.out
    assert findings(out, ()) == findings(scanned, ())
    before, after = manifest_of(scanned), manifest_of(out)
    for name in ("scan_id", "configuration_digest", "totals", "inputs", "profile"):
        assert after[name] == before[name]
    verify(out)


def test_another_policy(out: Path, scanned: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[policy]\ncritical_documents = 20\nquarantine = "critical"\n')
    finished = run("judge", out, "--config", policy, "--fail-on", "critical")
    assert finished.code == 3, finished.err
    assert {row["severity"] for row in rows(out, "campaigns")} == {"critical", "high"}
    verdicts = [row["verdict"] for row in rows(out, "flagged")]
    assert f"documents: {verdicts.count('review'):,} quarantine -> review" in finished.out
    totals = manifest_of(out)["totals"]
    assert totals["review"] == verdicts.count("review") > 0
    assert totals["quarantined"] == verdicts.count("quarantine") > 0
    before, after = manifest_of(scanned), manifest_of(out)
    assert after["scan_id"] == before["scan_id"]
    assert after["configuration_digest"] != before["configuration_digest"]
    verify(out)
    # And back again.
    run_well("judge", out)
    assert findings(out, ()) == findings(scanned, ())


def test_dry_run_writes_nothing(out: Path, scanned: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[policy]\nquarantine = "critical"\n')
    finished = run_well("judge", out, "--config", policy, "--dry-run")
    assert "quarantine -> review" in finished.out
    assert (out / "manifest.json").read_bytes() == (scanned / "manifest.json").read_bytes()
    verify(out)


@pytest.mark.parametrize("step", range(8))
def test_interrupted_at_each_step(
    out: Path, scanned: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Each write and each deletion fails in turn."""
    policy = Policy(critical_documents=20)
    steps = iter(range(100))

    def failing(function):
        def wrapped(*arguments):
            if next(steps) == step:
                raise OSError("the machine is gone")
            return function(*arguments)

        return wrapped

    with monkeypatch.context() as patch:
        patch.setattr(storage, "writing", failing(storage.writing))
        patch.setattr(judging.storage, "delete", failing(storage.delete))
        with pytest.raises(OSError, match="gone"):
            commit_judgement(str(out), judge_again(str(out), policy))
    if (out / "manifest.json").exists():
        (out / JUDGING_FILE).unlink(missing_ok=True)
        verify(out)
    else:
        assert run("report", out).code == 2  # no manifest, no result
    commit_judgement(str(out), judge_again(str(out), policy))
    verify(out)
    assert {row["severity"] for row in rows(out, "campaigns")} == {"critical", "high"}
    assert manifest_of(out)["scan_id"] == manifest_of(scanned)["scan_id"]


def test_nothing_to_judge(tmp_path: Path) -> None:
    finished = run("judge", tmp_path)
    assert finished.code == 2
    assert "no finished scan" in finished.err


def test_scan_again_after_judging(corpus: Corpus, out: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[policy]\ncritical_documents = 20\n")
    run_well("judge", out, "--config", policy)
    finished = run_well("scan", corpus.folder, "-o", out)
    assert "was judged since" in finished.out
    finished = run("scan", corpus.folder, "-o", out, "--config", policy)
    assert finished.code == 2
    assert "tocsin judge" in finished.err
    assert json.loads((out / "manifest.json").read_bytes())
