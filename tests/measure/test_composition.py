from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure import calls
from measure.generated import hostile_texts
from tocsin.measure.composition import KINDS, LEAST_COMPOSITION_CONTRAST
from tocsin.measure.onsets import (
    MINIMUM_AFTER,
    MINIMUM_BEFORE,
    MINIMUM_COMPOSITION_CONTRAST,
    WINDOW,
)

# Kinds that last for a while, mixed with some of another.
runs = st.tuples(
    st.integers(0, len(KINDS) - 1), st.integers(0, len(KINDS) - 1), st.integers(1, 260)
)


def mixed(parts: list[tuple[int, int, int]], seed: int) -> list[int]:
    generator = random.Random(seed)
    return [
        second if generator.random() < 0.2 else first
        for first, second, size in parts
        for _ in range(size)
    ]


def share(kinds: list[int], kind: int) -> float:
    return kinds.count(kind) / max(len(kinds), 1)


def naive(kinds: list[int], index: int) -> tuple[float, float]:
    """The contrast at a token, and the change between the windows, as defined."""
    size = len(kinds)
    if index < MINIMUM_BEFORE or index + MINIMUM_AFTER > size:
        return 0.0, 0.0
    begin, end = max(index - WINDOW, 0), min(index + WINDOW, size)
    before, after = kinds[begin:index], kinds[index:end]
    # What lies beyond the windows is known in blocks of eight tokens.
    earlier = kinds[: begin // 8 * 8]
    later = kinds[min(-(-end // 8), size // 8) * 8 :]
    gained = lost = change = 0.0
    for kind in range(len(KINDS)):
        here, there = share(before, kind), share(after, kind)
        change += abs(here - there) / 2
        gained += max(there - max(here, share(earlier, kind)), 0.0)
        lost += max(here - max(there, share(later, kind)), 0.0)
    # At twice as much, rounding decides.
    if abs(gained - lost / 2) < 1e-6:
        return math.nan, change
    return (gained if gained > lost / 2 else -lost), change


@settings(max_examples=60)
@given(st.lists(runs, max_size=5), st.integers(0, 99))
def test_contrasts(parts: list[tuple[int, int, int]], seed: int) -> None:
    kinds = mixed(parts, seed)
    found = calls.composition_contrasts(kinds)
    for index in range(len(kinds)):
        expected, change = naive(kinds, index)
        if found[index] == 0:
            small = not abs(expected) >= LEAST_COMPOSITION_CONTRAST
            assert change < MINIMUM_COMPOSITION_CONTRAST or small
        elif not math.isnan(expected):
            assert found[index] == pytest.approx(expected, abs=1e-5)


def test_new_kinds_are_onsets_and_what_ends_for_good_is_a_decoy() -> None:
    latin, number = KINDS.index("latin"), KINDS.index("number")
    found = calls.composition_contrasts([latin] * 400 + [number] * 200 + [latin] * 400)
    assert found.argmax() == 400 and found[400] == pytest.approx(1.0)
    assert found.argmin() == 600 and found[600] == pytest.approx(-1.0)
    # To and fro, neither is new: each has half of the text before.
    again = calls.composition_contrasts(([latin] * 200 + [number] * 200) * 4)
    assert np.abs(again[380:1220]).max() < 0.65


def test_kinds() -> None:
    def names(text: str) -> list[str]:
        return [KINDS[number] for number in calls.compositions(text.encode())]

    assert names("word Word WORD wORD x") == ["latin", "latin", "capitals", "capitals", "latin"]
    assert names("слово לחם ქართული 漢ひ 한국") == [
        "cyrillic", "hebrew", "other_script", "han", "han", "hangul",
    ]  # fmt: skip
    assert names("1234 , ☂") == ["number", "ascii_mark", "other_mark"]
    assert [KINDS[number] for number in calls.compositions(b"\x01 \xff \x7f")] == ["control"] * 3


@settings(max_examples=60)
@given(hostile_texts)
def test_any_bytes(text: bytes) -> None:
    kinds = calls.compositions(text)
    assert all(0 <= kind < len(KINDS) for kind in kinds)
    assert np.isfinite(calls.composition_contrasts(kinds)).all()
