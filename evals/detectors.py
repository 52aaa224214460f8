"""How often each detector looks at a clean document twice: shares by source, and the worst.

    tocsin scan ../shared/corpora -o build/clean
    python -m evals.detectors build/clean --markdown build/detectors.md

What it reads is a finished scan of a corpus that holds no poison; a group is taken for a source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import rich_click as click
from rich.console import Console

from evals.run import APART
from evals.tables import Code, Grid
from tocsin.judge.policy import Policy
from tocsin.measure.findings import FINDING_SCHEMA
from tocsin.measure.onsets import MINIMUM_CONTRAST

WORST = 10
"""Documents listed of each detector."""

_IDENTITY = ["source_uri", "position", "doc_id", "group"]


@dataclass(frozen=True)
class Feature:
    """A column of `documents/` as a detector. `beyond`: rows that it looks at twice; `worst`: the
    column that orders them, largest first; `limit`: the rule, in words."""

    name: str
    limit: str
    columns: tuple[str, ...]
    beyond: Callable[[pa.Table], pa.ChunkedArray]
    worst: str


def _above(column: str, limit: float) -> Callable[[pa.Table], pa.ChunkedArray]:
    return lambda table: pc.greater(table[column], limit)


def _typed(column: str) -> Callable[[pa.Table], pa.ChunkedArray]:
    return lambda table: pc.equal(table[column].cast(pa.string()), "word_salad")


# The limits of Gopher are those of Rae et al. 2021 (arXiv 2112.11446), table A1.
FEATURES = (
    Feature("onset of surprisal", f"contrast above {MINIMUM_CONTRAST:g} bits", ("contrast",),
            _above("contrast", MINIMUM_CONTRAST), "contrast"),
    Feature("switch of language", "one or more", ("switches",), _above("switches", 0), "switches"),
    Feature("word salad, segment", "type of the best segment", ("segment_type", "segment_contrast"),
            _typed("segment_type"), "segment_contrast"),
    Feature("word salad, onset", "type of the text after it", ("onset_type", "contrast"),
            _typed("onset_type"), "contrast"),
    Feature("invalid UTF-8", "one byte or more", ("invalid_bytes",), _above("invalid_bytes", 0),
            "invalid_bytes"),
    Feature("control characters", "above 0.1 % of the bytes", ("control_bytes",),
            _above("control_bytes", 0.001), "control_bytes"),
    Feature("duplicate lines (Gopher)", "above 0.3", ("duplicate_lines",),
            _above("duplicate_lines", 0.3), "duplicate_lines"),
    Feature("top 2-gram (Gopher)", "above 0.2", ("top_2gram",), _above("top_2gram", 0.2),
            "top_2gram"),
    Feature("duplicate 10-grams (Gopher)", "above 0.1", ("duplicate_10grams",),
            _above("duplicate_10grams", 0.1), "duplicate_10grams"),
)  # fmt: skip


def feature_grids(documents: pa.Table) -> list[Grid]:
    """Shares by source of each feature, and its worst documents."""
    totals = _by_source(documents, None)
    shares, worst = [], []
    for feature in FEATURES:
        mask = feature.beyond(documents)
        shares.append(_share_row(feature.name, feature.limit, _by_source(documents, mask), totals))
        beyond = documents.filter(mask).sort_by([(feature.worst, "descending")]).slice(0, WORST)
        worst += [
            (feature.name, row["group"], Code(row["doc_id"]), float(row[feature.worst]))
            for row in beyond.to_pylist()
        ]
    return [
        Grid("Features: clean documents beyond a limit", _SHARE_HEADER, tuple(shares)),
        Grid(
            f"Features: the {WORST} worst clean documents of each",
            ("feature", "source", "document", "value"), tuple(worst),
        ),
    ]  # fmt: skip


def finding_grids(documents: pa.Table, findings: pa.Table) -> list[Grid]:
    """The same for findings of single documents, by verdict."""
    totals = _by_source(documents, None)
    policy = Policy()
    shares, worst = [], []
    for detector in sorted(set(findings["detector"].to_pylist())):
        own = findings.filter(pc.equal(findings["detector"], detector))
        for limit, least in (
            ("any score", 0.0), ("review", policy.medium_score), ("quarantine", policy.high_score),
        ):  # fmt: skip
            scored = own.filter(pc.greater_equal(own["score"], least))
            shares.append(_share_row(detector, limit, _by_source(scored, None), totals))
        clean = own.filter(pc.invert(pc.is_in(own["group"], pa.array(sorted(APART)))))
        worst += [
            (detector, row["group"], Code(row["doc_id"]), row["score"], Code(row["evidence"]))
            for row in clean.sort_by([("score", "descending")]).slice(0, WORST).to_pylist()
        ]
    return [
        Grid("Findings: clean documents with one", _SHARE_HEADER, tuple(shares)),
        Grid(
            f"Findings: the {WORST} worst clean documents of each detector",
            ("detector", "source", "document", "score", "evidence"), tuple(worst),
        ),
    ]  # fmt: skip


_SHARE_HEADER = (
    "detector", "limit", "documents", "macro-averaged, in 100,000", "worst source",
    "in 100,000 of it", "apart",
)  # fmt: skip


def _share_row(
    name: str, limit: str, beyond: dict[str, int], totals: dict[str, int]
) -> tuple[str | int | float, ...]:
    shares = {
        source: beyond.get(source, 0) / total
        for source, total in totals.items()
        if source not in APART
    }
    worst = max(shares, key=lambda source: (shares[source], source))
    apart = sum(count for source, count in beyond.items() if source in APART)
    return (
        name,
        limit,
        sum(count for source, count in beyond.items() if source not in APART),
        f"{1e5 * float(np.mean(list(shares.values()))):.2f}",
        worst if shares[worst] else "",
        f"{1e5 * shares[worst]:.1f}",
        apart,
    )


def _by_source(rows: pa.Table, mask: pa.ChunkedArray | None) -> dict[str, int]:
    chosen = rows if mask is None else rows.filter(mask)
    counts = pc.value_counts(chosen["group"].combine_chunks())
    return {entry["values"]: entry["counts"] for entry in counts.to_pylist()}


def read_scan(out: Path) -> tuple[pa.Table, pa.Table]:
    """The features and the findings of a finished scan."""
    outputs = orjson.loads((out / "manifest.json").read_bytes())["outputs"]
    paths = [out / output["path"] for output in outputs]
    columns = [*_IDENTITY, *{name for feature in FEATURES for name in feature.columns}]
    documents = [
        pq.read_table(path, columns=columns) for path in paths if path.parent.name == "documents"
    ]
    findings = [pq.read_table(path) for path in paths if path.name.startswith("findings")]
    return (
        pa.concat_tables(documents, promote_options="permissive").unify_dictionaries(),
        pa.concat_tables([FINDING_SCHEMA.empty_table(), *findings]),
    )


@click.command()
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--markdown", type=click.Path(dir_okay=False, path_type=Path), help="File for the tables."
)
def main(out: Path, markdown: Path | None) -> None:
    """Shares and worst documents of each detector in OUT, a scan of a clean corpus."""
    documents, findings = read_scan(out)
    grids = [*finding_grids(documents, findings), *feature_grids(documents)]
    console = Console()
    for grid in grids:
        console.print(grid.rich())
    if markdown is not None:
        markdown.write_text("\n\n".join(grid.markdown() for grid in grids) + "\n", "utf-8")


if __name__ == "__main__":
    main()
