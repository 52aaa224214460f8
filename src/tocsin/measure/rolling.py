"""The rolling profile: each night's counts join those of the nights before, and old ones fade."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.measure.counting import Columns, merge_counts
from tocsin.measure.profile import MINIMUM_COUNT, Profile
from tocsin.measure.tokens import GOLDEN

MOST_WORDS = 1 << 27
"""Words in a rolling profile. Above, all counts are scaled down to it, so that a night's share
halves whenever as many words have come as the profile has. What a profile learns at once, from 512
MB of text, is about as much."""

_SCHEMA = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("count", pa.uint32(), nullable=False),
    ]
)


@dataclass(frozen=True)
class RollingCounts:
    """Counts of words and pairs over nights. `columns`: keys, ascending, and their counts;
    `words`, `documents`: counted, faded as the counts are; `sample_rate`: share of the documents of
    all nights that these are."""

    columns: Columns
    words: int
    documents: int
    sample_rate: float

    def joined(
        self, tonight: RollingCounts, night: int, most_words: int = MOST_WORDS
    ) -> RollingCounts:
        """These and tonight's, faded to `most_words`. `night`: its number, which decides how counts
        are rounded."""
        keys, counts = merge_counts([self.columns, tonight.columns])
        words, documents = self.words + tonight.words, self.documents + tonight.documents
        stood_for = self.words / self.sample_rate + tonight.words / tonight.sample_rate
        rate = words / stood_for if words else 1.0
        faded = min(1.0, most_words / max(words, 1))
        if faded < 1.0:
            counts = _scaled(keys, counts, faded, night)
        kept = counts >= MINIMUM_COUNT
        return RollingCounts(
            (keys[kept], counts[kept]), round(words * faded), round(documents * faded), rate * faded
        )

    def profile(self, seed: int) -> Profile:
        """The profile that nights are measured against."""
        rate = self.sample_rate
        return Profile.create(*self.columns, self.words, self.documents, seed, rate)

    def to_bytes(self) -> bytes:
        """The columns as a Parquet file."""
        table = pa.table([pa.array(column) for column in self.columns], schema=_SCHEMA)
        stream = io.BytesIO()
        pq.write_table(
            table, stream, compression="zstd", use_dictionary=False,
            column_encoding={"key": "DELTA_BINARY_PACKED", "count": "PLAIN"},
        )  # fmt: skip
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, profile: Profile) -> RollingCounts:
        """What `to_bytes` gave, with the numbers of the profile that was made of it."""
        table = pq.read_table(pa.BufferReader(content), schema=_SCHEMA)
        columns = table["key"].to_numpy(), table["count"].to_numpy()
        return cls(columns, profile.words, profile.documents, profile.sample_rate)

    @classmethod
    def nothing(cls) -> RollingCounts:
        """Before the first night."""
        return cls((np.empty(0, np.uint64), np.empty(0, np.uint32)), 0, 0, 1.0)


def _scaled(keys: np.ndarray, counts: np.ndarray, factor: float, night: int) -> np.ndarray:
    """Counts times a factor, rounded up with the probability of what is beyond the whole number, by
    hashes of the keys: rounded down, all rare pairs would vanish at once."""
    drawn = (keys ^ np.uint64(night)) * GOLDEN >> np.uint64(40)
    return np.floor(counts * factor + drawn / float(1 << 24)).astype(np.uint32)
