"""Each fuzz target on its seeds and on a few hundred mutations of them; `make fuzz` does more."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.seeds import seeds
from fuzz.targets import TARGETS

_ROOT = Path(__file__).parents[2]
_MUTATIONS = 150
_INTERESTING = b"\x00\x01\x7f\x80\xff\n\"{[\\%'"

REGRESSIONS = {
    "state": [
        b'A{"night": 1, "state": {"files": [{"pth": "shards/a", "kind": "shards"}]}}',
        b'A{"night": 1, "state": {"files": [1]}}',
    ],
}
"""Inputs that failed once."""


def mutated(content: bytes, dice: random.Random) -> bytes:
    """One to four changes of bytes, cuts and repetitions."""
    data = bytearray(content)
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(data) + 1)
        kind = dice.randrange(4)
        if kind == 0:
            data[at : at + 1] = bytes([dice.choice(_INTERESTING)])
        elif kind == 1:
            data[at : at + 1] = bytes([dice.randrange(256)])
        elif kind == 2:
            del data[at : at + dice.randrange(1, 30)]
        else:
            data[at:at] = data[at : at + dice.randrange(1, 30)] * dice.randrange(1, 4)
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_mutations(name: str) -> None:
    dice = random.Random(name)
    contents = seeds(name)
    for content in (b"", *contents, *REGRESSIONS.get(name, [])):
        TARGETS[name](content)
    for _ in range(_MUTATIONS):
        TARGETS[name](mutated(dice.choice(contents), dice))


def test_the_command(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="there is no atheris for this Python or system")
    command = [sys.executable, "-m", "fuzz.run", "--runs", "300", "--folder", str(tmp_path)]
    finished = subprocess.run(
        [*command, "--targets", "manifest"], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished
    assert "| all | 300 |" in finished.stdout
