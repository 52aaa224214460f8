"""The profile: what is normal in a corpus, learned once and read by every scan.

A profile is a folder of two files: `counts.npy`, the slots of the `CountTable`, and
`profile.json`, which names how they were made and their digest. Neither can execute.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass

import numpy as np

from tocsin.measure.counts import SLOTS_PER_BUCKET, CountTable

FORMAT = 1
COUNTS_FILE = "counts.npy"
DESCRIPTION_FILE = "profile.json"

DOCUMENT_BYTES_COUNTED = 64 << 10
"""Bytes at the start of each document that are counted: no document, however long, may teach
the profile more than this."""

MINIMUM_COUNT = 2
"""Keys seen less often are dropped: a document that holds one does not vouch for itself anyway,
and most of them are noise."""


class ProfileError(ValueError):
    """A profile that can't be used; the message is one line for the user."""


@dataclass(frozen=True)
class Profile:
    """`table`: counts of words and pairs of words (see `measure.counts`).

    `words`: number of words counted; `documents`: number of documents counted; `seed`: uint64
    that keys every token hash; `sample_rate`: share of the corpus' documents that were counted;
    `digest`: SHA-256 of `table.slots`, hexadecimal.
    """

    table: CountTable
    words: int
    documents: int
    seed: int
    sample_rate: float
    digest: str

    @classmethod
    def create(
        cls,
        keys: np.ndarray,
        counts: np.ndarray,
        words: int,
        documents: int,
        seed: int,
        sample_rate: float,
    ) -> Profile:
        """Lays out merged counts (uint64 keys, uint32 counts of MINIMUM_COUNT or more)."""
        table = CountTable.build(keys, counts)
        return cls(table, words, documents, seed, sample_rate, _digest(table.slots))

    def to_files(self) -> dict[str, bytes]:
        """The contents of the profile's files by name."""
        description = {
            "format": FORMAT,
            **{key: value for key, value in asdict(self).items() if key != "table"},
        }
        counts = io.BytesIO()
        np.save(counts, self.table.slots, allow_pickle=False)
        return {
            COUNTS_FILE: counts.getvalue(),
            DESCRIPTION_FILE: (json.dumps(description, indent=2) + "\n").encode(),
        }

    @classmethod
    def from_files(cls, files: dict[str, bytes]) -> Profile:
        """Reads what `to_files` gave.

        Raises:
          ProfileError: if the files are not a profile of this format, or were altered.
        """
        try:
            description = json.loads(files[DESCRIPTION_FILE])
            found = description.pop("format")
            if found != FORMAT:
                raise ProfileError(f"profile has format {found!r}, this version reads {FORMAT}")
            slots = np.lib.format.read_array(io.BytesIO(files[COUNTS_FILE]), allow_pickle=False)
            if slots.dtype != np.uint32 or slots.ndim != 1 or not _is_table_size(len(slots)):
                raise ProfileError("profile's counts have the wrong shape")
            # A copy of NumPy's own lies in huge pages where the system has them: look-ups at random
            # in 64 MB of small pages waits for the page table (2.4 ns a byte of text, and not 1.5).
            profile = cls(table=CountTable(np.array(slots)), **description)
            for number in (profile.words, profile.documents, profile.seed):
                if not isinstance(number, int) or not 0 <= number < 1 << 64:
                    raise ProfileError(f"profile's description holds {str(number)[:40]!r}")
            if not isinstance(profile.sample_rate, (int, float)) or not profile.sample_rate > 0:
                raise ProfileError("profile's sample rate is not above 0")
        except ProfileError:
            raise
        except Exception as error:  # of damaged bytes, parsers raise anything, not ValueError alone
            raise ProfileError(f"not a profile: {str(error)[:200]!r}") from error
        if _digest(slots) != profile.digest:
            raise ProfileError("profile's counts do not match their digest: the file was altered")
        return profile


def _is_table_size(slots: int) -> bool:
    """Whether the kernels can look up in so many slots: a power of two, two buckets or more."""
    return slots >= 2 * SLOTS_PER_BUCKET and slots & (slots - 1) == 0


def _digest(slots: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(slots, "<u4").data).hexdigest()
