"""A part of some corpora, to measure on: every sixth document, or one half of the sources.

python -m evals.part --corpora DIR --out DIR --documents 1/6 --sources 1/2
"""

from __future__ import annotations

from pathlib import Path

import orjson
import rich_click as click
import zstandard

from tocsin.drill.shard_files import find_shards, read_records

_FOLDER = click.Path(file_okay=False, path_type=Path)


def share(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    """A click callback: `2/6`, the second of six, as (1, 6)."""
    nth, _, of = value.partition("/")
    if not (nth.isdecimal() and of.isdecimal() and 1 <= int(nth) <= int(of)):
        raise click.BadParameter("must be such as 1/6: the first, and every sixth from there on")
    return int(nth) - 1, int(of)


@click.command(context_settings={"show_default": True})
@click.option("--corpora", required=True, type=_FOLDER, help="Folder with clean shards.")
@click.option("--out", required=True, type=_FOLDER, help="New folder for the part.")
@click.option("--documents", default="1/1", callback=share, help="Which of each shard: 2/6.")
@click.option("--sources", default="1/1", callback=share, help="Which shards, by name: 1/2.")
def main(corpora: Path, out: Path, documents: tuple[int, int], sources: tuple[int, int]) -> None:
    """Copies every nth document of every nth shard; records that can't be read are left out."""
    if out.exists() and any(out.iterdir()):
        raise click.UsageError(f"{out} is not empty")
    first, step = sources
    for shard in find_shards(corpora)[first::step]:
        copy(shard, out / shard.relative_to(corpora), *documents)


def copy(shard: Path, target: Path, first: int, step: int) -> int:
    """Writes every `step`th record of a shard from number `first` on as JSON lines; how many."""
    target = target.with_name(f"{target.name.split('.')[0]}.jsonl.zst")
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with zstandard.open(target, "wb") as out:
        for number, record in enumerate(read_records(shard)):
            if number % step == first and record is not None:
                out.write(orjson.dumps(record) + b"\n")
                written += 1
    return written


if __name__ == "__main__":
    main()
