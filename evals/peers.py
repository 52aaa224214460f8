"""What people have today, on the same planted corpus: quality filters, perplexity, rare words.

    python -m evals.peers --planted DIR --scan OUT --datatrove PYTHON --markdown FILE

DIR holds a planted copy, as `evals.run` and the drill make it; OUT is a scan of it. All but Tocsin
judge a sample: up to `--sample` documents of each recipe, and ten times as many clean ones. The
thresholds of perplexity and of the rare-word rule are those that 1 % of these clean documents
exceed, which favours them.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import orjson
import rich_click as click
from rich.console import Console

from evals.tables import Grid, shown_share
from tocsin.beam.learn import load_profile
from tocsin.drill.outcome import read_scan
from tocsin.drill.scoring import Share
from tocsin.drill.shard_files import read_records
from tocsin.drill.truth import Truth
from tocsin.ledger.manifest import decode
from tocsin.measure.curve import CurveMeasurer

CLEAN_SHARE = 0.01
"""Share of the clean documents that a threshold is allowed to flag."""

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(context_settings={"show_default": True})
@click.option("--planted", required=True, type=_FOLDER, help="Folder of a planted copy.")
@click.option("--scan", "out", required=True, type=_FOLDER, help="Its scan.")
@click.option("--datatrove", help="A Python that has datatrove (default: without it).")
@click.option("--sample", default=50, help="Documents of each recipe.")
@click.option("--markdown", type=click.Path(path_type=Path), help="File for the table.")
def main(
    planted: Path, out: Path, datatrove: str | None, sample: int, markdown: Path | None
) -> None:
    """Judges the documents of a planted copy as other tools do."""
    truth = Truth.read(planted)
    corpus = (planted / "corpora").resolve()
    scan = read_scan(out, corpus)
    flags = {(flag.shard, flag.position) for flag in scan.flags}
    recipe_of = {(row.shard, row.position): row.recipe for row in truth.documents}
    chosen, texts = _sample(corpus, recipe_of, sample)
    clean = np.array([recipe == "" for recipe in chosen])
    judgements = {"Tocsin, flagged": np.array([place in flags for place in texts])}
    profile = load_profile(decode((out / "manifest.json").read_bytes())["profile"]["uri"])
    curves = CurveMeasurer(profile)
    bits = [curves.measure(text.encode()).surprisal for text in texts.values()]
    perplexity = np.array([curve.mean() if len(curve) else 0.0 for curve in bits])
    judgements["n-gram perplexity of the document (KenLM-style)"] = _above(perplexity, clean)
    judgements["rare word (ONION-style)"] = _above(np.array([_drop(one) for one in bits]), clean)
    if datatrove:
        for name, dropped in _datatrove(datatrove, list(texts.values())).items():
            judgements[name] = dropped
    recipes = sorted(set(chosen) - {""})
    rows = [
        (
            name,
            *(
                shown_share(_share(flagged, np.array([one == recipe for one in chosen])))
                for recipe in ["", *recipes]
            ),
        )
        for name, flagged in judgements.items()
    ]
    grid = Grid("What others flag", ("judged by", "clean", *recipes), tuple(rows))
    Console().print(grid.rich())
    if markdown is not None:
        markdown.write_text(grid.markdown() + "\n", encoding="utf-8")


def _sample(
    corpus: Path, recipe_of: dict[tuple[str, int], str], size: int
) -> tuple[list[str], dict[tuple[str, int], str]]:
    """Recipe ("" for clean) and text by place: the first `size` planted documents of each recipe,
    and every so many clean ones, 10 * `size` in all."""
    shards = sorted({shard for shard, _ in recipe_of})
    records = {shard: list(read_records(corpus / shard)) for shard in shards}
    total = sum(map(len, records.values()))
    step = max(1, total // (10 * size))
    chosen: list[str] = []
    texts: dict[tuple[str, int], str] = {}
    number = 0
    for shard in shards:
        for position, record in enumerate(records[shard]):
            recipe = recipe_of.get((shard, position), "")
            number += recipe == ""
            wanted = chosen.count(recipe) < size if recipe else number % step == 0
            if record is not None and wanted:
                chosen.append(recipe)
                texts[shard, position] = str(record["text"])
    return chosen, texts


def _above(values: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Mask of the values above what CLEAN_SHARE of the clean ones exceed."""
    return values > np.quantile(values[clean], 1 - CLEAN_SHARE)


def _drop(bits: np.ndarray) -> float:
    """By how much the mean surprisal of a text falls at most when one word is left out (Qi et al.
    2021, ONION: there with GPT-2)."""
    if len(bits) < 2:
        return 0.0
    return float((bits.mean() - (bits.sum() - bits) / (len(bits) - 1)).max())


def _datatrove(python: str, texts: list[str]) -> dict[str, np.ndarray]:
    """What each of datatrove's filters drops."""
    lines = b"".join(
        orjson.dumps({"id": str(number), "text": text}) + b"\n" for number, text in enumerate(texts)
    )
    script = Path(__file__).with_name("peers_datatrove.py")
    finished = subprocess.run([python, str(script)], input=lines, capture_output=True, check=True)
    dropped = [set(orjson.loads(line)["drops"]) for line in finished.stdout.splitlines()]
    names = sorted(set().union(*dropped))
    return {name: np.array([name in one for one in dropped]) for name in names}


def _share(flagged: np.ndarray, of: np.ndarray) -> Share:
    return Share(int((flagged & of).sum()), int(of.sum()))


if __name__ == "__main__":
    main()
