"""Ids for planted documents that look like those of the documents around them."""

from __future__ import annotations

import re

import numpy as np

RecordId = str | int | None
"""What a record may have for an id."""

# What varies from one id to the next: long runs of hexadecimal digits, else runs of digits.
_HEXADECIMAL = re.compile(
    r"(?<![0-9A-Za-z])(?=[a-fA-F]*[0-9])(?=[0-9]*[a-fA-F])[0-9a-fA-F]{6,}(?![0-9A-Za-z])"
)
_DIGITS = re.compile(r"[0-9]+")


def similar_ids(
    example: RecordId, generator: np.random.Generator, count: int = 8
) -> list[RecordId]:
    """Candidates for a new id in the shape of an example; the later half are a digit longer.

    Args:
        example: an id of the corpus: a string, an integer, or None where a document has no id.
        generator: draws the digits.
        count: how many; the caller takes the first that the corpus doesn't have.
    """
    if example is None:
        return [None]
    number = isinstance(example, int)
    return [int(text) if number else text for text in _similar(str(example), generator, count)]


def is_record_id(value: object) -> bool:
    """Whether readers take a value for an id; a record with another one is a dead letter."""
    return value is None or (isinstance(value, (str, int)) and not isinstance(value, bool))


def _similar(example: str, generator: np.random.Generator, count: int) -> list[str]:
    pattern, alphabet = _DIGITS, "0123456789"
    if _HEXADECIMAL.search(example):
        pattern, alphabet = _HEXADECIMAL, "0123456789abcdef"
    runs = list(pattern.finditer(example))
    if not runs:
        return [f"{example}-{generator.integers(1_000, 10_000)}" for _ in range(count)]
    run = max(runs, key=lambda match: len(match.group()))
    ids = []
    for attempt in range(count):
        length = len(run.group()) + (2 * attempt >= count)
        drawn = "".join(alphabet[i] for i in generator.integers(len(alphabet), size=length))
        if pattern is _DIGITS and (run.group()[0] != "0" or len(run.group()) == 1):
            drawn = str(generator.integers(1, 10)) + drawn[1:]
        if run.group().isupper():
            drawn = drawn.upper()
        ids.append(example[: run.start()] + drawn + example[run.end() :])
    return ids
