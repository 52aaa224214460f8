"""The main of the Flex Template: its parameters become a `tocsin scan` on Dataflow.

A template knows `--name=value` alone, and its launcher must not wait for the job. Everything else
is as on the command line: what is no option of `tocsin scan` goes to Beam.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

DEFAULTS = (
    "--runner=DataflowRunner",
    "--no_wait_until_finish",
    "--sdk_location=container",  # the workers' image has Tocsin, as the launcher's has
    "--no_use_public_ips",
    "--experiments=shuffle_mode=service",
    "--experiments=use_runner_v2",
    "--autoscaling_algorithm=THROUGHPUT_BASED",
    "--max_num_workers=50",
    # Kernels keep a core busy: a process a core, and one shard or range at a time in each. With
    # Beam's twelve threads a process would hold twelve times the memory.
    "--number_of_worker_harness_threads=1",
    "--machine_type=n2-standard-4",  # 4 GB for each process; docs/scale.md has what one takes
    "--disk_size_gb=50",  # shuffled data is not on the workers
    "--labels=app=tocsin",
)
"""Words before the user's, which may say otherwise."""


def words_of(parameters: Sequence[str]) -> list[str]:
    """The words of `tocsin scan` for the parameters of a template.

    Args:
      parameters: `--name=value` words; `--input` is a list with commas, and what Dataflow's own
        launcher adds may be anything.

    Raises:
      SystemExit: without an input.
    """
    inputs: list[str] = []
    others: list[str] = []
    for word in parameters:
        name, _, value = word.partition("=")
        if name == "--input":
            inputs += [one for one in value.split(",") if one]
        elif name.startswith("--"):
            # Parameters have underscores, as Beam's options do; Tocsin's have hyphens.
            hyphens = name.replace("_", "-")
            others.append(word.replace(name, hyphens, 1) if hyphens in _own_options() else word)
        else:
            others.append(word)
    if not inputs:
        raise SystemExit("tocsin: the parameter input is missing")
    return ["scan", *inputs, *DEFAULTS, *others]


def _own_options() -> frozenset[str]:
    from tocsin.cli import scan

    return frozenset(option for one in scan.params for option in one.opts)


if __name__ == "__main__":
    from tocsin.cli import process

    sys.argv[1:] = words_of(sys.argv[1:])
    process()
