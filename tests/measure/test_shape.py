"""Shape against plain Python."""

from __future__ import annotations

import base64
import json
import math
import random
import string
from collections import Counter

import pytest
from hypothesis import given, settings

from measure import calls
from measure.baseline import Baseline
from measure.generated import hostile_texts, prose, salad
from tocsin.measure.shape import COMPRESSED_BYTES


def measure(text: bytes) -> dict[str, float]:
    """Every column but compressibility."""
    characters = text.decode("utf-8", "surrogateescape")
    invalid = sum("\udc80" <= character <= "\udcff" for character in characters)
    size = max(len(text), 1)
    widths = Counter(
        len(character.encode()) for character in characters if not "\udc80" <= character <= "\udcff"
    )
    counts = Counter(text)
    entropy = sum(count / size * math.log2(size / count) for count in counts.values())

    def share(kind: str) -> float:
        return sum(counts[ord(character)] for character in kind) / size

    ascii_bytes = sum(count for byte, count in counts.items() if byte < 0x80)
    known = sum(
        map(share, (string.ascii_letters, string.digits, string.punctuation, " \t\n\v\f\r"))
    )
    return {
        "code_points": len(characters),
        "invalid_bytes": invalid,
        "two_byte": widths[2] / max(len(characters), 1),
        "three_byte": widths[3] / max(len(characters), 1),
        "four_byte": widths[4] / max(len(characters), 1),
        "byte_entropy": entropy,
        "ascii_letters": share(string.ascii_letters),
        "capitals": share(string.ascii_uppercase),
        "ascii_digits": share(string.digits),
        "white_space": share(" \t\n\v\f\r"),
        "punctuation": share(string.punctuation),
        "control_bytes": ascii_bytes / size - known,
    }


def row_of(text: bytes, baseline: Baseline) -> dict[str, float]:
    (row,) = calls.measure(calls.batch_of([text]), baseline.profile).documents.to_pylist()
    return row


def assert_measured(text: bytes, baseline: Baseline) -> None:
    row = row_of(text, baseline)
    expected = measure(text)
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert row["compressibility"] == pytest.approx(repeated(text), abs=1e-6)


def repeated(text: bytes) -> float:
    """The share of the places whose next four bytes are the latest of their hash."""
    latest = dict.fromkeys(range(1 << 11), b"\0\0\0\0")
    found = []
    for at in range(min(len(text), COMPRESSED_BYTES) - 3):
        word = text[at : at + 4]
        slot = int.from_bytes(word, "little") * 2654435761 % (1 << 32) >> 21
        found.append(latest[slot] == word)
        latest[slot] = word
    return sum(found) / max(len(found), 1)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"x", b"\x00", b"\xff", b"\x7f\x00 a", bytes(range(256)) * 40, b"a" * 70_000,
        "漢字かな交じり文".encode() * 20, "שלום עולם مرحبا".encode(), "a😀b𠀀".encode() * 9,
        b"abcdefg\xc3", b"abcdefgh\xe2\x82", b"plain ASCII that is longer than eight bytes",
        json.loads('"\\ud83d\\ude00 and \\u00e9"').encode(),
        json.loads('"\\ud83d alone"').encode("utf-8", "surrogatepass"),
    ],
)  # fmt: skip
def test_odd_texts(baseline: Baseline, text: bytes) -> None:
    assert_measured(text, baseline)


@settings(max_examples=150)
@given(hostile_texts)
def test_hostile_texts(baseline: Baseline, text: bytes) -> None:
    assert_measured(text, baseline)
    assert_measured(text * 3, baseline)


def test_each_document_by_itself(baseline: Baseline) -> None:
    texts = [b"aaaa" * 50, b"", "é".encode() * 9, b"\xff\xfe", b"aaaa" * 50]
    rows = calls.measure(calls.batch_of(texts), baseline.profile).documents.to_pylist()
    for row, text in zip(rows, texts):
        expected = measure(text)
        assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert rows[0]["compressibility"] == rows[4]["compressibility"]


def test_compressibility_orders_texts(baseline: Baseline) -> None:
    """What repeats itself is told from what doesn't."""
    generator = random.Random(3)
    blob = base64.b64encode(generator.randbytes(9000))
    words = ["".join(generator.choices(string.ascii_lowercase, k=9)) for _ in range(5000)]
    found = [
        row_of(text, baseline)["compressibility"]
        for text in (
            blob,
            salad(generator, words, 1500).encode(),
            prose(generator, baseline.words, 1500).encode(),
            b"the same line again\n" * 500,
        )
    ]
    assert found[0] < 0.05
    assert found == sorted(found)
    assert found[3] > 0.99


def test_a_long_document(baseline: Baseline) -> None:
    """Ten pieces and a little; 100 MB differ by nothing but their number."""
    generator = random.Random(4)
    unit = (prose(generator, baseline.words, 2000) + " élan 漢字 ").encode() + b"\xff"
    text = unit * (5_300_000 // len(unit))
    row = row_of(text, baseline)
    assert row["invalid_bytes"] == len(text) // len(unit)
    assert row["code_points"] == len(text.decode("utf-8", "replace"))
