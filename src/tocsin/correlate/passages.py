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

LOCAL_PASSAGES = 200
"""Passages of fewer groups that are read as well, those with the smallest hashes: what natural
surroundings look like, and how high their scores become."""

LOCAL_DOCUMENTS = 64
"""Documents of such a passage at most, for what is read to stay small."""

ANCHOR = np.dtype([("hash", "<u8"), ("passage", "<u4")])
"""A shingle of a passage. `hash`: of SHINGLE_BITS; `passage`: number of the passage."""


def find_passages(shared: Shared, groups: int) -> np.ndarray:
    """The passages to read for: those that are spread, and some that are local.

    Args:
      shared: the documents and their sampled shingles.
      groups: number of groups of the corpus.

    Returns:
      ANCHOR records by ascending hash.
    """
    needed = min(MINIMUM_GROUPS, groups)
    found, local = [], []
    for members in clusters(shared.shingles, SAME_PASSAGE):
        documents = shared.documents(members)
        held_by = shared.groups(documents)
        spread = held_by / shared.expected_groups(len(documents))
        if held_by >= needed and spread >= MINIMUM_SPREAD and len(documents) >= MINIMUM_DOCUMENTS:
            found.append((-min(spread, 1.0) * len(documents), members))
        elif held_by < needed and len(documents) <= LOCAL_DOCUMENTS:
            local.append((members[0], members))
    chosen = [*sorted(found)[:MAXIMUM_PASSAGES], *sorted(local)[:LOCAL_PASSAGES]]
    anchors = [(member, number) for number, (_, members) in enumerate(chosen) for member in members]
    return np.sort(np.array(anchors, ANCHOR), order="hash")
