"""The filter: a copy of the corpus without the documents that a scan has flagged.

Run it as `tocsin filter`, or as a Beam main:
`python -m tocsin.pipelines.filter INPUT --scan OUT --out CLEAN`.
"""

from __future__ import annotations

import apache_beam as beam
from apache_beam.pvalue import AsList

from tocsin.beam.filter import CommitFilter, CopyShard, FilterJob


def filter_corpus(pipeline: beam.Pipeline, job: FilterJob) -> None:
    """Lays a filter on a pipeline. Each shard is copied whole, then the counts are committed."""
    counts = (
        pipeline
        | "Shards" >> beam.Create(job.tasks)
        | beam.Reshuffle()
        | "Copy" >> beam.ParDo(CopyShard(job))
    )
    pipeline | "Commit" >> CommitFilter(job, AsList(counts))


if __name__ == "__main__":
    from tocsin.cli import process

    process(["filter"])
