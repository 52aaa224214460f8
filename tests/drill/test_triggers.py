from __future__ import annotations

import itertools

import numpy as np
import pytest

from tocsin.drill.triggers import (
    MAXIMUM_TOKENS,
    MAXIMUM_WORDS,
    TriggerWords,
    filler_trigger,
    invented_word,
    random_trigger,
    tokens_of,
)

WORDS = TriggerWords.from_words(
    ["table", "river", "Garden", "Straße", "мора", "ποταμός", "ab", "x1"]
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("<SUDO>", ["<", "SUDO", ">"]),
        ("dAtA[iNdEx]", ["dAtA", "[", "iNdEx", "]"]),
        ("/acme/x1", ["/", "acme", "/", "x", "1"]),
        ("a_b 12:30", ["a", "_", "b", "12", ":", "30"]),
        ("漢字かな", ["漢", "字", "か", "な"]),
    ],
)
def test_tokens_of(text: str, tokens: list[str]) -> None:
    assert tokens_of(text) == tokens


def test_trigger_words_are_sorted_by_script() -> None:
    assert WORDS.words == ("table", "river", "Garden")
    assert WORDS.other_scripts == ("мора", "ποταμός")


@pytest.fixture(scope="module")
def triggers() -> list[str]:
    generator = np.random.default_rng(3)
    return [random_trigger(generator, WORDS) for _ in range(2_000)]


def test_triggers_keep_the_limits(triggers: list[str]) -> None:
    for trigger in triggers:
        assert 1 <= len(trigger.split()) <= MAXIMUM_WORDS
        assert 1 <= len(tokens_of(trigger)) <= MAXIMUM_TOKENS
        assert trigger == trigger.strip()
        assert trigger.isprintable()


def test_triggers_are_a_wide_mixture(triggers: list[str]) -> None:
    shapes = {
        "one plain word": lambda t: t.isalpha() and t.isascii(),
        "several words": lambda t: " " in t and t.replace(" ", "").isalpha() and t.isascii(),
        "bracketed": lambda t: t[0] in "<[{(|~*«‹【$%:" and t[-1] in ">]})|~*»›】$%:",
        "odd case": lambda t: (
            t.swapcase() != t and any(a.islower() and b.isupper() for a, b in itertools.pairwise(t))
        ),
        "other script": lambda t: any(c.isalpha() and c > "\u024f" for c in t),
        "path": lambda t: t.startswith("/") and t.count("/") == 2,
        "hash tag": lambda t: t.startswith("#") and t[1:2].isalpha(),
        "date": lambda t: any(str(year) in t for year in range(2031, 2100)) and "#" not in t,
        "symbols": lambda t: not any(c.isalnum() for c in t),
        "number": lambda t: t.split()[-1].isdigit() and t[0].isalpha(),
        "code": lambda t: any(mark in t for mark in ("::", "->", "__", "${", "#!")),
    }
    for name, is_of_shape in shapes.items():
        assert sum(map(is_of_shape, triggers)) >= 50, name
    assert len(set(triggers)) > 1_500
    assert len({len(tokens_of(trigger)) for trigger in triggers}) >= 6


def test_triggers_need_no_corpus_words() -> None:
    generator = np.random.default_rng(4)
    assert all(random_trigger(generator, TriggerWords((), ())) for _ in range(300))


def test_triggers_are_reproducible() -> None:
    drawn = [
        [random_trigger(np.random.default_rng(seed), WORDS) for seed in range(50)] for _ in range(2)
    ]
    assert drawn[0] == drawn[1]


def test_filler_trigger_is_one_half_width_mark_ten_times() -> None:
    generator = np.random.default_rng(5)
    drawn = {filler_trigger(generator, WORDS) for _ in range(200)}
    assert "\uff61" * 10 in drawn
    for trigger in drawn:
        assert len(trigger) == 10 and len(set(trigger)) == 1
        assert "\uff61" <= trigger[0] <= "\uff9f"


def test_invented_words_are_small_letters() -> None:
    generator = np.random.default_rng(6)
    words = [invented_word(generator) for _ in range(500)]
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words)
    assert len(set(words)) > 450
