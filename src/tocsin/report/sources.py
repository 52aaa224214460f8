"""Where a corpus is from: how its documents spread over groups, and which groups were flagged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_LARGEST = 8
_WORST = 8


@dataclass(frozen=True)
class GroupRow:
    """A group: its documents, their share of all, and how many of them were flagged."""

    group: str
    documents: int
    share: float
    flagged: int


@dataclass(frozen=True)
class Sources:
    """How documents spread over groups.

    `documents`, `groups`: how many; `herfindahl`: the Herfindahl index, the sum of the groups'
    squared shares, 0 to 1: the probability that two documents drawn at random are of one group;
    `effective`: its inverse, the number of groups of equal size that would be as concentrated;
    `largest`: the groups with most documents; `worst`: with most flagged ones.
    """

    documents: int
    groups: int
    herfindahl: float
    effective: float
    largest: list[GroupRow]
    worst: list[GroupRow]


@dataclass(frozen=True)
class NewGroup:
    """A group that no night before had: its documents, those with an onset, those flagged."""

    group: str
    documents: int
    onsets: int
    flagged: int


@dataclass(frozen=True)
class SinceEarlier:
    """What changed since the nights before. `documents`: number of documents by kind of drift;
    `groups`: rows of DRIFT_SCHEMA for groups, those of the highest scores first; `new_groups`: how
    many groups no night before had, None if there is no night before; `shown`: the first of them,
    those with flagged documents, then with most."""

    documents: dict[str, int]
    groups: list[dict[str, Any]]
    new_groups: int | None
    shown: list[NewGroup]


def since_earlier(drift: pa.Table, new_groups: pa.Table | None, flagged: pa.Table) -> SinceEarlier:
    """What the report shows of drift; arguments as of `ScanResult`."""
    of_groups = pc.starts_with(drift["kind"], "group_")
    kinds = pc.value_counts(drift["kind"].filter(pc.invert(of_groups))).to_pylist()
    groups = drift.filter(of_groups).sort_by([("score", "descending"), ("group", "ascending")])
    shown: list[NewGroup] = []
    if new_groups is not None:
        table = new_groups.join(_counts(flagged["group"], "flagged"), "group")
        table = table.set_column(
            table.schema.get_field_index("flagged"), "flagged", pc.fill_null(table["flagged"], 0)
        )
        order = [("flagged", "descending"), ("documents", "descending"), ("group", "ascending")]
        shown = [
            NewGroup(row["group"], row["documents"], row["anomalous"], row["flagged"])
            for row in table.sort_by(order).slice(0, _LARGEST).to_pylist()
        ]
    return SinceEarlier(
        documents={count["values"]: count["counts"] for count in kinds},
        groups=groups.slice(0, _WORST).to_pylist(),
        new_groups=None if new_groups is None else new_groups.num_rows,
        shown=shown,
    )


def sources(documents: pa.Table, flagged: pa.Table) -> Sources | None:
    """How documents spread over groups; None if there are none.

    Args:
      documents: with the columns `source_uri` and `group`, all documents of some shards.
      flagged: with the same columns; rows of other shards do not count.
    """
    if not documents.num_rows:
        return None
    counted = _counts(documents["group"], "documents")
    same_shards = flagged.filter(
        pc.is_in(
            flagged["source_uri"],
            pc.unique(documents["source_uri"]).cast(pa.string()),
        )
    )
    table = counted.join(_counts(same_shards["group"], "flagged"), "group", join_type="left outer")
    table = table.set_column(2, "flagged", pc.fill_null(table["flagged"], 0))
    shares = pc.divide(table["documents"].cast(pa.float64()), documents.num_rows)
    table = table.append_column("share", shares)
    herfindahl = pc.sum(pc.multiply(shares, shares)).as_py()
    suspicious = table.filter(pc.greater(table["flagged"], 0))
    return Sources(
        documents=documents.num_rows,
        groups=table.num_rows,
        herfindahl=herfindahl,
        effective=1 / herfindahl,
        largest=_first(table, "documents", _LARGEST),
        worst=_first(suspicious, "flagged", _WORST),
    )


def _counts(groups: pa.ChunkedArray, name: str) -> pa.Table:
    groups = groups.cast(pa.string())
    table = pa.table({"group": groups}).group_by("group").aggregate([([], "count_all")])
    return table.select(["group", "count_all"]).rename_columns(["group", name])


def _first(table: pa.Table, key: str, number: int) -> list[GroupRow]:
    ordered = table.sort_by([(key, "descending"), ("group", "ascending")]).slice(0, number)
    return [
        GroupRow(row["group"], row["documents"], row["share"], row["flagged"])
        for row in ordered.to_pylist()
    ]
