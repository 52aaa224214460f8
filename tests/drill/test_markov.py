from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tocsin.drill.markov import MarkovChain


def test_successors_are_as_likely_as_in_the_text() -> None:
    words = ("a b c " * 30 + "a b d " * 10).split()
    walked = MarkovChain(words).walk(np.random.default_rng(1), 20_000)
    after = Counter(
        third
        for first, second, third in zip(walked, walked[1:], walked[2:], strict=False)
        if (first, second) == ("a", "b")
    )
    assert set(after) == {"c", "d"}
    assert after["c"] / after.total() == pytest.approx(0.75, abs=0.03)


def test_a_dead_end_begins_anew() -> None:
    walked = MarkovChain(["a", "b", "c"]).walk(np.random.default_rng(2), 9)
    assert walked == ["a", "b", "c"] * 3


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_length(count: int) -> None:
    chain = MarkovChain(["x", "y", "z", "x", "y"])
    assert len(chain.walk(np.random.default_rng(3), count)) == count
