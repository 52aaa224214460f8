"""Settings of the property tests of kernels, and a corpus to measure against."""

from __future__ import annotations

import pytest
from hypothesis import settings

from measure.baseline import Baseline

# The first call of a kernel loads it, or compiles it, which takes seconds.
settings.register_profile("kernels", deadline=None)
settings.load_profile("kernels")


@pytest.fixture(scope="session")
def baseline() -> Baseline:
    """A corpus to measure against."""
    return Baseline.generate()
