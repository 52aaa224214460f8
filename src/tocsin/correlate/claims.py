"""Claims: the same story told on many sites, in more or less the same words.

Stories come from the sketches of documents; here their texts decide. Most near-duplicates are of
one site: versions, translations, a template filled in. How often those of the corpus are spread
over groups is what a story is tested against. News and recipes are told again on many sites too,
in much the same words: no claim is certain.
"""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from datasketch import MinHash, MinHashLSH

from tocsin.correlate.campaigns import FAMILY_WISE_ERROR, SAME_CAMPAIGN, Campaign
from tocsin.correlate.reading import as_documents
from tocsin.correlate.shared import MINIMUM_DOCUMENTS
from tocsin.correlate.statistics import binomial_score

PERMUTATIONS = 128
BANDS, ROWS = 42, 3
"""Of the index of signatures: two documents with a Jaccard similarity of 0.26, which have a fifth
of their words changed each, meet with a probability of 0.53, and again through others."""

SIMILARITY = 0.18
"""Jaccard similarity of the word pairs of two documents of a story. Unrelated ones: below 0.05."""

LINKS = 2
"""Documents of a story's core that another is similar to, if it belongs to the story."""

COMPARED = 1024
"""Documents of a story that are compared at most."""

QUOTED_CHARACTERS = 400


def find_claims(read: pa.Table, clusters: int, elsewhere: float) -> list[Campaign]:
    """Campaigns of near-duplicates among the stories that were read.

    Args:
      read: rows of READ_SCHEMA of the kind `story`, of the whole corpus, in any order.
      clusters, elsewhere: see `stories.Stories`.

    Returns:
      Campaigns, best score first.
    """
    read = read.sort_by(
        [("lead", "ascending"), ("content_hash", "ascending"), ("doc_id", "ascending")]
    )
    threshold = float(np.log10(max(clusters, 1) / FAMILY_WISE_ERROR))
    campaigns = []
    taken: set[tuple[int, int]] = set()
    for lead in pc.unique(read["lead"]).to_pylist():
        rows = read.filter(pc.equal(read["lead"], lead)).slice(0, COMPARED)
        core, members = _story(rows["context"].to_pylist())
        if len(members) < MINIMUM_DOCUMENTS:
            continue
        documents = rows.take(pa.array(members))
        keys = set(zip(documents["shard"].to_pylist(), documents["position"].to_pylist()))
        if len(keys & taken) >= SAME_CAMPAIGN * len(keys):
            continue
        sizes = pc.value_counts(documents["group"]).field("counts").to_numpy()
        score = binomial_score(len(members) - int(sizes.max()), len(members), elsewhere)
        if score > threshold:
            taken |= keys
            text = rows["context"][core].as_py().decode("utf-8", "replace")
            campaigns.append(_campaign(documents, text, score, threshold))
    campaigns.sort(key=lambda campaign: (-campaign.score, campaign.campaign_id))
    return campaigns


def _story(texts: list[bytes]) -> tuple[int, list[int]]:
    """The text that most others are similar to, and all that are similar to LINKS of these."""
    index = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, ROWS))
    signatures = []
    for number, text in enumerate(texts):
        words = text.lower().split()
        signature = MinHash(num_perm=PERMUTATIONS, hashfunc=xxhash.xxh32_intdigest)
        signature.update_batch({b" ".join(pair) for pair in itertools.pairwise(words)} or [b""])
        signatures.append(signature)
        index.insert(number, signature)
    similar = [
        {
            other
            for other in index.query(signature)
            if signature.jaccard(signatures[other]) >= SIMILARITY
        }
        for signature in signatures
    ]
    core = max(range(len(texts)), key=lambda number: (len(similar[number]), -number))
    members = [
        number for number, others in enumerate(similar) if len(others & similar[core]) >= LINKS
    ]
    return core, members


def _campaign(documents: pa.Table, text: str, score: float, threshold: float) -> Campaign:
    count = documents.num_rows
    everywhere = np.zeros(count, np.int64), documents["length"].to_numpy()
    documents = as_documents(documents, *everywhere, np.ones(count, np.bool_))
    return Campaign(
        campaign_id=xxhash.xxh3_64_hexdigest(text.encode()),
        kind="near_duplicate",
        trigger=None,
        payload=text[:QUOTED_CHARACTERS],
        hits=count,
        occurrences=count,
        groups=len(documents["group"].unique()),
        score=score,
        threshold=threshold,
        documents=documents,
        certain=False,
    )
