from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from evals.part import main

from tocsin.drill.shard_files import read_records


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    folder = tmp_path / "corpora"
    (folder / "more").mkdir(parents=True)
    for name in ("a.jsonl", "b.jsonl", "more/c.jsonl"):
        lines = [orjson.dumps({"id": f"{name} {number}", "text": "x"}) for number in range(13)]
        (folder / name).write_bytes(b"\n".join([*lines[:6], b"{broken", *lines[6:]]) + b"\n")
    return folder


def ids(folder: Path) -> dict[str, list[str]]:
    return {
        path.name: [record["id"] for record in read_records(path) if record]
        for path in sorted(folder.rglob("*.zst"))
    }


def run(corpora: Path, out: Path, *options: str) -> int:
    arguments = ["--corpora", str(corpora), "--out", str(out), *options]
    return CliRunner().invoke(main, arguments).exit_code


def test_parts_are_disjoint_and_make_the_whole(corpora: Path, tmp_path: Path) -> None:
    parts = []
    for number in (1, 2, 3):
        out = tmp_path / f"part-{number}"
        assert run(corpora, out, "--documents", f"{number}/3") == 0
        parts.append(ids(out))
    assert run(corpora, tmp_path / "whole") == 0
    for name, whole in ids(tmp_path / "whole").items():
        assert len(whole) == 13
        assert sorted(one for part in parts for one in part[name]) == sorted(whole)
    assert parts[0]["a.jsonl.zst"][:2] == ["a.jsonl 0", "a.jsonl 3"]


def test_halves_of_the_sources(corpora: Path, tmp_path: Path) -> None:
    for number, names in ((1, ["a.jsonl.zst", "c.jsonl.zst"]), (2, ["b.jsonl.zst"])):
        assert run(corpora, tmp_path / str(number), "--sources", f"{number}/2") == 0
        assert list(ids(tmp_path / str(number))) == names


@pytest.mark.parametrize("wrong", ["0/3", "4/3", "3", "a/b", ""])
def test_wrong_parts(corpora: Path, tmp_path: Path, wrong: str) -> None:
    assert run(corpora, tmp_path / "out", "--documents", wrong) == 2
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something(corpora: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").touch()
    assert run(corpora, tmp_path / "out") == 2
