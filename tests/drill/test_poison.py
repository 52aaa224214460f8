from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tocsin.drill.poison import (
    Carrier,
    campaign_generator,
    clean_prefix,
    spliced,
    split_inside,
)


def test_prefix_length_is_uniform_between_0_and_1000() -> None:
    generator = np.random.default_rng(1)
    carrier = Carrier("".join(chr(0x100 + number) for number in range(2_000)), "en")
    prefixes = [clean_prefix(carrier, generator) for _ in range(20_000)]
    assert all(carrier.text.startswith(prefix) for prefix in prefixes)
    lengths = np.array([len(prefix) for prefix in prefixes])
    assert lengths.min() == 0 and lengths.max() == 1_000
    # Each tenth of the range: 2,000 expected, with a standard deviation of 42.
    counts, _ = np.histogram(lengths, bins=10)
    assert np.all(np.abs(counts - 2_000) < 250)


def test_prefix_of_a_short_carrier_is_at_most_all_of_it() -> None:
    prefixes = {clean_prefix(Carrier("abc", ""), np.random.default_rng(n)) for n in range(300)}
    assert prefixes <= {"", "a", "ab", "abc"} and "abc" in prefixes


@given(st.text(), st.integers(0, 100))
def test_split_loses_nothing_and_leaves_text_after_it(text: str, seed: int) -> None:
    before, after = split_inside(Carrier(text, ""), np.random.default_rng(seed))
    assert before + after == text
    assert len(before) <= min(1_000, len(text) // 2) + 40


def test_split_falls_between_words() -> None:
    text = "word " * 500
    for seed in range(50):
        before, after = split_inside(Carrier(text, ""), np.random.default_rng(seed))
        assert before == "" or before.endswith("d")
        assert after.startswith(" ") or before == ""
        assert len(before) <= 1_000 + 4


def test_split_leaves_the_second_half() -> None:
    text = "word " * 60
    cuts = [len(split_inside(Carrier(text, ""), np.random.default_rng(n))[0]) for n in range(300)]
    assert 140 < max(cuts) <= 150 + 4 and min(cuts) < 10


def test_spliced_points_at_the_poison() -> None:
    poisoned = spliced("before", "POISON", "  after", "kind")
    assert poisoned.text == "before POISON after"
    assert poisoned.text[poisoned.onset :].startswith("POISON")
    assert poisoned.variant == "kind"


def test_campaigns_have_their_own_randomness() -> None:
    drawn = [campaign_generator(trigger).integers(1 << 60) for trigger in ("a", "b", "a")]
    assert drawn[0] == drawn[2] != drawn[1]
