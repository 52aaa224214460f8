"""`tocsin export`: what a scan has flagged, in the form that other tools filter by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.beam import prepare, storage
from tocsin.beam.past import flagged_now, known_bad
from tocsin.beam.results import read_manifest, read_parts
from tocsin.beam.state import committed_nights, open_state
from tocsin.commands.console import errors, out, working
from tocsin.commands.filter import REMOVED_BY
from tocsin.corpus.compress import Sink
from tocsin.corpus.shards import Format, format_of
from tocsin.correlate.known import Known, encode_feed, known_of
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA, FLAGGED_SCHEMA
from tocsin.report.visible import visible

ATTRIBUTES = "tocsin"
"""Name of the set of attributes: the folder below `attributes/`, as dolma's mixer wants it."""

FLAGGED_ATTRIBUTE = "tocsin__flagged"

_LINE_BREAKS = r"[\x00-\x1f\x7f\x{85}\x{2028}\x{2029}]"
_BATCH_ROWS = 1 << 16


def run(scan: str, form: str, target: str, *, verdict: str) -> int:
    """Exports the documents that `verdict` names; the exit code.

    Args:
      scan: OUT of a finished scan; for ids and a feed also a state.
      form: `ids`, a file of one document id a line; `dolma`, a folder of attributes; or `feed`, a
        file of what is known to be poison.
      target: the file or the folder to write.
      verdict: a key of REMOVED_BY.

    Raises:
      UsageError, ManifestError: if `scan` is none, or can't be exported in this form.
    """
    scan, target = prepare.absolute(scan), prepare.absolute(target)
    if form == "feed" and committed_nights(scan):
        _write_feed(known_bad(open_state(scan)), target)
        return 0
    if form == "ids" and committed_nights(scan):
        flagged = flagged_now(open_state(scan))[1]
        _write_ids(flagged.filter(_removed_by(flagged, verdict)), target)
        return 0
    manifest = read_manifest(scan)
    if manifest is None:
        raise prepare.UsageError(f"{scan} has no manifest: it holds no finished scan")
    flagged = read_parts(scan, manifest, "flagged", FLAGGED_SCHEMA)
    flagged = flagged.filter(_removed_by(flagged, verdict))
    if form == "feed":
        campaigns = read_parts(scan, manifest, "campaigns", CAMPAIGN_SCHEMA)
        _write_feed(known_of(campaigns, flagged, f"scan {manifest['scan_id']}"), target)
    elif form == "ids":
        _write_ids(flagged, target)
    else:
        _write_attributes(scan, manifest, flagged, target)
    return 0


def _removed_by(flagged: pa.Table, verdict: str) -> pa.Array:
    """Mask of the rows that a filter by this verdict would remove."""
    return pc.is_in(flagged["verdict"], pa.array(REMOVED_BY[verdict]))


def _write_feed(known: list[Known], target: str) -> None:
    storage.write(target, encode_feed(known))
    out.print(f"{len(known):,} known triggers, payloads and documents: {target}")


def _write_ids(flagged: pa.Table, target: str) -> None:
    """One id a line, sorted. An id of several lines would name documents of somebody's choice, so
    it is left out and counted."""
    ids = pc.unique(flagged["doc_id"])
    ids = ids.sort()
    lines = ids.filter(pc.invert(pc.match_substring_regex(ids, _LINE_BREAKS)))
    storage.write(target, "".join(f"{one}\n" for one in lines.to_pylist()).encode())
    out.print(f"{len(lines):,} document ids: {target}")
    if left := len(ids) - len(lines):
        errors.print(
            f"tocsin: left out {left:,} ids that hold line breaks or control characters: "
            "remove those documents with tocsin filter"
        )


def _write_attributes(scan: str, manifest: dict[str, Any], flagged: pa.Table, target: str) -> None:
    """Attributes in dolma's layout: for each shard a file of its name with a line for each of its
    documents, in their order.

    Spans count bytes of UTF-8 where dolma's count characters: the span of a flagged document covers
    it whole either way, and only its score is to be filtered by.
    """
    inputs = manifest["inputs"]
    for entry in inputs:
        found = format_of(entry["uri"])
        if found is None or found[0] is not Format.JSONL:
            raise prepare.UsageError(f"{entry['uri']} is not JSONL, which is all that dolma reads")
        if entry["dead_letters"]:
            raise prepare.UsageError(
                f"{entry['uri']} has dead letters, so that attributes would not line up with its "
                "lines: export from a scan of a copy that tocsin filter has made"
            )
    if storage.files_in(target):
        raise prepare.UsageError(f"{target} is not empty: choose another folder")
    parts = [part["path"] for part in manifest["outputs"]]
    names = _names_of([entry["uri"] for entry in inputs])
    positions = _positions(flagged)
    for number, (entry, name) in enumerate(zip(inputs, names)):
        stem = f"documents/part-{number:05d}"  # one part, or one for each range of the shard
        of_shard = sorted(path for path in parts if path.startswith((f"{stem}.", f"{stem}-")))
        _, compression = format_of(entry["uri"]) or (None, None)
        assert compression is not None
        path = storage.join(target, "attributes", ATTRIBUTES, name)
        with working(f"writing {visible(name, 80)}"), storage.writing(path) as file:
            sink = Sink(file, compression)  # type: ignore[arg-type]
            chosen = positions.get(entry["uri"], set())
            for path in of_shard:
                for lines in _attribute_lines(storage.join(scan, path), chosen):
                    sink.write(lines)
            sink.close()
    out.print(
        f"attributes of {manifest['totals']['documents']:,} documents, {flagged.num_rows:,} of "
        f"them flagged: {storage.join(target, 'attributes', ATTRIBUTES)}"
    )


def _positions(flagged: pa.Table) -> dict[str, set[int]]:
    positions: dict[str, set[int]] = {}
    for uri, position in zip(flagged["source_uri"].to_pylist(), flagged["position"].to_pylist()):
        positions.setdefault(uri, set()).add(position)
    return positions


def _attribute_lines(part: str, flagged: set[int]) -> Iterator[bytes]:
    """The lines for the documents of a part of `documents/`, those at `flagged` marked."""
    columns = ["doc_id", "group", "position", "byte_length"]
    with storage.open_file(part) as stream:
        for batch in pq.ParquetFile(stream).iter_batches(_BATCH_ROWS, columns=columns):
            lines = [
                json.dumps(
                    {
                        "source": group,
                        "id": doc_id,
                        "attributes": {
                            FLAGGED_ATTRIBUTE: [[0, length, 1.0]] if position in flagged else []
                        },
                    }
                )
                for doc_id, group, position, length in zip(
                    *(batch.column(name).to_pylist() for name in columns)
                )
            ]
            yield "".join(f"{line}\n" for line in lines).encode()


def _names_of(uris: list[str]) -> list[str]:
    """Names of shards below dolma's folder `documents`, or below their longest common folder where
    they lie in none."""
    folders = [uri.split("/")[:-1] for uri in uris]
    shared = 0
    while folders and all(
        len(folder) > shared and folder[shared] == folders[0][shared] for folder in folders
    ):
        shared += 1
    common = folders[0][:shared] if folders else []
    if "documents" in common:
        shared = len(common) - common[::-1].index("documents")
    return ["/".join(uri.split("/")[shared:]) for uri in uris]
