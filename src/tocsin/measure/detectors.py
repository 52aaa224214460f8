"""Detectors of single documents: what hides in a text, whatever other documents hold.

One cheap pass over a batch finds the documents with any suspicious byte sequence; only these are
looked at more closely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.measure.code_points import code_point_tables
from tocsin.measure.findings import Finding
from tocsin.measure.hidden_characters import (
    HIDDEN_RUN,
    HiddenCharacters,
    hidden_literals,
    measure_hidden_characters,
    no_hidden_characters,
)
from tocsin.measure.hidden_text import hidden_findings
from tocsin.measure.literals import PLACE, find_literals, literal_table
from tocsin.measure.look_alikes import look_alike_table

_CHARACTERS = 1
"""Flag of documents that may hold hidden characters."""


@dataclass(frozen=True)
class Detected:
    """What the detectors say of a batch: `characters`, counts; `findings`, in any order."""

    characters: HiddenCharacters
    findings: list[Finding]


class Detectors:
    """Looks at batch after batch. Not for use by two threads at once."""

    def __init__(self) -> None:
        self._classes = code_point_tables().classes
        self._look_alikes = look_alike_table()
        self._literals = literal_table(hidden_literals(_CHARACTERS))
        self._places = np.zeros(1024, PLACE)
        self._runs = np.zeros(1024, HIDDEN_RUN)

    def detect(self, data: memoryview, offsets: np.ndarray) -> Detected:
        """Looks at the texts of a batch.

        Args:
          data: the texts one after the other.
          offsets: int32 (documents + 1,), where each text begins in `data`.
        """
        values = np.frombuffer(data, np.uint8)
        flags = np.zeros(len(offsets) - 1, np.uint8)
        find_literals(values, offsets, self._literals, flags, self._places)
        characters = no_hidden_characters(len(flags))
        runs = self._hidden(values, offsets, np.flatnonzero(flags & _CHARACTERS), characters)
        findings = list(hidden_findings(data, offsets, characters, runs)) if len(runs) else []
        return Detected(characters, findings)

    def _hidden(
        self, values: np.ndarray, offsets: np.ndarray, chosen: np.ndarray, counts: HiddenCharacters
    ) -> np.ndarray:
        while True:
            found = measure_hidden_characters(
                values, offsets, chosen, self._classes, self._look_alikes, counts, self._runs
            )
            if found <= len(self._runs):
                return self._runs[:found]
            self._runs = np.zeros(2 * found, HIDDEN_RUN)
