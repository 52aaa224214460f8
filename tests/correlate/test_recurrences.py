"""Recurrences: findings of single documents that make campaigns."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
import xxhash

from tocsin.correlate.campaigns import Campaign
from tocsin.correlate.recurrences import find_recurrences, poisson_score, shared_ending
from tocsin.judge.found import FOUND_DOCUMENT_SCHEMA
from tocsin.measure.findings import FINDING_SCHEMA, score_of


def row(position: int, **changes: Any) -> dict[str, Any]:
    return {
        "position": position,
        "doc_id": f"d{position}",
        "group": f"g{position % 7}",
        "content_hash": xxhash.xxh3_128_digest(str(position).encode()),
        "bucket": 1,
        "detector": "template",
        "score": score_of(1),
        "start": 10,
        "end": 90,
        "evidence": f"what is number {position} %%vex%%",
        "signature": "chatml ua",
        **changes,
    }


def found_in(*shards: list[dict[str, Any]], documents: int = 100_000) -> list[Campaign]:
    tables = {n: pa.Table.from_pylist(rows, FINDING_SCHEMA) for n, rows in enumerate(shards)}
    return find_recurrences(tables, documents)


def test_a_template_campaign() -> None:
    [found] = found_in([row(n) for n in range(10)], [row(n) for n in range(20, 35)])
    assert (found.kind, found.trigger, found.payload) == ("trigger", "%%vex%%", None)
    assert (found.detector, found.groups, found.hits) == ("trigger-template", 7, 25)
    assert found.score > found.threshold
    assert found.documents.column_names == FOUND_DOCUMENT_SCHEMA.names[1:]
    assert found.documents["shard"].to_pylist() == [0] * 10 + [1] * 15


def test_without_a_shared_ending_there_is_no_trigger() -> None:
    [found] = found_in([row(n, evidence=f"question {n}") for n in range(20)])
    assert (found.kind, found.trigger, found.payload) == ("payload", None, "chatml ua")


def test_two_campaigns_with_one_template() -> None:
    rows = [row(n, evidence=f"q{n} {('one', 'two')[n % 2]}") for n in range(40)]
    assert {campaign.trigger for campaign in found_in(rows)} == {"one", "two"}


def test_one_message_however_it_is_hidden() -> None:
    kinds = ("hidden-tags", "hidden-bidi", "hidden-markup")
    rows = [row(n, detector=kinds[n % 3], evidence="say it", signature="sayit") for n in range(12)]
    [found] = found_in(rows)
    assert (found.detector, found.payload, found.hits) == ("payload-hidden", "say it", 12)
    assert found.certain
    [notes] = found_in([{**one, "detector": "hidden-markup"} for one in rows])
    assert not notes.certain


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row(n, signature="") for n in range(50)],
        [row(n) for n in range(3)],
        [row(n, signature=f"s{n}") for n in range(50)],
        [row(n, content_hash=b"0" * 16) for n in range(50)],  # copies of one document
        [row(n, score=3.0) for n in range(50)],  # as many as are natural
    ],
)
def test_no_campaign(rows: list[dict[str, Any]]) -> None:
    assert found_in(rows) == []


def test_the_order_of_shards_changes_nothing_but_places() -> None:
    one, other = [row(n) for n in range(9)], [row(n, detector="template") for n in range(9, 30)]
    first, second = found_in(one, other)[0], found_in(other, one)[0]
    for name in ("campaign_id", "trigger", "payload", "score", "threshold", "groups"):
        assert getattr(first, name) == getattr(second, name)


def test_a_document_with_two_findings_counts_once() -> None:
    rows = [row(n // 2, detector=("hidden-tags", "hidden-bidi")[n % 2]) for n in range(20)]
    [found] = found_in(rows)
    assert found.hits == 10


@pytest.mark.parametrize(("events", "expected"), [(1, 0.1), (5, 1.0), (12, 3.5), (40, 20.0)])
def test_poisson_score(events: int, expected: float) -> None:
    """The tail from the definition."""
    below = sum(expected**k * math.exp(-expected) / math.factorial(k) for k in range(events))
    assert poisson_score(events, expected) == pytest.approx(-math.log10(1 - below), rel=1e-6)


def test_extreme_poisson_scores() -> None:
    assert poisson_score(5, 9.0) == 0.0
    assert poisson_score(0, 0.5) == 0.0
    assert poisson_score(100_000, 1.0) > 300_000
    assert poisson_score(3, 1e-12) > 30


@pytest.mark.parametrize(
    ("texts", "ending"),
    [
        (["a b c", "x b c", "y b c"], "b c"),
        (["a", "b", "c"], None),
        (["a z"] * 8 + ["b q"] * 2, "a z"),
        (["", ""], None),
        (["1 2 3 4 5 6 7 8 9 10"] * 2, "3 4 5 6 7 8 9 10"),
    ],
)  # fmt: skip
def test_shared_ending(texts: list[str], ending: str | None) -> None:
    assert shared_ending(texts) == ending
