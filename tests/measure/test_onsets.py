from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure import calls, reference
from tocsin.measure.onsets import (
    LONGEST_NGRAM,
    MINIMUM_AFTER,
    MINIMUM_BEFORE,
    MINIMUM_CONTRAST,
    NEIGHBOURHOOD,
    PASSAGE,
    SURPRISAL,
    WINDOW,
)

# Levels of surprisal that last for a while, as in texts that change.
runs = st.tuples(st.sampled_from([0.0, 0.5, 4.0, 8.0, 13.0, 27.0]), st.integers(1, 260))
surprisals = st.lists(runs, max_size=6).map(
    lambda found: [level for level, length in found for _ in range(length)]
)


def noisy(levels: list[float], seed: int, noise: float) -> np.ndarray:
    added = np.random.default_rng(seed).normal(0, noise, len(levels))
    return np.clip(np.array(levels) + added, 0, 27).astype(np.float32)


@settings(max_examples=60)
@given(
    surprisals,
    st.integers(0, 9),
    st.sampled_from([0.0, 1.0, 6.0]),
    st.sampled_from([SURPRISAL, PASSAGE]),
)
def test_contrast(levels: list[float], seed: int, noise: float, channel: int) -> None:
    bits = noisy(levels, seed, noise)
    expected = reference.contrasts(bits.tolist(), channel)
    np.testing.assert_allclose(calls.contrasts(bits, channel), expected, atol=1e-3)


@pytest.mark.parametrize(
    "size",
    [0, 1, 47, 48, 49, 2 * WINDOW - 1, 2 * WINDOW, 2 * WINDOW + 1, 700],
)
def test_contrast_at_the_ends_of_texts(size: int) -> None:
    bits = np.random.default_rng(size).uniform(0, 27, size).astype(np.float32)
    found = calls.contrasts(bits)
    np.testing.assert_allclose(found, reference.contrasts(bits.tolist()), atol=1e-3)
    measured = np.flatnonzero(found).tolist()
    assert measured == list(range(MINIMUM_BEFORE, size - MINIMUM_AFTER + 1))


def test_contrast_of_a_step_is_its_height() -> None:
    for before, after in ((300, 300), (MINIMUM_BEFORE, 300), (300, MINIMUM_AFTER)):
        found = calls.contrasts(np.array([3.0] * before + [17.0] * after, np.float32))
        assert found.argmax() == before
        assert found[before] == pytest.approx(14.0)


@settings(max_examples=60)
@given(surprisals, st.integers(0, 9), st.sampled_from([0.0, 1.0, 6.0]))
def test_onset_tokens(levels: list[float], seed: int, noise: float) -> None:
    contrast = calls.contrasts(noisy(levels, seed, noise))
    # Its own numbers: float32 decides at the threshold as the kernel does.
    found = calls.onset_tokens(contrast)
    assert set(reference.onset_tokens(contrast.tolist(), -1e-5)) <= set(found)
    assert set(found) <= set(reference.onset_tokens(contrast.tolist(), 1e-5))
    assert found == sorted(found)


@settings(max_examples=60)
@given(st.lists(st.floats(-27, 27, width=32), max_size=400))
def test_onset_tokens_of_any_contrasts(contrast: list[float]) -> None:
    found = calls.onset_tokens(np.array(contrast, np.float32))
    assert set(reference.onset_tokens(contrast, -1e-5)) <= set(found)
    assert set(found) <= set(reference.onset_tokens(contrast, 1e-5))


def test_an_onset_is_above_the_minimum_and_near_the_largest_around() -> None:
    contrast = np.zeros(400, np.float32)
    contrast[100], contrast[100 + NEIGHBOURHOOD] = 10.0, 9.01
    contrast[300], contrast[300 + NEIGHBOURHOOD + 1] = 10.0, 8.99
    contrast[10] = MINIMUM_CONTRAST
    assert calls.onset_tokens(contrast) == [100, 164, 300, 365]
    contrast[164] = 8.99
    assert calls.onset_tokens(contrast) == [100, 300, 365]
    contrast[300] = -10.0  # a decoy does not hide an onset
    assert calls.onset_tokens(contrast) == [100, 300, 365]


def test_time_reversed_onsets_are_decoys() -> None:
    """Away from the ends, where one side may be shorter than the other."""
    generator = np.random.default_rng(5)
    levels = np.repeat(generator.uniform(0, 27, 20), 70)
    bits = noisy(levels.tolist(), 1, 3.0)
    forward, backward = calls.contrasts(bits), calls.contrasts(bits[::-1].copy())
    size = len(bits)
    inside = range(WINDOW, size - WINDOW + 1)
    for index in inside:
        assert forward[index] == pytest.approx(-backward[size - index], abs=1e-4)
    signs = {index: np.sign(forward[index]) for index in calls.onset_tokens(forward)}
    mirrored = {size - index: -np.sign(backward[index]) for index in calls.onset_tokens(backward)}
    safe = range(WINDOW + NEIGHBOURHOOD, size - WINDOW - NEIGHBOURHOOD)
    here = {index: sign for index, sign in signs.items() if index in safe}
    assert here == {index: sign for index, sign in mirrored.items() if index in safe}
    assert set(here.values()) == {1.0, -1.0}


def test_ngrams_have_different_keys() -> None:
    alphabet = (0, 1, 2**32 - 1)
    ngrams = [
        ngram
        for length in range(1, LONGEST_NGRAM + 1)
        for ngram in itertools.product(alphabet, repeat=length)
    ]
    keys = {calls.ngram_key(ngram) for ngram in ngrams}
    assert len(keys) == len(ngrams)
    assert 0 not in keys  # free slots of the sweep's table hold 0
    assert all(0 < key < 2**64 for key in keys)


def test_keys_of_ngrams_are_spread() -> None:
    generator = random.Random(1)
    keys = [calls.ngram_key([generator.getrandbits(32) for _ in range(3)]) for _ in range(2000)]
    for bit in range(64):
        assert 0.45 < sum(key >> bit & 1 for key in keys) / len(keys) < 0.55
