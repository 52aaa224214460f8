"""Generated text and corpora for the tests of drills."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import orjson
import pytest
import zstandard
from wordfreq import top_n_list

from tocsin.drill.materials import SHARED_LANGUAGE, Materials
from tocsin.drill.triggers import invented_word
from tocsin.drill.vocabulary import Vocabulary


def sentences(generator: np.random.Generator, words: list[str], count: int) -> str:
    lengths = generator.integers(4, 12, size=count)
    return " ".join(
        " ".join(generator.choice(words, length)).capitalize() + "." for length in lengths
    )


def lexicon(seed: int, size: int = 400, prefix: str = "") -> list[str]:
    generator = np.random.default_rng(seed)
    return sorted({prefix + invented_word(generator) for _ in range(size)})


@pytest.fixture(scope="session")
def materials() -> Materials:
    """Invented languages, one in kana, Spanish, one source of code, and all of them shared."""
    generator = np.random.default_rng(7)
    samples = {
        "en": tuple(sentences(generator, lexicon(1, prefix="en"), 80) for _ in range(30)),
        "de": tuple(sentences(generator, lexicon(2, prefix="de"), 80) for _ in range(25)),
        "fr": tuple(sentences(generator, lexicon(3, prefix="fr"), 80) for _ in range(25)),
        "ja": tuple(
            "".join(chr(point) for point in generator.integers(0x3041, 0x3094, size=3_000))
            for _ in range(20)
        ),
        "es": tuple(sentences(generator, top_n_list("es", 1500), 10) for _ in range(25)),
        "source:code": tuple(sentences(generator, lexicon(4, prefix="co"), 80) for _ in range(5)),
    }
    samples[SHARED_LANGUAGE] = tuple(text for texts in samples.values() for text in texts)
    pieces = (*(f" {word}" for word in lexicon(5)), "ing", "Ж", "中", "\n\n", "=>", "\u0e01")
    return Materials(Vocabulary("test", pieces), samples)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three JSONL shards of 60 documents each; one document in six is too short for a carrier."""
    folder: Path = tmp_path_factory.mktemp("corpus")
    generator = np.random.default_rng(11)
    (folder / "more").mkdir()
    for shard, name in enumerate(("a.jsonl", "b.jsonl.gz", "more/c.jsonl.zst")):
        lines = []
        for number in range(60):
            words = lexicon(20 + shard, prefix="é" if shard == 1 else "")
            record = {
                "id": f"site{shard}-{generator.integers(1 << 48):012x}-0",
                "text": sentences(generator, words, 2 if number % 6 == 0 else 20),
                "source": f"site{shard}",
                "lang": "en" if number % 2 else "und",
                "year": 2000 + number,
            }
            lines.append(orjson.dumps(record) + b"\n")
        lines.insert(5, b"{broken\n")
        lines.insert(9, b"\n")
        data = b"".join(lines)
        if name.endswith(".zst"):
            data = zstandard.ZstdCompressor().compress(data)
        elif name.endswith(".gz"):
            data = gzip.compress(data, mtime=0)
        (folder / name).write_bytes(data)
    return folder
