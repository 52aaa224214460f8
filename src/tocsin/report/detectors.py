"""How detectors agree: which documents several of them have found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Agreement:
    """Documents by detector. `detectors`: names, the most frequent first; `documents`: with a
    finding of each; `alone`: with findings of no other; `shared`: documents that both detectors of
    a pair have found, by (row, column) of `detectors`."""

    detectors: list[str]
    documents: list[int]
    alone: list[int]
    shared: list[list[int]]


def agreement(flagged: pa.Table) -> Agreement:
    """Counts the documents of `flagged` (rows of FLAGGED_SCHEMA) by detector and by pair."""
    findings = flagged["findings"].combine_chunks()
    table = pa.table(
        {
            "document": pc.list_parent_indices(findings),
            "detector": pc.struct_field(pc.list_flatten(findings), "detector"),
        }
    )
    # A document may have several findings of one detector; it counts once.
    pairs = table.group_by(["document", "detector"]).aggregate([])
    sets: dict[int, set[str]] = {}
    for document, detector in zip(pairs["document"].to_pylist(), pairs["detector"].to_pylist()):
        sets.setdefault(document, set()).add(detector)
    documents: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    shared: Counter[tuple[str, str]] = Counter()
    for found, times in Counter(frozenset(found) for found in sets.values()).items():
        documents.update({detector: times for detector in found})
        if len(found) == 1:
            alone.update({detector: times for detector in found})
        for one, other in combinations(found, 2):
            shared[one, other] += times
            shared[other, one] += times
    names = sorted(documents, key=lambda name: (-documents[name], name))
    return Agreement(
        names,
        [documents[name] for name in names],
        [alone[name] for name in names],
        [[documents[row] if row == column else shared[row, column] for column in names]
         for row in names],
    )  # fmt: skip
