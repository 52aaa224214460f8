"""Claims: the same story told on many sites, in more or less the same words.

Stories come from the sketches of documents; here their texts decide. Most near-duplicates are of
one site: versions, translations, a template filled in. How often those of the corpus are spread
over groups is what a story is tested against. News and recipes are told again on many sites too,
in much the same words: no claim is certain.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from datasketch import MinHash, MinHashLSH

from tocsin.correlate.campaigns import FAMILY_WISE_ERROR, Campaign
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

RETOLD = 0.2, 0.7
"""Median similarity of the documents of a claim, at least and at most. Copies with a tenth of the
words changed each have 0.49, with a fifth 0.26."""

VERBATIM_WORDS = 12
VERBATIM_SHARE = 0.2
"""Share of what two documents of a claim have in common, in pairs of words, that is copied in runs
of VERBATIM_WORDS words: at most so much in the mean. With a tenth of the words of each copy changed
it is 0.12, with a fifth 0.01. Licences, file headers and templates are copied and not retold, and
something else follows: 0.3 to 1.0 in fifteen natural clusters of headers, documentation and Python
sources. What is copied is for a deduplication to remove."""

RETOLD_COMPARED = 100
"""Documents of a story whose pairs are looked at for that."""

COMPARED = 20_000
"""Documents of all stories that are compared at most."""

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
    keys = list(zip(read["shard"].to_pylist(), read["position"].to_pylist()))
    first = {key: row for row, key in reversed(list(enumerate(keys)))}
    rows = read.take(pa.array(sorted(first.values())[:COMPARED], pa.int64()))
    texts = rows["context"].to_pylist()
    threshold = float(np.log10(max(clusters, 1) / FAMILY_WISE_ERROR))
    signatures = [_signature(text) for text in texts]
    campaigns = []
    for core, members in _told_alike(signatures):
        documents = rows.take(pa.array(members))
        sizes = pc.value_counts(documents["group"]).field("counts").to_numpy()
        score = binomial_score(len(members) - int(sizes.max()), len(members), elsewhere)
        some = members[:RETOLD_COMPARED]
        if score > threshold and _is_retold(
            [texts[member] for member in some], [signatures[member] for member in some]
        ):
            text = texts[core].decode("utf-8", "replace")
            campaigns.append(_campaign(documents, text, score, threshold))
    campaigns.sort(key=lambda campaign: (-campaign.score, campaign.campaign_id))
    return campaigns


def _signature(text: bytes) -> MinHash:
    """Signature of the pairs of words of a text."""
    words = text.lower().split()
    signature = MinHash(num_perm=PERMUTATIONS, hashfunc=xxhash.xxh32_intdigest)
    signature.update_batch({b" ".join(pair) for pair in itertools.pairwise(words)} or {b""})
    return signature


def _is_retold(texts: list[bytes], signatures: list[MinHash]) -> bool:
    """Whether documents tell the same in words of their own: alike, but in no long runs."""
    words = [text.lower().split() for text in texts]
    pairs = [_runs(one, 2) for one in words]
    long_runs = [_runs(one, VERBATIM_WORDS) for one in words]
    similarities, verbatim = [], []
    for one, other in itertools.combinations(range(len(texts)), 2):
        similarities.append(signatures[one].jaccard(signatures[other]))
        if similarities[-1] >= SIMILARITY:
            common = len(pairs[one] & pairs[other])
            verbatim.append(len(long_runs[one] & long_runs[other]) / max(common, 1))
    least, most = RETOLD
    return bool(
        least <= np.median(similarities) <= most and np.mean(verbatim or [1.0]) <= VERBATIM_SHARE
    )


def _runs(words: list[bytes], length: int) -> set[tuple[bytes, ...]]:
    """The different runs of so many words."""
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


def _told_alike(signatures: list[MinHash]) -> Iterator[tuple[int, list[int]]]:
    """Texts that tell the same: the number of the one that most others are similar to, the core,
    and those of all that are similar to LINKS of these. The largest first; each text once."""
    index = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, ROWS))
    for number, signature in enumerate(signatures):
        index.insert(number, signature)
    similar = [
        {
            other
            for other in index.query(signature)
            if signature.jaccard(signatures[other]) >= SIMILARITY
        }
        for signature in signatures
    ]
    remaining = set(range(len(signatures)))
    while remaining:
        core = max(remaining, key=lambda number: (len(similar[number] & remaining), -number))
        around = similar[core] & remaining
        if len(around) < MINIMUM_DOCUMENTS:
            return
        members = [one for one in sorted(remaining) if len(similar[one] & around) >= LINKS]
        remaining -= {core, *members}
        if len(members) >= MINIMUM_DOCUMENTS:
            yield core, members


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
