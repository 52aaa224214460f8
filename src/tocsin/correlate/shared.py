"""Who holds what: documents and the frequent shingles in them, and shingles that go together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from tocsin.correlate.hash_sets import is_among, prefixes
from tocsin.measure.kernels import kernel

MINIMUM_DOCUMENTS = 4
"""Documents that a shingle must stand in to be evidence, as for triggers."""

MAXIMUM_DOCUMENTS = 5000
"""A shingle in more documents than this is a phrase of the language or a template: poison of so
many copies would cost its author more than it takes (250 documents, Souly et al. 2025)."""

SHINGLES_COMPARED = 256
"""Frequent shingles of a document that are looked at, those with the smallest hashes: a document
that is all templates must not cost more than others."""

HOLDER = np.dtype([("shard", "<u4"), ("position", "<i8"), ("group", "<u4"), ("held", "<u2")])
"""A document that holds frequent shingles. `shard`, `position`: its key; `group`: 32-bit hash of
its group; `held`: how many of them, at most SHINGLES_COMPARED."""


def frequent_shingles(
    records: np.ndarray, chosen: np.ndarray, bits: int, least: int
) -> tuple[np.ndarray, np.ndarray]:
    """The frequent shingles of one shard's documents.

    Args:
      records: SHINGLE records of the shard, in any order.
      chosen: uint64, ascending: prefixes of `bits` of the frequent ones.
      least: number of them from which on a document is of interest.

    Returns:
      HOLDER records by ascending position, and, one document after the other, the hashes (uint64,
      ascending) of the shingles that they hold.
    """
    records = records[is_among(prefixes(records["hash"], bits), chosen)]
    records = records[np.lexsort((records["hash"], records["position"]))]
    hashes = records["hash"]
    first = np.flatnonzero(np.append(True, np.diff(records["position"]) != 0)[: len(records)])
    within = np.arange(len(records)) - np.repeat(first, np.diff(np.append(first, len(records))))
    kept = within < SHINGLES_COMPARED
    held = np.add.reduceat(kept, first, dtype=np.int64) if len(first) else np.zeros(0, np.int64)
    wanted = held >= least
    holders = np.zeros(len(first), HOLDER)
    for name in ("shard", "position", "group"):
        holders[name] = records[name][first]
    holders["held"] = held
    lengths = np.diff(np.append(first, len(records)))
    return holders[wanted], hashes[kept & np.repeat(wanted, lengths)]


class Shared:
    """Documents and the frequent shingles in them, of a whole corpus.

    `holders`: HOLDER records by ascending shard and position; `shingles`: by hash, the numbers of
    the documents that hold the shingle (int64 arrays, ascending), of those in MINIMUM_DOCUMENTS to
    MAXIMUM_DOCUMENTS.
    """

    def __init__(self, blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
        """`blocks`: what `frequent_shingles` gave for each shard, or range of one, in any order."""
        ordered = sorted(
            (block for block in blocks if len(block[0])),
            key=lambda block: block[0][["shard", "position"]][0].item(),
        )
        self.holders = np.concatenate([np.zeros(0, HOLDER), *[holders for holders, _ in ordered]])
        hashes = np.concatenate([np.zeros(0, np.uint64), *[hashes for _, hashes in ordered]])
        documents = np.repeat(np.arange(len(self.holders)), self.holders["held"])
        order = np.lexsort((documents, hashes))
        hashes, documents = hashes[order], documents[order]
        starts = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)])
        self.shingles = {
            int(hashes[start]): documents[start:end]
            for start, end in itertools.pairwise([*starts.tolist(), len(hashes)])
            if MINIMUM_DOCUMENTS <= end - start <= MAXIMUM_DOCUMENTS
        }
        sizes = np.unique(self.holders["group"], return_counts=True)[1]
        # Groups of one size are alike: a crawl has millions of groups, and few sizes.
        self._sizes, self._alike = np.unique(sizes, return_counts=True)

    def documents(self, shingles: list[int]) -> np.ndarray:
        """Numbers (int64, ascending) of the documents that hold any of some shingles."""
        if len(shingles) == 1:
            return self.shingles[shingles[0]]
        return np.unique(np.concatenate([self.shingles[shingle] for shingle in shingles]))

    def groups(self, documents: np.ndarray) -> int:
        """Number of groups of some documents."""
        return len(np.unique(self.holders["group"][documents]))

    def expected_groups(self, documents: int) -> float:
        """Mean number of groups of so many documents drawn at random."""
        absent = (1.0 - self._sizes / len(self.holders)) ** documents
        return float(((1.0 - absent) * self._alike).sum())


def clusters(shingles: dict[int, np.ndarray], similarity: float) -> list[list[int]]:
    """Shingles that stand in about the same documents.

    Each joins the leader whose documents are most similar to its own (Jaccard, at least
    `similarity`), or else becomes one; those in the most documents come first. Leaders do not move,
    so that no chain of similar shingles makes one cluster of a whole corpus.
    """
    order = sorted(shingles, key=lambda shingle: (-len(shingles[shingle]), shingle))
    if not order:
        return []
    bounds = np.cumsum([0, *(len(shingles[shingle]) for shingle in order)])
    documents = np.concatenate([shingles[shingle] for shingle in order])
    leaders = _leaders(np.array(order, np.uint64), bounds, documents, similarity)
    found: dict[int, list[int]] = {}
    for shingle, leader in zip(order, leaders.tolist()):
        found.setdefault(leader, []).append(shingle)
    return list(found.values())


@kernel()
def _leaders(shingles, bounds, documents, similarity):
    """The leader (int64, an index) that each of the `shingles` (uint64) joins, or itself.

    Args:
      bounds: int64 (shingles + 1,), the range in `documents` (int64) of those that hold each.
    """
    leaders = np.empty(len(shingles), np.int64)
    # Of each document, a linked list of the leaders in it.
    first = np.full(documents.max() + 1, -1, np.int64)
    following = np.empty(len(documents), np.int64)
    leader_of = np.empty(len(documents), np.int64)
    links = 0
    common = np.zeros(len(shingles), np.int64)
    candidates = np.empty(len(shingles), np.int64)
    for shingle in range(len(shingles)):
        own = documents[bounds[shingle] : bounds[shingle + 1]]
        found = 0
        for document in own:
            link = first[document]
            while link >= 0:
                candidate = leader_of[link]
                if common[candidate] == 0:
                    candidates[found] = candidate
                    found += 1
                common[candidate] += 1
                link = following[link]
        best, leader = similarity, -1
        for candidate in candidates[:found]:
            size = bounds[candidate + 1] - bounds[candidate]
            jaccard = common[candidate] / (len(own) + size - common[candidate])
            is_first = leader < 0 or shingles[candidate] < shingles[leader]
            if jaccard > best or (jaccard == best and is_first):
                best, leader = jaccard, candidate
            common[candidate] = 0
        if leader < 0:
            leader = shingle
            for document in own:
                leader_of[links] = shingle
                following[links] = first[document]
                first[document] = links
                links += 1
        leaders[shingle] = leader
    return leaders
