"""`tocsin profile`."""

from __future__ import annotations

from tocsin.beam import prepare, storage
from tocsin.beam.job import ProfileJob
from tocsin.beam.learn import load_profile
from tocsin.beam.run import Engine
from tocsin.commands.console import out, watched
from tocsin.corpus.batches import FieldNames, Limits
from tocsin.corpus.ranges import RANGE_BYTES
from tocsin.measure.profile import COUNTS_FILE, DESCRIPTION_FILE
from tocsin.pipelines.profile import profile


def run(
    patterns: list[str],
    output: str,
    *,
    fields: FieldNames,
    range_bytes: int = RANGE_BYTES,
    seed: int | None = None,
    engine: Engine,
) -> int:
    """Learns a profile and prints what it holds; the exit code.

    Args:
      seed: keys the hashes (default: one that follows from the documents). It must be that of the
        state's profile where scans with a state go on with a new one.

    Raises:
      UsageError, StorageError: for what the user gave.
      JobFailed: if the job failed.
    """
    output = prepare.absolute(output)
    inputs = prepare.find_inputs(patterns, output)
    if storage.exists(storage.join(output, DESCRIPTION_FILE)):
        raise prepare.UsageError(f"{output} holds a profile already: choose another folder")
    storage.delete_temporaries(output)
    # An interrupted run may have left the counts: the description, written last, is missing.
    if any(file.name != COUNTS_FILE for file in storage.files_in(output)):
        raise prepare.UsageError(f"{output} is not empty: choose another folder")
    job = ProfileJob(
        inputs.shards, inputs.skipped, fields, Limits(), None, output, inputs.sample_rate,
        range_bytes=range_bytes, seed=seed,
    )  # fmt: skip
    with watched(job, engine, inputs.stored_bytes) as job:
        engine.run(lambda pipeline: profile(pipeline, job), inputs.stored_bytes)
    if not engine.waits:
        out.print(f"{engine.runner} has accepted the job; when it is done, there is")
        out.print(storage.join(output, DESCRIPTION_FILE))
        return 0
    learned = load_profile(output)
    out.print(
        f"profile of {learned.documents:,} documents ({learned.sample_rate:.0%} of the corpus), "
        f"{learned.words:,} words: {output}"
    )
    return 0
