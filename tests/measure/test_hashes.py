from __future__ import annotations

import random
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from measure import calls
from measure.generated import hostile_texts
from tocsin.measure import hashes
from tocsin.measure.batch import text_buffers
from tocsin.measure.hashes import (
    GROWTH,
    content_hashes,
    group_hashes,
    normalization_table,
    normalize,
    normalized_hashes,
)

CODE_POINT = (1 << 21) - 1

# Characters whose normalised form has a length of its own, and those that change their neighbours.
tricky = st.sampled_from(
    [
        "A", "ß", "ẞ", "ﬁ", "ﷺ", "ŉ", "ΐ", "İ", "ı", "Σ", "ς", "Å", "Å", "①", "½", "㎏", "ﾊ", "ﾞ",
        "가", "ᄀ", "ᅡ", "ㄱ", "e\u0301", "\u0301", "\u0345", "\u00ad", "\u200d", "\u3000", "\xa0",
        "\x1c", "\x85", "\u2028", " ", "  ", "\n", "\x00", "漢", "\U0002f800", "𝔸", "Ａ", "－",
    ]
)  # fmt: skip
texts = st.lists(tricky | st.text(max_size=3), max_size=25).map("".join)


def expected_content(text: bytes) -> bytes:
    return xxhash.xxh3_128_intdigest(text).to_bytes(16, "big")


def expected_normalized(text: bytes) -> bytes:
    return expected_content(normalize(text.decode("utf-8", "replace")).encode())


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(0, 8))
def test_content_hashes(documents: list[bytes], first: int) -> None:
    batch = calls.batch_of(documents).slice(first)
    found = content_hashes(*text_buffers(batch))
    assert found.type == pa.binary(16)
    assert found.to_pylist() == [expected_content(text) for text in documents[first:]]


@settings(max_examples=300)
@given(st.lists(texts.map(str.encode) | hostile_texts, max_size=6), st.integers(0, 6))
def test_normalized_hashes(documents: list[bytes], first: int) -> None:
    batch = calls.batch_of(documents).slice(first)
    found = normalized_hashes(*text_buffers(batch))
    assert found.type == pa.binary(16)
    assert found.to_pylist() == [expected_normalized(text) for text in documents[first:]]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("The  Quick\tBrown\r\nFox ", "the quick brown fox"),
        ("\n\n", ""),
        ("ﬁn", "fin"),
        ("Straße", "strasse"),
        ("ＡＢＣ　①", "abc 1"),
        ("e\u0301", "é"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("\u1100\u1161", "가"),
        ("a\x00B", "a\x00b"),
        ("a\x1cb", "a b"),
    ],
)
def test_normalize(text: str, form: str) -> None:
    assert normalize(text) == form


def test_texts_that_differ_in_form_alone_share_a_normalized_hash() -> None:
    batch = calls.batch_of(
        ["Café au  lait".encode(), "CAFE\u0301 AU\nLAIT ".encode(), b"cafe au lait"]
    )
    one, same, other = normalized_hashes(*text_buffers(batch)).to_pylist()
    assert one == same != other


def test_table_of_forms() -> None:
    """Each form is that of its character between letters, and no longer than there is room for."""
    forms = normalization_table()
    known = np.flatnonzero(forms).tolist()
    assert len(known) > 75_000
    for code_point in known:
        packed = int(forms[code_point])
        form = "".join(
            chr(packed >> shift & CODE_POINT)
            for shift in (0, 21, 42)
            if packed >> shift & CODE_POINT
        )
        character = chr(code_point)
        assert normalize(f"a{character}b") == f"a{form}b", hex(code_point)
        assert len(form.encode()) <= GROWTH * len(character.encode()), hex(code_point)


def test_characters_with_a_form_of_their_own_do_not_touch_their_neighbours() -> None:
    characters = [chr(code_point) for code_point in np.flatnonzero(normalization_table())]
    generator = random.Random(1)
    for _ in range(3):
        generator.shuffle(characters)
        text = "".join(characters).encode()
        found = normalized_hashes(*text_buffers(calls.batch_of([text])))
        assert found.to_pylist() == [expected_normalized(text)]


def test_plain_text_takes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    normalization_table()

    def never(text: str) -> str:
        raise AssertionError(text)

    monkeypatch.setattr(hashes, "normalize", never)
    text = "Plain “text”, naïve Ünïcödé, текст, 漢字 한국어 ﬁ ①\u3000"
    texts = [unicodedata.normalize("NFC", text).encode(), b"", b" \t"]
    found = normalized_hashes(*text_buffers(calls.batch_of(texts)))
    monkeypatch.undo()
    assert found.to_pylist() == [expected_normalized(text) for text in texts]


@given(st.lists(st.text(max_size=5), max_size=20), st.integers(0, 20))
def test_group_hashes(groups: list[str], first: int) -> None:
    found = group_hashes(pa.array(groups, pa.string()).slice(first))
    assert found.dtype == np.uint32
    assert found.tolist() == [
        int.from_bytes(xxhash.xxh3_64_digest(group.encode())[4:], "big") for group in groups[first:]
    ]
