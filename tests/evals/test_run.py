from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest
from click.testing import CliRunner, Result
from evals import run
from evals.scans import EvaluationError
from evals.usage import Usage

from tocsin.drill.outcome import Flag, ReportedCampaign, ScanOutput
from tocsin.drill.shard_files import read_records
from tocsin.drill.triggers import invented_word
from tocsin.drill.truth import Truth

Invoke = Callable[..., Result]


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    folder = tmp_path / "corpora"
    folder.mkdir()
    generator = np.random.default_rng(1)
    lines = (
        {
            "id": f"d{generator.integers(1 << 40):010x}",
            "text": " ".join(invented_word(generator) for _ in range(60)),
            "source": f"source{number % 3}",
        }
        for number in range(90)
    )
    (folder / "s.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    return folder


def perfect_output(corpus: Path) -> ScanOutput:
    """What a perfect scanner would report, with the help of the truth."""
    truth = Truth.read(corpus.parent) if (corpus.parent / "truth.json").exists() else None
    groups = {
        ("s.jsonl", n): str(r["source"])
        for n, r in enumerate(read_records(corpus / "s.jsonl"))
        if r
    }
    flags = tuple(
        Flag(r.shard, r.position, r.doc_id, groups[r.shard, r.position], "quarantine", r.campaign)
        for r in (truth.documents if truth else ())
    )
    campaigns = tuple(
        ReportedCampaign(c.name, "trigger", c.trigger, None, c.documents, 9.0, 5.0, "high", ())
        for c in (truth.campaigns if truth else ())
    )
    return ScanOutput(flags, campaigns, groups, 0, 0)


@pytest.fixture
def invoke(corpora: Path, tmp_path: Path) -> Invoke:
    def call(*arguments: str) -> Result:
        base = ["--corpora", str(corpora), "--out", str(tmp_path / "out")]
        return CliRunner().invoke(run.main, [*base, *arguments])

    return call


def test_a_perfect_scan_gets_a_perfect_score(
    invoke: Invoke,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write_scan: Callable[[ScanOutput, Path, Path], None],
) -> None:
    def perfect_scan(corpus: Path, out: Path) -> Usage:
        write_scan(perfect_output(corpus), out, corpus)
        return Usage(1.0, 1.0, 1)

    monkeypatch.setattr(run, "run_scan", perfect_scan)
    page = tmp_path / "quality.md"
    result = invoke("--recipes", "dos,claim", "--sizes", "6,3", "--markdown", str(page))
    assert result.exit_code == 0, result.output
    scores = orjson.loads((tmp_path / "out" / "scores.json").read_bytes())
    planted, clean = (scan["score"] for scan in scores["scans"])
    names = [campaign["planted"]["name"] for campaign in planted["campaigns"]]
    assert names == ["dos-n6-s1", "dos-n3-s1", "claim-n6-s1", "claim-n3-s1"]
    for campaign in planted["campaigns"]:
        total = campaign["planted"]["documents"]
        assert campaign["quarantined"] == {"count": total, "total": total}
    assert sum(source["documents"] for source in planted["clean"]["sources"]) == 90
    assert planted["false_campaigns"] == clean["false_campaigns"] == clean["campaigns"] == []
    assert page.read_text().count("| exactly |") == 2
    assert page.read_text().count("| yes |") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "10,x"], "must be whole numbers"),
        (["--recipes", "nope"], "no recipe is named 'nope'"),
        (["--sizes", "1000"], "the corpus has 90"),
    ],
)
def test_wrong_usage(invoke: Invoke, arguments: list[str], message: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


def test_results_are_never_overwritten(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "scores.json").write_text("{}")
    assert invoke().exit_code == 2


def test_a_failed_scan_fails_the_evaluation(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(corpus: Path, out: Path) -> Usage:
        raise EvaluationError("it broke")

    monkeypatch.setattr(run, "run_scan", failing)
    result = invoke("--recipes", "dos", "--sizes", "3")
    assert result.exit_code == 1
    assert "it broke" in result.output
