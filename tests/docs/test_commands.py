"""Every command of the README and the documentation runs, in order, as a reader would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if path.is_file()
)
DONE = (0, 3)
"""Exit codes of a command that did its work; 3 tells of findings."""


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)


def commands(page: Path) -> list[str]:
    """The lines of its `bash` blocks."""
    lines = [line for block in blocks(page, "bash") for line in block.splitlines()]
    return [line for line in lines if line.strip() and not line.startswith("#")]


def files(page: Path) -> dict[str, str]:
    """The TOML files that it shows, by the name that the sentence before ends with."""
    return dict(
        re.findall(
            r"`([a-z-]+\.toml)`:\n\n```toml\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S
        )
    )


WITH_COMMANDS = [page for page in PAGES if commands(page)]


@pytest.fixture
def folder(tmp_path: Path, shard: bytes) -> Path:
    """Where a reader stands: beside `corpus/`, with shards of tonight in `corpus/new/`."""
    for name in ("corpus/part-0.jsonl", "corpus/new/part-1.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(shard)
    return tmp_path


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a line of shell where `tocsin` is that of these tests."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_there_are_commands() -> None:
    assert {page.name for page in WITH_COMMANDS} >= {"README.md", "index.md", "incident.md"}


def test_every_command_is_of_tocsin() -> None:
    """Others would need a runner of their own."""
    assert all(line.startswith("tocsin ") for page in WITH_COMMANDS for line in commands(page))


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_run(page: Path, folder: Path) -> None:
    lines = commands(page)
    for name, content in files(page).items():
        (folder / name).write_text(content, "utf-8")
    if not any(re.match("tocsin scan .*-o out/", line) for line in lines):
        assert run("tocsin scan corpus/ -o out/", folder).returncode in DONE
    for line in lines:
        finished = run(line, folder)
        assert finished.returncode in DONE, (line, finished.stderr)
        assert "Traceback" not in finished.stderr, line
    # What the README and the pages say of other tools holds of what those commands have left.
    for query in blocks(page, "sql"):
        duckdb = pytest.importorskip("duckdb")
        inside = re.sub("'(corpus|out|state)/", rf"'{folder}/\1/", query)
        duckdb.sql(inside).fetchall()


def test_other_tools_drop_what_was_flagged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB and Polars, as the README says, on a scan in which a document is flagged."""
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    (folder / "corpus" / "new" / "part-1.jsonl").unlink()
    assert run("tocsin scan corpus/ -o out/", folder).returncode == 0
    part = folder / "out" / "flagged" / "part-00000.parquet"
    verdicts = {"doc_id": ["d1", "d2"], "verdict": ["quarantine", "review"]}
    polars.DataFrame(verdicts).write_parquet(part)
    everything = {f"d{number}" for number in range(20)}
    monkeypatch.chdir(folder)
    [query] = blocks(ROOT / "README.md", "sql")
    columns = [column[0] for column in duckdb.sql(query).description]
    place = columns.index("id")
    assert {row[place] for row in duckdb.sql(query).fetchall()} == everything - {"d1"}
    [code] = [block for block in blocks(ROOT / "README.md", "python") if "polars" in block]
    names: dict = {}
    exec(code, names)
    assert set(names["clean"].collect()["id"]) == everything - {"d1"}
