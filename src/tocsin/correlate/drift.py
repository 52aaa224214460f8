"""Drift: what changes from night to night beside the texts themselves.

Poison need not look like poison. A page may be vetted and changed afterwards, or show another
content to whoever fetches it again (split view; Carlini et al. 2023, arXiv 2302.10149); a host that
nobody knew may fill a night; a known one may turn. None of this proves anything by itself, and all
of it is worth knowing before training.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import pdtrc

from tocsin.correlate.statistics import binomial_score
from tocsin.measure.hashes import HASH_TYPE

IDENTITY = np.dtype(
    [
        ("id", "<u8"),
        ("hash", "<u8", (2,)),
        ("length", "<u4"),
        ("night", "<u4"),
        ("shard", "<u4"),
        ("position", "<i8"),
    ]
)
"""A document's identity. `id`: XXH3-64 of its id; `hash`: the two halves of its content hash;
`length`: bytes of its text; `night`: on which this id had this content first; `shard`, `position`:
where it stands."""

GROWN = 1.5
"""Growth of a text from which on a page counts as grown, not only changed."""

DRIFT_SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("doc_id", pa.string()),
        pa.field("source_uri", pa.string()),
        pa.field("position", pa.int64()),
        pa.field("group", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("old_hash", HASH_TYPE),
        pa.field("new_hash", HASH_TYPE),
        pa.field("old_length", pa.int64()),
        pa.field("new_length", pa.int64()),
        pa.field("expected", pa.float64()),
        pa.field("found", pa.int64()),
        pa.field("first_night", pa.int64(), nullable=False),
        pa.field("first_seen", pa.string()),
        pa.field("seen", pa.string(), nullable=False),
    ]
)
"""One row a finding. `kind`: `changed` or `grown` (a document: the same id with another content
than when it was first seen), `group_new`, `group_burst` or `group_anomalous` (a group). `score`:
-log10 of its probability by chance, 0 for documents, of which many change for good reasons;
`expected`, `found`: documents of the group, or those with an onset; `first_night`, `first_seen`:
when the id, or the group, was first seen (ISO 8601); `seen`: when this scan began."""

GROUP_SCHEMA = pa.schema(
    [
        pa.field("group", pa.string(), nullable=False),
        pa.field("first_night", pa.int64(), nullable=False),
        pa.field("last_night", pa.int64(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("anomalous", pa.int64(), nullable=False),
        pa.field("most", pa.int64(), nullable=False),
    ]
)
"""One row a group, over all nights: its documents, those among them with an onset, and the most
documents that it had in one night."""

MINIMUM_NIGHTS = 3
"""Nights before groups are compared with what is usual."""

MINIMUM_GROUP = 20
"""Documents of a night below which a group is no finding."""

NEW_SHARE = 0.01
"""Share of a night's documents from which on a new group is a finding."""

LEAST_PROBABILITY = 1e-300
"""Scores stay finite."""

BURST = 5.0
"""Times the most documents that a group had in a night, from which on it bursts."""

ANOMALOUS_SCORE = 6.0
"""Score from which on a group has turned anomalous: one in a million by chance."""


def split_views(
    known: np.ndarray, tonight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compares tonight's documents with what their ids had as content before.

    Args:
      known: IDENTITY records of earlier nights, in any order; an id may have had several contents.
      tonight: IDENTITY records of tonight.

    Returns:
      `new`: tonight's records to remember: of new ids, and of ids with a content that they never
      had; `changed`: those of the latter, one an id; `first`: for each of `changed`, the record of
      the content that the id had first.
    """
    tonight = tonight[np.lexsort((tonight["position"], tonight["shard"], tonight["id"]))]
    # An id twice in one night is a duplicate, not a change.
    first = np.ones(len(tonight), np.bool_)
    first[1:] = tonight["id"][1:] != tonight["id"][:-1]
    tonight = tonight[first]
    known = known[np.lexsort((known["night"], known["id"]))]
    begins = np.searchsorted(known["id"], tonight["id"], "left")
    ends = np.searchsorted(known["id"], tonight["id"], "right")
    seen = ends > begins
    same = np.zeros(len(tonight), np.bool_)
    for step in range(int((ends - begins).max(initial=0))):
        at = begins + step
        inside = at < ends
        hashes = known["hash"][at[inside]]
        same[inside] |= (hashes == tonight["hash"][inside]).all(axis=1)
    changed = seen & ~same
    return tonight[~same], tonight[changed], known[begins[changed]]


def merge_groups(known: pa.Table, tonight: pa.Table, night: int) -> pa.Table:
    """Adds tonight's groups (`group`, `documents`, `anomalous`) to rows of GROUP_SCHEMA."""
    count = tonight.num_rows
    added = pa.table(
        [
            tonight["group"],
            pa.array(np.full(count, night)),
            pa.array(np.full(count, night)),
            tonight["documents"],
            tonight["anomalous"],
            tonight["documents"],
        ],
        schema=GROUP_SCHEMA,
    )
    merged = (
        pa.concat_tables([known, added])
        .group_by("group")
        .aggregate(
            [
                ("first_night", "min"),
                ("last_night", "max"),
                ("documents", "sum"),
                ("anomalous", "sum"),
                ("most", "max"),
            ]
        )
    )
    merged = merged.select(
        ["group", "first_night_min", "last_night_max", "documents_sum", "anomalous_sum", "most_max"]
    )
    return merged.rename_columns(GROUP_SCHEMA.names).cast(GROUP_SCHEMA).sort_by("group")


def group_drift(known: pa.Table, tonight: pa.Table, nights: int, seen: str) -> pa.Table:
    """Rows of DRIFT_SCHEMA for groups that are new and large, that burst, or that turned anomalous.

    Args:
      known: rows of GROUP_SCHEMA of the `nights` before.
      tonight: columns `group`, `documents`, `anomalous`.
      seen: when this scan began.
    """
    if nights < MINIMUM_NIGHTS or not tonight.num_rows:
        return DRIFT_SCHEMA.empty_table()
    before = {row["group"]: row for row in known.to_pylist()}
    total = pc.sum(tonight["documents"]).as_py()
    usual = pc.sum(tonight["anomalous"]).as_py() / max(total, 1)
    rows = []
    large = tonight.filter(pc.greater_equal(tonight["documents"], MINIMUM_GROUP))
    for row in large.to_pylist():
        found, anomalous = row["documents"], row["anomalous"]
        past = before.get(row["group"])
        if past is None:
            if found >= NEW_SHARE * total:
                rows.append(
                    _group_row("group_new", row["group"], 0.0, 0.0, found, nights + 1, seen)
                )
            continue
        if found >= BURST * past["most"]:
            score = -float(np.log10(max(pdtrc(found - 1, past["most"]), LEAST_PROBABILITY)))
            rows.append(
                _group_row("group_burst", row["group"], score, past["most"], found,
                           past["first_night"], seen)
            )  # fmt: skip
        # Its own rate, drawn towards tonight's, and never below it: a night may be unusual.
        rate = (past["anomalous"] + usual * MINIMUM_GROUP) / (past["documents"] + MINIMUM_GROUP)
        rate = min(max(rate, usual, 1e-6), 1 - 1e-6)
        score = binomial_score(anomalous, found, rate)
        if score >= ANOMALOUS_SCORE:
            rows.append(
                _group_row("group_anomalous", row["group"], score, rate * found, anomalous,
                           past["first_night"], seen)
            )  # fmt: skip
    return pa.Table.from_pylist(rows, DRIFT_SCHEMA)


def _group_row(
    kind: str, group: str, score: float, expected: float, found: int, first_night: int, seen: str
) -> dict:
    return {
        "kind": kind, "group": group, "score": score, "expected": float(expected), "found": found,
        "first_night": first_night, "seen": seen,
    }  # fmt: skip


def diversity_of_sources(known: pa.Table, tonight: pa.Table, night: int) -> dict[str, float | int]:
    """How many groups a night's documents come from, and how unevenly.

    Returns:
      `groups`, `new` and `vanished` (of the night before, and without a document tonight);
      `concentration`: probability that two of tonight's documents are of one group (Simpson's
      index); `largest`: share of the largest group.
    """
    documents = tonight["documents"].to_numpy().astype(np.float64)
    total = max(documents.sum(), 1.0)
    lately = known.filter(pc.equal(known["last_night"], night - 1))
    return {
        "groups": tonight.num_rows,
        "new": tonight.num_rows - pc.sum(pc.is_in(tonight["group"], known["group"])).as_py()
        if tonight.num_rows
        else 0,
        "vanished": lately.num_rows
        - (pc.sum(pc.is_in(lately["group"], tonight["group"])).as_py() if lately.num_rows else 0),
        "concentration": float(((documents / total) ** 2).sum()),
        "largest": float(documents.max(initial=0.0) / total),
    }
