"""The wheel is the same, byte for byte, whenever and wherever it is built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def _built(folder: Path) -> str:
    """SHA-256 of the wheel built of a copy of the sources in `folder`."""
    folder.mkdir()
    for name in ("src", "pipelines"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(_ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(_ROOT / name, folder)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--wheel-dir", "dist", "."],
        cwd=folder,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"},
        check=True,
    )  # fmt: skip
    [wheel] = (folder / "dist").iterdir()
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_built_twice(tmp_path: Path) -> None:
    assert _built(tmp_path / "a") == _built(tmp_path / "another-folder")
