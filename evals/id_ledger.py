"""Cost of the ledger of ids: bytes and CPU seconds a night, by the number of ids that it knows.

    python -m evals.id_ledger 1000000 10000000

Ids are generated: only their number matters. A night brings 1 % of new ids and as many known ones,
a hundredth of which have another content than before.
"""

from __future__ import annotations

import io
import sys
import time

import numpy as np
import pyarrow.parquet as pq

from evals.machine import this_machine
from tocsin.beam.evidence import records_of, table_of
from tocsin.beam.identities import KEPT, PARTITIONS
from tocsin.correlate.drift import IDENTITY, split_views

_MASK = np.uint64(0x0F0E0D0C0B0A0908)


def main(sizes: list[int]) -> None:
    print("| ids known | MB stored | bytes an id | ids tonight | changed, found | CPU seconds |")
    print("|---|---|---|---|---|---|")
    for size in sizes:
        print(_measured(size), flush=True)
    print(this_machine().line)


def _measured(size: int) -> str:
    random = np.random.default_rng(size)
    stored = found = planted = compared = 0
    seconds = 0.0
    for _ in range(PARTITIONS):
        known = _identities(random, size // PARTITIONS)
        known = known[np.argsort(known["id"])]
        file = io.BytesIO()
        kept = np.zeros(len(known), KEPT)
        for name in KEPT.names or ():
            kept[name] = known[name]
        pq.write_table(table_of(kept), file, compression="zstd")
        stored += file.tell()
        new = _identities(random, len(known) // 100)
        again = known[random.choice(len(known), len(known) // 100, replace=False)].copy()
        changed = random.random(len(again)) < 0.01
        again["hash"][changed] ^= _MASK
        tonight = np.concatenate([new, again])
        planted += int(changed.sum())
        compared += len(tonight)
        begun = time.process_time()
        read = np.zeros(len(known), IDENTITY)
        read[list(KEPT.names or ())] = records_of(pq.read_table(io.BytesIO(file.getvalue())), KEPT)
        found += len(split_views(read, tonight)[1])
        seconds += time.process_time() - begun
    return (
        f"| {size:,} | {stored / 1e6:.0f} | {stored / size:.1f} | {compared:,} | "
        f"{found:,} of {planted:,} | {seconds:.1f} |"
    )


def _identities(random: np.random.Generator, count: int) -> np.ndarray:
    records = np.zeros(count, IDENTITY)
    records["id"] = random.integers(0, 1 << 63, count, np.uint64)
    records["hash"] = random.integers(0, 1 << 63, (count, 2), np.uint64)
    records["length"] = random.integers(100, 20_000, count)
    records["night"] = random.integers(1, 300, count)
    return records


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1_000_000, 10_000_000])
