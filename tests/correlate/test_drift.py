from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.correlate.drift import (
    GROUP_SCHEMA,
    IDENTITY,
    diversity_of_sources,
    group_drift,
    merge_groups,
    split_views,
)

_RECORDS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(1, 9), st.integers(0, 99)),
    max_size=30,
)


def _identities(rows: list[tuple[int, int, int, int]]) -> np.ndarray:
    records = np.zeros(len(rows), IDENTITY)
    for number, (one, content, night, position) in enumerate(rows):
        records[number] = (one, (content, 7 * content), 10 + content, night, 0, position)
    return records


@settings(deadline=None)
@given(_RECORDS, _RECORDS)
def test_split_views_by_their_definition(known_rows: list, tonight_rows: list) -> None:
    tonight_rows = [(one, content, 10, at) for one, content, _, at in tonight_rows]
    new, changed, first = split_views(_identities(known_rows), _identities(tonight_rows))
    seen: dict[int, list[tuple[int, int]]] = {}
    for one, content, night, _ in sorted(known_rows, key=lambda row: row[2]):
        seen.setdefault(one, []).append((night, content))
    tonight: dict[int, tuple[int, int]] = {}
    for one, content, _, at in sorted(tonight_rows, key=lambda row: row[3]):
        tonight.setdefault(one, (content, at))
    expected_new, expected_changed = set(), {}
    for one, (content, _) in tonight.items():
        contents = {old for _, old in seen.get(one, [])}
        if content not in contents:
            expected_new.add(one)
            if contents:
                expected_changed[one] = min(night for night, _ in seen[one])
    assert set(new["id"].tolist()) == expected_new
    assert len(new) == len(expected_new)
    assert dict(zip(changed["id"].tolist(), first["night"].tolist())) == expected_changed
    assert (changed["id"] == first["id"]).all()


def _tonight(**groups: tuple[int, int]) -> pa.Table:
    return pa.table(
        {
            "group": pa.array(list(groups), pa.string()),
            "documents": pa.array([pair[0] for pair in groups.values()], pa.int64()),
            "anomalous": pa.array([pair[1] for pair in groups.values()], pa.int64()),
        }
    )


def _after(*nights: pa.Table) -> pa.Table:
    known = GROUP_SCHEMA.empty_table()
    for number, night in enumerate(nights, 1):
        known = merge_groups(known, night, number)
    return known


def test_groups_add_up_over_nights() -> None:
    known = _after(_tonight(a=(10, 1), b=(5, 0)), _tonight(a=(30, 2)), _tonight(c=(1, 1)))
    assert known.to_pylist() == [
        {"group": "a", "first_night": 1, "last_night": 2, "documents": 40, "anomalous": 3,
         "most": 30},
        {"group": "b", "first_night": 1, "last_night": 1, "documents": 5, "anomalous": 0,
         "most": 5},
        {"group": "c", "first_night": 3, "last_night": 3, "documents": 1, "anomalous": 1,
         "most": 1},
    ]  # fmt: skip


USUAL = [_tonight(a=(1000, 10), b=(40, 0), c=(200, 2))] * 4


def _drift(**groups: tuple[int, int]) -> dict[str, str]:
    rows = group_drift(_after(*USUAL), _tonight(**groups), 4, "now").to_pylist()
    return {row["group"]: row["kind"] for row in rows}


def test_a_usual_night_says_nothing() -> None:
    assert _drift(a=(1100, 13), b=(60, 1), c=(150, 0), d=(5, 5)) == {}


def test_groups_that_appear_burst_and_turn() -> None:
    assert _drift(a=(1000, 10), new=(200, 2)) == {"new": "group_new"}
    assert _drift(a=(1000, 10), b=(400, 4)) == {"b": "group_burst"}
    assert _drift(a=(1000, 10), c=(200, 60)) == {"c": "group_anomalous"}


def test_the_first_nights_have_nothing_to_compare_with() -> None:
    assert group_drift(_after(*USUAL[:2]), _tonight(b=(900, 900)), 2, "now").num_rows == 0


def test_diversity() -> None:
    known = _after(*USUAL)
    tonight = _tonight(a=(30, 0), new=(10, 0))
    found = diversity_of_sources(known, tonight, 5)
    assert found == {
        "groups": 2, "new": 1, "vanished": 2, "concentration": 0.75**2 + 0.25**2, "largest": 0.75
    }  # fmt: skip
    assert diversity_of_sources(known, _tonight(), 5)["vanished"] == 3
