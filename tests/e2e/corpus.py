"""A small corpus of made-up languages, and the same documents laid out as shards of any kind.

Each language has words by Zipf's law and, for each word, a few that follow it most of the time:
what a profile learns from real text, and what random words break.
"""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tocsin.drill.planting import CampaignPlan, plant
from tocsin.drill.shard_files import read_records
from tocsin.drill.truth import Truth
from tocsin.drill.vocabulary import synthesised_vocabulary

Record = dict[str, Any]

DOCUMENTS = 2_500
GROUPS = 24
SEED = 20_251
PLANS = (CampaignPlan("dos", 25, seed=3), CampaignPlan("dos-words", 10, seed=4))

_WORDS = 2_500
_FOLLOWERS = 4
_HABIT = 0.85
"""Share of the words that follow from the one before."""


@dataclass(frozen=True)
class Language:
    """`words`: the most frequent first; `followers`: int64 (words, _FOLLOWERS); `shares`: float64
    (words,), the probability of each word by itself."""

    name: str
    words: list[str]
    followers: np.ndarray
    shares: np.ndarray

    @classmethod
    def invent(cls, name: str, letters: tuple[str, str], seed: int) -> Language:
        """A language whose syllables are a letter of each of `letters`."""
        random = np.random.default_rng(seed)
        words: dict[str, None] = {}
        while len(words) < _WORDS:
            pairs = random.integers([len(letters[0]), len(letters[1])], size=(4, 2))
            syllables = [letters[0][first] + letters[1][second] for first, second in pairs]
            words["".join(syllables[: int(random.integers(1, 5))])] = None
        shares = 1.0 / np.arange(2, _WORDS + 2)
        shares /= shares.sum()
        followers = random.choice(_WORDS, size=(_WORDS, _FOLLOWERS), p=shares)
        return cls(name, list(words), followers, shares)

    def text(self, random: np.random.Generator, size: int) -> str:
        """`size` words in sentences and paragraphs."""
        fresh = random.choice(len(self.words), size=size, p=self.shares).tolist()
        nth = random.integers(_FOLLOWERS, size=size).tolist()
        habitual = (random.random(size) < _HABIT).tolist()
        word, pieces, left = fresh[0], [], 0
        for index in range(size):
            word = int(self.followers[word, nth[index]]) if habitual[index] else fresh[index]
            first = left == 0
            left = 6 + fresh[index] % 12 if first else left - 1
            end = ("." if fresh[index] % 9 else ".\n\n") if left == 0 else ""
            pieces.append((self.words[word].capitalize() if first else self.words[word]) + end)
        return " ".join(pieces).replace("\n\n ", "\n\n")


LANGUAGES = (
    ("xa", ("bdfgklmnprstvz", "aeiou"), 11),
    ("xb", ("chjlmnqrstwxyz", "aeioà"), 12),
    ("xc", ("бвгджзклмнпрст", "аеиоу"), 13),
)


def group_name(number: int) -> str:
    """The registered domain of a group."""
    return f"group-{number:02d}.org"


def documents(count: int = DOCUMENTS, seed: int = SEED) -> list[Record]:
    """Clean documents of all languages, from GROUPS registered domains."""
    languages = [Language.invent(*language) for language in LANGUAGES]
    random = np.random.default_rng(seed)
    records = []
    for number in range(count):
        language = languages[int(random.choice(len(languages), p=[0.6, 0.25, 0.15]))]
        group = int(random.integers(GROUPS))
        records.append(
            {
                "id": f"d{number:05d}",
                "text": language.text(random, int(random.integers(60, 360))),
                "url": f"https://www.{group_name(group)}/{number}",
                "lang": language.name,
            }
        )
    return records


def planted(clean: Sequence[Record], folder: Path) -> tuple[list[Record], Truth]:
    """The documents with the campaigns of PLANS among them; `folder`: an empty one, to work in."""
    write_shards(folder / "clean", clean, "jsonl", [len(clean)])
    words = sorted({word.strip(".") for record in clean for word in record["text"].split()})
    # A tokenizer's vocabulary is not installed everywhere.
    truth = plant(
        folder / "clean", folder / "planted", PLANS, vocabulary=synthesised_vocabulary(words)
    )
    records = [record for record in read_records(folder / "planted" / "shard-00.jsonl") if record]
    return records, truth


def write_shards(
    folder: Path, records: Iterable[Record], suffix: str, sizes: Sequence[int]
) -> list[Path]:
    """Writes the first `sizes[0]` records to `shard-00.<suffix>`, the next to `shard-01`, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    remaining = iter(records)
    paths = []
    for number, size in enumerate(sizes):
        path = folder / f"shard-{number:02d}.{suffix}"
        write_shard(path, list(itertools.islice(remaining, size)))
        paths.append(path)
    assert next(remaining, None) is None, "sizes do not cover the records"
    return paths


def write_shard(path: Path, records: Sequence[Record]) -> None:
    """Writes one shard in the format that its name says."""
    if path.name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(list(records)), path, row_group_size=300)
        return
    lines = b"".join(orjson.dumps(record) + b"\n" for record in records)
    if path.name.endswith(".gz"):
        lines = gzip.compress(lines, compresslevel=1)
    elif path.name.endswith(".zst"):
        compressor = zstandard.ZstdCompressor(level=1)
        frames = (lines[start : start + 300_000] for start in range(0, len(lines), 300_000))
        lines = b"".join(map(compressor.compress, frames))
    path.write_bytes(lines)
