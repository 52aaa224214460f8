from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from evals.usage import run_measured


def test_usage_is_that_of_the_command_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    ballast = bytearray(200_000_000)
    script = "import sys; data = bytearray(200_000_000); sum(range(3_000_000)); sys.exit(3)"
    code, big = run_measured([sys.executable, "-c", script], log)
    assert code == 3
    assert 0.03 < big.cpu_seconds < 30 and big.seconds > 0.03
    assert 200_000_000 < big.peak_bytes < 400_000_000
    code, small = run_measured([sys.executable, "-c", "print('to the log')"], log)
    del ballast
    assert code == 0 and log.read_text() == "to the log\n"
    # Less than this process holds, and less than the command before.
    assert small.peak_bytes < 100_000_000


def test_a_command_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run_measured([str(tmp_path / "absent")], tmp_path / "log")
    assert "FileNotFoundError" in (tmp_path / "log").read_text()
