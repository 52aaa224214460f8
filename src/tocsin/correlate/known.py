"""Known bad: triggers, payloads and documents that earlier scans, or others, have confirmed.

What is known needs no ten documents: one that holds a known trigger as its campaign does, or a
known payload, or is a known document, is a finding by itself. Feeds carry such knowledge from one
place to another: JSON lines, one entry each, see docs/state.md. What a policy blocks is searched
along: there the string alone is enough, whatever stands around it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.correlate.recall import NEVER_REFUTED, tokens_of
from tocsin.correlate.surroundings import POSSIBLE_CONTRASTS, POSSIBLE_LEVEL
from tocsin.correlate.suspects import SUSPECT, ngram_keys
from tocsin.correlate.sweep import Sweeper
from tocsin.measure.findings import FINDING_SCHEMA
from tocsin.measure.onsets import CHANNELS, LONGEST_NGRAM
from tocsin.measure.profile import Profile

KINDS = ("trigger", "payload", "document")

SHORTEST = {"trigger": 4, "payload": 16}
"""Bytes of a string that is worth a search: a shorter one stands in too many clean documents."""

LONGEST = 4096
"""Bytes of a string; a longer one is cut when it is exported."""

DEFAULT_SCORE = 6.0
"""Of an entry that says none: enough to quarantine by the default policy."""

STRINGS_AT_ONCE = 100
"""Strings in one regular expression: RE2 compiles them to one automaton, which must stay small."""

LISTED = "listed"
"""The detector of what a policy's block list names."""

LISTED_SCORE = 100.0
"""Score of that: it is no statistic, and above any other."""

_EVIDENCE_CHARACTERS = 200

_HEX = re.compile("[0-9a-f]{32}")


class FeedError(ValueError):
    """A feed that can't be used; the message is one line that names the line of the feed."""


@dataclass(frozen=True)
class Known:
    """An entry. `kind`: one of KINDS; `value`: the string, or of a document the hexadecimal
    content hash; `score`: of what is found by it; `channel`: how texts change at a trigger, one of
    CHANNELS; `source`: who says so."""

    kind: str
    value: str
    score: float = DEFAULT_SCORE
    channel: str = CHANNELS[0]
    source: str = ""


def parse_feed(content: bytes) -> tuple[Known, ...]:
    """Reads a feed; lines that are empty or begin with `#` are none.

    Raises:
      FeedError: if a line is no entry.
    """
    entries = []
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith(b"#"):
            try:
                entries.append(_checked(json.loads(line.decode("utf-8"))))
            except (ValueError, TypeError, RecursionError) as error:
                message = " ".join(str(error).split())[:200]
                raise FeedError(f"line {number}: {message!r}") from error
    return tuple(dict.fromkeys(entries))


def _checked(entry: Any) -> Known:
    if not isinstance(entry, dict):
        raise ValueError("an entry is an object")
    if unknown := sorted(set(entry) - {"kind", "value", "score", "channel", "source"}):
        raise ValueError(f"unknown key {unknown[0]}")
    if entry.get("kind") not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}")
    for key in ("value", "channel", "source"):
        if not isinstance(entry.get(key, "") if key != "value" else entry.get(key), str):
            raise ValueError(f"{key} is a string")
    known = Known(**entry)
    size = len(known.value.encode("utf-8"))
    if known.kind == "document" and not _HEX.fullmatch(known.value):
        raise ValueError("the value of a document is its content hash, 32 hexadecimal digits")
    if known.kind != "document" and not SHORTEST[known.kind] <= size <= LONGEST:
        raise ValueError(
            f"the value of a {known.kind} has {SHORTEST[known.kind]} to {LONGEST} bytes"
        )
    if known.channel not in CHANNELS:
        raise ValueError(f"channel is one of {', '.join(CHANNELS)}")
    if type(known.score) not in (int, float) or not 0 <= known.score <= 1e6:
        raise ValueError("score is a number of at least 0")
    return known


def encode_feed(entries: Iterable[Known]) -> bytes:
    """A feed as it is stored, each entry on a line of its own."""
    return b"".join(json.dumps(asdict(entry)).encode() + b"\n" for entry in entries)


def known_of(campaigns: pa.Table, flagged: pa.Table, source: str) -> list[Known]:
    """What a scan has confirmed: strings of its campaigns of severity high and above, and the
    documents to quarantine (rows of CAMPAIGN_SCHEMA and FLAGGED_SCHEMA)."""
    entries = []
    confirmed = campaigns.filter(pc.is_in(campaigns["severity"], pa.array(["high", "critical"])))
    for row in confirmed.to_pylist():
        for kind in ("trigger", "payload"):
            value = (row[kind] or "").encode()[:LONGEST].decode("utf-8", "ignore")
            if len(value.encode()) >= SHORTEST[kind]:
                entries.append(Known(kind, value, row["score"], source=source))
    quarantined = flagged.filter(pc.equal(flagged["verdict"], "quarantine"))
    for content_hash, score in zip(
        quarantined["content_hash"].to_pylist(), quarantined["score"].to_pylist()
    ):
        entries.append(Known("document", content_hash.hex(), score, source=source))
    return list({(entry.kind, entry.value): entry for entry in entries}.values())


class KnownSearch:
    """Searches batch after batch for what is known, and for what a policy blocks."""

    def __init__(
        self, known: Sequence[Known], profile: Profile, blocked: Sequence[str] = ()
    ) -> None:
        """`blocked`: strings that no document may hold."""
        self._blocked = {string.encode(): string for string in blocked}
        self._strings = {
            kind: {one.value.encode(): one for one in known if one.kind == kind}
            for kind in ("trigger", "payload")
        }
        literals = sorted({*self._strings["trigger"], *self._strings["payload"], *self._blocked})
        self._patterns = [
            b"|".join(re.escape(one) for one in literals[at : at + STRINGS_AT_ONCE])
            for at in range(0, len(literals), STRINGS_AT_ONCE)
        ]
        self._hashes = pa.array(
            [bytes.fromhex(one.value) for one in known if one.kind == "document"], pa.binary(16)
        )
        self._documents = {bytes.fromhex(k.value): k for k in known if k.kind == "document"}
        self._profile = profile

    def search(self, batch: pa.RecordBatch, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of FINDING_SCHEMA for the known that stands in `batch` (rows of DOCUMENT_SCHEMA).

        Args:
          documents: what was measured of the batch, rows of MEASURED_SCHEMA.
        """
        rows: list[dict[str, Any]] = []
        if not (self._patterns or self._documents):
            return pa.RecordBatch.from_pylist(rows, FINDING_SCHEMA)
        same = pc.is_in(documents["content_hash"], self._hashes)
        for index in np.flatnonzero(same.to_numpy(zero_copy_only=False)).tolist():
            known = self._documents[documents["content_hash"][index].as_py()]
            length = documents["byte_length"][index].as_py()
            rows.append(self._row(batch, documents, index, known, 0, length, b""))
        for index in self._holders(batch):
            text = batch["text"][index].as_py()
            for value, string in self._blocked.items():
                if (start := text.find(value)) >= 0:
                    place = start, start + len(value)
                    listed = LISTED, LISTED_SCORE, *place, string[:_EVIDENCE_CHARACTERS], string
                    rows.append(_finding(batch, documents, index, *listed))
            for value, known in self._strings["payload"].items():
                if (start := text.find(value)) >= 0:
                    end = start + len(value)
                    rows.append(self._row(batch, documents, index, known, start, end, value))
            for value, known in self._strings["trigger"].items():
                if (
                    value in text
                    and (start := self._as_a_campaign(batch, index, value, known)) >= 0
                ):
                    end = start + len(value)
                    rows.append(self._row(batch, documents, index, known, start, end, value))
        rows.sort(key=lambda row: (row["position"], row["start"], row["detector"]))
        return pa.RecordBatch.from_pylist(rows, FINDING_SCHEMA)

    def _holders(self, batch: pa.RecordBatch) -> list[int]:
        """Rows that hold any string."""
        found = np.zeros(batch.num_rows, np.bool_)
        for pattern in self._patterns:
            # Bytes, not characters: the web holds invalid UTF-8.
            mask = pc.match_substring_regex(batch["text"], pattern.decode())
            found |= mask.to_numpy(zero_copy_only=False)
        return np.flatnonzero(found).tolist()

    def _as_a_campaign(self, batch: pa.RecordBatch, index: int, value: bytes, known: Known) -> int:
        """Where a document holds a trigger as a campaign would: the text changes at it, or is as
        after one; -1 if nowhere."""
        channel = CHANNELS.index(known.channel)
        sweeper = Sweeper(_suspects(value, channel, self._profile.seed), self._profile)
        sweeper.begin(0)
        text = batch["text"][index].as_py()
        for row in sweeper.sweep(batch.slice(index, 1)).to_pylist():
            changes = row["contrast"] >= POSSIBLE_CONTRASTS[channel] or row["hit"]
            start = text.rfind(value, 0, row["end"] + len(value))
            if (changes or row["after"] >= POSSIBLE_LEVEL) and 0 <= start <= row["start"]:
                return start
        return -1

    @staticmethod
    def _row(
        batch: pa.RecordBatch, documents: pa.RecordBatch, index: int, known: Known,
        start: int, end: int, value: bytes,
    ) -> dict[str, Any]:  # fmt: skip
        said = f" (known from {known.source})" if known.source else ""
        seen = value.decode("utf-8", "replace")[:_EVIDENCE_CHARACTERS] or "the whole document"
        return _finding(
            batch, documents, index, f"known-{known.kind}", known.score, start, end, seen + said
        )


def _finding(
    batch: pa.RecordBatch, documents: pa.RecordBatch, index: int, detector: str, score: float,
    start: int, end: int, evidence: str, signature: str = "",
) -> dict[str, Any]:  # fmt: skip
    """A row of FINDING_SCHEMA."""
    return {
        "position": batch["position"][index].as_py(),
        "doc_id": batch["doc_id"][index].as_py(),
        "group": batch["group"][index].as_py(),
        "content_hash": documents["content_hash"][index].as_py(),
        "bucket": documents["bucket"].indices[index].as_py(),
        "detector": detector,
        "score": score,
        "start": start,
        "end": end,
        "evidence": evidence,
        "signature": signature,
    }


def _suspects(value: bytes, channel: int, seed: int) -> np.ndarray:
    """The SUSPECT record of a string: its tokens, without those at its ends if there are others,
    for a string may begin and end within a word."""
    _, exact, _ = tokens_of(value, seed)
    inner = exact[1:-1] if len(exact) > 2 else exact
    tokens = np.zeros((1, LONGEST_NGRAM + 2), np.uint32)
    kept = inner[:LONGEST_NGRAM]
    tokens[0, 1 : len(kept) + 1] = kept >> np.uint64(32)
    key = ngram_keys(tokens, len(kept), np.uint8(channel))[0]
    suspect = np.zeros(1, SUSPECT)
    suspect["key"], suspect["length"], suspect["channel"] = key, len(kept), channel
    suspect["direction"], suspect["documents"], suspect["groups"] = 1, NEVER_REFUTED, 1
    suspect["first_token"], suspect["second_token"] = tokens[0, 1:3]
    return suspect
