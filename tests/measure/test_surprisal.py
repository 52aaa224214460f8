from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure import calls, reference
from measure.generated import hostile_texts, prose, salad, words_of
from tocsin.measure.profile import Profile
from tocsin.measure.surprisal import (
    MAXIMUM_SURPRISAL,
    OWN_COUNT_LIMIT,
    UNSEEN_PAIR_PENALTY,
)

WORDS = words_of(random.Random(0), 80)
CORPUS = [prose(random.Random(seed), WORDS, 60).encode() for seed in range(40)]


def assert_agrees(text: bytes, profile: Profile, learned: reference.Learned) -> None:
    bits = calls.surprisals(text, profile)
    expected = learned.surprisals([token.folded for token in reference.tokens(text)])
    np.testing.assert_allclose(bits, expected, atol=1e-4)


@pytest.fixture(scope="module")
def profile() -> Profile:
    return calls.profile_of(CORPUS)


@pytest.fixture(scope="module")
def learned() -> reference.Learned:
    return reference.Learned.of(CORPUS)


def test_texts_of_the_corpus(profile: Profile, learned: reference.Learned) -> None:
    for text in CORPUS:
        assert_agrees(text, profile, learned)


def test_texts_from_elsewhere(profile: Profile, learned: reference.Learned) -> None:
    strangers = words_of(random.Random(9), 40)
    generator = random.Random(1)
    for _ in range(20):
        text = " ".join(
            [
                prose(generator, WORDS, 20),
                salad(generator, WORDS, 20),
                salad(generator, strangers, 9),
            ]
        )
        assert_agrees(text.encode(), profile, learned)


@settings(max_examples=60)
@given(st.lists(hostile_texts, min_size=1, max_size=4))
def test_hostile_bytes(texts: list[bytes]) -> None:
    texts = texts + texts[:2]
    profile, learned = calls.profile_of(texts), reference.Learned.of(texts)
    for text in texts:
        assert_agrees(text, profile, learned)


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from("abcdef"), max_size=200), min_size=1, max_size=4),
    st.integers(1, 40),
)
def test_few_words_again_and_again(texts: list[list[str]], copies: int) -> None:
    """Counts on both sides of those that are not exact, and of those that are not corrected."""
    data = [" ".join(text).encode() for text in texts] * copies
    profile, learned = calls.profile_of(data), reference.Learned.of(data)
    for text in data[: len(texts)]:
        assert_agrees(text, profile, learned)


@pytest.mark.parametrize("count", [2, 15, 16, 17, 254, 255, 256, 257, 1000])
def test_a_word_is_as_rare_as_it_is_elsewhere(count: int) -> None:
    """The own share is left out below OWN_COUNT_LIMIT, and not from there on."""
    texts = [b"word"] * count + [f"filler{chr(97 + n)}".encode() for n in range(20)]
    profile = calls.profile_of(texts)
    remembered = reference.represented(count)
    others = math.floor(remembered - 1) if remembered < OWN_COUNT_LIMIT else remembered
    # Second, where it was never counted, so that the pair is unseen.
    second = calls.surprisals(b"unseen word", profile)[1]
    assert second == pytest.approx(
        math.log2((count + 20) / (others + 0.5)) + UNSEEN_PAIR_PENALTY, abs=1e-4
    )
    # At the start the pair is the start of a text and the word.
    first = calls.surprisals(b"word", profile)[0]
    assert first == pytest.approx(math.log2((count + 20) / others), abs=1e-4)


def test_a_text_does_not_vouch_for_itself() -> None:
    """What only the text itself holds is as surprising as what nothing holds."""
    text = b"one two one two one two three"
    alone = calls.surprisals(text, calls.profile_of([text]))
    unseen = calls.surprisals(b"alpha beta alpha beta alpha beta gamma", calls.profile_of([text]))
    np.testing.assert_array_equal(alone, unseen)
    np.testing.assert_allclose(alone, math.log2(7) + 1 + UNSEEN_PAIR_PENALTY, atol=1e-5)
    twice = calls.surprisals(text, calls.profile_of([text, text]))
    assert (twice < alone - 1.9).all()


def test_a_text_that_says_one_word_more_often_than_a_counter_holds() -> None:
    text = b"word " * 70_000
    profile = calls.profile_of([b"word word", b"word", b"other other"])
    bits = calls.surprisals(text, profile)
    expected = math.log2(5) + 1 + UNSEEN_PAIR_PENALTY
    np.testing.assert_allclose(bits[1:], expected, atol=1e-5)


def test_bounds() -> None:
    # What the text leaves of the pair, 15 - 1, is more than what it leaves of its first word.
    sure = calls.surprisals(b"a b a a", calls.profile_of([b"a b"] * 15 + [b"a"]))
    assert sure[1] == 0
    # Among 2^32 words an unseen one is no more telling than among 10^8.
    few = calls.profile_of([b"a a", b"b b"])
    many = Profile(few.table, 1 << 40, 1, few.seed, 1.0, few.digest)
    assert calls.surprisals(b"unseen", many).tolist() == [MAXIMUM_SURPRISAL]


def test_nothing_was_learned() -> None:
    empty = Profile.create(np.empty(0, np.uint64), np.empty(0, np.uint32), 0, 0, calls.SEED, 1.0)
    np.testing.assert_allclose(calls.surprisals(b"a b", empty), 1 + UNSEEN_PAIR_PENALTY)
    assert calls.surprisals(b"", empty).tolist() == []


@pytest.mark.parametrize("tokens", [0, 1, 5, 1000, 532_481])
def test_own_counts_have_room(tokens: int) -> None:
    """Two keys a token in a power of two of slots, and sixteen that stay empty."""
    slots = calls.own_capacity(tokens) - 16
    assert slots & (slots - 1) == 0
    assert slots >= 2.5 * tokens
