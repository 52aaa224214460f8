"""The documentation builds, and what is made from the code is all there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tocsin.cli import tocsin_command
from tocsin.judge.lists import Lists
from tocsin.judge.policy import Policy, Rule
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA, FLAGGED_SCHEMA

pytest.importorskip("mkdocs", reason="the extra `docs` is not installed")

ROOT = Path(__file__).parents[2]


def build(root: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(target)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    finished = build(ROOT, target)
    assert finished.returncode == 0, finished.stderr
    return target


def test_every_page_is_in_the_navigation(site: Path) -> None:
    front = (site / "index.html").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix(".html")
        assert f'href="{name}"' in front


def test_a_new_page_joins_the_navigation(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    for name in ("new.md", "how-to/new.md"):
        (tmp_path / "docs" / name).write_text("# New\n\nA page.\n")
    finished = build(tmp_path, tmp_path / "site")
    assert finished.returncode == 0, finished.stderr
    front = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert 'href="new.html"' in front and 'href="how-to/new.html"' in front


def test_every_command_and_option_is_there(site: Path) -> None:
    page = (site / "reference" / "commands.html").read_text("utf-8")
    for name, command in tocsin_command.commands.items():
        assert f"tocsin {name}</code>" in page or f"tocsin {name} " in page
        for option in command.params:
            if option.opts[0].startswith("-"):
                assert all(f"<code>{word}</code>" in page for word in option.opts)


def test_every_column_and_key_is_there(site: Path) -> None:
    tables = (site / "reference" / "tables.html").read_text("utf-8")
    for column in (*FLAGGED_SCHEMA.names, *CAMPAIGN_SCHEMA.names):
        assert f"<code>{column}</code>" in tables
    assert "number of the record in its shard" in tables  # the docstring
    policy = (site / "policy.html").read_text("utf-8")
    for key in (*vars(Policy()), *vars(Rule()), *vars(Lists())):
        assert f"<code>{key}</code>" in policy or f"<code>[{key}]</code>" in policy


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|img|link)[^>]+(?:src|href)="?([^" >]+)', page.read_text("utf-8")
        )
        assert not [one for one in loaded if one.startswith(("http", "//"))], page


def test_a_broken_link_is_an_error(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    with open(tmp_path / "docs" / "limits.md", "a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    finished = build(tmp_path, tmp_path / "site")
    assert finished.returncode != 0 and "nowhere.md" in finished.stderr
