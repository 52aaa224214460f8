"""docs/features.md names every column of `documents/`, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from tocsin.measure.batch import MEASURED_SCHEMA

_DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "features.md"


def documented() -> list[str]:
    """The names in the first column of the tables of columns."""
    names: list[str] = []
    inside = False
    for line in _DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("| column |"):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside:
            names += re.findall(r"`(\w+)`", line.split("|")[1])
    return names


def test_every_column_is_documented_once() -> None:
    assert sorted(documented()) == sorted(MEASURED_SCHEMA.names)
