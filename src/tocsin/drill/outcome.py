"""What a scan of a planted copy reported, read from its Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.drill.poison import DrillError


@dataclass(frozen=True)
class Flag:
    """A row of `flagged`; `shard` is the path below the scanned folder."""

    shard: str
    position: int
    doc_id: str
    group: str
    verdict: str
    campaign_id: str | None


@dataclass(frozen=True)
class ReportedCampaign:
    """A row of `campaigns`; `hits`: documents that were found before the sweep."""

    campaign_id: str
    kind: str
    trigger: str | None
    payload: str | None
    documents: int
    score: float
    threshold: float
    severity: str
    sample_doc_ids: tuple[str, ...]
    hits: int = 0


@dataclass(frozen=True)
class ScanOutput:
    """What a scan reported.

    Attributes:
        flags: the flagged documents.
        campaigns: the reported campaigns, highest score first.
        groups: group of each document, by shard and position.
        text_bytes: bytes of text in all documents.
        dead_letters: records that could not be read.
    """

    flags: tuple[Flag, ...]
    campaigns: tuple[ReportedCampaign, ...]
    groups: dict[tuple[str, int], str]
    text_bytes: int
    dead_letters: int


def read_scan(out: Path, corpus: Path) -> ScanOutput:
    """Reads a scan's Parquet files.

    Args:
        out: the scan's output folder.
        corpus: the folder that was scanned.

    Raises:
        DrillError: there is no manifest, so there is no result.
    """
    if not (out / "manifest.json").is_file():
        raise DrillError(f"{out} has no manifest.json: the scan did not finish")

    def shard(uri: str) -> str:
        path = PurePosixPath(uri.removeprefix("file://"))
        return path.relative_to(corpus.as_posix()).as_posix()

    flags = (
        Flag(shard(row.pop("source_uri")), **row)
        for row in _rows(
            out / "flagged",
            ["source_uri", "position", "doc_id", "group", "verdict", "campaign_id"],
        ).to_pylist()
    )
    campaigns = (
        ReportedCampaign(sample_doc_ids=tuple(row.pop("sample_doc_ids") or ()), **row)
        for row in _rows(
            out / "campaigns",
            [
                "campaign_id", "kind", "trigger", "payload", "documents", "score", "threshold",
                "severity", "sample_doc_ids", "hits",
            ],
        ).to_pylist()
    )  # fmt: skip
    documents = _rows(out / "documents", ["source_uri", "position", "group", "byte_length"])
    shards = {uri: shard(uri) for uri in documents["source_uri"].unique().to_pylist()}
    places = zip(
        (shards[uri] for uri in documents["source_uri"].to_pylist()),
        documents["position"].to_pylist(),
        strict=True,
    )
    return ScanOutput(
        tuple(flags),
        tuple(sorted(campaigns, key=lambda campaign: -campaign.score)),
        dict(zip(places, documents["group"].to_pylist(), strict=True)),
        sum(documents["byte_length"].to_pylist()),
        _rows(out / "dead_letters", ["position"]).num_rows,
    )


def _rows(folder: Path, columns: list[str]) -> pa.Table:
    parts = sorted(folder.glob("part-*.parquet"))
    if not parts:
        return pa.table({column: pa.array([], pa.null()) for column in columns})
    return pa.concat_tables([pq.read_table(part, columns=columns) for part in parts])
