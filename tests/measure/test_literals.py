"""Literals against `bytes.find`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.generated import hostile_texts
from tocsin.measure.literals import PLACE, Literal, find_literals, literal_table

_TEXTS = (
    b"<|im_start|>", b"<|", b"aab", b"ab", b"\x1b", b"\xff", "\u200b".encode(), "｡｡｡".encode(),
    b"the", b"\xe3\x80", b"\x00\x00", b"x",
)  # fmt: skip


def find(
    texts: list[bytes], literals: list[Literal]
) -> tuple[list[int], list[tuple[int, int, int]]]:
    data = np.frombuffer(b"".join(texts), np.uint8)
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int32)
    flags = np.full(len(texts), 0xFF, np.uint8)
    places = np.zeros(100_000, PLACE)
    found = find_literals(data, offsets, literal_table(literals), flags, places)
    return flags.tolist(), sorted(map(tuple, places[:found].tolist()))


def naive(
    texts: list[bytes], literals: list[Literal]
) -> tuple[list[int], list[tuple[int, int, int]]]:
    flags, places = [], []
    for document, text in enumerate(texts):
        flag = 0
        for number, literal in enumerate(literals):
            at = text.find(literal.text)
            flag |= literal.flag if at >= 0 else 0
            while at >= 0:
                if literal.placed:
                    places.append((document, number, at))
                at = text.find(literal.text, at + 1)
        flags.append(flag)
    return flags, sorted(places)


@given(
    st.lists(
        st.one_of(
            hostile_texts,
            st.lists(st.sampled_from(_TEXTS), max_size=12).map(b"".join),
            st.binary(max_size=40),
        ),
        max_size=6,
    ),
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(_TEXTS), st.binary(min_size=1, max_size=4)),
            st.sampled_from([1, 2, 4]),
            st.booleans(),
        ),
        max_size=8,
    ),
)
def test_like_bytes_find(texts: list[bytes], chosen: list[tuple[bytes, int, bool]]) -> None:
    literals = [Literal(*one) for one in chosen]
    assert find(texts, literals) == naive(texts, literals)


@pytest.mark.parametrize("before", range(18))
def test_at_every_place_of_a_block(before: int) -> None:
    """Also at the start and the end of a text, and not across two texts."""
    literals = [Literal(b"<|x|>", 2, True), Literal(b"\x07", 1, True)]
    text = b"a" * before
    texts = [text + b"<|x|>", text + b"<|x", b"|>" + text, text + b"\x07", b"\x07" + text]
    assert find(texts, literals) == naive(texts, literals)


def test_an_empty_literal_is_refused() -> None:
    with pytest.raises(ValueError, match="must have a byte"):
        literal_table([Literal(b"", 1)])


def test_room_that_is_too_small_is_told() -> None:
    data = np.frombuffer(b"ababab", np.uint8)
    places = np.zeros(1, PLACE)
    table = literal_table([Literal(b"ab", 1, True)])
    found = find_literals(data, np.array([0, 6], np.int32), table, np.zeros(1, np.uint8), places)
    assert found == 3
    assert places.tolist() == [(0, 0, 0)]
