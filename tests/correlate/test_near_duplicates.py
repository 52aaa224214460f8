from __future__ import annotations

import itertools
import random

import pytest
from measure.generated import salad, words_of

from tocsin.correlate import near_duplicates
from tocsin.correlate.near_duplicates import (
    MINIMUM_BYTES,
    SHINGLE_BYTES,
    SIMILARITY,
    near_duplicate_clusters,
)

WORDS = words_of(random.Random(0), 500)


def text_of(seed: int, size: int = 40) -> bytes:
    return salad(random.Random(seed), WORDS, size).encode()


def shingles(text: bytes) -> set[bytes]:
    """Of the letters, in any case."""
    text = bytes(byte for byte in text.lower() if byte >= 128 or chr(byte).isalpha())
    return {text[at : at + SHINGLE_BYTES] for at in range(len(text) - SHINGLE_BYTES + 1)}


def similarity(one: bytes, other: bytes) -> float:
    """Jaccard similarity of the sets of shingles."""
    first, second = shingles(one), shingles(other)
    return len(first & second) / len(first | second)


def changed(text: bytes, share: float, seed: int) -> bytes:
    """The text with this share of its words exchanged."""
    generator = random.Random(seed)
    words = text.decode().split()
    for at in generator.sample(range(len(words)), round(share * len(words))):
        words[at] = generator.choice(WORDS)
    return " ".join(words).encode()


def test_texts_that_have_nothing_in_common() -> None:
    texts = [text_of(seed) for seed in range(60)]
    assert near_duplicate_clusters(texts) == list(range(60))


def test_copies() -> None:
    texts = [text_of(1), text_of(2), text_of(1), text_of(3), text_of(2), text_of(1)]
    assert near_duplicate_clusters(texts) == [0, 1, 0, 3, 1, 0]


def test_nothing() -> None:
    assert near_duplicate_clusters([]) == []
    assert near_duplicate_clusters([b"", b""]) == [0, 1]


def test_pairs_far_from_the_threshold() -> None:
    """Which pairs are compared is an estimate, so between these two nothing is promised."""
    near = far = 0
    for seed in range(60):
        text = text_of(seed)
        other = changed(text, (0.02, 0.1, 0.9, 1.0)[seed % 4], seed + 1000)
        clusters = near_duplicate_clusters([text, other])
        if similarity(text, other) > SIMILARITY + 0.2:
            near += 1
            assert clusters == [0, 0]
        elif similarity(text, other) < SIMILARITY:
            far += 1
            assert clusters == [0, 1]
    assert near > 20 and far > 20


def test_numbers_lines_and_marks_do_not_matter() -> None:
    text = text_of(1)
    for other in (text.upper(), text.replace(b" ", b"\n# "), b"1. " + text.replace(b" ", b" 9 ")):
        assert near_duplicate_clusters([text, other]) == [0, 0]


def windows(seed: int, count: int) -> list[bytes]:
    """Each is like its neighbours; those eight apart have little in common."""
    words = text_of(seed, 60 + 6 * count).decode().split()
    return [" ".join(words[first : first + 60]).encode() for first in range(0, 6 * count, 6)]


def test_similar_through_others() -> None:
    texts = windows(5, 40)
    assert (
        min(similarity(one, other) for one, other in itertools.pairwise(texts)) > SIMILARITY + 0.2
    )
    assert similarity(texts[0], texts[-1]) < 0.1
    assert near_duplicate_clusters(texts) == [0] * len(texts)
    assert near_duplicate_clusters(texts[::-1]) == [0] * len(texts)


def test_clusters_that_a_later_text_joins() -> None:
    first, *between, last = windows(6, 12)
    texts = [text_of(7), first, last, *between]
    assert near_duplicate_clusters(texts[:-9]) == [0, 1, 2, 1]
    assert near_duplicate_clusters(texts) == [0, *[1] * 12]


def test_short_texts_say_nothing() -> None:
    short, enough = b"x" * (MINIMUM_BYTES - 1), b"abcdefgh" * 3
    assert len(enough) == MINIMUM_BYTES
    assert near_duplicate_clusters([short, short]) == [0, 1]
    assert near_duplicate_clusters([enough, enough]) == [0, 0]


def test_texts_beyond_those_compared_count_as_unrelated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "COMPARED", 3)
    assert near_duplicate_clusters([text_of(1)] * 5) == [0, 0, 0, 3, 4]
