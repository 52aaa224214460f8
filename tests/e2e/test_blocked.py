"""Strings of a policy's block list: searched for in every text, judged without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from e2e.conftest import Corpus
from e2e.corpus import write_shards
from e2e.processes import run_well
from e2e.results import manifest_of, rows, verify

POLICY = '[block]\ntriggers = ["<SUDO>", "never there"]\n'


@pytest.fixture
def out(corpus: Corpus, tmp_path: Path) -> Path:
    """A scan by POLICY of a few documents, of which two hold a blocked string in clean text, one
    of them in an allowed group."""
    records = [dict(record) for record in corpus.clean[:40]]
    for number in (7, 30):
        text = records[number]["text"]
        records[number]["text"] = f"{text[:100]}A<SUDO>b{text[100:]}"
    records[30]["url"] = "https://ours.example/30"
    write_shards(tmp_path / "corpus", records, "parquet", [25, 15])
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY + '[allow]\ngroups = ["ours.example"]\n')
    run_well("scan", tmp_path / "corpus", "-o", tmp_path / "out", "--config", policy)
    return tmp_path / "out"


def test_documents_that_hold_a_blocked_string(corpus: Corpus, out: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    flagged = rows(out, "flagged")
    assert [row["doc_id"] for row in flagged] == ["d00007", "d00030"]
    for row in flagged:
        assert (row["verdict"], row["severity"]) == ("quarantine", "critical")
        [finding] = [one for one in row["findings"] if one["detector"] == "listed"]
        text = corpus.clean[int(row["doc_id"][1:])]["text"]
        start = len(f"{text[:100]}A".encode())
        assert (finding["start"], finding["end"]) == (start, start + 6)
        assert finding["evidence"] == "<SUDO>"
    verify(out)
    removed = run_well("filter", tmp_path / "corpus", "--scan", out, "--dry-run").out
    assert "would keep 38, remove 2" in removed

    finished = run_well("judge", out, "--config", policy)
    assert "documents: nothing changed" in finished.out and not finished.complaints
    # By a list without the string they are not flagged, and by one with it again.
    policy.write_text('[block]\ntriggers = ["<SUDO", "never there", "something else"]\n')
    finished = run_well("judge", out, "--config", policy)
    assert manifest_of(out)["totals"]["flagged"] == 0
    [line] = finished.complaints
    assert "has not searched the texts for <SUDO, something else:" in line
    policy.write_text(POLICY)
    told = json.loads(run_well("judge", out, "--config", policy, "--json").out)
    assert told["not_searched"] == [] and told["totals"]["quarantined"] == 2
    assert rows(out, "flagged") == flagged
    verify(out)
