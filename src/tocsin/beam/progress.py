"""Progress of a local run: a small memory-mapped table that workers write and the command reads.

Beam reports counters only at the end of a local run. Each shard has a row for each stage, which
only the worker that reads the shard writes, so that nothing needs a lock, and work that is done
again overwrites itself.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

import numpy as np

STAGES = ("profile", "measure", "sweep")

_ROW = np.dtype(
    [("documents", "<i8"), ("text_bytes", "<i8"), ("stored_bytes", "<i8"), ("done", "<i8")]
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
    """`path`: the table's file; `shards`: its number of shards."""

    path: str
    shards: int

    @classmethod
    def create(cls, shards: int) -> Progress:
        """A new table in the machine's folder for temporary files."""
        with tempfile.NamedTemporaryFile(prefix="tocsin-progress-", delete=False) as file:
            file.truncate(max(shards, 1) * len(STAGES) * _ROW.itemsize)
            return cls(file.name, shards)

    def _rows(self, mode: str) -> np.ndarray:
        shape = (len(STAGES), max(self.shards, 1))  # a file without a byte can't be mapped
        return np.memmap(self.path, _ROW, mode, shape=shape)  # type: ignore[call-overload]

    def report(
        self,
        stage: str,
        shard: int,
        documents: int,
        text_bytes: int,
        stored_bytes: int,
        done: bool = False,
    ) -> None:
        """Says how far the reading of a shard has come."""
        self._rows("r+")[STAGES.index(stage), shard] = (
            documents, text_bytes, stored_bytes, done,
        )  # fmt: skip

    def read(self, stage: str) -> StageProgress:
        """How far a stage has come."""
        rows = self._rows("r")[STAGES.index(stage)]
        return StageProgress(*[int(rows[name].sum()) for name in _ROW.names or ()])
