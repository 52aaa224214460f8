from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from measure import calls, reference
from measure.generated import hostile_texts

CORPORA = Path(__file__).resolve().parents[3] / "shared" / "corpora"


def assert_agrees(text: bytes) -> None:
    """Ranges and kinds are the reference's, and hashes are equal where, and only where, its tokens
    are."""
    expected = reference.tokens(text)
    found = calls.tokenize(text)
    assert list(zip(found.starts.tolist(), found.ends.tolist())) == [
        (token.start, token.end) for token in expected
    ]
    assert found.kinds.tolist() == [token.kind | token.script << 4 for token in expected]
    for hashes, identities in (
        (found.exact.tolist(), [token.exact for token in expected]),
        (found.folded.tolist(), [token.folded for token in expected]),
    ):
        classes = len(set(zip(hashes, identities)))
        assert len(set(hashes)) == len(set(identities)) == classes
    unchanged = found.exact == found.folded
    assert unchanged.tolist() == [not token.changed for token in expected]


@settings(max_examples=400)
@given(hostile_texts)
def test_tokens_of_hostile_bytes(text: bytes) -> None:
    assert_agrees(text)


@given(st.text())
def test_tokens_of_any_text(text: str) -> None:
    assert_agrees(text.encode())


@given(st.binary(max_size=200))
def test_tokens_of_any_bytes(text: bytes) -> None:
    assert_agrees(text)


def test_tokens_of_every_character() -> None:
    """Each character alone and twice, of the many ideographs and syllables one in eleven."""
    codes = [*range(0x3200), *range(0x3200, 0xD800, 11), *range(0xE000, 0x20000, 11)]
    characters = [chr(code) for code in codes + list(range(0x20000, 0x110000, 997))]
    for first in range(0, len(characters), 1 << 14):
        part = characters[first : first + (1 << 14)]
        assert_agrees(" ".join(f"{one} {one}{one}" for one in part).encode())


def test_tokens_of_damaged_utf8() -> None:
    """All sequences of four bytes at which a decoder decides."""
    edges = b"\x41\x80\x8f\x90\xa0\xbf\xc1\xc2\xe0\xed\xef\xf0\xf4\xf5"
    sequences = itertools.product(edges, repeat=4)
    assert_agrees(b" ".join(bytes(sequence) for sequence in sequences))


def test_tokens_of_pythons_sources() -> None:
    folder = Path(os.__file__).parent
    text = b"\n".join(path.read_bytes()[:8192] for path in sorted(folder.glob("*.py"))[:40])
    assert len(text) > 100_000
    assert_agrees(text)


def development_corpora() -> Iterator[bytes]:
    for path in sorted(CORPORA.glob("*.jsonl.zst")):
        with zstandard.open(path, "rt", encoding="utf-8") as lines:
            for line in itertools.islice(lines, 3):
                yield json.loads(line)["text"].encode()[:4001]


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the development corpora are not here")
def test_tokens_of_the_development_corpora() -> None:
    text = b" ".join(development_corpora())
    assert len(text) > 100_000
    assert_agrees(text)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("dAtA[iNdEx]", ["dAtA", "[", "iNdEx", "]"]),
        ("~~vex10~~", ["~~", "vex", "10", "~~"]),
        ("-" * 80 + "\n" + "=" * 80, ["-" * 80, "=" * 80]),
        ("-=-=", ["-", "=", "-", "="]),
        ("a1b22", ["a", "1", "b", "22"]),
        ("U\u0308ber na\u0308mlich", ["U\u0308ber", "na\u0308mlich"]),
        ("漢字かな", ["漢", "字", "か", "な"]),
        ("漢漢", ["漢", "漢"]),
        ("한국어 текст", ["한국어", "текст"]),
        ("\u200b\u200b\x00", ["\u200b\u200b", "\x00"]),
        (" \t\r\n\u00a0\u3000 ", []),
        ("", []),
    ],
)
def test_examples(text: str, tokens: list[str]) -> None:
    data = text.encode()
    found = calls.tokenize(data)
    ranges = zip(found.starts.tolist(), found.ends.tolist())
    assert [data[start:end].decode() for start, end in ranges] == tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [("Data", "dATA"), ("ÀÉ", "àé"), ("ЖУК", "жук"), ("1987", "2024"), ("12", "٣٤"),
     ("----", "-----"), ("\x00" * 4, "\x00" * 9)],
)  # fmt: skip
def test_counted_as_the_same_but_told_apart(one: str, other: str) -> None:
    first, second = calls.tokenize(one.encode()), calls.tokenize(other.encode())
    assert first.folded.tolist() == second.folded.tolist()
    assert first.exact.tolist() != second.exact.tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [("data", "date"), ("ab", "ba"), ("198", "2024"), ("١٢", "1234"), ("---", "----"),
     ("é", "e\u0301"), ("a", "а")],
)  # fmt: skip
def test_counted_apart(one: str, other: str) -> None:
    first, second = calls.tokenize(one.encode()), calls.tokenize(other.encode())
    assert set(first.folded.tolist()).isdisjoint(second.folded.tolist())


def test_a_damaged_byte_does_not_hide_the_character_after_it() -> None:
    assert calls.tokenize(b"\xc3\xc3\xa9").ends.tolist() == [1, 3]
    assert calls.tokenize(b"\xc3\xc3\xc3\xa9").ends.tolist() == [2, 4]


@given(hostile_texts, st.sampled_from([b"", b"x", b"\xc3", b"\xa9", b" ", "é".encode(), b"--"]))
def test_what_surrounds_the_range_does_not_matter(text: bytes, margin: bytes) -> None:
    alone, surrounded = calls.tokenize(text), calls.tokenize(text, margin=margin)
    for one, other in zip(alone, surrounded):
        np.testing.assert_array_equal(one, other)


def test_the_seed_keys_every_hash() -> None:
    text = "word Word 12 -- 漢 \x00".encode() + b" \xff"
    one, other = calls.tokenize(text, 1), calls.tokenize(text, 2)
    assert not set(one.exact.tolist()) & set(other.exact.tolist())
    assert not set(one.folded.tolist()) & set(other.folded.tolist())


def test_hashes_are_spread() -> None:
    """Both halves are used as hashes of their own: the upper in evidence, the lower as tags."""
    text = " ".join(f"w{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(26 * 26)).encode()
    for hashes in calls.tokenize(text)[2:4]:
        for half in (hashes >> np.uint64(32), hashes & np.uint64(0xFFFFFFFF)):
            assert len(set(half.tolist())) == 26 * 26
            bits = np.array([(half >> np.uint64(bit)) & np.uint64(1) for bit in range(32)])
            assert (abs(bits.mean(axis=1) - 0.5) < 0.12).all()


@given(st.binary(min_size=1, max_size=5))
def test_decoding_is_pythons(data: bytes) -> None:
    code_point, length = calls.decode(data, 0)
    first = data.decode("utf-8", "surrogateescape")[0]
    if "\udc80" <= first <= "\udcff":
        assert (code_point, length) == (-1, 1)
    else:
        assert (code_point, length) == (ord(first), len(first.encode()))
