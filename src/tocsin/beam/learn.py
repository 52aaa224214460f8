"""Learning a profile: counts of every shard's sample, added up and laid out."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa

from tocsin.beam import metrics, storage
from tocsin.beam.job import ProfileJob
from tocsin.beam.packing import pack, unpack
from tocsin.corpus.shards import Shard
from tocsin.measure.batch import text_buffers
from tocsin.measure.counting import Counter, merge_counts
from tocsin.measure.hashes import content_hashes
from tocsin.measure.profile import COUNTS_FILE, DESCRIPTION_FILE, MINIMUM_COUNT, Profile

PARTITIONS = 16
"""Of the counts' keys by their upper bits, which keeps every merge small and the order global."""


@dataclass
class LearnProfile(beam.PTransform):
    """Shards -> the URI of the profile's folder (one element), once it is written."""

    job: ProfileJob

    def expand(self, shards: beam.PCollection) -> beam.PCollection:
        counted = shards | "Count" >> beam.ParDo(_CountShard(self.job)).with_outputs(
            "totals", main="counts"
        )
        merged = counted.counts | "By key" >> beam.GroupByKey() | "Add up" >> beam.MapTuple(_add_up)
        totals = counted.totals | "Totals" >> beam.CombineGlobally(_sum_pairs)
        return (
            shards.pipeline
            | "Profile" >> beam.Create([None])
            | "Write profile"
            >> beam.Map(
                functools.partial(_write_profile, self.job),
                merged=beam.pvalue.AsList(merged),
                totals=beam.pvalue.AsSingleton(totals),
            )
        )


class _CountShard(beam.DoFn):
    """A shard -> (partition, packed counts); and its (words, documents) to `totals`."""

    def __init__(self, job: ProfileJob) -> None:
        self._job = job
        self._documents = metrics.counter("profile_documents")

    def process(self, shard: Shard) -> Iterator[tuple[int, bytes] | beam.pvalue.TaggedOutput]:
        counter = Counter(self._job.seed)
        for part in self._job.parts(shard, "profile"):
            counter.count(sample(part.documents, self._job.sample_rate))
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
    data, offsets = text_buffers(documents)
    digests = content_hashes(data, offsets).buffers()[1]
    leading = np.frombuffer(digests, ">u8")[::2]
    return documents.filter(pa.array(leading < np.uint64(rate * 2**64)))


def _add_up(partition: int, blocks: Iterable[bytes]) -> tuple[int, bytes]:
    keys, counts = merge_counts([(part[0], part[1]) for part in map(unpack, blocks)])
    kept = counts >= MINIMUM_COUNT
    return partition, pack(keys[kept], counts[kept])


def _sum_pairs(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    words = documents = 0
    for pair in pairs:
        words += pair[0]
        documents += pair[1]
    return words, documents


def _write_profile(
    job: ProfileJob, _: None, merged: list[tuple[int, bytes]], totals: tuple[int, int]
) -> str:
    parts = [unpack(block) for _, block in sorted(merged)]
    keys = np.concatenate([part[0] for part in parts] or [np.empty(0, np.uint64)])
    counts = np.concatenate([part[1] for part in parts] or [np.empty(0, np.uint32)])
    words, documents = totals
    profile = Profile.create(keys, counts, words, documents, job.seed, job.sample_rate)
    for name, content in profile.to_files().items():
        storage.write(storage.join(job.output, name), content)
    return job.output


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
