"""The kernel does not grow slower unseen."""

from __future__ import annotations

import platform
import shutil

import pytest
from benchmarks.instructions import instructions_per_byte

EXPECTED = 231.3
"""Measured with the libraries of requirements.lock. Whoever changes the kernel on purpose puts the
new number here."""


@pytest.mark.skipif(
    not shutil.which("valgrind") or platform.machine() != "x86_64",
    reason="needs Valgrind on x86-64 (apt install valgrind)",
)
def test_instructions_per_byte() -> None:
    assert instructions_per_byte() == pytest.approx(EXPECTED, rel=0.03)
