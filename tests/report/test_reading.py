from __future__ import annotations

from typing import Any

from tocsin.report.reading import MOST_SHARDS, dead_letter_reasons, shards_to_list


def test_reasons_in_order_with_their_first_places(scan: Any) -> None:
    scan.add_dead_letter("truncated_shard", position=7)
    for position in (5, 3, 9, 1):
        scan.add_dead_letter("malformed_json", f"at {position}", position=position)
    counts = scan.manifest["totals"]["dead_letter_reasons"]
    malformed, truncated = dead_letter_reasons(counts, scan.tables()[2])
    assert (malformed.reason, malformed.count) == ("malformed_json", 4)
    assert [place["position"] for place in malformed.places] == [1, 3, 5]
    assert malformed.places[0]["detail"] == "at 1"
    assert (truncated.reason, truncated.count) == ("truncated_shard", 1)


def test_the_manifest_counts_also_what_the_table_lacks(scan: Any) -> None:
    (row,) = dead_letter_reasons({"invalid_utf8": 1000}, scan.tables()[2])
    assert (row.count, row.places) == (1000, [])


def test_of_too_many_shards_those_with_dead_letters_are_listed(scan: Any) -> None:
    scan.set_shards(MOST_SHARDS)
    assert shards_to_list(scan.manifest["inputs"]) == scan.manifest["inputs"]
    scan.set_shards(MOST_SHARDS + 1)
    scan.manifest["inputs"][-1]["dead_letters"] = 2
    listed = shards_to_list(scan.manifest["inputs"])
    assert len(listed) == MOST_SHARDS
    assert listed[:2] == [scan.manifest["inputs"][-1], scan.manifest["inputs"][0]]
