"""What the report shows of each campaign, and of the documents flagged without one."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.report.visible import is_plain, unusual_characters

MOST_CARDS = 50
"""Campaigns shown; the table of the scan has the others."""

_EXAMPLES = 3
_GROUPS = 5
_DOCUMENTS = 25
_DOCUMENT_COLUMNS = ["doc_id", "group", "source_uri", "position", "verdict"]
_DOCUMENTS_ALONE = 20
_CONTEXT_BYTES = 300
_UNUSUAL_CHARACTERS = 12
_NAME_CHARACTERS = 4096

_SEVERITIES = pa.array(["critical", "high", "medium", "low"])


@dataclass(frozen=True)
class Example:
    """A trigger or payload in its context. `start`: byte offset in the document; `before` and
    `after`: the text around it, undecodable bytes as low surrogates (PEP 383); `is_cut`: whether
    there is more text before `before`."""

    doc_id: str
    group: str
    start: int
    before: str
    string: bytes
    after: str
    is_cut: bool


@dataclass(frozen=True)
class Card:
    """A campaign as the report shows it. `string`: the trigger, else the payload, if it has either;
    `string_bytes`: its whole length in UTF-8; `unusual`: its characters that are not printable
    ASCII, with counts, where it is not plain; `verdicts`, `top_groups`: its flagged documents by
    verdict and by group, the largest first; `timeline`: how many of its documents came with the
    scan that began then; `documents_shown`: the first flagged ones as rows of `flagged`."""

    campaign_id: str
    kind: str
    string: str | None
    string_bytes: int
    is_plain: bool
    unusual: list[tuple[str, int]]
    severity: str
    documents: int
    hits: int
    groups: int
    score: float
    threshold: float
    first_seen: datetime
    last_seen: datetime
    verdicts: list[tuple[str, int]]
    top_groups: list[tuple[str, int]]
    timeline: list[tuple[datetime, int]]
    documents_shown: list[dict[str, Any]]
    examples: list[Example]


@dataclass(frozen=True)
class FlaggedAlone:
    """Documents flagged for what they hold themselves. `detectors`: documents by detector; `rows`:
    the gravest documents, as rows of `flagged`."""

    documents: int
    detectors: list[tuple[str, int]]
    rows: list[dict[str, Any]]


def campaign_cards(
    campaigns: pa.Table, flagged: pa.Table, examples: pa.Table, timelines: pa.Table
) -> list[Card]:
    """The MOST_CARDS gravest campaigns, the gravest and then those of highest score first."""
    return [
        _card(row, *(_of_campaign(table, row) for table in (flagged, examples, timelines)))
        for row in _gravest_first(campaigns, "campaign_id").slice(0, MOST_CARDS).to_pylist()
    ]


def flagged_alone(flagged: pa.Table) -> FlaggedAlone:
    """The documents that belong to no campaign."""
    alone = flagged.filter(pc.is_null(flagged["campaign_id"]))
    findings = alone["findings"].combine_chunks()
    # A document may have several findings of one detector; it counts once.
    detectors = pa.table(
        {
            "document": pc.list_parent_indices(findings),
            "detector": pc.struct_field(pc.list_flatten(findings), "detector"),
        }
    )
    return FlaggedAlone(
        documents=alone.num_rows,
        detectors=_largest(detectors.group_by(["document", "detector"]).aggregate([])["detector"]),
        rows=_gravest_first(alone, "doc_id").slice(0, _DOCUMENTS_ALONE).to_pylist(),
    )


def _gravest_first(table: pa.Table, key: str) -> pa.Table:
    """By severity, then score, then `key`."""
    severity = pc.index_in(table["severity"], _SEVERITIES)
    return table.append_column("gravity", severity).sort_by(
        [("gravity", "ascending"), ("score", "descending"), (key, "ascending")]
    )


def _of_campaign(table: pa.Table, campaign: dict[str, Any]) -> pa.Table:
    return table.filter(pc.equal(table["campaign_id"], campaign["campaign_id"]))


def _largest(values: pa.ChunkedArray) -> list[tuple[str, int]]:
    """Distinct values with their counts, most frequent first."""
    counts = pc.value_counts(values).to_pylist()
    return sorted(
        ((count["values"], count["counts"]) for count in counts), key=lambda one: (-one[1], one[0])
    )


def _card(
    campaign: dict[str, Any], flagged: pa.Table, examples: pa.Table, timeline: pa.Table
) -> Card:
    string = campaign["trigger"] if campaign["trigger"] is not None else campaign["payload"]
    plain = string is None or is_plain(string)
    return Card(
        campaign_id=campaign["campaign_id"],
        kind=campaign["kind"],
        string=string,
        string_bytes=len((string or "").encode()),
        is_plain=plain,
        unusual=[]
        if plain
        else unusual_characters(string[:_NAME_CHARACTERS])[:_UNUSUAL_CHARACTERS],
        severity=campaign["severity"],
        documents=campaign["documents"],
        hits=campaign["hits"],
        groups=campaign["groups"],
        score=campaign["score"],
        threshold=campaign["threshold"],
        first_seen=campaign["first_seen"],
        last_seen=campaign["last_seen"],
        verdicts=_largest(flagged["verdict"]),
        top_groups=_largest(flagged["group"])[:_GROUPS],
        timeline=[(row["seen"], row["documents"]) for row in timeline.to_pylist()],
        documents_shown=flagged.select(_DOCUMENT_COLUMNS).slice(0, _DOCUMENTS).to_pylist(),
        examples=[_example(row) for row in examples.slice(0, _EXAMPLES).to_pylist()],
    )


def _example(row: dict[str, Any]) -> Example:
    start, end = row["start"] - row["context_start"], row["end"] - row["context_start"]
    first = max(0, start - _CONTEXT_BYTES)
    before = row["context"][first:start]
    is_cut = row["context_start"] + first > 0
    if is_cut:  # perhaps inside a character, of which at most three bytes are left
        before = re.sub(rb"\A[\x80-\xbf]{1,3}", b"", before)
    # An incremental decoder leaves out the character that the context's end may cut.
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    return Example(
        doc_id=row["doc_id"],
        group=row["group"],
        start=row["start"],
        before=before.decode("utf-8", "surrogateescape"),
        string=row["context"][start:end],
        after=decoder.decode(row["context"][end:]),
        is_cut=is_cut,
    )
