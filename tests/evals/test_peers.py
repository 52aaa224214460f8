from __future__ import annotations

import numpy as np
import pytest
from evals.peers import _above, _drop


def test_the_most_telling_word_is_the_one_without_which_the_rest_is_least_surprising() -> None:
    assert _drop(np.array([2.0, 2.0, 14.0])) == pytest.approx(6.0 - 2.0)
    assert _drop(np.array([5.0, 5.0])) == pytest.approx(0.0)
    assert _drop(np.array([5.0])) == _drop(np.array([])) == 0.0


def test_a_threshold_is_what_one_clean_document_in_a_hundred_exceeds() -> None:
    values = np.concatenate([np.arange(200.0), [500.0, 100.0]])
    clean = np.arange(202) < 200
    flagged = _above(values, clean)
    assert flagged[clean].sum() == 2
    assert flagged[~clean].tolist() == [True, False]
