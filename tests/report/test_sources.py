from __future__ import annotations

from typing import Any

import pytest

from tocsin.report.sources import NewGroup, since_earlier, sources


def test_shares_and_concentration(scan: Any) -> None:
    scan.add_documents("large", [0.0] * 6)
    scan.add_documents("small", [0.0] * 3)
    scan.add_documents("tiny", [0.0])
    for _ in range(2):
        scan.add_flagged("x", group="small")
    scan.add_flagged("x", group="large")
    scan.add_flagged("elsewhere", group="large", source_uri="corpus/of-another-shard")
    found = sources(scan.result().documents, scan.result().flagged)
    assert found is not None
    assert (found.documents, found.groups) == (10, 3)
    assert found.herfindahl == pytest.approx(0.36 + 0.09 + 0.01)
    assert found.effective == pytest.approx(1 / 0.46)
    assert [row.group for row in found.largest] == ["large", "small", "tiny"]
    assert [row.share for row in found.largest] == pytest.approx([0.6, 0.3, 0.1])
    assert [(row.group, row.flagged) for row in found.worst] == [("small", 2), ("large", 1)]


def test_equal_groups_are_as_many_as_effective(scan: Any) -> None:
    for number in range(20):
        scan.add_documents(f"group {number:02d}", [0.0] * 3)
    found = sources(scan.result().documents, scan.result().flagged)
    assert found is not None
    assert found.effective == pytest.approx(20)
    assert len(found.largest) == 8 and found.worst == []


def test_since_earlier_nights(scan: Any) -> None:
    scan.add_earlier_nights()
    known = scan.new_groups[0]
    scan.new_groups += [known | {"group": "empty.example", "documents": 900}]
    scan.add_flagged("x", group="blog.example")
    scan.add_flagged("y", group="known.example")
    result = scan.result()
    since = since_earlier(result.drift, result.new_groups, result.flagged)
    assert since.documents == {"changed": 1}
    assert [row["group"] for row in since.groups] == ["wiki.example"]
    assert since.new_groups == 2
    # Those with flagged documents first, whatever the sizes.
    assert since.shown == [
        NewGroup("blog.example", 7, 2, 1), NewGroup("empty.example", 900, 2, 0),
    ]  # fmt: skip
    first = since_earlier(result.drift.slice(0, 0), None, result.flagged)
    assert (first.documents, first.groups, first.new_groups, first.shown) == ({}, [], None, [])


def test_no_document(scan: Any) -> None:
    assert sources(scan.result().documents, scan.result().flagged) is None
