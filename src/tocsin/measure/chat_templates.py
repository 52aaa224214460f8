"""Chat templates: the control tokens with which language models are taught to take turns.

A text of the web that holds a chat between them, control tokens included, teaches a model to
believe that part of the text is its own answer (Zhang et al. 2024, arXiv 2410.13722). Which tokens
there are stands in `chat_templates.toml`, and users add their own (docs/policy.md).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tocsin.measure.findings import Finding, Levels
from tocsin.measure.literals import Literal
from tocsin.toml import ConfigurationError, parse_toml

ROLES = {"system": "s", "user": "u", "assistant": "a", "tool": "t"}
"""Whose turn it is, and the letter for it in the column `roles`."""

ROLES_SHOWN = 16
"""Turns of a document that `roles` shows."""

_LONGEST = 64
"""Bytes in the longest token of a template."""


@dataclass(frozen=True)
class ChatTemplate:
    """`name`; `roles`: (string that begins a turn, role) pairs; `control`: other tokens that only a
    tokenizer writes; `plain`: whether the strings are words that people write too."""

    name: str
    roles: tuple[tuple[str, str], ...]
    control: tuple[str, ...]
    plain: bool = False


def parse_templates(tables: Any) -> tuple[ChatTemplate, ...]:
    """Chat templates from the array of tables `template` of a TOML file.

    Raises:
      ConfigurationError: if a key is unknown or has a wrong value.
    """
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError("template: must be an array of tables, [[template]]")
    return tuple(_template(number, table) for number, table in enumerate(tables))


def _template(number: int, table: dict[str, Any]) -> ChatTemplate:
    where = f"template {number + 1}"
    if unknown := sorted(set(table) - {"name", "roles", "control", "plain"}):
        raise ConfigurationError(f"{where}: unknown key {unknown[0]!r}")
    name, roles = table.get("name"), table.get("roles", {})
    control, plain = table.get("control", []), table.get("plain", False)
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _LONGEST:
        raise ConfigurationError(f"{where}: name must be a string of 1 to {_LONGEST} characters")
    if not isinstance(roles, dict) or not set(map(str, roles.values())) <= set(ROLES):
        raise ConfigurationError(f"{where}: roles must map strings to one of {', '.join(ROLES)}")
    if not isinstance(control, list) or not isinstance(plain, bool):
        raise ConfigurationError(f"{where}: control must be an array, and plain true or false")
    for token in (*roles, *control):
        if not isinstance(token, str) or not 3 <= len(token.encode()) <= _LONGEST:
            raise ConfigurationError(f"{where}: tokens must be strings of 3 to {_LONGEST} bytes")
    return ChatTemplate(name, tuple(roles.items()), tuple(control), plain)


def templates_in(content: bytes) -> tuple[ChatTemplate, ...]:
    """The chat templates in a TOML file, none if it has none.

    Raises:
      ConfigurationError: if the file is no TOML, or a template can't be used.
    """
    return parse_templates(parse_toml(content).get("template", []))


@functools.lru_cache(maxsize=1)
def public_templates() -> tuple[ChatTemplate, ...]:
    """The chat templates of the public families of models."""
    return templates_in(Path(__file__).with_name("chat_templates.toml").read_bytes())


@dataclass(frozen=True)
class Marker:
    """A token of a template: `role`: whose turn begins, None for other control tokens."""

    template: str
    role: str | None
    plain: bool


def template_literals(
    templates: Sequence[ChatTemplate], flag: int
) -> tuple[list[Literal], list[Marker]]:
    """Every token of some templates as a literal with `flag`, and what it is."""
    literals, markers = [], []
    for template in templates:
        tokens = [*template.roles, *[(token, None) for token in template.control]]
        for token, role in tokens:
            literals.append(Literal(token.encode(), flag, placed=True))
            markers.append(Marker(template.name, role, template.plain))
    return literals, markers


class ChatMarkup(NamedTuple):
    """Chats in each document of a batch; arrays of one entry a document.

    control_tokens (int32): tokens of templates that only a tokenizer writes. turns (int32): turns
    that begin, with such tokens or in plain words at the start of a line. roles (object, str):
    whose turns they are, a letter of ROLES each, at most ROLES_SHOWN. template (object, str): name
    of the template with the most tokens; empty without any.
    """

    control_tokens: np.ndarray
    turns: np.ndarray
    roles: np.ndarray
    template: np.ndarray


def no_chats(documents: int) -> ChatMarkup:
    """`documents` documents without any."""
    return ChatMarkup(
        np.zeros(documents, np.int32),
        np.zeros(documents, np.int32),
        np.full(documents, "", object),
        np.full(documents, "", object),
    )


MENTION = re.compile(
    rb"tokeni[sz]|special.token|control.token|chat.?template|chatml|prompt|language.model|\bllms?\b"
    rb"|\bgpt|chatgpt|\bllama|mistral|gemma|\bqwen|hugging.?face|fine.?tun|transformers|inference"
    rb"|injection|jailbreak",
    re.IGNORECASE,
)
"""Words of texts about language models, in which their tokens are mentioned and not used."""

MENTIONS = 3
"""Different ones of these words, outside of the chat, from which on a text is about models."""

_SHOWN = 160
"""Characters of a question that are evidence."""

_QUOTES = frozenset(b"`'\"")

_LEVELS = Levels((1, 2), (12, 1))
"""Strengths 1: control tokens in a text that is not about models; 2: a chat with them, a
question and the turn of an assistant. No clean document of the development corpora has either; 0.3
in 100,000 of the prototypes' corpora had the first, and dumps of chats are on the web."""


@dataclass(frozen=True)
class _Place:
    start: int
    end: int
    marker: Marker


def chat_findings(
    data: memoryview,
    offsets: np.ndarray,
    places: np.ndarray,
    literals: Sequence[Literal],
    markers: dict[int, Marker],
    chats: ChatMarkup,
) -> Iterator[Finding]:
    """Findings of chat templates; fills `chats` for the documents that hold tokens.

    Args:
      data: the texts one after the other.
      offsets: int32 (documents + 1,), where each text begins in `data`.
      places: PLACE records of `find_literals`, in any order; others than of templates are ignored.
      literals: those that were looked for.
      markers: by number of literal, what it is.
      chats: `no_chats(documents)`, written.
    """
    of_templates = places[np.isin(places["literal"], list(markers))]
    for document in np.unique(of_templates["document"]).tolist():
        text = bytes(data[offsets[document] : offsets[document + 1]])
        own = of_templates[of_templates["document"] == document]
        found = _in_order(
            text,
            [
                _Place(start, start + len(literals[number].text), markers[number])
                for number, start in zip(own["literal"].tolist(), own["start"].tolist())
            ],
        )
        if not found:
            continue
        turns = [place for place in found if place.marker.role]
        control = [place for place in found if not place.marker.plain]
        chats.control_tokens[document] = len(control)
        chats.turns[document] = len(turns)
        roles = "".join(ROLES[place.marker.role or ""] for place in turns)[:ROLES_SHOWN]
        chats.roles[document] = roles
        names = [place.marker.template for place in control or found]
        chats.template[document] = max(sorted(set(names)), key=names.count)
        if not control or _is_mention(text, found):
            continue
        question = _question(text, found)
        score = _LEVELS.score(1 if question is None else 2)
        start, end = found[0].start, found[-1].end
        # A trigger stands where a question ends.
        said = (
            text[start:end].decode("utf-8", "replace") if question is None else question[-_SHOWN:]
        )
        signature = "" if question is None else f"{chats.template[document]} {_round(roles)}"
        if score is not None:
            yield Finding(document, "template", score, start, end, said, signature)


def _in_order(text: bytes, places: list[_Place]) -> list[_Place]:
    """Places by their start, the longest where several begin; of plain words, those that begin a
    line or follow on another token."""
    kept: list[_Place] = []
    for place in sorted(places, key=lambda place: (place.start, -place.end)):
        if kept and place.start < kept[-1].end:
            continue
        before = text[max(place.start - 1, 0) : place.start]
        if place.marker.plain and before not in (b"", b"\n"):
            between = text[kept[-1].end : place.start] if kept else b"?"
            if between.strip():
                continue
        kept.append(place)
    return kept


def _is_mention(text: bytes, places: Sequence[_Place]) -> bool:
    """Whether a text is about models: most of the tokens are quoted, or stand in blocks of code, or
    the rest of the text talks of models."""
    quoted = 0
    fenced = text.count(b"```") >= 2
    for place in places:
        around = text[max(place.start - 1, 0) : place.start] + text[place.end : place.end + 1]
        inside = fenced and text.count(b"```", 0, place.start) % 2 == 1
        quoted += inside or bool(_QUOTES & set(around))
    if 2 * quoted > len(places):
        return True
    rest = text[: places[0].start] + b"\n" + text[places[-1].end :]
    return len({match.group().lower() for match in MENTION.finditer(rest)}) >= MENTIONS


def _question(text: bytes, places: Sequence[_Place]) -> str | None:
    """What the first user says after whom it is an assistant's turn; None if it never is."""
    asked = None
    for index, place in enumerate(places):
        if place.marker.role is None:
            continue
        end = places[index + 1].start if index + 1 < len(places) else len(text)
        said = re.sub(rb"^(?:<\|[a-z_]+\|>)+", b"", text[place.end : end].strip()).strip()
        if place.marker.role == "assistant" and asked:
            return asked
        asked = said.decode("utf-8", "replace") if place.marker.role == "user" else None
    return None


def _round(roles: str) -> str:
    """Roles up to the first answer: the same for chats of any length."""
    return roles[: roles.find("a", roles.find("u")) + 1]
