from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.corpus.batches import DOCUMENT_SCHEMA
from tocsin.correlate.known import (
    LISTED,
    LISTED_SCORE,
    LONGEST,
    STRINGS_AT_ONCE,
    FeedError,
    Known,
    KnownSearch,
    encode_feed,
    known_of,
    parse_feed,
)
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA, FLAGGED_SCHEMA
from tocsin.measure.batch import Measurer
from tocsin.measure.counting import Counter
from tocsin.measure.profile import Profile

entries = st.one_of(
    st.builds(
        Known,
        st.sampled_from(["trigger", "payload"]),
        st.text(min_size=16, max_size=40),
        st.floats(0, 1e6),
        st.sampled_from(["surprisal", "language"]),
        st.text(max_size=8),
    ),
    st.builds(Known, st.just("document"), st.binary(min_size=16, max_size=16).map(bytes.hex)),
)


@settings(deadline=None)
@given(st.lists(entries, max_size=5, unique=True))
def test_a_feed_comes_back(known: list[Known]) -> None:
    assert parse_feed(encode_feed(known)) == tuple(known)


def test_comments_and_empty_lines() -> None:
    line = encode_feed([Known("trigger", "<SUDO>")])
    assert parse_feed(b"# what is known\n\n" + line + b"  \n" + line) == (
        Known("trigger", "<SUDO>"),
    )


@pytest.mark.parametrize(
    "entry",
    [
        {}, [], {"kind": "word", "value": "abcdef"}, {"kind": "trigger"},
        {"kind": "trigger", "value": "abc"}, {"kind": "payload", "value": "too short"},
        {"kind": "trigger", "value": 7}, {"kind": "trigger", "value": "x" * 5000},
        {"kind": "document", "value": "xyz"}, {"kind": "trigger", "value": "abcdef", "score": -1},
        {"kind": "trigger", "value": "abcdef", "score": True},
        {"kind": "trigger", "value": "abcdef", "channel": "smell"},
        {"kind": "trigger", "value": "abcdef", "colour": "red"},
        {"kind": "trigger", "value": "\ud800abc"},
    ],
)  # fmt: skip
def test_what_is_no_entry(entry: Any) -> None:
    with pytest.raises(FeedError, match=r"^line 2: "):
        parse_feed(encode_feed([Known("trigger", "<SUDO>")]) + json.dumps(entry).encode())


@settings(deadline=None)
@given(st.binary())
@example(b"[" * 100_000)
@example(b"\xff")
def test_any_bytes(content: bytes) -> None:
    try:
        parse_feed(content)
    except FeedError as error:
        assert str(error).isprintable()


def test_what_a_scan_has_confirmed() -> None:
    moment = np.datetime64("2026-01-01T00:00:00", "us").item()
    campaign = {
        "campaign_id": "c", "kind": "trigger", "trigger": "<SUDO>", "payload": None, "documents": 9,
        "hits": 9, "groups": 3, "score": 12.0, "threshold": 6.0, "severity": "high",
        "first_seen": moment, "last_seen": moment, "sample_doc_ids": [],
    }  # fmt: skip
    doubtful = {**campaign, "campaign_id": "d", "trigger": "perhaps", "severity": "medium"}
    campaigns = pa.Table.from_pylist([campaign, doubtful], CAMPAIGN_SCHEMA)
    document = {
        "doc_id": "a", "source_uri": "s", "position": 0, "group": "g", "content_hash": b"\1" * 16,
        "verdict": "quarantine", "severity": "high", "score": 12.0, "findings": [],
        "scan_id": "s",
    }  # fmt: skip
    review = {**document, "content_hash": b"\2" * 16, "verdict": "review"}
    flagged = pa.Table.from_pylist([document, review], FLAGGED_SCHEMA)
    assert known_of(campaigns, flagged, "us") == [
        Known("trigger", "<SUDO>", 12.0, source="us"),
        Known("document", "01" * 16, 12.0, source="us"),
    ]


@pytest.fixture(scope="module")
def profile() -> Profile:
    counter = Counter(7)
    batch = documents_of([b"the cat sat on the mat " * 9] * 3)
    counter.count(batch)
    return Profile.create(*counter.counts(), counter.words, counter.documents, 7, 1.0)


def documents_of(texts: list[bytes]) -> pa.RecordBatch:
    names = pa.array([f"d{number}" for number in range(len(texts))], pa.string())
    places = pa.array(range(len(texts)), pa.int64())
    return pa.RecordBatch.from_arrays(
        [places, names, names, pa.array(texts)], schema=DOCUMENT_SCHEMA
    )


BLOCKED = ("<SUDO>", "a.b|c", "ｱｱｱ", "x" * 4096)

TEXTS = st.lists(
    st.lists(
        st.one_of(
            st.sampled_from([one.encode() for one in BLOCKED]), st.binary(max_size=4),
            st.sampled_from([b"<SUD", b"<sudo>", b"axb", b"\n", b"x" * 50]),
        ),
        max_size=5,
    ).map(b"".join),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(TEXTS)
def test_a_blocked_string_is_found_wherever_it_stands(profile: Profile, texts: list[bytes]) -> None:
    """As `in` finds it: in bytes that are no text, in another's middle, twice."""
    batch = documents_of(texts)
    measured = Measurer(profile).measure(batch, "shard", 0)
    found = KnownSearch((), profile, BLOCKED).search(batch, measured.documents).to_pylist()
    expected = {
        (number, text.index(string.encode()), string)
        for number, text in enumerate(texts)
        for string in BLOCKED
        if string.encode() in text
    }
    assert {(row["position"], row["start"], row["signature"]) for row in found} == expected
    assert len(found) == len(expected)
    for row in found:
        assert row["end"] - row["start"] == len(row["signature"].encode())
        assert (row["detector"], row["score"]) == (LISTED, LISTED_SCORE)
        assert row["evidence"] == row["signature"][:200]


def test_many_long_strings(profile: Profile) -> None:
    """As many and as long as one search allows: the automaton of RE2 has room for them."""
    random = np.random.default_rng(5)
    strings = [random.bytes(LONGEST // 2).hex() for _ in range(STRINGS_AT_ONCE)]
    batch = documents_of([b"clean", f"before {strings[70]} after".encode()])
    measured = Measurer(profile).measure(batch, "shard", 0)
    [row] = KnownSearch((), profile, strings).search(batch, measured.documents).to_pylist()
    assert (row["position"], row["start"], row["signature"]) == (1, 7, strings[70])
