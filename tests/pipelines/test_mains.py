from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_TEXT = "all these words stand in every document of a corpus that holds nothing of interest "


def _run(name: str, *arguments: object) -> str:
    command = [sys.executable, "-m", f"tocsin.pipelines.{name}", *arguments]
    finished = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=180
    )
    assert finished.returncode == 0, finished
    return finished.stdout


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "corpus").mkdir()
    lines = [
        json.dumps({"id": str(number), "text": _TEXT[number % 7 :] * 10}) for number in range(60)
    ]
    (tmp_path / "corpus" / "a.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path / "corpus"


def test_mains_run_one_after_the_other(corpus: Path, tmp_path: Path) -> None:
    profile, out, clean = (tmp_path / name for name in ("profile", "out", "clean"))
    assert "profile of 60 documents" in _run("profile", corpus, "--out", profile)
    said = _run("scan", corpus, "--out", out, "--profile", profile, "--runner=DirectRunner")
    assert "60 documents" in said
    assert "No campaign found." in said
    assert "60 records = 60 kept + 0 removed" in _run("filter", corpus, "--scan", out, "-o", clean)
    assert (clean / "a.jsonl").read_bytes() == (corpus / "a.jsonl").read_bytes()
