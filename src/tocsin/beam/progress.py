"""Progress of a local run: a small memory-mapped table that workers write and the command reads.

Beam reports counters only at the end of a local run. Each shard, or range of one, has a row for
each stage, which only the worker that reads it writes, so that nothing needs a lock, and work that
is done again overwrites itself.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

import numpy as np

STAGES = ("count", "key", "profile", "measure", "sweep", "heads", "roll", "copy")

_ROW = np.dtype(
    [("documents", "<i8"), ("text_bytes", "<i8"), ("stored_bytes", "<i8"), ("done", "<f8")]
)


@dataclass(frozen=True)
class StageProgress:
    """Sums over the shards of one stage; `stored_bytes` are those of the files as stored."""

    documents: int
    text_bytes: int
    stored_bytes: int
    shards_done: int


@dataclass(frozen=True)
class Progress:
    """`path`: the table's file; `shards`: how many are read; `rows`: of the table, as many as they
    have ranges at most."""

    path: str
    shards: int
    rows: int

    @classmethod
    def create(cls, shards: int, rows: int | None = None) -> Progress:
        """A new table in the machine's folder for temporary files. `rows`: as many as shards if
        none has ranges."""
        rows = max(shards if rows is None else rows, 1)  # a file without a byte can't be mapped
        with tempfile.NamedTemporaryFile(prefix="tocsin-progress-", delete=False) as file:
            file.truncate(rows * len(STAGES) * _ROW.itemsize)
            return cls(file.name, shards, rows)

    def _rows(self, mode: str) -> np.ndarray:
        shape = (len(STAGES), self.rows)
        return np.memmap(self.path, _ROW, mode, shape=shape)  # type: ignore[call-overload]

    def report(
        self,
        stage: str,
        row: int,
        documents: int,
        text_bytes: int,
        stored_bytes: int,
        done: float = 0.0,
    ) -> None:
        """Says how far the reading of a shard or range has come. `done`: share of a shard that is
        complete with it."""
        self._rows("r+")[STAGES.index(stage), row] = (documents, text_bytes, stored_bytes, done)

    def read(self, stage: str) -> StageProgress:
        """How far a stage has come."""
        rows = self._rows("r")[STAGES.index(stage)]
        documents, text_bytes, stored_bytes = (
            int(rows[name].sum()) for name in ("documents", "text_bytes", "stored_bytes")
        )
        return StageProgress(documents, text_bytes, stored_bytes, int(rows["done"].sum() + 1e-6))
