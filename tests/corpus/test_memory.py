"""Memory does not grow with the corpus: the peak of a process that reads or measures a long shard
is that of a short one."""

from __future__ import annotations

import subprocess
import sys

_READ = """
import io, itertools, resource, sys
import zstandard
from tocsin.corpus.batches import FieldNames, Limits
from tocsin.corpus.read import read_shard
from tocsin.corpus.shards import numbered_shards

frame = zstandard.compress(b"".join(
    b'{"id": %d, "text": "%s"}\\n' % (n, b"words of a document that is no other " * 27)
    for n in range(1_000)
))

class Frames(io.RawIOBase):
    left = int(sys.argv[1])
    def read(self, size=-1):
        self.left -= 1
        return frame if self.left >= 0 else b""

[shard] = numbered_shards([("corpus/x.jsonl.zst", 1 << 40)])
documents = 0
for part in read_shard(Frames(), shard, FieldNames(), Limits()):
    documents += part.documents.num_rows
print(documents, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""

_MEASURE = """
import resource, sys
import numpy as np
import pyarrow as pa
from tocsin.corpus.batches import DOCUMENT_SCHEMA
from tocsin.measure.batch import Measurer
from tocsin.measure.profile import Profile

measurer = Measurer(
    Profile.create(np.empty(0, np.uint64), np.empty(0, np.uint32), 0, 0, 1, 1.0)
)
random = np.random.default_rng(1)
documents = 0
for number in range(int(sys.argv[1])):
    words = random.integers(0, 5_000, (50, 600)).astype(str)
    rows = [
        {"position": 50 * number + at, "doc_id": "d", "group": "g", "text": " ".join(row).encode()}
        for at, row in enumerate(words)
    ]
    batch = pa.RecordBatch.from_pylist(rows, DOCUMENT_SCHEMA)
    documents += measurer.measure(batch, "x", 0).documents.num_rows
print(documents, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def _peak(code: str, size: int) -> tuple[int, int]:
    """Documents, and peak of a process' memory in MiB."""
    said = subprocess.run(
        [sys.executable, "-c", code, str(size)], capture_output=True, text=True, check=True
    ).stdout
    documents, peak = map(int, said.split())
    return documents, peak


def test_reading() -> None:
    (few, low), (many, high) = _peak(_READ, 20), _peak(_READ, 200)
    assert (few, many) == (20_000, 200_000)  # 20 MB and 200 MB of text
    assert high < low + 20


def test_measuring() -> None:
    (few, low), (many, high) = _peak(_MEASURE, 10), _peak(_MEASURE, 60)
    assert (few, many) == (500, 3_000)
    assert high < low + 40
