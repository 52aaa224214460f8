"""Repetition against its definitions, written out over lists of words."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure import calls, reference
from measure.baseline import Baseline
from measure.generated import hostile_texts, prose
from tocsin.measure.code_points import CHARACTER
from tocsin.measure.pieces import PIECE_BYTES


def duplicates(texts: Sequence[tuple[bytes, ...]], sizes: Sequence[int]) -> tuple[int, int]:
    """How many repeat an earlier one, and their bytes."""
    seen = set()
    count = size = 0
    for text, own in zip(texts, sizes):
        if text in seen:
            count += 1
            size += own
        seen.add(text)
    return count, size


def most_frequent(words: Sequence[bytes], length: int) -> int:
    """Bytes in all occurrences of the most frequent n-gram, of equals the longest."""
    ngrams = Counter(tuple(words[at : at + length]) for at in range(len(words) - length + 1))
    repeated = [
        (count, sum(map(len, ngram)) * count) for ngram, count in ngrams.items() if count > 1
    ]
    return max(repeated, default=(0, 0))[1]


def in_duplicates(tokens: Sequence[bytes], length: int) -> int:
    """Bytes of the tokens within n-grams that repeat an earlier one."""
    seen = set()
    inside: set[int] = set()
    for at in range(len(tokens) - length + 1):
        ngram = tuple(tokens[at : at + length])
        if ngram in seen:
            inside.update(range(at, at + length))
        seen.add(ngram)
    return sum(len(tokens[index]) for index in inside)


class Word(NamedTuple):
    """`text`; `newlines` after it, 2 at the end of the text."""

    text: bytes
    newlines: int


def words(text: bytes) -> list[Word]:
    """Runs without white space; characters of scripts without spaces one by one."""
    tokens = reference.tokens(text)
    found = []
    begin = 0
    for index, token in enumerate(tokens):
        if index + 1 == len(tokens):
            found.append(Word(text[begin or tokens[0].start : token.end], 2))
            break
        following = tokens[index + 1]
        characters = CHARACTER in (token.kind, following.kind)
        if token.end < following.start or characters:
            gap = text[token.end : following.start]
            found.append(Word(text[begin or tokens[0].start : token.end], gap.count(b"\n")))
            begin = following.start
    return found


def measure(text: bytes) -> dict[str, float]:
    """Every column of a text that fits a piece."""
    found = words(text)
    exact = [word.text for word in found]
    total = max(sum(map(len, exact)), 1)
    lines: list[list[bytes]] = [[]]
    newlines = []
    for word in found:
        lines[-1].append(word.text)
        if word.newlines:
            newlines.append(word.newlines)
            lines.append([])
    line_texts = [tuple(line) for line in lines[:-1]]
    line_bytes = [sum(map(len, line)) for line in line_texts]
    paragraphs: list[list[tuple[bytes, ...]]] = [[]]
    for after, line in zip(newlines, line_texts):
        paragraphs[-1].append(line)
        if after > 1:
            paragraphs.append([])
    paragraphs.pop()
    paragraph_bytes = [sum(len(t) for line in paragraph for t in line) for paragraph in paragraphs]
    same_lines, same_line_bytes = duplicates(line_texts, line_bytes)
    same_paragraphs, same_paragraph_bytes = duplicates(
        [tuple(paragraph) for paragraph in paragraphs],  # type: ignore[misc]
        paragraph_bytes,
    )
    symbols = 0
    for token in (token.exact for token in reference.tokens(text)):
        if token.startswith(b"#"):
            symbols += len(token)
        elif token.startswith(b".") and len(token) >= 3:
            symbols += 1
        elif token.startswith("…".encode()):
            symbols += len(token) // 3
    columns: dict[str, float] = {
        "words": len(exact),
        "longest_word": max(map(len, exact), default=0),
        "lines": len(line_texts),
        "symbol_ratio": symbols / max(len(exact), 1),
        "duplicate_lines": same_lines / max(len(line_texts), 1),
        "duplicate_line_bytes": same_line_bytes / total,
        "duplicate_paragraphs": same_paragraphs / max(len(paragraphs), 1),
        "duplicate_paragraph_bytes": same_paragraph_bytes / total,
    }
    for length in (2, 3, 4):
        columns[f"top_{length}gram"] = min(most_frequent(exact, length) / total, 1.0)
    for length in range(5, 11):
        columns[f"duplicate_{length}grams"] = in_duplicates(exact, length) / total
    return columns


def assert_measured(text: bytes, baseline: Baseline) -> dict[str, float]:
    (row,) = calls.measure(calls.batch_of([text]), baseline.profile).documents.to_pylist()
    expected = measure(text)
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-5, abs=1e-6)
    return expected


def repetitive(generator: random.Random, words: list[str], size: int) -> str:
    """Lines of prose of which many come again, in whole or in part."""
    lines: list[str] = []
    while len(lines) < size:
        choice = generator.random()
        if lines and choice < 0.3:
            lines.append(generator.choice(lines))
        elif lines and choice < 0.5:
            half = generator.choice(lines).split()
            lines.append(" ".join(half[len(half) // 2 :] + half[: len(half) // 2]))
        elif choice < 0.6:
            lines.append("")
        else:
            lines.append(prose(generator, words, generator.randrange(1, 30)))
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(8))
def test_repetitive_text(baseline: Baseline, seed: int) -> None:
    generator = random.Random(seed)
    text = repetitive(generator, baseline.words, 3 + seed * 12)
    measured = assert_measured(text.encode(), baseline)
    if seed:
        assert measured["duplicate_10grams"] > 0 and measured["duplicate_line_bytes"] > 0


@pytest.mark.parametrize(
    "text",
    [
        b"", b"x", b" ", b"\n", b"\xff", b"one two", b"a" * 5000, b"a " * 5000, b"ab\n" * 700,
        b"a b c d e\n\na b c d e\r\n\r\na b c d e f", b"- " * 300, "漢字かな".encode() * 300,
        "שלום עולם\n\n".encode() * 40, b"### a ... b .. c ....", "…… a…".encode(), b"\x80 \x80 a",
        b"no white space at all" .replace(b" ", b"_") * 200, b"a b\n a  b\n\n\n\na b",
    ],
)  # fmt: skip
def test_odd_texts(baseline: Baseline, text: bytes) -> None:
    assert_measured(text, baseline)


@settings(max_examples=150)
@given(st.lists(hostile_texts | st.sampled_from([b"\n", b"\n\n", b" a b c d e f "]), max_size=12))
def test_hostile_texts(baseline: Baseline, some: list[bytes]) -> None:
    assert_measured(b"".join(some * 2), baseline)


def test_few_tokens_again_and_again(baseline: Baseline) -> None:
    generator = random.Random(5)
    for symbols in (2, 3, 5):
        tokens = generator.choices("abcde"[:symbols], k=700)
        assert_measured(" ".join(tokens).encode(), baseline)


def test_pieces_are_added_up(baseline: Baseline) -> None:
    """Comparisons end with a piece: a line of one piece is no duplicate in the next."""
    line = b"x" * (PIECE_BYTES // 2 - 1) + b"\n"
    other = b"y" * (PIECE_BYTES // 2 - 1) + b"\n"
    (row,) = calls.measure(calls.batch_of([line * 4]), baseline.profile).documents.to_pylist()
    assert row["lines"] == 4 and row["duplicate_lines"] == 0.5
    text = (line + other) * 2
    (row,) = calls.measure(calls.batch_of([text]), baseline.profile).documents.to_pylist()
    assert row["lines"] == 4 and row["duplicate_lines"] == 0
    assert row["words"] == 4 and row["longest_word"] == PIECE_BYTES // 2 - 1


def test_head_hashes(baseline: Baseline) -> None:
    """Equal for equal beginnings, whatever the white space and what follows."""
    generator = random.Random(7)
    head = prose(generator, baseline.words, 64)
    long_head = head + " " + prose(generator, baseline.words, 192)
    texts = [
        head, head.replace(" ", "\n"), head + " more", head[:-1], head.rsplit(" ", 1)[0],
        long_head, long_head + " more", long_head.upper(), "",
    ]  # fmt: skip
    batch = calls.batch_of([text.encode() for text in texts])
    found = calls.measure(batch, baseline.profile).documents.to_pydict()
    short = found["head_64"]
    assert short[0] == short[1] == short[2] == short[5] == short[6] != 0
    assert short[3] not in (0, short[0]) and short[7] not in (0, short[0])
    assert short[4] == short[8] == 0
    assert found["head_256"][:5] == [0] * 5
    assert found["head_256"][5] == found["head_256"][6] not in (0, short[5])
    assert found["head_256"][7] not in (0, found["head_256"][5])
