"""What the repository promises of its dependencies and of the files that it reads back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]


def test_every_locked_package_has_hashes() -> None:
    lock = (_ROOT / "requirements.lock").read_text()
    entries = re.split(r"\n(?=[a-z0-9])", lock.strip())
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[\w.\[\],-]+==", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]
    assert "://" not in lock  # no address: the same from any mirror


@pytest.mark.parametrize("folder", ["src", "pipelines"])
def test_nothing_that_is_read_can_execute(folder: str) -> None:
    """Profiles, states, evidence and manifests are NumPy arrays without objects, Parquet, Arrow and
    JSON. Beam pickles Tocsin's own functions, never what is read."""
    forbidden = re.compile(
        r"\b(?:pickle\.loads?|dill|cloudpickle|marshal|shelve|allow_pickle=True|yaml\.load|"
        r"os\.system|shell=True)\b|(?<![\w.])(?:eval|exec)\("
    )
    for file in (_ROOT / folder).rglob("*.py"):
        text = file.read_text("utf-8")
        assert not forbidden.search(text), file
        for call in re.findall(r"np\.load\(.*|np\.save\(.*|read_array\(.*", text):
            assert "allow_pickle=False" in call, (file, call)
