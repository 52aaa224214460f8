"""Learning a profile: counts of every shard's sample, added up and laid out.

The hashes of tokens are keyed by a seed that nobody knows who has not read all of the corpus, so
that no document can be made beforehand whose hashes collide; and yet it is the same for the same
documents, in whatever shards and order they come. It takes a reading of its own, for nothing can be
hashed without it. The profiles of later nights keep that of the first.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.beam import metrics, storage
from tocsin.beam.job import ProfileJob, ScanJob
from tocsin.beam.packing import pack, unpack
from tocsin.beam.state import PROFILE, ROLLING_FILE, file_name
from tocsin.corpus.shards import Shard
from tocsin.measure.batch import text_buffers
from tocsin.measure.counting import Columns, Counter, merge_counts
from tocsin.measure.hashes import content_hashes
from tocsin.measure.profile import COUNTS_FILE, DESCRIPTION_FILE, MINIMUM_COUNT, Profile
from tocsin.measure.rolling import RollingCounts

PARTITIONS = 16
"""Of the counts' keys by their upper bits, which keeps every merge small and the order global."""


@dataclass
class LearnProfile(beam.PTransform):
    """Shards -> the URI of the profile's folder (one element), once it is written."""

    job: ProfileJob

    def expand(self, shards: beam.PCollection) -> beam.PCollection:
        if self.job.seed is None:
            digests = shards | "Digest" >> beam.ParDo(_DigestShard(self.job))
            key = digests | beam.CombineGlobally(_add_digests) | "Key" >> beam.Map(_seed_of)
        else:
            key = shards.pipeline | "Key" >> beam.Create([self.job.seed])
        seed = beam.pvalue.AsSingleton(key)
        merged, totals = _counted(shards, beam.ParDo(_CountShard(self.job), seed), MINIMUM_COUNT)
        return (
            shards.pipeline
            | "Profile" >> beam.Create([None])
            | "Write profile"
            >> beam.Map(
                functools.partial(_write_profile, self.job),
                seed=seed,
                merged=beam.pvalue.AsList(merged),
                totals=beam.pvalue.AsSingleton(totals),
            )
        )


@dataclass
class RollProfile(beam.PTransform):
    """Shards -> entries of the files of the next night's profile, once they are written (one
    element): the counts of the nights before and of tonight's documents, without those that are in
    quarantine.

    `profile`: tonight's, whose seed the next one keeps; `quarantined`: one element, positions by
    URI.
    """

    job: ScanJob
    profile: beam.pvalue.AsSingleton
    quarantined: beam.pvalue.AsSingleton

    def expand(self, shards: beam.PCollection) -> beam.PCollection:
        seed = beam.pvalue.AsSingleton(
            shards.pipeline
            | "Tonight" >> beam.Create([None])
            | "Seed" >> beam.Map(lambda _, profile: load_profile(profile).seed, self.profile)
        )
        count = beam.ParDo(_CountShard(self.job.own_profile(), "roll"), seed, self.quarantined)
        merged, totals = _counted(shards, count, 1)
        return (
            shards.pipeline
            | "Rolling" >> beam.Create([None])
            | "Write rolling profile"
            >> beam.Map(
                functools.partial(_roll, self.job),
                seed=seed,
                merged=beam.pvalue.AsList(merged),
                totals=beam.pvalue.AsSingleton(totals),
            )
        )


def _counted(
    shards: beam.PCollection, count: beam.ParDo, least: int
) -> tuple[beam.PCollection, beam.PCollection]:
    """(partition, packed counts of at least `least`), and one (words, documents)."""
    counted = shards | "Count" >> count.with_outputs("totals", main="counts")
    merged = (
        counted.counts
        | "By key" >> beam.GroupByKey()
        | "Add up" >> beam.Map(functools.partial(_add_up, least))
    )
    return merged, counted.totals | "Totals" >> beam.CombineGlobally(_sum_pairs)


class _DigestShard(beam.DoFn):
    """A shard -> the sum of its documents' content hashes, packed (uint64 (2,))."""

    def __init__(self, job: ProfileJob) -> None:
        self._job = job

    def process(self, shard: Shard) -> Iterator[bytes]:
        total = np.zeros(2, np.uint64)
        for part in self._job.parts(shard, "key"):
            total += _content_numbers(part.documents).sum(axis=0, dtype=np.uint64)
        yield pack(total)


def _content_numbers(documents: pa.RecordBatch) -> np.ndarray:
    """uint64 (documents, 2): content hashes."""
    digests = content_hashes(*text_buffers(documents)).buffers()[1]
    return np.frombuffer(digests, ">u8").reshape(-1, 2).astype(np.uint64)


def _add_digests(digests: Iterable[bytes]) -> bytes:
    """Adds up digests modulo 2^64 (a function for CombineGlobally)."""
    return pack(np.sum([np.zeros(2, np.uint64), *(unpack(one)[0] for one in digests)], axis=0))


def _seed_of(digest: bytes) -> int:
    """The seed of the documents with these sums of content hashes."""
    [total] = unpack(digest)
    return int.from_bytes(hashlib.sha256(total.astype("<u8").tobytes()).digest()[:8], "little")


class _CountShard(beam.DoFn):
    """A shard -> (partition, packed counts); and its (words, documents) to `totals`."""

    def __init__(self, job: ProfileJob, stage: str = "profile") -> None:
        """`stage`: which reports its progress."""
        self._job = job
        self._stage = stage
        self._documents = metrics.counter("profile_documents")

    def process(
        self,
        shard: Shard,
        seed: int,
        quarantined: Mapping[str, Sequence[int]] | None = None,
    ) -> Iterator[tuple[int, bytes] | beam.pvalue.TaggedOutput]:
        """`seed`: keys the hashes; `quarantined`: positions by URI of documents that are not to be
        learned from."""
        counter = Counter(seed)
        dropped = pa.array((quarantined or {}).get(shard.uri, []), pa.int64())
        for part in self._job.parts(shard, self._stage):
            documents = part.documents
            documents = documents.filter(pc.invert(pc.is_in(documents["position"], dropped)))
            counter.count(sample(documents, self._job.sample_rate))
        keys, counts = counter.counts()
        bounds = np.searchsorted(keys >> np.uint64(60), np.arange(PARTITIONS + 1))
        for partition, (first, last) in enumerate(itertools.pairwise(bounds)):
            if last > first:
                yield partition, pack(keys[first:last], counts[first:last])
        self._documents.inc(counter.documents)
        yield beam.pvalue.TaggedOutput("totals", (counter.words, counter.documents))


def sample(documents: pa.RecordBatch, rate: float) -> pa.RecordBatch:
    """The documents, about `rate` of them, whose content hashes below it. The choice depends on
    nothing else, so that it is the same in whatever order and shards the documents come."""
    if rate >= 1:
        return documents
    leading = _content_numbers(documents)[:, 0]
    return documents.filter(pa.array(leading < np.uint64(rate * 2**64)))


def _add_up(least: int, element: tuple[int, Iterable[bytes]]) -> tuple[int, bytes]:
    partition, blocks = element
    keys, counts = merge_counts([(part[0], part[1]) for part in map(unpack, blocks)])
    kept = counts >= least
    return partition, pack(keys[kept], counts[kept])


def _sum_pairs(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    words = documents = 0
    for pair in pairs:
        words += pair[0]
        documents += pair[1]
    return words, documents


def _write_profile(
    job: ProfileJob,
    _: None,
    seed: int,
    merged: list[tuple[int, bytes]],
    totals: tuple[int, int],
) -> str:
    words, documents = totals
    profile = Profile.create(*_columns(merged), words, documents, seed, job.sample_rate)
    for name, content in profile.to_files().items():
        storage.write(storage.join(job.output, name), content)
    return job.output


def _columns(merged: list[tuple[int, bytes]]) -> Columns:
    """Keys, ascending, and counts of all partitions."""
    parts = [unpack(block) for _, block in sorted(merged)]
    keys = np.concatenate([np.empty(0, np.uint64), *[part[0] for part in parts]])
    return keys, np.concatenate([np.empty(0, np.uint32), *[part[1] for part in parts]])


def _roll(
    job: ScanJob,
    _: None,
    seed: int,
    merged: list[tuple[int, bytes]],
    totals: tuple[int, int],
) -> list[dict[str, Any]]:
    night = job.night
    assert night
    before = RollingCounts.nothing()
    if night.profile:
        content = storage.read(storage.join(night.profile, ROLLING_FILE))
        before = RollingCounts.from_bytes(content, load_profile(night.profile))
    tonight = RollingCounts(_columns(merged), *totals, job.sample_rate)
    counts = before.joined(tonight, night.number)
    profile = counts.profile(seed)
    entries = []
    for name, content in {**profile.to_files(), ROLLING_FILE: counts.to_bytes()}.items():
        path = f"{PROFILE}/{file_name(night.number, night.run)}/{name}"
        file = storage.write(night.path(path), content)
        entries.append(night.entry(PROFILE, path, 0, file))
    return entries


@functools.lru_cache(maxsize=2)
def load_profile(uri: str) -> Profile:
    """The profile in a folder; read once by each process.

    Raises:
      OSError: if it can't be read.
      ProfileError: if it is not a profile or was altered.
    """
    return Profile.from_files(
        {name: storage.read(storage.join(uri, name)) for name in (COUNTS_FILE, DESCRIPTION_FILE)}
    )
