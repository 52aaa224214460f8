"""The scan: from the shards of a corpus to its flagged documents.

    read -> measure -> correlate -> judge -> commit

Run it as `tocsin scan`, or as a Beam main:
`python -m tocsin.pipelines.scan INPUT --out OUT --runner ...`.
"""

from __future__ import annotations

import apache_beam as beam
from apache_beam.pvalue import AsList, AsSingleton

from tocsin.beam.commit import Commit, Judge
from tocsin.beam.correlate import FindSuspects, SweepShards, add_counts
from tocsin.beam.held import RecallLeads
from tocsin.beam.identities import CompareIdentities
from tocsin.beam.job import ScanJob
from tocsin.beam.learn import LearnProfile, RollProfile
from tocsin.beam.measure import MeasureShards
from tocsin.beam.memory import Recall, Remember
from tocsin.beam.payloads import FollowLeads, ReadHeads
from tocsin.beam.ranges import Pieces
from tocsin.beam.shared import FindLeads
from tocsin.beam.totals import Totals


def scan(pipeline: beam.Pipeline, job: ScanJob) -> None:
    """Lays a scan on a pipeline. The last step writes the manifest: no manifest, no result."""
    shards = pipeline | "Shards" >> Pieces(job)

    # Profile: what is normal here. Given, or learned from the corpus itself.
    if job.profile_uri:
        profile = AsSingleton(pipeline | "Profile" >> beam.Create([job.profile_uri]))
    else:
        profile = AsSingleton(shards | "Learn" >> LearnProfile(job.own_profile()))

    # Measure: each shard's `documents`, `dead_letters` and `evidence` parts, written in one step.
    measured = shards | "Measure" >> MeasureShards(job, profile)
    receipts = AsList(measured.receipts)
    earlier = job.night.statistics if job.night else ()
    totals = AsSingleton(
        pipeline
        | "Measured" >> beam.Create([None])
        | "Totals" >> beam.Map(lambda _, receipts: Totals.of([*receipts, *earlier]), receipts)
    )
    onsets = measured.onsets
    if job.night:
        onsets = onsets | "Remember" >> Remember(job)

    # Correlate: strings that stand at many onsets, passages and stories that documents share; where
    # else do they stand, and in what surroundings?
    suspects = AsSingleton(onsets | "Suspects" >> FindSuspects(profile, totals))
    leads = AsSingleton(pipeline | "Shared" >> FindLeads(job, measured, totals))
    swept = shards | "Sweep" >> SweepShards(job, profile, receipts, suspects, leads)
    earlier_leads = (
        AsList(pipeline | "Recall leads" >> RecallLeads(job, profile, leads)) if job.night else None
    )
    followed = AsSingleton(
        pipeline | "Leads" >> FollowLeads(leads, totals, AsList(swept.read), earlier_leads)
    )
    headed = shards | "Heads" >> ReadHeads(job, followed)
    counts = AsSingleton(swept.counts | "Add counts" >> beam.CombineGlobally(add_counts))

    # Judge and commit.
    found = {
        "profile": profile,
        "receipts": receipts,
        "findings": AsList(measured.findings),
        "totals": totals,
        "suspects": suspects,
        "counts": counts,
        "occurrences": AsList(swept.occurrences),
        "followed": followed,
        "headed": AsList(headed),
    }
    if job.night:
        found["recalled"] = AsList(pipeline | "Recall" >> Recall(job, profile, suspects))
        compared = measured.receipts | "Identities" >> CompareIdentities(job)
        found["compared"] = AsList(compared["ids"])
        found["groups"] = AsList(compared["groups"])
    judged = AsSingleton(pipeline | "Judge" >> Judge(job, found))
    rolled = None
    if job.rolls:
        quarantined = AsSingleton(
            pipeline
            | "Judged" >> beam.Create([None])
            | "Quarantined" >> beam.Map(lambda _, judged: judged.quarantined, judged)
        )
        rolled = AsSingleton(shards | "Roll" >> RollProfile(job, profile, quarantined))
    pipeline | "Commit" >> Commit(job, judged, rolled)


if __name__ == "__main__":
    from tocsin.cli import process

    process(["scan"])
