"""A scan's way from documents to payloads and claims, without Beam."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from measure.baseline import Baseline
from measure.calls import batch_of
from measure.generated import salad, words_of

from tocsin.correlate.campaigns import Campaign
from tocsin.correlate.claims import find_claims
from tocsin.correlate.hash_sets import frequent, prefixes, split
from tocsin.correlate.heads import find_headed, find_heads, read_heads, without_parts
from tocsin.correlate.passages import find_passages
from tocsin.correlate.payloads import Payloads, find_payloads
from tocsin.correlate.reading import READ_SCHEMA, Leads, Reader
from tocsin.correlate.shared import Shared, frequent_shingles
from tocsin.correlate.stories import Stories, find_stories
from tocsin.measure.batch import Measurer

BITS, PARTITIONS = 30, 3
WORDS = words_of(random.Random("leads"), 3000)

Document = tuple[str, str]
"""Text and group."""


def words(seed: object, count: int) -> str:
    """Text that shares nothing but words with that of another seed."""
    return salad(random.Random(str(seed)), WORDS, count)


def clean(count: int, groups: int = 20, seed: str = "") -> list[Document]:
    """Documents that have nothing in common."""
    return [
        (words(f"clean {seed} {number}", 120), f"g{number % groups}.org") for number in range(count)
    ]


@dataclass(frozen=True)
class Followed:
    """What came of the leads; `heads`, `headed` of the payloads."""

    leads: Leads
    stories: Stories
    read: pa.Table
    payloads: Payloads
    claims: list[Campaign]
    heads: list[bytes]
    headed: list[Campaign]

    @property
    def campaigns(self) -> list[Campaign]:
        return [*self.headed, *without_parts(self.payloads.campaigns, self.headed), *self.claims]


def follow(baseline: Baseline, shards: Sequence[Sequence[Document]]) -> Followed:
    """Follows the leads of a corpus to their end."""
    batches = [
        batch_of([text.encode() for text, _ in shard], [group for _, group in shard])
        for shard in shards
    ]
    measured = [
        Measurer(baseline.profile).measure(batch, f"s{number}", number).evidence
        for number, batch in enumerate(batches)
    ]
    shared, chosen = {}, {}
    for kind, least in (("samples", 1), ("sketches", 2)):
        blocks: dict[int, list[bytes]] = {}
        for evidence in measured:
            hashes = prefixes(evidence[kind]["hash"], BITS)
            for number, block in split(hashes, BITS, PARTITIONS):
                blocks.setdefault(number, []).append(block)
        parts = [
            frequent(number, some, BITS, PARTITIONS, 4, 5000)
            for number, some in sorted(blocks.items())
        ]
        chosen[kind] = np.concatenate([np.zeros(0, np.uint64), *parts])
        shared[kind] = Shared(
            frequent_shingles(evidence[kind], chosen[kind], BITS, least) for evidence in measured
        )
    groups = len({group for shard in shards for _, group in shard})
    stories = find_stories(shared["sketches"], groups)
    anchors = find_passages(shared["samples"], groups)
    leads = Leads(anchors, stories.members)
    reader = Reader(leads, baseline.profile.seed)
    read = pa.Table.from_batches(
        [reader.read(batch, shard) for shard, batch in enumerate(batches) if reader.needs(shard)],
        READ_SCHEMA,
    )
    payloads = find_payloads(read.filter(pc.equal(read["kind"], "passage")), groups)
    heads = find_heads(payloads)
    headed_rows = pa.Table.from_batches(
        [read_heads(batch, heads, shard) for shard, batch in enumerate(batches)], READ_SCHEMA
    )
    return Followed(
        leads,
        stories,
        read,
        payloads,
        find_claims(
            read.filter(pc.equal(read["kind"], "story")), stories.clusters, stories.elsewhere
        ),
        heads,
        find_headed(headed_rows, heads, payloads),
    )


def places(campaign: Campaign) -> set[tuple[int, int]]:
    """Shards and positions of a campaign's documents."""
    return set(
        zip(campaign.documents["shard"].to_pylist(), campaign.documents["position"].to_pylist())
    )


def holding(shards: Sequence[Sequence[Document]], part: str) -> set[tuple[int, int]]:
    """Shards and positions of the documents that hold a string."""
    return {
        (shard, position)
        for shard, documents in enumerate(shards)
        for position, (text, _) in enumerate(documents)
        if part in text
    }


def shuffled(documents: Sequence[Document], seed: int, shards: int = 3) -> list[list[Document]]:
    """The documents in another order, in so many shards."""
    order = random.Random(seed).sample(list(documents), len(documents))
    return [order[number::shards] for number in range(shards)]
