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
from tocsin.correlate.sweep import POSSIBLE_CONTRASTS, SweepCounts
from tocsin.measure.onsets import CHANNELS, LANGUAGE

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


LANGUAGE_SHARE = 0.1
"""Share of a campaign's hits that switch to a language from which on it is one of the campaign's: a
document that is in it from the trigger on holds it as the campaign does, even if there were too few
words before to say that it switched."""


@dataclass(frozen=True)
class Corpus:
    """What the test needs to know of the corpus as a whole.

    `rates`: float64 (channels, buckets), share of tokens that are onsets; `decoy_rates`: float64
    (channels,), the same for decoys, over all buckets; `strings`: int64 (channels,), number of
    strings tested, which are the n-grams at onsets; `surprisal`: mean, bits.
    """

    rates: np.ndarray
    decoy_rates: np.ndarray
    strings: np.ndarray
    surprisal: float


@dataclass(frozen=True)
class Campaign:
    """A confirmed campaign.

    `kind`: `trigger`, `payload` or `near_duplicate`; `trigger`, `payload`: verbatim, None where the
    campaign has none; `hits`: documents in which the text changes at the trigger; `occurrences`:
    documents that hold the string at all; `score`: -log10 of the probability by chance;
    `threshold`: what the score had to exceed; `documents`: rows of OCCURRENCE_SCHEMA, one for
    each document that holds the string as the campaign does, ordered by shard and position;
    `channel`: how texts change at the trigger (one of CHANNELS), None where nothing changes;
    `certain`: whether natural text hardly ever looks so, whatever the score: where it may, people
    have to decide.
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
    channel: str | None = None
    certain: bool = True

    @property
    def detector(self) -> str:
        """Name of what found it: its kind and, where it has one, its channel."""
        return self.kind if self.channel is None else f"{self.kind}-{self.channel}"


@dataclass(frozen=True)
class _Confirmed:
    index: int
    channel: int
    score: float
    threshold: float
    rows: pa.Table
    hits: pa.Table


def find_campaigns(
    suspects: np.ndarray, counts: SweepCounts, occurrences: pa.Table, corpus: Corpus
) -> tuple[list[Campaign], list[float]]:
    """Tests the swept suspects and joins those that pass into campaigns.

    Args:
      suspects: SUSPECT records, both directions.
      counts: of the whole sweep.
      occurrences: rows of OCCURRENCE_SCHEMA of the whole sweep, in any order.
      corpus: base rates and sizes.

    Returns:
      Campaigns, best score first, and by channel the threshold for strings of WIDESPREAD_GROUPS.
    """
    widespread = suspects["groups"] >= WIDESPREAD_GROUPS
    thresholds, local_thresholds = [], []
    for channel in range(len(CHANNELS)):
        of_channel = suspects["channel"] == channel
        best = _threshold(channel, suspects, counts, of_channel & widespread, corpus)
        thresholds.append(best)
        local_thresholds.append(
            max(best, _threshold(channel, suspects, counts, of_channel, corpus))
        )
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
        channel = int(suspects["channel"][index])
        rate = float(corpus.rates[channel, hits_table["bucket"].to_numpy()].mean())
        score = binomial_score(hit_count, trials, rate)
        needed = (thresholds if widespread[index] else local_thresholds)[channel]
        if score > needed:
            confirmed.append(_Confirmed(index, channel, score, needed, rows, hits_table))
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
    return campaigns, thresholds


def _threshold(
    channel: int, suspects: np.ndarray, counts: SweepCounts, chosen: np.ndarray, corpus: Corpus
) -> float:
    """Score that a string of a channel must exceed: by the number of strings, and by the best decoy
    among the `chosen` (bool (suspects,))."""
    threshold = float(np.log10(max(int(corpus.strings[channel]), 1) / FAMILY_WISE_ERROR))
    if not len(counts.documents):  # nothing was swept: there is no string to compare with decoys
        return threshold
    for index in np.flatnonzero(chosen & (suspects["direction"] < 0)):
        hits, documents = int(suspects["documents"][index]), int(counts.documents[index])
        if _has_shape(hits, documents, int(counts.occurrences[index])):
            score = binomial_score(hits, documents, float(corpus.decoy_rates[channel]))
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
    accepted = []
    taken: set[tuple[int, int]] = set()
    for one in strings:
        changes = pc.greater_equal(one.rows["contrast"], float(POSSIBLE_CONTRASTS[one.channel]))
        rows = one.rows.filter(pc.or_(changes, _as_after(best, one.rows, corpus)))
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
        channel=CHANNELS[best.channel],
    )


def _as_after(campaign: _Confirmed, rows: pa.Table, corpus: Corpus) -> pa.ChunkedArray:
    """Mask of the rows whose text after the trigger is as that of the campaign's hits."""
    if campaign.channel == LANGUAGE:
        languages, numbers = np.unique(campaign.hits["language"].to_numpy(), return_counts=True)
        common = (numbers >= LANGUAGE_SHARE * campaign.hits.num_rows) & (languages > 0)
        return pc.is_in(rows["language"], pa.array(languages[common], pa.uint8()))
    level = float(np.median(campaign.hits["after"].to_numpy()))
    least = corpus.surprisal + LEVEL_SHARE * (level - corpus.surprisal)
    return pc.greater_equal(rows["after"], least)
