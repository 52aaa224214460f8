from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure import calls, reference
from measure.baseline import Baseline
from measure.generated import hostile_texts, prose, salad
from tocsin.measure import code_points
from tocsin.measure.batch import BUCKETS
from tocsin.measure.counts import DECODED_COUNTS
from tocsin.measure.onset_records import TOKENS_KEPT
from tocsin.measure.onsets import MINIMUM_CONTRAST, SURPRISAL
from tocsin.measure.pieces import MARGIN_BYTES, PIECE_BYTES

SLACK = reference.SLACK


def assert_features(row: dict[str, object], expected: reference.Document) -> None:
    def close(name: str, value: float, slack: float = SLACK) -> None:
        assert row[name] == pytest.approx(value, abs=slack, rel=1e-4), name

    assert row["tokens"] == expected.tokens
    close("surprisal", expected.surprisal)
    close("contrast", expected.contrast)
    if expected.contrast > MINIMUM_CONTRAST + SLACK:
        contrast, before, after = expected.contrasts[row["onset"]]  # type: ignore[index]
        assert contrast >= expected.contrast - SLACK
        close("before", before)
        close("after", after)
    elif expected.contrast < MINIMUM_CONTRAST - SLACK:
        assert row["onset"] == -1
    close("change_score", expected.change_score)
    if expected.change_score > 0:
        score = expected.split_scores[row["change_point"]]  # type: ignore[index]
        assert score == pytest.approx(expected.change_score, rel=1e-3)
    else:
        assert row["change_point"] == -1
    assert row["bucket"] == reference.bucket(expected)
    kinds = expected.kinds
    counted = max(expected.tokens, 1)
    letters = kinds[code_points.LETTER] + kinds[code_points.CHARACTER]
    close("letters", letters / counted, 1e-6)
    close("digits", kinds[code_points.DIGIT] / counted, 1e-6)
    close("marks", kinds[code_points.MARK] / counted, 1e-6)
    controls = kinds[code_points.CONTROL] + kinds[code_points.COMBINING]
    close("controls", controls / counted, 1e-6)


def assert_onsets(onsets: np.ndarray, expected: reference.Document, seed: int) -> None:
    found = {int(onset["offset"]): onset for onset in onsets}
    assert len(found) == len(onsets)
    assert onsets["offset"].tolist() == sorted(found)
    possible = {onset.offset: onset for onset in expected.possible_onsets}
    assert {onset.offset for onset in expected.onsets} <= set(found) <= set(possible)
    for offset, onset in found.items():
        record = possible[offset]
        assert onset["direction"] == record.direction
        assert onset["contrast"] / 8 <= record.contrast + SLACK
        assert record.contrast < (onset["contrast"] + 1) / 8 + SLACK
        hashes = [
            0 if token is None else calls.token_hashes(token, seed)[0] for token in record.ngram
        ]
        assert onset["tokens"].tolist() == hashes
        assert DECODED_COUNTS[onset["word_code"]] == pytest.approx(record.word_count)
        assert DECODED_COUNTS[onset["pair_code"]] == pytest.approx(record.pair_count)


def assert_measured(texts: list[bytes], baseline: Baseline) -> list[reference.Document]:
    """Features and onsets of the texts are the reference's."""
    found = calls.measure(calls.batch_of(texts), baseline.profile)
    rows = found.documents.to_pylist()
    documents = [reference.measure(text, baseline.learned) for text in texts]
    onsets = found.evidence["onsets"][found.evidence["onsets"]["channel"] == SURPRISAL]
    for position, expected in enumerate(documents):
        assert_features(rows[position], expected)
        here = onsets["position"] == position
        assert_onsets(onsets[here], expected, baseline.profile.seed)
    for name in ("onsets", "decoys"):
        direction = 1 if name == "onsets" else -1
        of_direction = onsets["position"][onsets["direction"] == direction]
        counts = np.bincount(of_direction, minlength=len(texts))
        assert [row[name] for row in rows] == counts.tolist()
    return documents


def test_texts_that_change(baseline: Baseline) -> None:
    generator = random.Random(2)
    texts = []
    for before, between, after in (
        (150, 150, 0), (150, 150, 150), (0, 150, 150), (400, 400, 400), (8, 40, 0), (7, 41, 0),
        (60, 39, 0), (300, 20, 300), (30, 200, 30), (2, 0, 3), (1000, 0, 0), (0, 1000, 0),
    ):  # fmt: skip
        parts = (
            prose(generator, baseline.words, max(before, 1)) if before else "",
            "~~Trigger10~~",
            salad(generator, baseline.words, between),
            prose(generator, baseline.words, max(after, 1)) if after else "",
        )
        texts.append(" ".join(parts).encode())
    documents = assert_measured(texts, baseline)
    assert sum(len(document.onsets) for document in documents) > 100
    assert {onset.direction for document in documents for onset in document.onsets} == {1, -1}


@pytest.mark.parametrize(
    "text",
    [
        b"", b"x", b" ", b"\x00", b"\xff", b"one", b"a" * 5000, b"\x00" * 5000, b"\x80" * 5000,
        b"ab" * 3000, b"a b " * 2000, bytes(range(256)) * 20, "漢字".encode() * 900,
        b"\xc3" + b"\xc3\xa9" * 50, b"- " * 300, b"-=" * 300,
    ],
)  # fmt: skip
def test_odd_texts(baseline: Baseline, text: bytes) -> None:
    assert_measured([text], baseline)


segments = st.tuples(
    st.sampled_from(["prose", "salad", "numbers", "marks"]), st.integers(1, 160), st.integers(0, 99)
)


def segment(baseline: Baseline, kind: str, size: int, seed: int) -> bytes:
    generator = random.Random(seed)
    if kind == "prose":
        return prose(generator, baseline.words, size).encode()
    if kind == "salad":
        return salad(generator, [*baseline.words, "Unseen", "漢", "слово"], size).encode()
    if kind == "numbers":
        return " ".join(str(generator.getrandbits(20)) for _ in range(size)).encode()
    return "".join(generator.choices("(){};=+-_.,", k=size)).encode()


@settings(max_examples=50)
@given(st.lists(segments | hostile_texts, max_size=5))
def test_texts_of_many_kinds(baseline: Baseline, parts: list[tuple[str, int, int] | bytes]) -> None:
    text = b" ".join(
        part if isinstance(part, bytes) else segment(baseline, *part) for part in parts
    )
    assert_measured([text], baseline)


def long_text(baseline: Baseline, size: int) -> bytes:
    """A text of `size` bytes or a little more, of which the edges of pieces are in no way special.
    Long words keep the number of tokens low."""
    generator = random.Random(3)
    parts: list[str] = []
    length = 0
    while length < size:
        kind = generator.choice((prose, prose, salad))
        part = kind(generator, baseline.words, generator.randrange(50, 400))
        parts.append(part if generator.random() < 0.9 else part.replace("ka", "長い"))
        length += len(parts[-1].encode()) + 1
    return " ".join(parts).encode()


def test_texts_longer_than_a_piece(baseline: Baseline) -> None:
    text = long_text(baseline, PIECE_BYTES + 70_000)
    (document,) = assert_measured([text], baseline)
    edges = (PIECE_BYTES - MARGIN_BYTES, PIECE_BYTES + MARGIN_BYTES)
    assert any(edges[0] < onset.offset < edges[1] for onset in document.onsets)
    assert document.tokens == len(reference.tokens(text))


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_every_token_of_a_long_text_counts_once(baseline: Baseline, shift: int) -> None:
    """The edges of pieces fall into characters of three bytes, and into words."""
    characters = "漢" * (2 * PIECE_BYTES // 3 + 5000)
    words = "wörter " * (PIECE_BYTES // 4)
    texts = [b"x" * shift + text.encode() for text in (characters, words)]
    found = calls.measure(calls.batch_of(texts), baseline.profile).features
    assert found.tokens.tolist() == [len(characters) + (shift > 0), PIECE_BYTES // 4]
    assert found.controls.tolist() == [0, 0]


def test_a_token_longer_than_a_piece(baseline: Baseline) -> None:
    text = b"before " + b"a" * (2 * PIECE_BYTES + 100) + b" after"
    found = calls.measure(calls.batch_of([text]), baseline.profile).features
    assert found.tokens.tolist() == [3]


def test_change_at_the_edge_of_a_piece(baseline: Baseline) -> None:
    """An onset is found once, at its place, wherever the edge lies."""
    # Words so frequent that no text's own share is left out.
    before = b"one two three four " * (PIECE_BYTES // 16)
    after = salad(random.Random(6), baseline.words, 200).encode()
    profile = calls.profile_of([before[:60_000]] * 3)
    for trigger in (PIECE_BYTES - 400, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 400):
        text = before[:trigger] + b" <SUDO> " + after
        found = calls.measure(calls.batch_of([text]), profile)
        (onset,) = found.features.onset.tolist()
        assert abs(onset - trigger) < 10
        onsets = found.evidence["onsets"][found.evidence["onsets"]["channel"] == SURPRISAL]
        (trigger_record,) = onsets[onsets["offset"] == text.index(b"<SUDO>")]
        hashes = calls.token_hashes(b"<SUDO> " + after, profile.seed)
        assert trigger_record["tokens"].tolist()[1:] == hashes[: TOKENS_KEPT - 1]
        offsets = onsets["offset"].tolist()
        assert offsets == sorted(set(offsets))


def test_decoys_are_onsets_with_time_reversed(baseline: Baseline) -> None:
    """Of a profile without pairs, a text read backwards has the same surprisal backwards: what was
    a decoy is an onset, with the same record."""
    generator = random.Random(8)
    words = baseline.words
    # The second half of the words is rare, so that there is something to see without pairs.
    corpus = [" ".join(generator.choices(words[:60], k=400)).encode() for _ in range(40)]
    corpus += [" ".join(words[60:] * 2).encode()]
    profile = calls.profile_of_words(corpus)
    common, rare = words[:60], words[60:]
    text: list[str] = []
    for number in range(8):
        text += generator.choices(rare if number % 2 else common, k=200)
    forward, backward = (
        calls.measure(calls.batch_of([" ".join(one).encode()]), profile).evidence["onsets"]
        for one in (text, text[::-1])
    )
    size = len(" ".join(text))

    def records(onsets: np.ndarray, direction: int) -> list[tuple[object, ...]]:
        inside = onsets[
            (onsets["direction"] == direction)
            & (onsets["offset"] > size // 6)
            & (onsets["offset"] < size - size // 6)
        ]
        return sorted(
            (row["tokens"].tolist(), row["contrast"], row["word_code"], row["pair_code"])
            for row in inside
        )

    assert len(records(forward, 1)) > 10 and len(records(forward, -1)) > 10
    assert records(forward, -1) == records(backward, 1)
    assert records(forward, 1) == records(backward, -1)


@pytest.mark.parametrize(
    ("text", "bucket"),
    [
        ("a b c", "latin/prose"),
        ("слово два a", "cyrillic/prose"),
        ("слово a", "latin/prose"),
        ("漢字 ab", "han/prose"),
        ("1 2 3 a", "latin/data"),
        ("1 a b c d", "latin/data"),
        ("1 a b c d e", "latin/prose"),
        ("f ( x ) ;", "latin/code"),
        ("1 2 ( ) ;", "other/code"),
        ("", "other/prose"),
        ("한 한 カ カ カ", "kana/prose"),
    ],
)
def test_buckets(baseline: Baseline, text: str, bucket: str) -> None:
    found = calls.measure(calls.batch_of([text.encode()]), baseline.profile).features
    assert BUCKETS[found.bucket[0]] == bucket


def test_onsets_at_the_start_of_a_text_have_no_neighbour(baseline: Baseline) -> None:
    assert TOKENS_KEPT == 10
    # Onsets need 8 tokens before: it is the record's end, or a decoy's, that may lie outside.
    generator = random.Random(1)
    text = salad(generator, baseline.words, 9) + " " + prose(generator, baseline.words, 150)
    (document,) = assert_measured([text.encode()], baseline)
    decoys = [onset for onset in document.onsets if onset.direction < 0]
    assert any(onset.ngram[-1] is None for onset in decoys)
