"""What is too long for CI: `make test-large` (results in docs/guarantees.md)."""

from __future__ import annotations

import io
import itertools
import resource
import time
from collections.abc import Iterator

from tocsin.corpus.batches import FieldNames, Limits
from tocsin.corpus.read import read_shard
from tocsin.corpus.shards import numbered_shards


class _Pieces(io.RawIOBase):
    """A stream of pieces that were never in memory together."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int = -1) -> bytes:
        """The next piece, whatever the size asked for (1 MiB by all readers)."""
        return next(self._pieces, b"")


def _report(name: str, pieces: Iterator[bytes]) -> None:
    [shard] = numbered_shards([("corpus/x.jsonl", 1 << 40)])
    begun = time.process_time()
    documents, reasons = 0, []
    for part in read_shard(_Pieces(pieces), shard, FieldNames(), Limits()):  # type: ignore[arg-type]
        documents += part.documents.num_rows
        reasons += part.dead_letters["reason"].to_pylist()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.process_time() - begun
    print(
        f"| {name} | {documents:,} documents, dead letters {reasons} | {seconds:.1f} | {peak:.0f} |"
    )


def main() -> None:
    """Prints a table."""
    print("| input | outcome | CPU seconds | peak of the process, MB |\n|---|---|---|---|")
    good = b'{"text": "good"}\n'
    line = itertools.chain(
        [b'{"text": "'], itertools.repeat(b"x" * (1 << 20), 1024), [b'"}\n' + good]
    )
    _report("1 GB in one line, then a good one", line)
    empty = b'{"text": ""}\n' * 10_000
    _report("10^7 empty documents", (empty for _ in range(1000)))


if __name__ == "__main__":
    main()
