"""Lets the tests here use the reference of `tests/measure`, and its corpus."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from measure.baseline import Baseline

# The first call of a kernel loads it, or compiles it, which takes seconds.
settings.register_profile("kernels", deadline=None)
settings.load_profile("kernels")


@pytest.fixture(scope="session")
def baseline() -> Baseline:
    """A corpus to measure against."""
    return Baseline.generate()
