"""The two passes over a corpus before planting: what is in it, and what is not in it yet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tocsin.corpus.batches import FieldNames
from tocsin.drill.identities import RecordId, is_record_id
from tocsin.drill.materials import LanguageSampler, language_key
from tocsin.drill.reservoir import Reservoir
from tocsin.drill.shard_files import Record, read_records

# Carriers are neither too short for a prefix nor so long that keeping them costs memory.
MINIMUM_CARRIER_CHARACTERS = 200
MAXIMUM_CARRIER_CHARACTERS = 1_000_000


@dataclass(frozen=True)
class Survey:
    """What the first pass learned.

    Attributes:
        first_records: int64 of shape (shards + 1,): number in the corpus of each shard's first
            record; the last entry is the number of records.
        samples: texts for each language key.
    """

    first_records: npt.NDArray[np.int64]
    samples: dict[str, tuple[str, ...]]

    @property
    def records(self) -> int:
        return int(self.first_records[-1])

    def place(self, number: int) -> tuple[int, int]:
        """Shard index, and position in that shard, of the corpus' record of that number."""
        shard = int(np.searchsorted(self.first_records, number, side="right")) - 1
        return shard, number - int(self.first_records[shard])


@dataclass(frozen=True)
class Carriers:
    """A sample of carriers in the making; `accepts`: which records it takes, None for all that are
    of a carrier's length."""

    reservoir: Reservoir[Record]
    accepts: Callable[[Record], bool] | None = None

    def offer(self, record: Record) -> None:
        """Takes the record into the sample, or passes it by."""
        if (self.accepts is None or self.accepts(record)) and self.reservoir.wants_next():
            self.reservoir.take(record)


def survey(shards: Sequence[Path], carriers: Sequence[Carriers], fields: FieldNames) -> Survey:
    """Counts records, fills each sample of carriers, samples the texts of each language."""
    sampler = LanguageSampler()
    counts = [_survey_shard(shard, carriers, sampler, fields) for shard in shards]
    first_records = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    return Survey(first_records, sampler.samples())


def _survey_shard(
    shard: Path,
    carriers: Sequence[Carriers],
    sampler: LanguageSampler,
    fields: FieldNames,
) -> int:
    count = 0
    for record in read_records(shard):
        count += 1
        text = record.get(fields.text) if record else None
        if record is None or not isinstance(text, str):
            continue
        sampler.add(language_key(record), text)
        suitable = MINIMUM_CARRIER_CHARACTERS <= len(text) <= MAXIMUM_CARRIER_CHARACTERS
        if suitable and is_record_id(record.get(fields.id)):
            for sample in carriers:
                sample.offer(record)
    return count


def occurring(
    shards: Sequence[Path], strings: Collection[str], ids: Collection[RecordId], fields: FieldNames
) -> tuple[set[str], set[RecordId]]:
    """Which of the strings stand in the corpus' texts, and which of the ids are in use."""
    wanted_ids, used_ids = set(ids), set[RecordId]()
    unseen = set(strings)
    for shard in shards:
        for record in read_records(shard):
            if record is None:
                continue
            text, identity = record.get(fields.text), record.get(fields.id)
            if isinstance(text, str):
                unseen.difference_update([string for string in unseen if string in text])
            if is_record_id(identity) and identity in wanted_ids:
                used_ids.add(identity)
    return set(strings) - unseen, used_ids
