"""What each stage of a scan costs, in this process and without Beam: ns of CPU a byte of text."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.medians import cpu_seconds
from benchmarks.text import FORMATS, Text, batches
from tocsin.beam.learn import load_profile
from tocsin.measure import batch as measure
from tocsin.measure.code_points import code_point_tables
from tocsin.measure.counting import Counter
from tocsin.measure.detectors import Detectors
from tocsin.measure.hashes import content_hashes, normalized_hashes
from tocsin.measure.kernel import empty_features
from tocsin.measure.languages import vote_slots
from tocsin.measure.pieces import PIECE_BYTES
from tocsin.measure.repetition import empty_repetition
from tocsin.measure.segments import empty_segments
from tocsin.measure.shape import empty_shape, measure_shape
from tocsin.measure.token_measures import measure_piece, new_scratch
from tocsin.measure.tokens import tokenize


def stages(text: Text, profile_folder: Path) -> dict[str, float]:
    """ns of CPU a byte of text of each stage, by its name.

    `measure, all` holds all that follow it; the stages within a kernel hold those before them.
    """
    documents = batches(text.folders["jsonl.zst"])
    profile = load_profile(str(profile_folder))
    measurer = measure.Measurer(profile)
    scratch = new_scratch()
    tables, votes = code_point_tables(), vote_slots(profile.seed)
    measured = [measurer.measure(batch, "shard", 0).documents for batch in documents]

    def every(work: Callable[[np.ndarray, np.ndarray], Any]) -> Callable[[], None]:
        def run() -> None:
            for batch in documents:
                data, offsets = measure.text_buffers(batch)
                work(np.frombuffer(data, np.uint8), offsets)

        return run

    def pieces(work: Callable[[np.ndarray, int, int], Any]) -> Callable[[], None]:
        def by_document(data: np.ndarray, offsets: np.ndarray) -> None:
            for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist()):
                for start in range(begin, end, PIECE_BYTES):
                    work(data, start, min(start + PIECE_BYTES, end))

        return every(by_document)

    def kernel(data: np.ndarray, offsets: np.ndarray) -> None:
        count = len(offsets) - 1
        measurer.run_kernel(
            data.data,
            offsets,
            empty_features(count),
            empty_repetition(count),
            empty_segments(count),
        )

    def shape(data: np.ndarray, offsets: np.ndarray) -> None:
        measure_shape(data, offsets, True, empty_shape(len(offsets) - 1))

    detectors = Detectors()

    def hidden(data: np.ndarray, offsets: np.ndarray) -> None:
        detectors.detect(data.data, offsets)

    def write() -> None:
        writer = pq.ParquetWriter(io.BytesIO(), measure.MEASURED_SCHEMA, compression="zstd")
        for rows in measured:
            writer.write_batch(rows)
        writer.close()

    def learn() -> None:
        counter = Counter(profile.seed)
        for batch in documents:
            counter.count(batch)
        counter.counts()

    seed = np.uint64(profile.seed)
    work: dict[str, Callable[[], Any]] = {
        **{f"read {name}": partial(batches, text.folders[name]) for name in FORMATS},
        "measure, all": lambda: [measurer.measure(batch, "shard", 0) for batch in documents],
        "tokenize": pieces(
            lambda data, begin, end: tokenize(
                data, begin, end, tables, seed, scratch.starts, scratch.ends, scratch.exact,
                scratch.folded, scratch.kinds,
            )
        ),
        "tokenize, surprisal, votes, contrasts": pieces(
            lambda data, begin, end: measure_piece(
                data, begin, end, True, True, tables, votes, profile.table.slots,
                float(profile.words), seed, scratch,
            )
        ),
        "the kernel: those, segments, onsets, repetition, shingles": every(kernel),
        "hidden text and templates": every(hidden),
        "shape": every(shape),
        "content hash": every(lambda data, offsets: content_hashes(data.data, offsets)),
        "normalised hash": every(lambda data, offsets: normalized_hashes(data.data, offsets)),
        "write `documents`": write,
        "count for a profile": learn,
    }  # fmt: skip
    return {name: 1e9 * cpu_seconds(stage) / text.text_bytes for name, stage in work.items()}
