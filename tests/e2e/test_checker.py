"""The independent checker: it agrees with a scan, notices what differs, and shares no code."""

from __future__ import annotations

import ast
from pathlib import Path

import checker
import pytest
from checker import run
from checker.corpus import NotChecked, read

from e2e.conftest import Corpus

_SHARED = {"tocsin", "numpy", "numba", "scipy"}


@pytest.fixture(scope="module")
def derived(corpus: Corpus) -> dict[run.Place, run.Row]:
    documents = list(read(corpus.folder))
    campaigns = run.derive(documents)
    return run.flagged_rows(campaigns, len({document.group for document in documents}))


def test_it_derives_what_the_scan_flags(
    corpus: Corpus, scanned: Path, derived: dict[run.Place, run.Row]
) -> None:
    rows, _ = run.scanned_rows(scanned)
    assert {row["doc_id"] for row in rows.values()} >= corpus.planted_ids
    assert run.differences(derived, rows) == []


def test_it_notices_differences(scanned: Path, derived: dict[run.Place, run.Row]) -> None:
    rows, _ = run.scanned_rows(scanned)
    place, other, *_ = sorted(rows)
    score = {**rows[place], "score": rows[place]["score"] + 0.01}
    assert len(run.differences(derived, {**rows, place: score})) == 1
    verdict = {**rows[place], "verdict": "review"}
    assert len(run.differences(derived, {**rows, place: verdict})) == 1
    moved = {
        **rows[place],
        "findings": [(*one[:2], one[2] + 1, one[3]) for one in rows[place]["findings"]],
    }
    assert len(run.differences(derived, {**rows, place: moved})) == 1
    del rows[other]
    assert run.differences(derived, rows) == [f"{other}: not flagged by the scan"]


def test_it_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 1, "text": null}\n')
    with pytest.raises(NotChecked):
        list(read(tmp_path))


def test_it_shares_no_code() -> None:
    for path in Path(str(checker.__file__)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {name.partition(".")[0] for name in names} & _SHARED, path.name
