"""How a scan grows: CPU time, memory and shuffled bytes with the number of documents; and the
correlate stage on the evidence of ten million documents.

python -m benchmarks.scale growth --corpora FOLDER --documents 100000 300000 --work build/scale
python -m benchmarks.scale evidence --scan OUT --documents 10000000
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import zstandard

from tocsin.beam.evidence import KINDS, records_of
from tocsin.correlate.gathering import Gathered, suspects_of

TEXT_CHARACTERS = 2_000
"""Of a real document that a resampled one is made from: more documents for the same time."""

REPLACED_WORDS = 0.1
"""Share of the words that come from another document."""

SHARD_DOCUMENTS = 10_000

DOCUMENTS_OF_A_GROUP = 50

_HOT_TOKEN = 7
_RECORDS_OF_A_BLOCK = 50_000

_BYTES_FILE = "TOCSIN_SCALE_BYTES"


def real_documents(corpora: Path) -> list[list[str]]:
    """The words of the beginnings of the documents of all shards in a folder."""
    found = []
    for shard in sorted(corpora.glob("*.jsonl.zst")):
        with zstandard.open(shard, "rt", encoding="utf-8", newline="\n") as stream:
            for line in stream:
                found.append(orjson.loads(line)["text"][:TEXT_CHARACTERS].split(" "))
    return found


def resampled(real: list[list[str]], documents: int, seed: int = 1) -> Iterator[bytes]:
    """Lines of JSON: real documents with some words of others in the place of theirs."""
    chance = random.Random(seed)
    for number in range(documents):
        words = chance.choice(real).copy()
        donor = chance.choice(real)
        for _ in range(int(REPLACED_WORDS * len(words))):
            words[chance.randrange(len(words))] = chance.choice(donor)
        group = chance.randrange(max(documents // DOCUMENTS_OF_A_GROUP, 1))
        yield (
            orjson.dumps(
                {
                    "id": f"d{number}",
                    "text": " ".join(words),
                    "url": f"https://host{group}.example/",
                }
            )
            + b"\n"
        )


def write_corpus(folder: Path, real: list[list[str]], documents: int) -> None:
    """Shards of SHARD_DOCUMENTS resampled documents each."""
    folder.mkdir(parents=True)
    lines = resampled(real, documents)
    for number in range(-(-documents // SHARD_DOCUMENTS)):
        block = b"".join(line for _, line in zip(range(SHARD_DOCUMENTS), lines))
        (folder / f"part-{number:05d}.jsonl.zst").write_bytes(zstandard.compress(block, 3))


def growth(corpora: Path, sizes: list[int], work: Path) -> list[dict[str, Any]]:
    """Scans resampled corpora of these many documents, each in one process of its own."""
    real = real_documents(corpora)
    rows = []
    for documents in sizes:
        folder = work / f"corpus-{documents}"
        if not folder.exists():
            write_corpus(folder, real, documents)
        counted = work / f"bytes-{documents}"
        counted.unlink(missing_ok=True)
        out = work / f"out-{documents}"
        subprocess.run(
            [sys.executable, "-m", "benchmarks.scale", "one", str(folder), str(out)],
            check=True, env={**os.environ, _BYTES_FILE: str(counted)},
        )  # fmt: skip
        used = json.loads((work / f"out-{documents}.json").read_text())
        totals = json.loads((out / "manifest.json").read_text())["totals"]
        shuffled: dict[str, int] = {}
        for line in counted.read_text().splitlines():
            stage, size = line.split("\t")
            shuffled[stage] = shuffled.get(stage, 0) + int(size)
        rows.append(
            {
                "documents": totals["documents"],
                "text_bytes": totals["text_bytes"],
                "cpu_seconds": round(used["cpu_seconds"], 1),
                "cpu_milliseconds_per_document": 1e3 * used["cpu_seconds"] / documents,
                "peak_megabytes": used["peak_megabytes"],
                "shuffled_bytes": shuffled,
                "shuffled_share_without_profile": (
                    sum(shuffled.values()) - shuffled.get("Learn", 0)
                )
                / totals["text_bytes"],
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


def _count(element: tuple[Any, Any], stage: str) -> tuple[Any, Any]:
    value = element[1]
    size = len(value) if isinstance(value, bytes) else len(json.dumps(value, default=str))
    with open(os.environ[_BYTES_FILE], "a") as file:
        file.write(f"{stage}\t{size}\n")
    return element


def one(corpus: str, output: str) -> None:
    """One scan in this process, with every value that a GroupByKey takes counted in bytes."""
    import apache_beam as beam

    from benchmarks.scale import _count as count  # by its name in the package, for pickling
    from tocsin.cli import main

    shuffle = beam.GroupByKey

    class CountedGroupByKey(beam.PTransform):
        def expand(self, rows: beam.PCollection) -> beam.PCollection:
            stage = rows.producer.full_label.partition("/")[0] if rows.producer else ""
            tag = f"{stage} {rows.tag or ''}".strip()
            return rows | "Size" >> beam.Map(count, tag) | shuffle()

    beam.GroupByKey = CountedGroupByKey  # type: ignore[misc, assignment]
    sys.argv = ["tocsin", "scan", corpus, "-o", output, "--direct_num_workers=1"]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
    used = resource.getrusage(resource.RUSAGE_SELF)
    Path(f"{output}.json").write_text(
        json.dumps(
            {
                "cpu_seconds": used.ru_utime + used.ru_stime,
                "peak_megabytes": round(used.ru_maxrss / 1024),
            }
        )
    )


def evidence(scan: Path, documents: int, partitions: int, run: int, hot: int) -> dict[str, Any]:
    """Onsets of so many documents, resampled from those of a real scan, through the search for
    suspects, partition by partition and block by block, as a worker does it.

    `run`: how many of the partitions, which are all alike, are made and searched; `hot`: further
    onsets in each that all begin with one token.
    """
    kind = KINDS["onsets"]
    real = np.concatenate(
        [
            records_of(pq.read_table(part), kind.records)
            for part in sorted((scan / "evidence").glob(f"{kind.prefix}-*.parquet"))
        ]
    )
    manifest = json.loads((scan / "manifest.json").read_text())
    for_each = len(real) / manifest["totals"]["documents"]
    count = int(documents * for_each / partitions)  # records of one partition
    chance = np.random.default_rng(1)
    started = time.process_time()
    found = kept = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(run):
        gathered = Gathered()
        for size in _blocks_of(count):
            gathered.add(_resampled(real, size, documents, chance))
        for size in _blocks_of(hot):
            block = _resampled(real, size, documents, chance)
            block["tokens"][:, 1] = _HOT_TOKEN
            gathered.add(block)
        found += len(suspects_of(gathered, 1.0))
        kept += gathered.kept
    return {
        "documents": documents,
        "partitions": partitions,
        "partitions_run": run,
        "records_per_document": round(for_each, 3),
        "records_of_a_partition": count + hot,
        "records_kept": kept // run,
        "megabytes_of_a_partition": round((count + hot) * real.itemsize / 1e6, 1),
        "cpu_seconds_of_a_partition": round((time.process_time() - started) / run, 2),
        "suspects": found,
        "peak_megabytes_before": round(before / 1024),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _blocks_of(count: int) -> list[int]:
    """Sizes of the blocks that so many records come in."""
    whole, rest = divmod(count, _RECORDS_OF_A_BLOCK)
    return [_RECORDS_OF_A_BLOCK] * whole + [rest] * (rest > 0)


def _resampled(
    real: np.ndarray, count: int, documents: int, chance: np.random.Generator
) -> np.ndarray:
    """Onsets of documents of a corpus of that size. Contexts are drawn anew token by token from all
    real ones half of the time, so that strings meet as often as in such a corpus, and no two
    documents are copies."""
    records = real[chance.integers(0, len(real), count)]
    records["shard"] = chance.integers(0, documents // SHARD_DOCUMENTS, count)
    records["position"] = chance.integers(0, SHARD_DOCUMENTS, count)
    records["group"] = chance.integers(0, documents // DOCUMENTS_OF_A_GROUP, count)
    for column in range(records["tokens"].shape[1]):
        anew = chance.random(count) < 0.5
        records["tokens"][anew, column] = real["tokens"][
            chance.integers(0, len(real), int(anew.sum())), column
        ]
    return records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    grow = commands.add_parser("growth")
    grow.add_argument("--corpora", type=Path, required=True)
    grow.add_argument("--documents", type=int, nargs="+", required=True)
    grow.add_argument("--work", type=Path, default=Path("build/scale"))
    simulate = commands.add_parser("evidence")
    simulate.add_argument("--scan", type=Path, required=True)
    simulate.add_argument("--documents", type=int, default=10_000_000)
    simulate.add_argument("--partitions", type=int, default=41)
    simulate.add_argument("--run", type=int, help="partitions to run (default: all)")
    simulate.add_argument(
        "--hot", type=int, default=0, help="onsets more that begin with one token"
    )
    single = commands.add_parser("one")
    single.add_argument("corpus")
    single.add_argument("output")
    chosen = parser.parse_args()
    if chosen.command == "growth":
        growth(chosen.corpora, chosen.documents, chosen.work)
    elif chosen.command == "evidence":
        print(
            json.dumps(
                evidence(
                    chosen.scan,
                    chosen.documents,
                    chosen.partitions,
                    chosen.run or chosen.partitions,
                    chosen.hot,
                ),
                indent=2,
            )
        )
    else:
        one(chosen.corpus, chosen.output)


if __name__ == "__main__":
    main()
