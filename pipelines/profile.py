"""The profile: what is normal in a corpus, learned from a sample of its documents.

Run it as `tocsin profile`, or as a Beam main: `python -m tocsin.pipelines.profile INPUT --out DIR`.
"""

from __future__ import annotations

import apache_beam as beam

from tocsin.beam.job import ProfileJob
from tocsin.beam.learn import LearnProfile
from tocsin.beam.ranges import Pieces


def profile(pipeline: beam.Pipeline, job: ProfileJob) -> None:
    """Lays the learning of a profile on a pipeline; the last step writes it."""
    shards = pipeline | "Shards" >> Pieces(job)
    shards | "Learn" >> LearnProfile(job)


if __name__ == "__main__":
    from tocsin.cli import process

    process(["profile"])
