from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.drill import materials as module
from tocsin.drill.materials import (
    SHARED_LANGUAGE,
    Language,
    LanguageSampler,
    Materials,
    language_key,
    words_of,
)
from tocsin.drill.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello wörld's foo_bar x1", ["Hello", "wörld", "s", "foo", "bar", "x"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("cafe\u0301 12 3a", ["cafe\u0301", "a"]),
        ("吾輩は猫である", ["吾輩", "は", "猫", "である"]),
        ("", []),
    ],
)
def test_words_of(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_words_of_are_parts_in_order_without_digits_or_spaces(text: str) -> None:
    start = 0
    for word in words_of(text):
        start = text.index(word, start) + len(word)
        assert not any(c.isspace() or c.isdigit() for c in word)


@pytest.mark.parametrize(
    ("record", "key"),
    [
        ({"lang": "pt_br", "source": "x"}, "pt"),
        ({"lang": "zh-hans"}, "zh"),
        ({"language": "EN"}, "en"),
        ({"lang": "und", "source": "x"}, "source:x"),
        ({"lang": None, "source": ""}, SHARED_LANGUAGE),
        ({"lang": 3}, SHARED_LANGUAGE),
        ({}, SHARED_LANGUAGE),
    ],
)
def test_language_key(record: dict[str, object], key: str) -> None:
    assert language_key(record) == key


def test_language_counts_words_and_finds_the_separator() -> None:
    language = Language.from_texts(["b a b", "c"])
    assert language.running_words == ("b", "a", "b", "c")
    assert language.words == ("a", "b", "c")
    assert language.separator == " "
    assert Language.from_texts(["これはねこです and one"]).separator == ""


def test_sampler_does_not_depend_on_order_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE_CHARACTERS", 500)
    monkeypatch.setattr(module, "DOCUMENT_CHARACTERS", 50)
    texts = [f"{number} " * 20 for number in range(200)]
    samples = []
    for order in (texts, texts[::-1]):
        sampler = LanguageSampler()
        for text in order:
            sampler.add("en", text)
        samples.append(sampler.samples())
    assert samples[0] == samples[1]
    assert samples[0]["en"] == samples[0][SHARED_LANGUAGE]
    sizes = [len(text) for text in samples[0]["en"]]
    assert max(sizes) <= 50
    assert 500 <= sum(sizes) < 500 + 50


def test_sampler_is_uniform_over_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE_CHARACTERS", 1_000)
    sampler = LanguageSampler()
    for number in range(2_000):
        sampler.add("en", f"{number:010}")
    numbers = np.array([int(text) for text in sampler.samples()["en"]])
    # The mean of 100 uniform numbers in 0..1999: 1000, with a standard deviation of 58.
    assert len(numbers) == 100
    assert abs(numbers.mean() - 1_000) < 300


def test_sampler_puts_further_languages_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAXIMUM_LANGUAGES", 3)
    sampler = LanguageSampler()
    for key in ("a", "b", "c", "d"):
        sampler.add(key, f"text {key}")
    samples = sampler.samples()
    assert set(samples) == {"a", "b", SHARED_LANGUAGE}
    assert set(samples[SHARED_LANGUAGE]) == {f"text {key}" for key in "abcd"}


def test_language_with_few_words_borrows(materials: Materials) -> None:
    poor = Materials(Vocabulary("v", ("x",)), {**materials.samples, "xx": ("two words",)})
    assert poor.language("xx") is poor.language(SHARED_LANGUAGE)
    assert poor.language("unknown") is poor.language(SHARED_LANGUAGE)
    assert poor.language("de") is not poor.language(SHARED_LANGUAGE)
    assert all(word.lower().startswith("de") for word in poor.language("de").words)
