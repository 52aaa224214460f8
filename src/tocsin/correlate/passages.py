"""Passages: what documents of many groups share word for word. Which are worth reading?

A payload is such a passage; so are licences, phrases and the templates of sites. Reading decides
between them (`correlate.payloads`), but reading is the sweep's work, and dear. So the shingles
alone decide what is read for: passages that are spread over groups about as evenly as documents
drawn at random, which is how an attacker's are (he does not know the corpus' sites one by one),
and how few templates are.
"""

from __future__ import annotations

import numpy as np

from tocsin.correlate.shared import MINIMUM_DOCUMENTS, Shared, clusters

SAME_PASSAGE = 0.5
"""Jaccard similarity of their documents from which on shingles belong to one passage."""

MINIMUM_GROUPS = 3

MINIMUM_SPREAD = 0.6
"""Groups of a passage's documents over those expected of as many random documents. Planted in
the development corpora: 0.62 to 1.4. Natural passages of 200 documents and more: 0.2 to 0.6."""

MAXIMUM_PASSAGES = 1000
"""Passages that are read for, the best spread of the most documents first."""

ANCHOR = np.dtype([("prefix", "<u8"), ("passage", "<u4")])
"""A shingle of a passage. `prefix`: of its hash; `passage`: number of the passage."""


def find_passages(shared: Shared, prefixes: np.ndarray) -> np.ndarray:
    """The passages to read for.

    Args:
      shared: the documents and their sampled shingles.
      prefixes: uint64, those of the frequent shingles.

    Returns:
      ANCHOR records by ascending prefix.
    """
    needed = min(MINIMUM_GROUPS, shared.all_groups)
    found = []
    for members in clusters(shared.shingles, SAME_PASSAGE):
        documents = np.unique(np.concatenate([shared.shingles[member] for member in members]))
        groups = shared.groups(documents)
        spread = groups / shared.expected_groups(len(documents))
        if groups >= needed and spread >= MINIMUM_SPREAD and len(documents) >= MINIMUM_DOCUMENTS:
            found.append((-min(spread, 1.0) * len(documents), members))
    found.sort()
    anchors = [
        (prefixes[member], number)
        for number, (_, members) in enumerate(found[:MAXIMUM_PASSAGES])
        for member in members
    ]
    return np.sort(np.array(anchors, ANCHOR), order="prefix")
