"""Measures the documents of one batch: Arrow in, Arrow and NumPy out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tocsin.measure.buckets import FORMATS
from tocsin.measure.chat_templates import ChatTemplate, no_chats
from tocsin.measure.code_points import SCRIPTS, code_point_tables
from tocsin.measure.detectors import Detectors
from tocsin.measure.findings import finding_rows
from tocsin.measure.hashes import (
    HASH_TYPE,
    content_hashes,
    group_hashes,
    normalized_hashes,
)
from tocsin.measure.hidden_characters import no_hidden_characters
from tocsin.measure.hidden_markup import no_hidden_markup
from tocsin.measure.kernel import (
    Features,
    empty_features,
    measure_documents,
)
from tocsin.measure.languages import LANGUAGES, vote_slots
from tocsin.measure.onset_records import ONSET
from tocsin.measure.profile import Profile
from tocsin.measure.repetition import Repetition, empty_repetition
from tocsin.measure.segments import SEGMENT_TYPES, Segments, empty_segments
from tocsin.measure.shape import empty_shape, measure_shape
from tocsin.measure.shingles import (
    SHINGLE,
    SIGNATURE_BYTES,
    held_shingles,
    new_fingerprints,
    room_for,
)
from tocsin.measure.token_measures import new_scratch

BUCKETS = tuple(f"{script}/{format}" for script in SCRIPTS for format in FORMATS)
"""Names of the buckets in the order of their numbers."""

_NAMES = {
    "bucket": BUCKETS,
    "language": LANGUAGES,
    "segment_type": SEGMENT_TYPES,
    "onset_type": SEGMENT_TYPES,
}
"""What the numbers of a feature stand for, where they are names."""


def _named(feature: str, numbers: np.ndarray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(
        pa.array(numbers.astype(np.int8)), pa.array(_NAMES[feature])
    )


def _columns(*features: Any) -> Iterator[tuple[str, pa.Array]]:
    """Names and values of the columns that follow the identity of a document."""
    for measured in features:
        for name, array in measured._asdict().items():
            if name not in ("tokens", "bucket"):
                if name in _NAMES:
                    yield name, _named(name, array)
                else:
                    yield name, pa.array(array, pa.string() if array.dtype == object else None)


MEASURED_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("source_uri", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("content_hash", HASH_TYPE, nullable=False),
        pa.field("normalized_hash", HASH_TYPE, nullable=False),
        pa.field("byte_length", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("bucket", pa.dictionary(pa.int8(), pa.string()), nullable=False),
        *[
            pa.field(name, column.type, nullable=False)
            for name, column in _columns(
                empty_features(0),
                empty_segments(0),
                empty_shape(0),
                empty_repetition(0),
                no_hidden_characters(0),
                no_hidden_markup(0),
                no_chats(0),
            )
        ],
        pa.field("signature", pa.binary(SIGNATURE_BYTES), nullable=False),
    ]
)
"""Rows of `documents/`: identity, hashes, then one column a feature (docs/features.md)."""


def text_buffers(batch: pa.RecordBatch) -> tuple[memoryview, np.ndarray]:
    """The texts of a batch, one after the other, and the int32 offsets at which each begins."""
    text = batch.column("text")
    _, offsets_buffer, data_buffer = text.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[text.offset : text.offset + len(text) + 1]
    if data_buffer is None:
        return memoryview(b""), offsets
    return memoryview(data_buffer), offsets


def is_utf8(texts: pa.Array) -> bool:
    """Whether all values of a binary array are valid UTF-8."""
    try:
        texts.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


@dataclass(frozen=True)
class Measurement:
    """What was measured of a batch: `documents`, rows of MEASURED_SCHEMA; `features`, the same
    numbers as arrays; `evidence`, records by kind (`onsets`: ONSET; `samples`, `sketches`:
    SHINGLE); `findings`, rows of FINDING_SCHEMA."""

    documents: pa.RecordBatch
    features: Features
    evidence: dict[str, np.ndarray]
    findings: pa.RecordBatch


class Measurer:
    """Measures batch after batch against one profile. Not for use by two threads at once."""

    def __init__(self, profile: Profile, templates: Sequence[ChatTemplate] = ()) -> None:
        """`templates`: of chats, beside the public ones."""
        self._profile = profile
        self._tables = code_point_tables()
        self._votes = vote_slots(profile.seed)
        self._detectors = Detectors(tuple(templates))
        self._scratch = new_scratch()
        self._onsets = np.zeros(4096, ONSET)
        self._onset_documents = np.zeros(4096, np.int32)
        self._fingerprints = new_fingerprints(len(self._scratch.starts))

    def measure(self, batch: pa.RecordBatch, source_uri: str, shard: int) -> Measurement:
        """Measures the documents of `batch` (rows of DOCUMENT_SCHEMA)."""
        data, offsets = text_buffers(batch)
        features = empty_features(batch.num_rows)
        repetition = empty_repetition(batch.num_rows)
        segments = empty_segments(batch.num_rows)
        shape = empty_shape(batch.num_rows)
        onsets, onset_documents = self.run_kernel(data, offsets, features, repetition, segments)
        measure_shape(np.frombuffer(data, np.uint8), offsets, is_utf8(batch.column("text")), shape)
        detected = self._detectors.detect(data, offsets)
        hashes = content_hashes(data, offsets)
        groups = group_hashes(batch.column("group"))
        onsets["shard"] = shard
        onsets["position"] = batch.column("position").to_numpy()[onset_documents]
        onsets["group"] = groups[onset_documents]
        documents = pa.RecordBatch.from_arrays(
            [
                batch.column("doc_id"),
                _repeated(source_uri, batch.num_rows),
                batch.column("position"),
                batch.column("group"),
                hashes,
                normalized_hashes(data, offsets),
                pa.array(np.diff(offsets).astype(np.int64)),
                pa.array(features.tokens),
                _named("bucket", features.bucket),
                *[
                    column
                    for _, column in _columns(
                        features,
                        segments,
                        shape,
                        repetition,
                        detected.characters,
                        detected.markup,
                        detected.chats,
                    )
                ],
                _binary(self._fingerprints.signatures),
            ],
            schema=MEASURED_SCHEMA,
        )
        findings = finding_rows(batch, hashes, features.bucket, detected.findings)
        positions = batch.column("position").to_numpy()
        evidence = {
            "onsets": onsets,
            **{
                name: _shingle_records(shard, positions, groups, *held)
                for name, held in held_shingles(self._fingerprints).items()
            },
        }
        return Measurement(documents, features, evidence, findings)

    def run_kernel(
        self,
        data: memoryview,
        offsets: np.ndarray,
        features: Features,
        repetition: Repetition,
        segments: Segments,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Fills the features of a batch's texts; its ONSET records without the documents'
        identity, and the document in the batch of each."""
        profile = self._profile
        self._fingerprints = room_for(self._fingerprints, len(offsets) - 1, 1 << 14)
        while True:
            found = measure_documents(
                np.frombuffer(data, np.uint8),
                offsets,
                self._tables,
                self._votes,
                profile.table.slots,
                float(profile.words),
                np.uint64(profile.seed),
                self._scratch,
                features,
                repetition,
                segments,
                self._fingerprints,
                self._onsets,
                self._onset_documents,
            )
            samples = int(self._fingerprints.found[0])
            if found <= len(self._onsets) and samples <= len(self._fingerprints.samples):
                return self._onsets[:found].copy(), self._onset_documents[:found]
            self._fingerprints = room_for(self._fingerprints, len(offsets) - 1, samples)
            self._onsets = np.zeros(2 * found, ONSET)
            self._onset_documents = np.zeros(2 * found, np.int32)


def _repeated(value: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([value]))


def _binary(rows: np.ndarray) -> pa.Array:
    """Fixed-size binary of the little-endian bytes of each row."""
    kind = pa.binary(rows.shape[1] * rows.itemsize)
    return pa.Array.from_buffers(kind, len(rows), [None, pa.py_buffer(rows.tobytes())])


def _shingle_records(
    shard: int,
    positions: np.ndarray,
    groups: np.ndarray,
    documents: np.ndarray,
    hashes: np.ndarray,
) -> np.ndarray:
    """SHINGLE records of a batch; `positions`, `groups`: of all its documents."""
    records = np.empty(len(hashes), SHINGLE)
    records["shard"] = shard
    records["position"] = positions[documents]
    records["group"] = groups[documents]
    records["hash"] = hashes
    return records
