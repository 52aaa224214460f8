"""Findings: what is suspicious about one document by itself."""

from __future__ import annotations

import bisect
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash

from tocsin.measure.hashes import HASH_TYPE
from tocsin.report.visible import visible

FINDING_SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("content_hash", HASH_TYPE, nullable=False),
        pa.field("bucket", pa.uint8(), nullable=False),
        pa.field("detector", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("evidence", pa.string(), nullable=False),
        pa.field("signature", pa.string(), nullable=False),
    ]
)
"""One row a finding, ordered by position. `detector`: its name; `score`: -log10 of the expected
share of clean documents with such a finding; `start`, `end`: byte range in the text; `evidence`:
what was found there, decoded, in few words; `signature`: what the documents of one campaign would
have in common, empty where that is nothing."""

CLEAN_DOCUMENTS = 108_713
"""Documents of the clean development corpora that scores are measured on (42 sources; the two that
hold real attack strings are left out)."""


def score_of(clean: int) -> float:
    """Score of evidence that so many of the CLEAN_DOCUMENTS have: -log10 of their expected share,
    by the add-half estimate (Krichevsky and Trofimov 1981). None at all gives 5.3: no evidence is
    worth more than what it was measured on."""
    return -math.log10((clean + 0.5) / (CLEAN_DOCUMENTS + 1))


@dataclass(frozen=True)
class Levels:
    """What a detector's strength is worth.

    `least`: strengths, ascending; `clean`: for each, the clean documents that have as much. Where
    the corpora hold none but pages of the web are known to, one is allowed for: such a finding is
    for people to review.
    """

    least: tuple[int, ...]
    clean: tuple[int, ...]

    def score(self, strength: int) -> float | None:
        """Score of a strength; None below the least."""
        level = bisect.bisect_right(self.least, strength)
        return score_of(self.clean[level - 1]) if level else None


@dataclass(frozen=True)
class Finding:
    """Something suspicious in one document.

    `document`: its number in the batch; the rest as in FINDING_SCHEMA, but `evidence` may hold any
    character and be of any length.
    """

    document: int
    detector: str
    score: float
    start: int
    end: int
    evidence: str
    signature: str = ""


_SIGNED = 24
"""Letters and digits in a row that make a signature: four to six words."""

_SIGNED_OF = 400
"""Characters of a message that its signature is taken from."""


def signature_of(message: str) -> str:
    """What messages have in common that say the same, however they are cut or spaced: of all runs
    of _SIGNED letters and digits, the one with the least hash (winnowing, Schleimer et al. 2003).
    Empty for a message that is too short to be recognized."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", message[:_SIGNED_OF]) if c.isalnum())
    plain = plain.casefold()
    runs = (plain[at : at + _SIGNED] for at in range(len(plain) - _SIGNED + 1))
    return min(runs, key=lambda run: xxhash.xxh3_64_intdigest(run.encode()), default="")


def finding_rows(
    batch: pa.RecordBatch, hashes: pa.Array, buckets: np.ndarray, found: Sequence[Finding]
) -> pa.RecordBatch:
    """Rows of FINDING_SCHEMA.

    Args:
      batch: rows of DOCUMENT_SCHEMA.
      hashes: HASH_TYPE (documents,), their contents.
      buckets: uint8 (documents,), numbers of their buckets.
      found: findings in any order; those of a document come best first.
    """
    ordered = sorted(found, key=lambda one: (one.document, -one.score, one.detector, one.start))
    documents = pa.array([one.document for one in ordered], pa.int64())
    taken = batch.select(["position", "doc_id", "group"]).take(documents)
    return pa.RecordBatch.from_arrays(
        [
            *taken.columns,
            hashes.take(documents),
            pa.array([int(buckets[one.document]) for one in ordered], pa.uint8()),
            pa.array([one.detector for one in ordered], pa.string()),
            pa.array([one.score for one in ordered], pa.float64()),
            pa.array([one.start for one in ordered], pa.int64()),
            pa.array([one.end for one in ordered], pa.int64()),
            pa.array([visible(one.evidence) for one in ordered], pa.string()),
            pa.array([one.signature for one in ordered], pa.string()),
        ],
        schema=FINDING_SCHEMA,
    )
