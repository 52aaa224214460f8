"""Campaigns: which suspects are triggers, what the trigger is, and which documents hold it."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from tocsin.correlate.naming import common_spelling, shared_string, span_of, without_template
from tocsin.correlate.near_duplicates import near_duplicate_clusters
from tocsin.correlate.statistics import binomial_score, false_discovery_rates
from tocsin.correlate.surroundings import POSSIBLE_CONTRASTS
from tocsin.correlate.suspects import (
    MINIMUM_DOCUMENTS,
    MINIMUM_HIT_SHARE,
    MINIMUM_ONCE_SHARE,
    WIDESPREAD_GROUPS,
)
from tocsin.correlate.sweep import CONTEXT_BEFORE, SweepCounts
from tocsin.measure.composition import KINDS
from tocsin.measure.onsets import CHANNELS, COMPOSITION, LANGUAGE

FAMILY_WISE_ERROR = 0.01
"""Probability of any false string by chance that the score threshold allows, before decoys."""

DECOY_MARGIN = 1.0
"""Scores must exceed that of the best decoy by this: ten times less probable by chance."""

CERTAIN_FALSE_DISCOVERY_RATE = 0.05
"""False-discovery rate up to which a campaign is certain, and a string of fewer than
WIDESPREAD_GROUPS a trigger at all. Phrases pass by their score now and then: four translated man
pages with a rate of 0.09, laws of one site with 0.66. Of three planted campaigns of five documents
two had 0.003 and less, and one, by composition alone, 0.37."""

_ENCODED = re.compile(rb"[A-Za-z0-9+/=_%-]{64}")
"""Encoded data: no prose, and no gibberish between spaces, has so long a word of ASCII."""

SAME_CAMPAIGN = 0.5
"""Strings of which one shares this part of its hit documents with a better one belong to that
one's campaign: they are its fragments, or its trigger with a neighbour."""

LEVEL_SHARE = 0.5
"""A document whose text does not change at the trigger holds it as the campaign does if the level
of surprisal after it is at least this far on the way from the corpus' mean to the campaign's
median: there was too little text before the trigger, or it was as surprising."""


_KINDS_SIDES = ("kinds_before", "kinds_after")

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
    `channel`: how texts change at the trigger (one of CHANNELS), or where the findings come from
    that it was made of (`template`, `hidden`), None where nothing changes;
    `certain`: whether natural text hardly ever looks so, whatever the score: where it may, people
    have to decide; `false_discovery_rate`: estimated share of false campaigns among those that
    score as high, None where it can't be told.
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
    false_discovery_rate: float | None = None

    @property
    def detector(self) -> str:
        """Name of what found it: its kind and, where it has one, its channel."""
        return self.kind if self.channel is None else f"{self.kind}-{self.channel}"


@dataclass(frozen=True)
class _Tested:
    """A suspect with a trigger's shape and its score; `threshold`: what the score has to exceed."""

    index: int
    channel: int
    score: float
    threshold: float
    rows: pa.Table
    hits: pa.Table
    false_discovery_rate: float = 1.0


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
    framed = suspects["framed"] == 1
    # The best decoys are of one site's templates, or framed by the same text everywhere. Strings
    # that are neither need not exceed those.
    thresholds, local_thresholds, framed_thresholds = (
        [
            _threshold(channel, suspects, counts, compared, corpus)
            for channel in range(len(CHANNELS))
        ]
        for compared in (widespread & ~framed, ~framed, widespread)
    )
    occurrences = occurrences.sort_by(
        [("suspect", "ascending"), ("content_hash", "ascending"), ("doc_id", "ascending")]
    )
    # Whoever raises a hundred thousand suspects: each takes its own rows, not a pass over all.
    ordered = occurrences["suspect"].to_numpy()
    firsts = np.searchsorted(ordered, suspects["key"], side="left").tolist()
    ends = np.searchsorted(ordered, suspects["key"], side="right").tolist()
    tested = []
    for index in np.flatnonzero(suspects["direction"] > 0).tolist():
        rows = occurrences.slice(firsts[index], ends[index] - firsts[index])
        channel = int(suspects["channel"][index])
        if framed[index]:
            needed = framed_thresholds[channel]
            if _is_in_blobs(rows.filter(rows["hit"])):
                continue
        else:
            needed = (thresholds if widespread[index] else local_thresholds)[channel]
        if (one := _test(index, channel, needed, suspects, counts, rows, corpus)) is not None:
            tested.append(one)
    confirmed = [
        one
        for one in _with_rates(tested, suspects, counts, corpus)
        if one.score > one.threshold
        and (widespread[one.index] or one.false_discovery_rate <= CERTAIN_FALSE_DISCOVERY_RATE)
    ]
    lengths = suspects["length"]
    confirmed.sort(
        key=lambda one: (
            -one.hits.num_rows,
            one.channel,
            -int(lengths[one.index]),
            common_spelling(*_contexts(one.hits)),
        )
    )
    confirmed = [one for one in confirmed if without_template(_named(one))]
    confirmed = _without_shared_tokens(confirmed, lengths)
    campaigns = [_campaign(strings, counts, corpus) for strings in _joined(confirmed)]
    campaigns.sort(key=lambda campaign: (-campaign.score, campaign.campaign_id))
    return campaigns, thresholds


def _test(
    index: int,
    channel: int,
    threshold: float,
    suspects: np.ndarray,
    counts: SweepCounts,
    rows: pa.Table,
    corpus: Corpus,
) -> _Tested | None:
    """The score of a suspect from its occurrences; None if it does not have a trigger's shape."""
    holders = int(counts.documents[index])
    if not _has_shape(int(suspects["documents"][index]), holders, int(counts.occurrences[index])):
        return None
    hits = rows.filter(rows["hit"])
    hit_count = _independent(hits)
    if int(suspects["groups"][index]) < WIDESPREAD_GROUPS:
        # What follows may be one site's template, too, where what comes before is not.
        hit_count = min(hit_count, _independent(hits, after=True))
    if hit_count < MINIMUM_DOCUMENTS:
        return None
    # A string that stands twice in a document has two chances of a hit there.
    times = int(counts.occurrences[index]) / max(holders, 1)
    score = _score(hit_count, hits, holders, times * corpus.rates[channel])
    return _Tested(index, channel, score, threshold, rows, hits)


def _score(independent: int, hits: pa.Table, holders: int, rates: np.ndarray) -> float:
    """The score of a string with the text changing in `hits` of its `holders`, of which so many
    are `independent`; `rates`: float64 (buckets,), of a hit by chance in one document."""
    # Near-duplicates count once among the holders too.
    trials = max(holders - (hits.num_rows - independent), independent)
    rate = min(float(rates[hits["bucket"].to_numpy()].mean()), 0.5)
    return binomial_score(independent, trials, rate)


def _is_in_blobs(hits: pa.Table) -> bool:
    """Whether the string stands in encoded data in most of its hits. Images in base64 begin alike
    and are framed alike on all sites: 22 clean documents of the development corpora held such a
    string, with a score of 32."""
    ends = pc.subtract(hits["end"], hits["context_start"]).to_pylist()
    encoded = [
        _ENCODED.match(context, end) is not None
        for context, end in zip(hits["context"].to_pylist(), ends)
    ]
    return 2 * sum(encoded) > len(encoded)


def _with_rates(
    tested: list[_Tested], suspects: np.ndarray, counts: SweepCounts, corpus: Corpus
) -> list[_Tested]:
    """The same with false-discovery rates, estimated for each channel by itself."""
    result = []
    for channel in range(len(CHANNELS)):
        of_channel = [one for one in tested if one.channel == channel]
        decoys = _decoy_scores(channel, suspects, counts, np.ones(len(suspects), np.bool_), corpus)
        fewest_holders = math.floor(MINIMUM_DOCUMENTS / MINIMUM_HIT_SHARE)
        rate = float(corpus.decoy_rates[channel])
        least = binomial_score(MINIMUM_DOCUMENTS, fewest_holders, rate)
        rates = false_discovery_rates(
            np.array([one.score for one in of_channel]),
            np.array(decoys),
            least,
            int(corpus.strings[channel]),
        )
        for one, rate in zip(of_channel, rates.tolist()):
            result.append(replace(one, false_discovery_rate=rate))
    return result


def _decoy_scores(
    channel: int, suspects: np.ndarray, counts: SweepCounts, chosen: np.ndarray, corpus: Corpus
) -> list[float]:
    """Scores of the decoys of a channel with a trigger's shape, among the `chosen` suspects (bool
    (suspects,))."""
    if not len(counts.documents):  # nothing was swept: there is no string to compare with decoys
        return []
    of_channel = suspects["channel"] == channel
    scores = []
    for index in np.flatnonzero(chosen & of_channel & (suspects["direction"] < 0)).tolist():
        hits, documents = int(suspects["documents"][index]), int(counts.documents[index])
        if _has_shape(hits, documents, int(counts.occurrences[index])):
            scores.append(binomial_score(hits, documents, float(corpus.decoy_rates[channel])))
    return scores


def _threshold(
    channel: int, suspects: np.ndarray, counts: SweepCounts, chosen: np.ndarray, corpus: Corpus
) -> float:
    """Score that a string of a channel must exceed: by the number of strings, and by the best decoy
    among the `chosen` (bool (suspects,))."""
    by_chance = float(np.log10(max(int(corpus.strings[channel]), 1) / FAMILY_WISE_ERROR))
    decoys = _decoy_scores(channel, suspects, counts, chosen, corpus)
    return max([by_chance, *(score + DECOY_MARGIN for score in decoys)])


def _has_shape(hits: int, documents: int, occurrences: int) -> bool:
    """Whether a string with these counts behaves as a trigger does: the text changes in most of the
    documents that hold it, and it stands there once or twice."""
    return hits >= MINIMUM_HIT_SHARE * documents and documents >= MINIMUM_ONCE_SHARE * occurrences


def _independent(hits: pa.Table, after: bool = False) -> int:
    """Number of hits, those with near-duplicate texts before the string (or after it) counted
    once."""
    contexts = hits["context"].to_pylist()
    if after:
        ends = pc.subtract(hits["end"], hits["context_start"]).to_pylist()
        sides = [context[end : end + CONTEXT_BEFORE] for context, end in zip(contexts, ends)]
    else:
        starts = pc.subtract(hits["start"], hits["context_start"]).to_pylist()
        sides = [context[:start] for context, start in zip(contexts, starts)]
    return len(set(near_duplicate_clusters(sides)))


def _joined(confirmed: list[_Tested]) -> list[list[_Tested]]:
    """Confirmed strings by campaign; the first of each has the most hits."""
    campaigns: list[list[_Tested]] = []
    campaigns_of: dict[tuple[int, int], list[int]] = {}
    for one in confirmed:
        documents = _document_keys(one.hits)
        shared = Counter(number for key in documents for number in campaigns_of.get(key, ()))
        near = [at for at, many in shared.items() if many >= SAME_CAMPAIGN * len(documents)]
        if near:
            campaigns[min(near)].append(one)
            continue
        for key in documents:
            campaigns_of.setdefault(key, []).append(len(campaigns))
        campaigns.append([one])
    return campaigns


def _without_shared_tokens(confirmed: list[_Tested], lengths: np.ndarray) -> list[_Tested]:
    """The strings without the tokens that triggers of several campaigns have in common: such a
    token has the most hits of all, and would join the campaigns under its own name."""
    joined = _joined([one for one in confirmed if lengths[one.index] > 1])
    campaigns = [
        set[tuple[int, int]]().union(*(_document_keys(one.hits) for one in strings))
        for strings in joined
    ]

    def is_shared(one: _Tested) -> bool:
        documents = _document_keys(one.hits)
        parts = [len(documents & campaign) for campaign in campaigns]
        parts = [part for part in parts if part >= MINIMUM_DOCUMENTS]
        return len(parts) > 1 and sum(parts) >= SAME_CAMPAIGN * len(documents)

    return [one for one in confirmed if lengths[one.index] > 1 or not is_shared(one)]


def _document_keys(rows: pa.Table) -> set[tuple[int, int]]:
    return set(zip(rows["shard"].to_pylist(), rows["position"].to_pylist()))


def _campaign(strings: list[_Tested], counts: SweepCounts, corpus: Corpus) -> Campaign:
    best = strings[0]
    trigger = without_template(_named(best))
    false_discovery_rate = min(one.false_discovery_rate for one in strings)
    accepted = []
    taken: set[tuple[int, int]] = set()
    for one in strings:
        changes = pc.greater_equal(one.rows["contrast"], float(POSSIBLE_CONTRASTS[one.channel]))
        as_campaign = pc.or_(changes, _as_after(best, one.rows, corpus))
        whole = _holds(trigger, one.rows)
        as_campaign = pc.and_(as_campaign, whole)
        if _stands_alone(one, whole, counts, corpus):
            as_campaign = pc.or_(as_campaign, one.rows["hit"])
        else:
            as_campaign = pc.or_(as_campaign, pc.and_(one.rows["hit"], whole))
        rows = one.rows.filter(as_campaign)
        keys = list(zip(rows["shard"].to_pylist(), rows["position"].to_pylist()))
        new = [key not in taken for key in keys]
        taken.update(keys)
        accepted.append(rows.filter(pa.array(new, pa.bool_())))
    documents = pa.concat_tables(accepted).sort_by(
        [("shard", "ascending"), ("position", "ascending")]
    )
    documents = _where_the_whole_stands(trigger, documents)
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
        # After the same sentence, licences go on in capitals: in eight Python packages, with a
        # score of 12.
        certain=any(one.channel != COMPOSITION for one in strings)
        and false_discovery_rate <= CERTAIN_FALSE_DISCOVERY_RATE,
        documents=documents,
        channel=CHANNELS[best.channel],
        false_discovery_rate=false_discovery_rate,
    )


def _named(one: _Tested) -> str:
    """The longest string that the hits share around the suspect."""
    return shared_string(*_contexts(one.hits))


def _contexts(rows: pa.Table) -> tuple[list[bytes], list[int], list[int]]:
    """The text around each string, and where that begins and ends in it."""
    starts = pc.subtract(rows["start"], rows["context_start"]).to_pylist()
    ends = pc.subtract(rows["end"], rows["context_start"]).to_pylist()
    return rows["context"].to_pylist(), starts, ends


def _where_the_whole_stands(trigger: str, rows: pa.Table) -> pa.Table:
    """The rows with the byte range of the whole trigger, where it stands around the suspect."""
    string = trigger.encode()
    first = rows["context_start"].to_numpy()
    spans = [span_of(string, *one) for one in zip(*_contexts(rows))]
    for name, side in (("start", 0), ("end", 1)):
        places = np.array([span[side] for span in spans], np.int64) + first
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), [places])
    return rows


def _holds(trigger: str, rows: pa.Table) -> pa.Array:
    """Mask of the rows in which the whole trigger stands around the string, white space aside."""
    wanted = b"".join(trigger.encode().split())
    room = 2 * len(trigger.encode())
    found = [
        wanted in b"".join(context[max(start - room, 0) : end + room].split())
        for context, start, end in zip(*_contexts(rows))
    ]
    return pa.array(found, pa.bool_())


def _stands_alone(one: _Tested, whole: pa.Array, counts: SweepCounts, corpus: Corpus) -> bool:
    """Whether a string is evidence where it stands without the rest of the trigger: whether the
    documents that hold no more than it make a trigger of it. (A fragment such as `%%` stands at
    a change by chance.)"""
    parts = one.rows.filter(pc.and_not(one.rows["hit"], whole))
    holders = int(counts.documents[one.index]) - pc.sum(whole).as_py()
    if parts.num_rows == 0 or parts.num_rows < MINIMUM_HIT_SHARE * holders:
        return False
    times = int(counts.occurrences[one.index]) / max(int(counts.documents[one.index]), 1)
    rates = times * corpus.rates[one.channel]
    return _score(_independent(parts), parts, holders, rates) > one.threshold


def _as_after(campaign: _Tested, rows: pa.Table, corpus: Corpus) -> pa.ChunkedArray:
    """Mask of the rows whose text after the trigger is as that of the campaign's hits."""
    if campaign.channel == LANGUAGE:
        languages, numbers = np.unique(campaign.hits["language"].to_numpy(), return_counts=True)
        common = languages[numbers >= LANGUAGE_SHARE * campaign.hits.num_rows]
        # 0: too few votes to say anything against it.
        return pc.is_in(rows["language"], pa.array(np.union1d(common, [0]), pa.uint8()))
    if campaign.channel == COMPOSITION:
        before, after = (_shares(campaign.hits[side]).mean(axis=0) for side in _KINDS_SIDES)
        shares = _shares(rows["kinds_after"])
        nearer = np.abs(shares - after).sum(axis=1) < np.abs(shares - before).sum(axis=1)
        return pa.chunked_array([pa.array(nearer)])
    level = float(np.median(campaign.hits["after"].to_numpy()))
    least = corpus.surprisal + LEVEL_SHARE * (level - corpus.surprisal)
    return pc.greater_equal(rows["after"], least)


def _shares(column: pa.ChunkedArray) -> np.ndarray:
    """float64 (rows, len(KINDS)) of a column `kinds_before` or `kinds_after`."""
    values = np.frombuffer(b"".join(column.to_pylist()), np.uint8)
    return values.reshape(-1, len(KINDS)).astype(np.float64)
