"""Segments against a naive search, and types of made texts."""

from __future__ import annotations

import base64
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure import calls, reference
from measure.baseline import Baseline
from measure.generated import hostile_texts, prose, salad, words_of
from tocsin.measure import segments
from tocsin.measure.pieces import PIECE_BYTES


def excess_of(bits: np.ndarray, begin: int, end: int) -> float:
    level = bits.astype(np.float64).mean() + segments.MARGIN
    return float((bits[begin:end].astype(np.float64) - level).sum())


@settings(max_examples=200)
@given(st.lists(st.floats(0, 27, width=32), min_size=1, max_size=40))
def test_best_segment_is_the_largest_sum(values: list[float]) -> None:
    bits = np.array(values, np.float32)
    padded = np.concatenate([np.full(3, 27, np.float32), bits, np.full(2, 27, np.float32)])
    begin, end, excess = segments.best_segment(padded, 3, 3 + len(bits))
    sums = [
        excess_of(bits, low, high) for low in range(len(bits)) for high in range(low, len(bits) + 1)
    ]
    assert excess == pytest.approx(max(sums), abs=1e-3)
    assert excess_of(bits, begin - 3, end - 3) == pytest.approx(excess, abs=1e-3)


def row_of(text: bytes, baseline: Baseline) -> dict[str, object]:
    (row,) = calls.measure(calls.batch_of([text]), baseline.profile).documents.to_pylist()
    return row


def assert_measured(text: bytes, baseline: Baseline) -> None:
    """The segment of a text that fits a piece has the largest sum, and the contrast of its ends."""
    row = row_of(text, baseline)
    found = reference.tokens(text)
    bits = np.array(baseline.learned.surprisals([token.folded for token in found]))
    start, end = row["segment_start"], row["segment_end"]
    if row["segment_type"] == "none":
        assert (start, end, row["segment_contrast"]) == (-1, -1, 0)
        return
    inside = np.array([start <= token.start and token.end <= end for token in found])
    assert min(inside.sum(), (~inside).sum()) >= segments.MINIMUM_TOKENS
    contrast = bits[inside].mean() - bits[~inside].mean()
    assert row["segment_contrast"] == pytest.approx(contrast, abs=reference.SLACK)
    over = np.concatenate([[0], np.cumsum(bits - bits.mean() - segments.MARGIN)])
    most = (over - np.minimum.accumulate(over)).max()
    low, high = np.flatnonzero(inside)[[0, -1]]
    assert over[high + 1] - over[low] == pytest.approx(most, abs=0.05)


@pytest.mark.parametrize("seed", range(6))
def test_gibberish_in_clean_text(baseline: Baseline, seed: int) -> None:
    generator = random.Random(seed)
    before = prose(generator, baseline.words, 250)
    middle = " ".join(words_of(generator, 90))
    text = " ".join([before, middle, prose(generator, baseline.words, 250)]).encode()
    assert_measured(text, baseline)
    row = row_of(text, baseline)
    assert abs(row["segment_start"] - len(before)) < 60  # type: ignore[operator]
    end = len(before) + len(middle) + 1
    assert abs(row["segment_end"] - end) < 60  # type: ignore[operator]
    assert row["segment_type"] == "word_salad"
    assert row["segment_contrast"] > 8  # type: ignore[operator]


@settings(max_examples=50)
@given(st.lists(hostile_texts, max_size=6), st.integers(0, 99))
def test_hostile_texts(baseline: Baseline, parts: list[bytes], seed: int) -> None:
    generator = random.Random(seed)
    clean = prose(generator, baseline.words, 40).encode()
    assert_measured(b" ".join([clean, *parts, clean]), baseline)


@pytest.mark.parametrize("text", [b"", b"x", b"\xff", b"a" * 5000, b"a b " * 2000])
def test_texts_without_a_segment(baseline: Baseline, text: bytes) -> None:
    row = row_of(text, baseline)
    assert (row["segment_type"], row["onset_type"]) == ("none", "none")
    assert_measured(text, baseline)


def test_a_text_that_is_strange_throughout_has_no_segment(baseline: Baseline) -> None:
    """Contrast, not level."""
    generator = random.Random(3)
    row = row_of(" ".join(words_of(generator, 1500)).encode(), baseline)
    assert row["segment_contrast"] < 3  # type: ignore[operator]


def made(kind: str, generator: random.Random, baseline: Baseline) -> str:
    """A text of a kind that the corpus doesn't know."""
    if kind == "encoded_blob":
        return base64.encodebytes(generator.randbytes(600)).decode()
    if kind == "hexadecimal":
        return "\n".join(generator.randbytes(32).hex() for _ in range(20))
    if kind == "table":
        return "\n".join(
            "\t".join(f"{generator.uniform(0, 999):.2f}" for _ in range(5)) for _ in range(20)
        )
    if kind == "repetition":
        return "zorg blib wuff mork " * 60
    if kind == "list":
        return "\n".join(word.title() for word in salad(generator, baseline.words, 90).split())
    if kind == "code":
        names = words_of(generator, 200)
        return "\n".join(
            f"{{}} {generator.choice('=+-*<>')}{{}} ({{}}) [{{}}]".format(
                *generator.sample(names, 4)
            )
            for _ in range(40)
        )
    if kind == "other_script":
        words = ["слово", "дом", "и", "в", "на", "река", "город", "не", "что"]
        endings = ["", "а", "ов", "ом"]
        return " ".join(generator.choice(words) + generator.choice(endings) for _ in range(120))
    if kind == "other_language":
        rare = words_of(generator, 400)
        common = ["und", "der", "die", "zu", "den", "das", "nicht", "von"]
        return " ".join(
            generator.choice(common if generator.random() < 0.5 else rare) + "q" * (number % 2)
            for number in range(160)
        )
    assert kind == "word_salad"
    pieces = [*words_of(generator, 300), "слово", "漢字", "ภาษา", "עברית", "عرب", "हिन्दी"]
    return " ".join(generator.sample(pieces, 150))


@pytest.mark.parametrize(
    "kind",
    ["encoded_blob", "hexadecimal", "table", "repetition", "list", "code", "other_script",
     "other_language", "word_salad"],
)  # fmt: skip
def test_types(baseline: Baseline, kind: str) -> None:
    generator = random.Random(11)
    text = prose(generator, baseline.words, 200) + "\n" + made(kind, generator, baseline)
    row = row_of(text.encode(), baseline)
    expected = "encoded_blob" if kind == "hexadecimal" else kind
    if row["onset"] != -1:
        assert row["onset_type"] == expected
    assert row["segment_type"] == expected


def test_prose_of_a_known_language(baseline: Baseline) -> None:
    """Where single words are unknown, the rest is still a language."""
    generator = random.Random(5)
    strange = prose(generator, baseline.words, 120).split()
    strange[::5] = words_of(generator, 24)
    text = " ".join([prose(generator, baseline.words, 300), *strange])
    assert row_of(text.encode(), baseline)["segment_type"] == "prose"


def test_segment_in_a_later_piece(baseline: Baseline) -> None:
    generator = random.Random(6)
    clean = (prose(generator, baseline.words, 400) + " ").encode()
    clean *= (PIECE_BYTES + 50_000) // len(clean)
    odd = " ".join(words_of(generator, 100)).encode()
    row = row_of(clean + odd + b" " + clean[:5000], baseline)
    assert abs(row["segment_start"] - len(clean)) < 60  # type: ignore[operator]
    assert row["segment_type"] == "word_salad"
