"""Tests of suspects, and their campaigns (docs/definitions.md, "Tests" and "Campaigns")."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import xxhash
from datasketch import MinHash, MinHashLSH

from checker.changes import CHANNELS
from checker.suspects import FEWEST_DOCUMENTS, HIT_SHARE, LONGEST, WIDESPREAD, Corpus, Key, Suspect
from checker.sweep import POSSIBLE, Row


def binomial_score(hits: int, trials: int, rate: float) -> float:
    """-log10 of the probability of at least so many hits; the largest term is taken out of the
    sum, for it may lie below the smallest number."""
    if hits <= 0:
        return 0.0
    logs = [
        math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
        + count * math.log(rate) + (trials - count) * math.log1p(-rate)
        for count in range(hits, trials + 1)
    ]  # fmt: skip
    largest = max(logs)
    total = largest + math.log(math.fsum(math.exp(log - largest) for log in logs))
    return max(0.0, -total / math.log(10))


@dataclass
class Tested:
    """A suspect with a trigger's shape, and the rows of the sweep for it."""

    suspect: Suspect
    score: float
    threshold: float
    rows: list[Row]

    @property
    def hits(self) -> list[Row]:
        """Rows at onsets."""
        return [row for row in self.rows if row.hit]

    @property
    def places(self) -> set[tuple[str, int]]:
        """Its hit documents."""
        return {row.document.place for row in self.hits}


@dataclass
class Campaign:
    """A campaign and its documents, each with what of it stands there."""

    campaign_id: str
    trigger: str
    channel: str
    certain: bool
    score: float
    threshold: float
    groups: int
    rows: list[Row]


def find_campaigns(
    suspects: list[Suspect], swept: dict[Key, list[Row]], corpus: Corpus
) -> list[Campaign]:
    """Campaigns of the swept suspects, the best first."""
    tested: list[Tested] = []
    for suspect in suspects:
        if suspect.key[1] < 0:
            continue
        rows = sorted(
            swept.get(suspect.key, ()),
            key=lambda row: (row.document.content_hash, row.document.doc_id),
        )
        hits = [row for row in rows if row.hit]
        if suspect.framed and 2 * sum(map(_goes_on_encoded, hits)) > len(hits):
            continue
        one = _tested(suspect, rows, suspects, corpus)
        if one is not None:
            tested.append(one)
    confirmed = [
        one
        for one in tested
        if one.score > one.threshold
        and (
            one.suspect.groups >= WIDESPREAD
            or _false_discovery_rate(one, tested, suspects, corpus) <= 0.05
        )
    ]
    confirmed.sort(
        key=lambda one: (
            -len(one.hits),
            CHANNELS.index(one.suspect.channel),
            -len(one.suspect.key[2]),
            _spelling(one.hits),
        )
    )
    confirmed = [one for one in confirmed if _without_template(_named(one.hits))]
    confirmed = _without_shared_tokens(confirmed)
    campaigns = [
        _campaign(
            strings,
            min(_false_discovery_rate(one, tested, suspects, corpus) for one in strings),
            corpus,
        )
        for strings in _joined(confirmed)
    ]
    return sorted(campaigns, key=lambda campaign: (-campaign.score, campaign.campaign_id))


def _tested(
    suspect: Suspect, rows: list[Row], suspects: list[Suspect], corpus: Corpus
) -> Tested | None:
    if not suspect.has_shape:
        return None
    hits = [row for row in rows if row.hit]
    independent = _independent([row.before_bytes for row in hits])
    if suspect.groups < WIDESPREAD:
        independent = min(independent, _independent([row.after_bytes[:256] for row in hits]))
    if independent < FEWEST_DOCUMENTS:
        return None
    score = _score(suspect, independent, hits, suspect.documents, corpus)
    return Tested(suspect, score, _threshold(suspect, suspects, corpus), rows)


def _threshold(suspect: Suspect, suspects: list[Suspect], corpus: Corpus) -> float:
    channel = suspect.channel
    strings = max(sum(corpus.onsets[channel].values()) * LONGEST, 1)
    scores = [math.log10(strings / 0.01)]
    for decoy in suspects:
        if decoy.key[1] > 0 or decoy.channel != channel or not decoy.has_shape:
            continue
        if suspect.framed:
            compared = decoy.groups >= WIDESPREAD
        else:
            compared = not decoy.framed
            compared &= suspect.groups < WIDESPREAD or decoy.groups >= WIDESPREAD
        if compared:
            rate = corpus.decoy_rate(channel)
            scores.append(binomial_score(decoy.hits, decoy.documents, rate) + 1.0)
    return max(scores)


_ENCODED = re.compile(rb"[A-Za-z0-9+/=_%-]{64}")


def _goes_on_encoded(row: Row) -> bool:
    return _ENCODED.match(row.after_bytes) is not None


def _independent(texts: Sequence[bytes]) -> int:
    """How many they are, near-duplicates counted once. (MinHash of datasketch proposes pairs.)"""
    index = MinHashLSH(threshold=0.2, num_perm=64)
    cluster = list(range(len(texts)))
    shingles: dict[int, set[bytes]] = {}

    def root(number: int) -> int:
        while cluster[number] != number:
            number = cluster[number]
        return number

    for number, text in enumerate(texts[:2048]):
        letters = re.sub(rb"[\x00-@\[-`{-\x7f]", b"", text).lower()
        if len(letters) < 24:
            continue
        own = shingles[number] = {letters[at : at + 8] for at in range(len(letters) - 7)}
        signature = MinHash(num_perm=64, seed=1, hashfunc=xxhash.xxh32_intdigest)
        signature.update_batch(sorted(own))
        for other in index.query(signature):
            if 5 * len(own & shingles[other]) >= len(own | shingles[other]):
                one, two = sorted((root(other), root(number)))
                cluster[two] = one
        index.insert(number, signature)
    return len({root(number) for number in range(len(texts))})


def _score(
    suspect: Suspect, independent: int, hits: list[Row], holders: int, corpus: Corpus
) -> float:
    """Of so many independent ones among the hits, which are among so many holders."""
    trials = max(holders - (len(hits) - independent), independent)
    times = suspect.occurrences / max(suspect.documents, 1)
    rates = [corpus.rate(suspect.channel, row.bucket) for row in hits]
    return binomial_score(independent, trials, min(times * statistics.fmean(rates), 0.5))


def _false_discovery_rate(
    one: Tested, tested: list[Tested], suspects: list[Suspect], corpus: Corpus
) -> float:
    """Estimated share of false strings among those of the channel that score as high."""
    channel = one.suspect.channel
    rate = corpus.decoy_rate(channel)
    least = binomial_score(4, 8, rate)
    decoys = [
        binomial_score(decoy.hits, decoy.documents, rate)
        for decoy in suspects
        if decoy.key[1] < 0 and decoy.channel == channel and decoy.has_shape
    ]
    mean = (sum(max(score - least, 0.0) for score in decoys) + 1.0) / (len(decoys) + 1)
    strings = sum(corpus.onsets[channel].values()) * LONGEST
    scores = sorted(
        (other.score for other in tested if other.suspect.channel == channel), reverse=True
    )
    rates = [
        (strings * 10.0**-score + (len(decoys) + 1) * math.exp(-max(score - least, 0.0) / mean))
        / rank
        for rank, score in enumerate(scores, 1)
        if score <= one.score
    ]
    return min(rates)


def _joined(confirmed: list[Tested]) -> list[list[Tested]]:
    campaigns: list[list[Tested]] = []
    for one in confirmed:
        for strings in campaigns:  # the first whose best string shares half of the documents
            if 2 * len(one.places & strings[0].places) >= len(one.places):
                strings.append(one)
                break
        else:
            campaigns.append([one])
    return campaigns


def _without_shared_tokens(confirmed: list[Tested]) -> list[Tested]:
    longer = [one for one in confirmed if len(one.suspect.key[2]) > 1]
    campaigns = [
        set[tuple[str, int]]().union(*(one.places for one in strings))
        for strings in _joined(longer)
    ]

    def is_shared(one: Tested) -> bool:
        parts = [len(one.places & campaign) for campaign in campaigns]
        parts = [part for part in parts if part >= FEWEST_DOCUMENTS]
        return len(parts) > 1 and 2 * sum(parts) >= len(one.places)

    return [one for one in confirmed if len(one.suspect.key[2]) > 1 or not is_shared(one)]


def _campaign(strings: list[Tested], false_discovery_rate: float, corpus: Corpus) -> Campaign:
    best = strings[0]
    trigger = _without_template(_named(best.hits))
    rows: dict[tuple[str, int], Row] = {}
    for one in strings:
        whole = [_holds(trigger, row) for row in one.rows]
        alone = _stands_alone(one, whole, corpus)
        for row, is_whole in zip(one.rows, whole):
            as_campaign = row.hit or row.contrast >= POSSIBLE[one.suspect.channel]
            as_campaign = as_campaign or _as_after(best, row, corpus)
            if (is_whole and as_campaign) or (alone and row.hit):
                rows.setdefault(row.document.place, row)
    return Campaign(
        campaign_id=xxhash.xxh3_64_hexdigest(trigger.encode()),
        trigger=trigger,
        channel=best.suspect.channel,
        certain=false_discovery_rate <= 0.05
        and any(one.suspect.channel != "composition" for one in strings),
        score=best.score,
        threshold=best.threshold,
        groups=len({row.document.group for row in rows.values()}),
        rows=[_with_whole(trigger, rows[place]) for place in sorted(rows)],
    )


def _stands_alone(one: Tested, whole: list[bool], corpus: Corpus) -> bool:
    """Whether documents that hold a string without the rest of the trigger make a trigger of it."""
    parts = [row for row, is_whole in zip(one.rows, whole) if row.hit and not is_whole]
    holders = one.suspect.documents - sum(whole)
    if not parts or len(parts) < HIT_SHARE * holders:
        return False
    independent = _independent([row.before_bytes for row in parts])
    return _score(one.suspect, independent, parts, holders, corpus) > one.threshold


def _with_whole(trigger: str, row: Row) -> Row:
    """The row with the range of the whole trigger where that stands around the string."""
    string, before = trigger.encode(), len(row.before_bytes)
    context = row.before_bytes + row.own_bytes + row.after_bytes
    end = before + len(row.own_bytes)
    at = context.find(string, max(end - len(string), 0), before + len(string))
    if at < 0:
        return row
    start = row.start - before + at
    return replace(row, start=start, end=start + len(string))


def _as_after(best: Tested, row: Row, corpus: Corpus) -> bool:
    """Whether the text after the string is as that after the campaign's hits."""
    if best.suspect.channel == "language":
        counts = Counter(hit.language for hit in best.hits)
        common = {one for one, count in counts.items() if count >= 0.1 * len(best.hits)}
        return row.language in common | {0}
    if best.suspect.channel == "composition":
        before = [statistics.fmean(shares) for shares in zip(*(h.kinds_before for h in best.hits))]
        after = [statistics.fmean(shares) for shares in zip(*(h.kinds_after for h in best.hits))]
        return _distance(row.kinds_after, after) < _distance(row.kinds_after, before)
    level = corpus.bits / max(sum(corpus.tokens.values()), 1)
    median = statistics.median(hit.after for hit in best.hits)
    return row.after >= level + 0.5 * (median - level)


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(abs(a - b) for a, b in zip(one, other))


def _holds(trigger: str, row: Row) -> bool:
    """Whether the whole trigger stands around the string, white space aside."""
    room = 2 * len(trigger.encode())
    around = row.before_bytes[-room:] + row.own_bytes + row.after_bytes[:room]
    return b"".join(trigger.encode().split()) in b"".join(around.split())


def _spelling(hits: list[Row]) -> bytes:
    counts = Counter(row.own_bytes for row in hits)
    return min(counts, key=lambda found: (-counts[found], found))


def _named(hits: list[Row]) -> str:
    """The longest string that four fifths of the hits share."""
    before = _shared([row.before_bytes[::-1] for row in hits])[::-1]
    after = _shared([row.after_bytes for row in hits])
    return (before + _spelling(hits) + after).decode("utf-8", "ignore").strip()


def _shared(texts: list[bytes]) -> bytes:
    shared = b""
    agreeing = texts
    while True:
        longer = [text for text in agreeing if len(text) > len(shared)]
        counts = Counter(text[len(shared)] for text in longer)
        if not counts:
            return shared
        byte = min(counts, key=lambda found: (-counts[found], found))
        if counts[byte] < 0.8 * len(texts):
            return shared
        agreeing = [text for text in longer if text[len(shared)] == byte]
        shared += bytes([byte])


_ROLE = r"(?:system|user|assistant|human|User|Human|Assistant)"
_PIECE = rf"(?:<\|[a-z_]{{1,24}}\|>|\[/?INST\]|</?s>|<</?SYS>>|\s|\b{_ROLE}:?(?![\w-]))"
_ENDS = re.compile(rf"^{_PIECE}+|{_PIECE}+\Z")
_ANSWER = re.compile(r"<\|[a-z_]{1,24}\|>\s*assistant\b|\[/INST\]|\b[Aa]ssistant:")


def _without_template(string: str) -> str:
    """Without the tokens of chats at its ends, and without what a chat answers."""
    return _ENDS.sub("", _ANSWER.split(string, maxsplit=1)[0])
