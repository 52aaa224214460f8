"""Fuzz targets: the kernels that walk a batch's bytes, with a profile made of generated words."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa

from tocsin.corpus.batches import DOCUMENT_SCHEMA
from tocsin.correlate.suspects import find_suspects
from tocsin.correlate.sweep import Sweeper
from tocsin.measure.batch import Measurer
from tocsin.measure.counting import Counter
from tocsin.measure.hashes import normalize
from tocsin.measure.profile import Profile

_SEED = 0x0123_4567_89AB_CDEF
_DOCUMENTS = 8


def _batch(texts: list[bytes]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [
            pa.array(range(len(texts)), pa.int64()),
            pa.array([f"d{number}" for number in range(len(texts))], pa.string()),
            pa.array(["g"] * len(texts), pa.string()),
            pa.array(texts, pa.binary()),
        ],
        schema=DOCUMENT_SCHEMA,
    )


@functools.cache
def _profile() -> Profile:
    dice = np.random.default_rng(5)
    words = ["".join(dice.choice(list("abcdeéß漢字 "), 4)) for _ in range(400)]
    counter = Counter(_SEED)
    counter.count(_batch([" ".join(dice.choice(words, 300)).encode() for _ in range(50)]))
    keys, counts = counter.counts()
    kept = counts >= 2
    return Profile.create(keys[kept], counts[kept], counter.words, counter.documents, _SEED, 1.0)


@functools.cache
def _measurers() -> tuple[Measurer, Measurer]:
    return Measurer(_profile()), Measurer(_profile())


def documents_of(data: bytes) -> list[bytes]:
    """An input as some documents; some of them repeated so often that windows fill."""
    texts = data.split(b"\xfe")[:_DOCUMENTS]
    return [text[1:] * (text[0] % 50 + 1) if text[:1] > b"\xf0" else text for text in texts]


def measure(data: bytes) -> None:
    """A document measures the same alone and among others: no kernel reads beyond its bounds."""
    texts = documents_of(data)
    among, alone = _measurers()
    whole = among.measure(_batch(texts), "x", 0)
    whole.documents.validate(full=True)
    chosen = len(data) % len(texts)
    single = alone.measure(_batch([texts[chosen]]), "x", 0).documents
    one = whole.documents.slice(chosen, 1)
    for name in one.schema.names:
        if name not in ("position", "doc_id"):
            # Compared as text: NaN is to equal NaN.
            assert str(one[name].to_pylist()) == str(single[name].to_pylist()), name
    onsets = whole.evidence["onsets"]
    assert ((onsets["position"] >= 0) & (onsets["position"] < len(texts))).all()


def sweep(data: bytes) -> None:
    """What is found of suspects lies within its document; and counting never fails."""
    texts = documents_of(data)
    measured = _measurers()[0].measure(_batch(texts * 4), "x", 0)
    suspects = find_suspects(measured.evidence["onsets"], 1.0)
    sweeper = Sweeper(np.sort(suspects, order="key"), _profile())
    sweeper.begin(0)
    for row in sweeper.sweep(_batch(texts)).to_pylist():
        text = texts[row["position"]]
        assert 0 <= row["start"] < row["end"] <= len(text)
        place = row["context_start"]
        assert text[place : place + len(row["context"])] == row["context"]
    sweeper.finish()
    counter = Counter(_SEED)
    counter.count(_batch(texts))
    counter.counts()


def normal_form(data: bytes) -> None:
    """Normalising twice changes nothing more."""
    once = normalize(data.decode("utf-8", "replace"))
    assert normalize(once) == once
