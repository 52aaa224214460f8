from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.correlate.known import (
    FeedError,
    Known,
    encode_feed,
    known_of,
    parse_feed,
)
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA, FLAGGED_SCHEMA

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
