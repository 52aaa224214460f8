"""What a scan found survives being stored, and gives the same judgement."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from judge.conftest import campaign, document
from tocsin.judge.found import FOUND_DOCUMENTS_FILE, FOUND_FILE, Found
from tocsin.judge.judgement import Scanned, judge
from tocsin.judge.policy import Policy

NIGHT = datetime(2025, 11, 23, 2, 14, 7, tzinfo=timezone.utc)
EARLIER = datetime(2025, 11, 20, 2, 0, 0, tzinfo=timezone.utc)
SCANNED = Scanned("scan", 1_000, 30, {0: "a", 1: "b"}, lambda: iter(()))


@pytest.fixture
def found() -> Found:
    payload = campaign(
        [document(3, shard=1, hit=False)], campaign_id="00000000000000c2", kind="payload",
        trigger=None, payload="curl | bash", channel=None, score=12.0,
    )  # fmt: skip
    first = campaign(channel="surprisal")
    return Found([first, payload], {}, NIGHT, {payload.campaign_id: EARLIER})


def test_round_trip(found: Found) -> None:
    tables = found.tables()
    for table in tables.values():
        table.validate(full=True)
    again = Found.of(tables[FOUND_FILE], tables[FOUND_DOCUMENTS_FILE], {}, NIGHT)
    assert again.tables() == tables
    assert [one.detector for one in again.campaigns] == ["trigger-surprisal", "payload"]


def test_stored_evidence_gives_the_same_judgement(found: Found) -> None:
    tables = found.tables()
    again = Found.of(tables[FOUND_FILE], tables[FOUND_DOCUMENTS_FILE], {}, NIGHT)
    for policy in (Policy(), Policy(critical_documents=5), Policy(quarantine="critical")):
        judged = [judge(one, policy, SCANNED).tables() for one in (found, again)]
        assert judged[0] == judged[1]


def test_nothing_found() -> None:
    tables = Found([], {}, NIGHT).tables()
    again = Found.of(tables[FOUND_FILE], tables[FOUND_DOCUMENTS_FILE], {}, NIGHT)
    assert again.campaigns == []
    assert judge(again, Policy(), SCANNED).totals()["flagged"] == 0


def test_when_a_campaign_was_first_seen(found: Found) -> None:
    rows = judge(found, Policy(), SCANNED).campaigns.to_pylist()
    assert [row["first_seen"] for row in rows] == [NIGHT, EARLIER]
    assert {row["last_seen"] for row in rows} == {NIGHT}
