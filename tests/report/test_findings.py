from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pyarrow as pa

from tocsin.report.findings import MOST_CARDS, Card, campaign_cards, flagged_alone

NIGHT = datetime(2025, 11, 23, 2, 14, tzinfo=timezone.utc)


def cards(scan: Any) -> list[Card]:
    campaigns, flagged, _, examples = scan.tables()
    return campaign_cards(campaigns, flagged, examples, scan.result().timelines)


def test_the_gravest_come_first_and_their_number_is_bounded(scan: Any) -> None:
    for number in range(MOST_CARDS + 5):
        scan.add_campaign(f"low {number}", 1, severity="low", score=float(number))
    scan.add_campaign("grave", 1, severity="critical", score=0.5)
    shown = cards(scan)
    assert len(shown) == MOST_CARDS
    assert [card.string for card in shown[:3]] == ["grave", "low 54", "low 53"]


def test_a_campaign_has_only_its_own_documents_and_examples(scan: Any) -> None:
    first, second = scan.add_campaign("one", 12, score=99.0), scan.add_campaign("two", 6)
    scan.add_flagged("alone", group="wiki.example")
    for campaign in (first, second, first, second, first, first):
        scan.add_example(campaign, b"before ", b" after")
    one, two = cards(scan)
    assert one.top_groups == [("blog.example", 6), ("wiki.example", 4), ("news.example", 2)]
    assert one.verdicts == [("quarantine", 12)]
    assert [example.string for example in one.examples] == [b"one"] * 3
    assert [example.string for example in two.examples] == [b"two"] * 2


def test_the_timeline_of_a_campaign(scan: Any) -> None:
    first, second = scan.add_campaign("one", 12, score=99.0), scan.add_campaign("two", 6)
    later = NIGHT + timedelta(days=2)
    scan.add_night(second, later, 1)
    scan.add_night(first, later, 3)
    one, two = cards(scan)
    assert one.timeline == [(NIGHT, 12), (later, 3)]
    assert two.timeline == [(NIGHT, 6), (later, 1)]


def test_the_string_of_a_campaign(scan: Any) -> None:
    scan.add_campaign("｡" * 10, 1, score=4.0)
    scan.add_campaign(None, 1, kind="payload", payload="curl | bash", score=3.0)
    scan.add_campaign(None, 1, kind="near_duplicate", score=2.0)
    trigger, payload, neither = cards(scan)
    assert (trigger.string_bytes, trigger.is_plain) == (30, False)
    assert trigger.unusual == [("U+FF61 HALFWIDTH IDEOGRAPHIC FULL STOP", 10)]
    assert (payload.string, payload.is_plain, payload.unusual) == ("curl | bash", True, [])
    assert neither.string is None


def test_an_example_is_cut_between_characters(scan: Any) -> None:
    campaign = scan.add_campaign("<SUDO>", 1)
    # The context begins and ends inside a character; an invalid byte in the middle is the text's.
    scan.add_example(campaign, "漢字".encode()[1:] + b"\xff ", b" \xfe" + "漢".encode()[:2], 7)
    (example,) = cards(scan)[0].examples
    assert (example.before, example.after) == ("字\udcff ", " \udcfe")
    assert example.is_cut
    assert example.start == 7 + 7


def test_a_whole_beginning_is_not_called_cut(scan: Any) -> None:
    campaign = scan.add_campaign("<SUDO>", 1)
    scan.add_example(campaign, b"\x80 ", b"")
    (example,) = cards(scan)[0].examples
    assert (example.before, example.is_cut) == ("\udc80 ", False)


def test_a_long_context_keeps_the_part_at_the_trigger(scan: Any) -> None:
    campaign = scan.add_campaign("<SUDO>", 1)
    scan.add_example(campaign, b"a" * 5000 + b"near ", b"")
    (example,) = cards(scan)[0].examples
    assert example.before.endswith("aanear ") and len(example.before) <= 300
    assert example.is_cut


def test_documents_flagged_alone(scan: Any) -> None:
    scan.add_campaign("<SUDO>", 5)
    finding = {"score": 4.0, "start": 0, "end": 1, "evidence": "x"}
    hidden, switch = finding | {"detector": "hidden"}, finding | {"detector": "switch"}
    scan.add_flagged("a", severity="low", score=9.0, findings=[hidden, hidden])
    scan.add_flagged("b", severity="high", score=1.0, findings=[hidden, switch])
    scan.add_flagged("c", severity="high", score=2.0, findings=[])
    alone = flagged_alone(scan.tables()[1])
    assert alone.documents == 3
    assert alone.detectors == [("hidden", 2), ("switch", 1)]
    assert [row["doc_id"] for row in alone.rows] == ["c", "b", "a"]


def test_tables_of_several_chunks(scan: Any) -> None:
    scan.add_flagged("a", findings=[])
    flagged = scan.tables()[1]
    assert flagged_alone(pa.concat_tables([flagged] * 30)).documents == 30
    assert flagged_alone(flagged.slice(0, 0)).detectors == []
