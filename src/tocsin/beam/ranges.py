"""Which pieces of the corpus are read by themselves: shards, and the ranges of large ones."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import apache_beam as beam

from tocsin.beam import metrics, storage
from tocsin.beam.identity import Identity, identify
from tocsin.beam.job import CorpusJob
from tocsin.corpus.ranges import Counted, can_split, count, numbered, split
from tocsin.corpus.shards import Shard

_LOGGER = logging.getLogger(__name__)


@dataclass
class Pieces(beam.PTransform):
    """-> shards (Shard), and for those larger than `range_bytes` their ranges, spread over workers.

    Where a shard is split does not depend on the engine or the number of workers: the parts of an
    interrupted run fit the next one.
    """

    job: CorpusJob

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection:
        shards = root | "Shards" >> beam.Create(self.job.shards) | beam.Reshuffle()
        if not any(self.job.is_large(shard) for shard in self.job.shards):
            return shards
        pieces = shards | "Split" >> beam.ParDo(_Split(self.job)).with_outputs(
            "uncounted", main="ready"
        )
        counted = (
            pieces.uncounted
            | "Spread to count" >> beam.Reshuffle()
            | "Count" >> beam.ParDo(_Count(self.job))
            | "By shard" >> beam.GroupByKey()
            | "Number" >> beam.FlatMap(_numbered)
        )
        return (pieces.ready, counted) | beam.Flatten() | "Spread" >> beam.Reshuffle()


class _Split(beam.DoFn):
    """A shard -> what can be read as it is; ranges of lines to `uncounted`."""

    def __init__(self, job: CorpusJob) -> None:
        self._job = job

    def process(self, shard: Shard) -> Iterator[Shard | beam.pvalue.TaggedOutput]:
        if not self._job.is_large(shard):
            yield shard
            return
        parts = [shard]
        if can_split(shard):
            try:
                stream = storage.open_file(shard.uri)
            except OSError:
                yield shard  # its reader gives the dead letter
                return
            with stream:
                parts = split(stream, shard, self._job.fields, self._job.range_bytes)
            if len(parts) > 1:
                read_as = identify(shard.uri)
                parts = [_identified(part, read_as) for part in parts]
        if len(parts) == 1:
            _LOGGER.warning(
                "%s has %d bytes and is read whole: it is cut nowhere", shard.uri, shard.size
            )
        for part in parts:
            if part.range is None or part.range.records >= 0:
                yield part
            else:
                yield beam.pvalue.TaggedOutput("uncounted", part)


def _identified(part: Shard, read_as: Identity) -> Shard:
    assert part.range is not None
    identified = replace(part.range, checksum=read_as.checksum, generation=read_as.generation)
    return replace(part, range=identified)


class _Count(beam.DoFn):
    """A range of lines -> (number of its shard, Counted)."""

    def __init__(self, job: CorpusJob) -> None:
        self._job = job
        self._ranges = metrics.counter("ranges")

    def process(self, shard: Shard) -> Iterator[tuple[int, Counted]]:
        with storage.open_file(shard.uri) as stream:
            counted = count(stream, shard, self._job.limits)
        self._ranges.inc()
        self._job.report("count", shard, counted.records, counted.own_bytes, done=True)
        yield shard.index, counted


def _numbered(element: tuple[int, Iterable[Counted]]) -> Iterable[Shard]:
    return numbered(list(element[1]))
