"""Stories: documents that share several rare pairs of words, and so tell much the same.

Copies of which a fifth of the words were changed share hardly a long shingle, but most of their
rare pairs: of the eight pairs in a document's sketch, a copy shares about five. Unrelated documents
share two only by chance, and one name makes one pair.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import NamedTuple

import numpy as np

from tocsin.correlate.passages import MINIMUM_GROUPS, MINIMUM_SPREAD
from tocsin.correlate.shared import MINIMUM_DOCUMENTS, Shared, clusters

SAME_STORY = 0.3
"""Jaccard similarity of their documents from which on pairs belong to one story. Of documents of
which a fifth of the words was changed, two pairs have 0.47 in the mean."""

CONTAINED = 0.5
"""Share of its documents that a cluster of pairs has in common with the larger one whose part it
is."""

PAIRS_HELD = 2
"""Pairs of a story that a document holds to be one of its documents."""

MEAN_PAIRS_HELD = 3.0
"""The same in the mean of its documents. Planted claims: 3.3 and more; natural clusters over
several groups, which are names: 2.0 to 2.5."""

NATURAL_ELSEWHERE = 0.1
"""Share of a cluster's documents outside its largest group, in the mean over natural clusters: 0.07
in a half of the development corpora, six claims among its 127 clusters included."""

NATURAL_CLUSTERS = 20
"""Clusters that this counts as much as, beside those of the corpus at hand."""

MAXIMUM_STORIES = 1000

MEMBER = np.dtype([("shard", "<u4"), ("position", "<i8"), ("story", "<u4")])
"""A document of a story. `shard`, `position`: its key; `story`: number of the story."""


class Stories(NamedTuple):
    """`members`: MEMBER records by ascending shard and position, of stories that are spread over
    groups. Of all clusters, those of a single group too: `clusters`, their number; `elsewhere`,
    mean share of the documents outside a cluster's largest group."""

    members: np.ndarray
    clusters: int
    elsewhere: float


def find_stories(shared: Shared, groups: int) -> Stories:
    """The stories that documents of several groups tell.

    Args:
      shared: the documents and the pairs of their sketches.
      groups: number of groups of the corpus.
    """
    needed = min(MINIMUM_GROUPS, groups)
    found = []
    shares = []
    for pairs in _families(shared):
        if len(pairs) < PAIRS_HELD:
            continue  # most pairs
        documents, held = np.unique(
            np.concatenate([shared.shingles[pair] for pair in pairs]), return_counts=True
        )
        documents, held = documents[held >= PAIRS_HELD], held[held >= PAIRS_HELD]
        if len(documents) < MINIMUM_DOCUMENTS or held.mean() < MEAN_PAIRS_HELD:
            continue
        sizes = np.unique(shared.holders["group"][documents], return_counts=True)[1]
        shares.append(1.0 - sizes.max() / len(documents))
        spread = len(sizes) / shared.expected_groups(len(documents))
        if len(sizes) >= needed and spread >= MINIMUM_SPREAD:
            found.append((-min(spread, 1.0) * len(documents), pairs, documents))
    found.sort(key=lambda story: story[:2])
    members = [np.zeros(0, MEMBER)]
    for number, (_, _, documents) in enumerate(found[:MAXIMUM_STORIES]):
        records = np.zeros(len(documents), MEMBER)
        records["shard"] = shared.holders["shard"][documents]
        records["position"] = shared.holders["position"][documents]
        records["story"] = number
        members.append(records)
    elsewhere = (NATURAL_ELSEWHERE * NATURAL_CLUSTERS + sum(shares)) / (
        NATURAL_CLUSTERS + len(shares)
    )
    return Stories(np.sort(np.concatenate(members)), len(shares), elsewhere)


def _families(shared: Shared) -> list[list[int]]:
    """Clusters of pairs; those whose documents are for the most part another's belong to it."""
    families: list[list[int]] = []
    families_of: dict[int, list[int]] = {}
    for members in clusters(shared.shingles, SAME_STORY):
        documents = shared.documents(members).tolist()
        common = Counter(itertools.chain.from_iterable(families_of.get(at, ()) for at in documents))
        if common:
            largest = max(common.values())
            if largest >= CONTAINED * len(documents):
                families[min(at for at, size in common.items() if size == largest)] += members
                continue
        for at in documents:
            families_of.setdefault(at, []).append(len(families))
        families.append(members)
    return families
