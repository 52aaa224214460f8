"""Tokens by blocks against the tokens of each text by itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.generated import hostile_texts
from tocsin.correlate.recall import tokens_of
from tocsin.measure.pieces import BLOCK_BYTES, PIECE_BYTES, Tokenizer

SEED = 7


def own_tokens(texts: list[bytes]) -> list[tuple[int, int, int]]:
    """(document, end in the batch's data, hash) of every token that lies in a piece's core."""
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int32)
    data = np.frombuffer(b"".join(texts), np.uint8)
    found = []
    for tokens in Tokenizer(SEED).tokens(data, offsets):
        for piece, document in enumerate(tokens.documents.tolist()):
            low, high = tokens.cores[piece]
            assert offsets[document] <= low <= high <= offsets[document + 1]
            for index in range(tokens.bounds[piece], tokens.bounds[piece + 1]):
                if low <= tokens.starts[index] < high:
                    found.append((document, int(tokens.ends[index]), int(tokens.exact[index])))
    return found


def expected(texts: list[bytes]) -> list[tuple[int, int, int]]:
    begin = 0
    found = []
    for document, text in enumerate(texts):
        ends, exact, _ = tokens_of(text, SEED)
        found += [
            (document, begin + end, hash_) for end, hash_ in zip(ends.tolist(), exact.tolist())
        ]
        begin += len(text)
    return found


@settings(max_examples=50, deadline=None)
@given(st.lists(hostile_texts, min_size=1, max_size=5))
def test_short_texts(texts: list[bytes]) -> None:
    assert own_tokens(texts) == expected(texts)


def test_many_blocks() -> None:
    texts = [b"some words of text %d " % number * 400 for number in range(60)]
    assert sum(map(len, texts)) > 3 * BLOCK_BYTES
    assert own_tokens(texts) == expected(texts)


def test_a_text_of_many_pieces_between_others() -> None:
    long_text = "wörter und 漢字 ".encode() * (2 * PIECE_BYTES // 18)
    assert len(long_text) > 2 * PIECE_BYTES
    texts = [b"before it", long_text, b"", b"after it"]
    assert own_tokens(texts) == expected(texts)
