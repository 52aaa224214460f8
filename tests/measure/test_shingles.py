"""Fingerprints against datasketch itself and against twins written from the definitions."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given
from hypothesis import strategies as st

from measure.baseline import Baseline
from measure.calls import batch_of, tokenize
from measure.generated import salad, words_of
from tocsin.measure import pieces
from tocsin.measure.batch import Measurement, Measurer
from tocsin.measure.counts import DECODED_COUNTS
from tocsin.measure.profile import Profile
from tocsin.measure.shingles import (
    PERMUTATIONS,
    RARE_PAIR,
    SAMPLE_TOKENS,
    SAMPLE_WINDOW,
    SHINGLE_BITS,
    SIGNATURE_TOKENS,
    SKETCH_SIZE,
    add_fingerprints,
    begin_fingerprints,
    new_fingerprints,
    room_for,
    sample_hashes,
)

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
FACTORS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1)
WORDS = words_of(random.Random(0), 500)


def spread(value: int) -> int:
    return (value * GOLDEN & MASK) >> (64 - SHINGLE_BITS)


def mixed(value: int) -> int:
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return value ^ (value >> 31)


def signature_of(folded: list[int]) -> np.ndarray:
    """datasketch's own signature of the 5-token shingles."""
    sketch = MinHash(num_perm=PERMUTATIONS, scheme="affine32", hashfunc=int)
    for at in range(len(folded) - SIGNATURE_TOKENS + 1):
        shingle = folded[at : at + SIGNATURE_TOKENS]
        sketch.update(sum(token * factor for token, factor in zip(shingle, FACTORS)) % (1 << 32))
    return sketch.hashvalues


def winnowed(exact: list[int]) -> set[int]:
    """Winnowing by definition: the least of each window, the last of equals."""
    orders = [
        mixed(
            sum(
                token * pow(GOLDEN, SAMPLE_TOKENS - 1 - at, 1 << 64)
                for at, token in enumerate(exact[first : first + SAMPLE_TOKENS])
            )
            & MASK
        )
        for first in range(len(exact) - SAMPLE_TOKENS + 1)
    ]
    size = min(SAMPLE_WINDOW, len(orders))
    windows = [orders[first : first + size] for first in range(len(orders) - size + 1)]
    return {spread(min(window)) for window in windows if window}


def sketch_of(folded: list[int], profile: Profile) -> set[int]:
    """The smallest keys of the pairs that the profile does not know as frequent."""
    keys = {(one * GOLDEN + other) & MASK for one, other in itertools.pairwise(folded)}
    slots = profile.table.slots
    shift = 64 - (len(slots) // 8).bit_length() + 1
    rare = []
    for key in keys:
        bucket = slots[(key >> shift) * 8 : (key >> shift) * 8 + 8].tolist()
        tag = max(key & 0xFFFFFF, 1)
        count = max([DECODED_COUNTS[slot & 255] for slot in bucket if slot >> 8 == tag] or [0])
        if count <= DECODED_COUNTS[DECODED_COUNTS <= RARE_PAIR].max():
            rare.append(key)
    return {spread(key) for key in sorted(rare)[:SKETCH_SIZE]}


def measured(baseline: Baseline, texts: list[bytes]) -> Measurement:
    return Measurer(baseline.profile).measure(batch_of(texts), "s", 0)


def held(measurement: Measurement, kind: str, document: int) -> set[int]:
    records = measurement.evidence[kind]
    hashes = records["hash"][records["position"] == document].tolist()
    assert len(hashes) == len(set(hashes))
    return set(hashes)


def check(baseline: Baseline, texts: list[bytes]) -> None:
    found = measured(baseline, texts)
    for number, text in enumerate(texts):
        tokens = tokenize(text, baseline.profile.seed)
        exact, folded = tokens.exact.tolist(), tokens.folded.tolist()
        signature = np.frombuffer(found.documents["signature"][number].as_py(), "<u4")
        np.testing.assert_array_equal(signature, signature_of(folded))
        assert held(found, "samples", number) == winnowed(exact)
        assert held(found, "sketches", number) == sketch_of(folded, baseline.profile)


def test_as_defined(baseline: Baseline) -> None:
    generator = random.Random(1)
    sizes = (0, 1, 4, 5, 7, 8, 9, 40, 71, 72, 200, 3000)
    texts = [salad(generator, WORDS, size).encode() for size in sizes]
    check(baseline, [*texts, b"a b " * 500, b"same " * 90, "日本語の文章".encode() * 30])


@given(st.lists(st.binary(max_size=120), min_size=1, max_size=4))
def test_any_bytes(baseline: Baseline, texts: list[bytes]) -> None:
    check(baseline, texts)


def test_pieces_make_the_same_fingerprints(
    baseline: Baseline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document is measured piece by piece; here, two tokens at a time."""
    tokens = tokenize(salad(random.Random(3), WORDS, 700).encode())
    count = len(tokens.exact)
    pairs = np.append(np.uint64(0), tokens.folded[:-1] * np.uint64(GOLDEN) + tokens.folded[1:])
    codes = np.zeros(count, np.uint8)
    found = []
    for step in (count, 2, 33):
        prints = room_for(new_fingerprints(count), 1, count)
        begin_fingerprints(0, prints)
        for first in range(0, count, step):
            last = min(first + step, count)
            add_fingerprints(
                0, tokens.exact, tokens.folded, pairs, codes, count, first, last, prints
            )
        samples = prints.samples[: prints.found[0]].tolist()
        found.append((prints.signatures.tolist(), prints.sketches.tolist(), samples))
    assert found[0] == found[1] == found[2]


def test_a_long_shared_passage_has_a_shared_sample(baseline: Baseline) -> None:
    """What winnowing promises: a passage of SAMPLE_WINDOW + SAMPLE_TOKENS - 1 tokens."""
    generator = random.Random(2)
    passage = [f"{word}x" for word in generator.sample(WORDS, SAMPLE_WINDOW + SAMPLE_TOKENS - 1)]
    for seed in range(40):
        texts = [
            " ".join(
                [
                    salad(random.Random(f"{seed} {side} before"), WORDS, 50 + seed),
                    *passage,
                    salad(random.Random(f"{seed} {side} after"), WORDS, 80),
                ]
            ).encode()
            for side in range(2)
        ]
        found = measured(baseline, texts)
        assert held(found, "samples", 0) & held(found, "samples", 1)


def test_many_samples_find_room(baseline: Baseline) -> None:
    text = salad(random.Random(4), WORDS, 1_500_000 // 6).encode()
    found = measured(baseline, [text, b"one two three", text])
    records = found.evidence["samples"]
    assert (records["position"] == 0).sum() == (records["position"] == 2).sum() > 5_000
    assert (records["position"] == 1).sum() == 0
    assert len(text) > pieces.PIECE_BYTES


def test_rewritten_documents_share_their_sketch(baseline: Baseline) -> None:
    """Of copies of which a fifth of the words were changed, most share several pairs."""
    generator = random.Random(5)
    words = words_of(random.Random("names"), 110)
    texts = []
    for _ in range(200):
        told = [generator.choice(WORDS) if generator.random() < 0.2 else word for word in words]
        texts.append(" ".join(told).encode())
    found = measured(baseline, texts)
    sketches = [held(found, "sketches", number) for number in range(200)]
    common = [len(one & other) for one, other in itertools.pairwise(sketches)]
    assert 2.0 < np.mean(common) < 5.0
    assert np.mean([count >= 2 for count in common]) > 0.8


def test_the_index_of_datasketch_takes_the_column(baseline: Baseline) -> None:
    """As docs/method-payloads.md shows."""
    words = salad(random.Random(6), WORDS, 300).split()
    texts = [" ".join(words).encode(), " ".join([*words[:290], "other"]).encode()]
    texts.append(salad(random.Random(7), WORDS, 300).encode())
    rows = measured(baseline, texts).documents.select(["doc_id", "signature"]).to_pylist()
    index = MinHashLSH(threshold=0.8, num_perm=64)
    for row in rows:
        values = np.frombuffer(row["signature"], "<u4")
        index.insert(row["doc_id"], MinHash(hashvalues=values, scheme="affine32"))
    first = MinHash(hashvalues=np.frombuffer(rows[0]["signature"], "<u4"), scheme="affine32")
    assert sorted(index.query(first)) == ["d0", "d1"]


def test_the_hash_of_a_place_does_not_depend_on_what_is_before() -> None:
    tokens = tokenize(salad(random.Random(8), WORDS, 50).encode())
    whole, part = np.zeros(60, np.uint64), np.zeros(60, np.uint64)
    sample_hashes(tokens.exact, 50, 0, 43, whole)
    sample_hashes(tokens.exact, 50, 20, 30, part)
    assert part[:10].tolist() == whole[20:30].tolist()
