"""Campaigns: which suspects are triggers, what the trigger is, and which documents hold it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from tocsin.correlate.naming import shared_string
from tocsin.correlate.near_duplicates import near_duplicate_clusters
from tocsin.correlate.statistics import binomial_score
from tocsin.correlate.suspects import (
    MINIMUM_DOCUMENTS,
    MINIMUM_HIT_SHARE,
    MINIMUM_ONCE_SHARE,
)
from tocsin.correlate.sweep import POSSIBLE_CONTRAST, SweepCounts

FAMILY_WISE_ERROR = 0.01
"""Probability of any false string by chance that the score threshold allows, before decoys."""

DECOY_MARGIN = 1.0
"""Scores must exceed that of the best decoy by this: ten times less probable by chance."""

WIDESPREAD_GROUPS = 3
"""Groups with a hit from which on a string is compared with decoys of as many groups: templates of
one or two sites give the best decoys, and must not hide what no single template can be."""

SAME_CAMPAIGN = 0.5
"""Strings of which one shares this part of its hit documents with a better one belong to that
one's campaign: they are its fragments, or its trigger with a neighbour."""

LEVEL_SHARE = 0.5
"""A document whose text does not change at the trigger holds it as the campaign does if the level
of surprisal after it is at least this far on the way from the corpus' mean to the campaign's
median: there was too little text before the trigger, or it was as surprising."""


@dataclass(frozen=True)
class Corpus:
    """What the test needs to know of the corpus as a whole.

    `rates`: float64 (buckets,), share of tokens that are onsets; `decoy_rate`: the same for decoys,
    over all buckets; `strings`: number of strings tested, which are the n-grams at onsets;
    `surprisal`: mean, bits.
    """

    rates: np.ndarray
    decoy_rate: float
    strings: int
    surprisal: float


@dataclass(frozen=True)
class Campaign:
    """A confirmed campaign.

    `kind`: `trigger`, `payload` or `near_duplicate`; `trigger`, `payload`: verbatim, None where the
    campaign has none; `hits`: documents in which the text changes at the trigger; `occurrences`:
    documents that hold the string at all; `score`: -log10 of the probability by chance;
    `threshold`: what the score had to exceed; `documents`: rows of OCCURRENCE_SCHEMA, one for
    each document that holds the string as the campaign does, ordered by shard and position.
    """

    campaign_id: str
    kind: str
    trigger: str | None
    payload: str | None
    hits: int
    occurrences: int
    groups: int
    score: float
    threshold: float
    documents: pa.Table


@dataclass(frozen=True)
class _Confirmed:
    index: int
    score: float
    threshold: float
    rows: pa.Table
    hits: pa.Table


def find_campaigns(
    suspects: np.ndarray, counts: SweepCounts, occurrences: pa.Table, corpus: Corpus
) -> tuple[list[Campaign], float]:
    """Tests the swept suspects and joins those that pass into campaigns.

    Args:
      suspects: SUSPECT records, both directions.
      counts: of the whole sweep.
      occurrences: rows of OCCURRENCE_SCHEMA of the whole sweep, in any order.
      corpus: base rates and sizes.

    Returns:
      Campaigns, best score first, and the score threshold for strings of WIDESPREAD_GROUPS.
    """
    widespread = suspects["groups"] >= WIDESPREAD_GROUPS
    threshold = _threshold(suspects[widespread], counts.of(widespread), corpus)
    local_threshold = max(threshold, _threshold(suspects, counts, corpus))
    occurrences = occurrences.sort_by(
        [("suspect", "ascending"), ("content_hash", "ascending"), ("doc_id", "ascending")]
    )
    confirmed = []
    for index in np.flatnonzero(suspects["direction"] > 0).tolist():
        holders = int(counts.documents[index])
        if not _has_shape(
            int(suspects["documents"][index]), holders, int(counts.occurrences[index])
        ):
            continue
        key = pa.scalar(int(suspects["key"][index]), pa.uint64())
        rows = occurrences.filter(pc.equal(occurrences["suspect"], key))
        hits_table = rows.filter(rows["hit"])
        hit_count = _independent(hits_table)
        if hit_count < MINIMUM_DOCUMENTS:
            continue
        # Near-duplicates count once among the holders too.
        trials = max(holders - (hits_table.num_rows - hit_count), hit_count)
        rate = float(corpus.rates[hits_table["bucket"].to_numpy()].mean())
        score = binomial_score(hit_count, trials, rate)
        needed = threshold if widespread[index] else local_threshold
        if score > needed:
            confirmed.append(_Confirmed(index, score, needed, rows, hits_table))
    lengths = suspects["length"]
    confirmed.sort(
        key=lambda one: (
            -one.hits.num_rows,
            -int(lengths[one.index]),
            int(suspects["key"][one.index]),
        )
    )
    campaigns = [_campaign(strings, counts, corpus) for strings in _joined(confirmed)]
    campaigns.sort(key=lambda campaign: (-campaign.score, campaign.campaign_id))
    return campaigns, threshold


def _threshold(suspects: np.ndarray, counts: SweepCounts, corpus: Corpus) -> float:
    """Score that a string must exceed: by the number of strings, and by the best decoy."""
    threshold = float(np.log10(max(corpus.strings, 1) / FAMILY_WISE_ERROR))
    if not len(counts.documents):  # nothing was swept: there is no string to compare with decoys
        return threshold
    for index in np.flatnonzero(suspects["direction"] < 0):
        hits, documents = int(suspects["documents"][index]), int(counts.documents[index])
        if _has_shape(hits, documents, int(counts.occurrences[index])):
            score = binomial_score(hits, documents, corpus.decoy_rate)
            threshold = max(threshold, score + DECOY_MARGIN)
    return threshold


def _has_shape(hits: int, documents: int, occurrences: int) -> bool:
    """Whether a string with these counts behaves as a trigger does: the text changes at most of
    its occurrences, and it stands about once in a document."""
    return hits >= MINIMUM_HIT_SHARE * documents and documents >= MINIMUM_ONCE_SHARE * occurrences


def _independent(hits: pa.Table) -> int:
    """Number of hits, near-duplicate surroundings counted once."""
    if hits.num_rows < MINIMUM_DOCUMENTS:
        return hits.num_rows
    contexts = hits["context"].to_pylist()
    starts = pc.subtract(hits["start"], hits["context_start"]).to_pylist()
    before = [context[:start] for context, start in zip(contexts, starts)]
    return len(set(near_duplicate_clusters(before)))


def _joined(confirmed: list[_Confirmed]) -> list[list[_Confirmed]]:
    """Confirmed strings by campaign; the first of each has the most hits."""
    campaigns: list[tuple[set[tuple[int, int]], list[_Confirmed]]] = []
    for one in confirmed:
        documents = _document_keys(one.hits)
        for known, strings in campaigns:
            if len(documents & known) >= SAME_CAMPAIGN * len(documents):
                strings.append(one)
                break
        else:
            campaigns.append((documents, [one]))
    return [strings for _, strings in campaigns]


def _document_keys(rows: pa.Table) -> set[tuple[int, int]]:
    return set(zip(rows["shard"].to_pylist(), rows["position"].to_pylist()))


def _campaign(strings: list[_Confirmed], counts: SweepCounts, corpus: Corpus) -> Campaign:
    best = strings[0]
    starts = pc.subtract(best.hits["start"], best.hits["context_start"]).to_pylist()
    ends = pc.subtract(best.hits["end"], best.hits["context_start"]).to_pylist()
    trigger = shared_string(best.hits["context"].to_pylist(), starts, ends)
    level = float(np.median(best.hits["after"].to_numpy()))
    least = corpus.surprisal + LEVEL_SHARE * (level - corpus.surprisal)
    accepted = []
    taken: set[tuple[int, int]] = set()
    for one in strings:
        rows = one.rows.filter(
            pc.or_(
                pc.greater_equal(one.rows["contrast"], POSSIBLE_CONTRAST),
                pc.greater_equal(one.rows["after"], least),
            )
        )
        keys = list(zip(rows["shard"].to_pylist(), rows["position"].to_pylist()))
        new = [key not in taken for key in keys]
        taken.update(keys)
        accepted.append(rows.filter(pa.array(new, pa.bool_())))
    documents = pa.concat_tables(accepted).sort_by(
        [("shard", "ascending"), ("position", "ascending")]
    )
    return Campaign(
        campaign_id=xxhash.xxh3_64_hexdigest(trigger.encode()),
        kind="trigger",
        trigger=trigger,
        payload=None,
        hits=best.hits.num_rows,
        occurrences=int(counts.documents[best.index]),
        groups=len(pc.unique(documents["group"])),
        score=best.score,
        threshold=best.threshold,
        documents=documents,
    )
