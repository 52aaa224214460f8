"""The check of OUT sees what it is there to see; and a few faults, as `make soak` injects them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from soak.invariants import violations
from soak.run import Scan, Tally, make_corpus, soak


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("soak")
    scan = Scan(make_corpus(folder / "corpus"), folder / "out")
    assert scan.end() == 0, scan.said()
    return folder / "out"


def rewritten(out: Path, folder: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Changes the first part of a folder, and the manifest's description of it with it."""
    part = min((out / folder).glob("part-*.parquet"))
    table = change(pq.read_table(part))
    pq.write_table(table, part)
    manifest = json.loads((out / "manifest.json").read_bytes())
    for output in manifest["outputs"]:
        if output["path"] == f"{folder}/{part.name}":
            output |= {
                "rows": table.num_rows,
                "sha256": hashlib.sha256(part.read_bytes()).hexdigest(),
            }
    (out / "manifest.json").write_text(json.dumps(manifest))


def test_a_complete_result(complete: Path, tmp_path: Path) -> None:
    assert violations(complete) == []
    assert violations(tmp_path) == []  # no manifest, no result


def _lose_a_document(out: Path) -> None:
    rewritten(out, "documents", lambda table: table.slice(1))


def _double_a_document(out: Path) -> None:
    rewritten(out, "documents", lambda table: pa.concat_tables([table, table.slice(0, 1)]))


def _lose_a_letter(out: Path) -> None:
    rewritten(out, "dead_letters", lambda table: table.slice(0, 0))


def _flag_what_is_not_there(out: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        index = table.schema.get_field_index("doc_id")
        return table.set_column(index, "doc_id", pa.array(["nobody"] * table.num_rows))

    rewritten(out, "flagged", change)


def _lose_the_campaigns(out: Path) -> None:
    rewritten(out, "campaigns", lambda table: table.slice(0, 0))


def _alter_a_byte(out: Path) -> None:
    part = min((out / "documents").iterdir())
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)


def _leave_a_part_of_another(out: Path) -> None:
    part = min((out / "documents").iterdir())
    shutil.copy(part, part.with_name("part-00099.parquet"))


def _miscount(out: Path) -> None:
    manifest: dict[str, Any] = json.loads((out / "manifest.json").read_bytes())
    manifest["inputs"][0]["records"] += 1
    (out / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "damage",
    [
        _lose_a_document,
        _double_a_document,
        _lose_a_letter,
        _flag_what_is_not_there,
        _lose_the_campaigns,
        _alter_a_byte,
        _leave_a_part_of_another,
        _miscount,
    ],
    ids=lambda function: function.__name__.strip("_"),
)
def test_what_is_wrong_is_seen(
    complete: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    out = tmp_path / "out"
    shutil.copytree(complete, out)
    damage(out)
    assert violations(out)


def test_a_few_faults(tmp_path: Path) -> None:
    tallies: dict[str, Tally] = {}
    soak(3, 5, ["file_too_large", "failing_storage", "killed"], tmp_path, tallies)
    assert sum(tally.rounds for tally in tallies.values()) == 3
    assert [problem for tally in tallies.values() for problem in tally.problems] == []
