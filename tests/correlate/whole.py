"""The whole trigger miner on a few texts, without an engine: profile, measure, correlate, sweep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from measure import calls

from tocsin.correlate.campaigns import Campaign, Corpus, find_campaigns
from tocsin.correlate.statistics import bucket_rates
from tocsin.correlate.suspects import SUSPECT, find_suspects
from tocsin.correlate.sweep import OCCURRENCE_SCHEMA, Sweeper
from tocsin.measure.batch import BUCKETS
from tocsin.measure.onsets import CHANNELS, LONGEST_NGRAM
from tocsin.measure.profile import MINIMUM_COUNT, Profile


def campaigns_in(texts: Sequence[str], groups: Sequence[str] | None = None) -> list[Campaign]:
    """What a scan of the texts names, each by itself in a group unless told otherwise."""
    raw = [text.encode() for text in texts]
    batch = calls.batch_of(raw, groups or [f"site{number}.org" for number in range(len(raw))])
    counter = calls.counted([batch])
    keys, counts = counter.counts()
    kept = counts >= MINIMUM_COUNT
    profile = Profile.create(
        keys[kept], counts[kept], counter.words, counter.documents, calls.SEED, 1.0
    )
    measured = calls.measure(batch, profile, shard=0)
    features, onsets = measured.features, measured.evidence["onsets"]
    tokens = np.bincount(features.bucket, features.tokens, len(BUCKETS)).astype(np.int64)

    def of(channel: int, direction: int) -> np.ndarray:
        return onsets[(onsets["channel"] == channel) & (onsets["direction"] == direction)]

    def by_bucket(direction: int) -> np.ndarray:
        counts = [
            np.bincount(of(channel, direction)["bucket"], minlength=len(BUCKETS))
            for channel in range(len(CHANNELS))
        ]
        return np.array(counts, np.int64)

    found = by_bucket(1)
    corpus = Corpus(
        rates=np.array([bucket_rates(counts, tokens) for counts in found]),
        decoy_rates=(by_bucket(-1).sum(axis=1) + 1) / (tokens.sum() + 2),
        strings=found.sum(axis=1) * LONGEST_NGRAM,
        surprisal=float(features.surprisal.mean()),
    )
    suspects = np.concatenate(
        [
            np.empty(0, SUSPECT),
            *(
                find_suspects(of(channel, direction), float(tokens.sum() / profile.words))
                for channel in range(len(CHANNELS))
                for direction in (1, -1)
            ),
        ]
    )
    suspects = suspects[np.lexsort((suspects["direction"], suspects["key"]))]
    sweeper = Sweeper(suspects, profile)
    sweeper.begin(0)
    rows = pa.Table.from_batches([sweeper.sweep(batch)], OCCURRENCE_SCHEMA)
    return find_campaigns(suspects, sweeper.counts, rows, corpus)[0]
