from __future__ import annotations

import numpy as np

from measure import calls
from measure.baseline import Baseline
from tocsin.measure.curve import CurveMeasurer


def test_a_curve_is_what_the_scan_measures(baseline: Baseline) -> None:
    measurer = CurveMeasurer(baseline.profile)
    for text in (*baseline.texts[:5], b"zzz qqq " * 9 + baseline.texts[0]):
        curve = measurer.measure(text)
        np.testing.assert_array_equal(curve.surprisal, calls.surprisals(text, baseline.profile))
        assert curve.starts[0] == 0 and (np.diff(curve.starts) > 0).all()


def test_nothing_to_measure(baseline: Baseline) -> None:
    assert len(CurveMeasurer(baseline.profile).measure(b"").starts) == 0
