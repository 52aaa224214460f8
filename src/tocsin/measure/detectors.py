"""Detectors of single documents: what hides in a text, whatever other documents hold.

One cheap pass over a batch finds the documents with any suspicious byte sequence; only these are
looked at more closely.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tocsin.measure.chat_templates import (
    ChatMarkup,
    ChatTemplate,
    Marker,
    chat_findings,
    no_chats,
    public_templates,
    template_literals,
)
from tocsin.measure.code_points import code_point_tables
from tocsin.measure.findings import Finding
from tocsin.measure.hidden_characters import (
    HIDDEN_RUN,
    HiddenCharacters,
    hidden_literals,
    measure_hidden_characters,
    no_hidden_characters,
)
from tocsin.measure.hidden_markup import (
    HiddenMarkup,
    markup_findings,
    markup_literals,
    no_hidden_markup,
)
from tocsin.measure.hidden_text import hidden_findings
from tocsin.measure.literals import PLACE, Literal, LiteralTable, find_literals, literal_table
from tocsin.measure.look_alikes import look_alike_table

_CHARACTERS = 1
"""Flag of documents that may hold hidden characters."""

_CHATS = 2
"""Flag of documents that hold a token of a chat template."""


@dataclass(frozen=True)
class Detected:
    """What the detectors say of a batch: `characters`, `markup` and `chats`, counts;
    `findings`, in any order."""

    characters: HiddenCharacters
    markup: HiddenMarkup
    chats: ChatMarkup
    findings: list[Finding]


class _Sought(NamedTuple):
    """Everything that is looked for. `literals`; `markers`: what the tokens of templates are, by
    number of literal; `markup`: numbers of the literals from the first of markup on; `table`."""

    literals: list[Literal]
    markers: dict[int, Marker]
    markup: range
    table: LiteralTable


@functools.lru_cache(maxsize=2)
def _sought(templates: tuple[ChatTemplate, ...]) -> _Sought:
    """What is looked for, prepared once (0.1 s)."""
    tokens, markers = template_literals([*public_templates(), *templates], _CHATS)
    markup = markup_literals()
    literals = [*tokens, *markup, *hidden_literals(_CHARACTERS)]
    numbers = range(len(tokens), len(tokens) + len(markup))
    return _Sought(literals, dict(enumerate(markers)), numbers, literal_table(literals))


class Detectors:
    """Looks at batch after batch. Not for use by two threads at once."""

    def __init__(self, templates: Sequence[ChatTemplate] = ()) -> None:
        """`templates`: of chats, beside the public ones."""
        self._classes = code_point_tables().classes
        self._look_alikes = look_alike_table()
        self._sought = _sought(tuple(templates))
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
        places = self._find(values, offsets, flags)
        characters = no_hidden_characters(len(flags))
        runs = self._hidden(values, offsets, np.flatnonzero(flags & _CHARACTERS), characters)
        markup = no_hidden_markup(len(flags))
        numbers = self._sought.markup
        literal = places["literal"]
        of_markup = places[(literal >= numbers.start) & (literal < numbers.stop)]
        chats = no_chats(len(flags))
        findings = [
            *hidden_findings(data, offsets, characters, runs),
            *markup_findings(data, offsets, of_markup, markup),
            *chat_findings(
                data, offsets, places, self._sought.literals, self._sought.markers, chats
            ),
        ]
        return Detected(characters, markup, chats, findings)

    def _find(self, values: np.ndarray, offsets: np.ndarray, flags: np.ndarray) -> np.ndarray:
        while True:
            found = find_literals(values, offsets, self._sought.table, flags, self._places)
            if found <= len(self._places):
                return self._places[:found]
            self._places = np.zeros(2 * found, PLACE)

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
