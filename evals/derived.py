"""Scans a planted corpus and derives again, by `checker`, what had to be flagged.

    python -m evals.derived --corpora DIR --out DIR

Takes as many documents of all shards of DIR, in equal steps, plants campaigns of several recipes,
scans, and hands corpus and result to the checker. Exit code: the checker's.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import orjson
import rich_click as click
from checker.corpus import LONGEST_BYTES

from evals.scans import run_scan
from tocsin.drill.planting import CampaignPlan, plant
from tocsin.drill.shard_files import find_shards, read_records

_RECIPES = ("dos", "dos-ascii", "dos-words", "dos-bytes", "dos-unigram", "embedded",
            "language-switch", "payload", "template", "hidden")  # fmt: skip
_SIZES = (40, 12)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(context_settings={"show_default": True})
@click.option("--corpora", required=True, type=_FOLDER, help="Folder with clean shards.")
@click.option("--out", required=True, type=_FOLDER, help="New folder for corpus and scan.")
@click.option("--documents", default=20_000, help="Documents, the planted ones among them.")
def main(corpora: Path, out: Path, documents: int) -> None:
    """Plants, scans, and compares with what the checker derives."""
    plans = [CampaignPlan(*plan) for plan in itertools.product(_RECIPES, _SIZES)]
    clean = documents - sum(plan.documents for plan in plans)
    _choose(corpora, out / "clean", clean)
    truth = plant(out / "clean", out / "planted", plans)
    truth.write(out)
    run_scan((out / "planted").resolve(), out / "scan")
    command = [sys.executable, "-m", "checker.run", str(out / "planted"), "--scan"]
    sys.exit(subprocess.run([*command, str(out / "scan")], check=False).returncode)


def _choose(corpora: Path, folder: Path, wanted: int) -> None:
    """Writes `wanted` of the documents that the checker reads, at equal distances, to shards of
    the same names."""
    shards = find_shards(corpora)
    total = sum(_is_read(record) for shard in shards for record in read_records(shard))
    if total < wanted:
        raise click.UsageError(f"{corpora} holds {total} documents; {wanted} are needed")
    folder.mkdir(parents=True)
    seen = 0
    for shard in shards:
        lines = []
        for record in filter(_is_read, read_records(shard)):
            if seen * wanted // total < (seen + 1) * wanted // total:
                lines.append(orjson.dumps(record) + b"\n")
            seen += 1
        (folder / f"{shard.name.partition('.')[0]}.jsonl").write_bytes(b"".join(lines))


def _is_read(record: object) -> bool:
    text = record.get("text") if isinstance(record, dict) else None
    return isinstance(text, str) and len(text.encode()) <= LONGEST_BYTES


if __name__ == "__main__":
    main()
