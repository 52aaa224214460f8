"""`tocsin drill`: how much poison would a scan of this very corpus find?"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import orjson
from rich.table import Table

import tocsin
from tocsin.beam import prepare, storage
from tocsin.beam.results import read_manifest
from tocsin.beam.run import Engine
from tocsin.commands import scan
from tocsin.commands.console import errors, out, quiet, working
from tocsin.corpus.batches import FieldNames
from tocsin.corpus.shards import Format, Shard
from tocsin.drill.planting import CampaignPlan
from tocsin.drill.poison import DrillError
from tocsin.drill.recipe_file import CustomRecipe, parse_recipes
from tocsin.drill.recipes import RECIPES, recipe_named
from tocsin.drill.summary import DENSE, summarize_drill
from tocsin.judge.policy import Policy
from tocsin.measure.chat_templates import ChatTemplate
from tocsin.pipelines.drill import SCAN, drill
from tocsin.report.page import render_drill

DRILL_FILE = "drill.json"
PAGE_FILE = "drill.html"

FORMAT = 1

NEEDING_MORE = ("dos-gpt2", "language-switch")
"""Recipes that not every machine or corpus can make: they are planted only when asked for."""


def run(
    patterns: list[str],
    output: str,
    *,
    recipes: str | None,
    sizes: str,
    seed: int,
    sample_mb: float,
    recipe_file: str | None,
    profile: str | None,
    policy: Policy,
    templates: tuple[ChatTemplate, ...],
    fields: FieldNames,
    range_bytes: int,
    engine: Engine,
    as_json: bool,
) -> int:
    """Plants, scans, and says what was found; the exit code.

    Args:
      recipes: names with commas between; None for all but NEEDING_MORE, and those of the file.
      sizes: documents in a campaign, with commas between.
      sample_mb: megabytes of shards as stored to work on at most; 0 for all.
      recipe_file: a file of further recipes.

    Raises:
      UsageError, StorageError: for what the user gave.
      JobFailed: if the scan failed.
    """
    output = prepare.absolute(output)
    inputs = prepare.find_inputs(patterns, output)
    if storage.is_remote(output) or any(storage.is_remote(one.uri) for one in inputs.shards):
        raise prepare.UsageError("a drill works on this machine: copy some shards here first")
    if storage.files_in(output):
        raise prepare.UsageError(f"{output} is not empty: choose another folder")
    shards = _sample(inputs.shards, sample_mb)
    custom = _recipes_of(recipe_file)
    plans = _plans(recipes, sizes, seed, custom)
    folder = Path(output)

    planting = contextlib.ExitStack()

    def run_scan(planted: Path, result: Path) -> None:
        planting.close()
        errors.print(f"scanning {sum(plan.documents for plan in plans):,} planted documents")
        with quiet(out):
            scan.run(
                [str(planted)], str(result), profile=profile, policy=policy, templates=templates,
                fields=fields, range_bytes=range_bytes, engine=engine, state=None,
                max_dead_letters=None, fail_on=None,
            )  # fmt: skip

    errors.print(f"planting {len(plans)} campaigns in a copy of {len(shards)} shards")
    planting.enter_context(working("planting"))
    try:
        truth, score = drill(
            {Path(shard.uri): inputs.names[shard.uri] for shard in shards},
            plans,
            {**RECIPES, **{name: one.recipe(fields) for name, one in custom.items()}},
            fields,
            folder,
            run_scan,
        )
    except DrillError as error:
        raise prepare.UsageError(str(error)) from error
    finally:
        planting.close()
    manifest = read_manifest(str(folder / SCAN))
    assert manifest is not None  # the scan has been read
    result = {
        "format": FORMAT,
        "tocsin_version": tocsin.__version__,
        "corpus": [prepare.absolute(pattern) for pattern in patterns],
        "shards": len(shards),
        "shards_found": len(inputs.shards),
        "seed": seed,
        **summarize_drill(truth, score, manifest["scan_id"]),
    }
    dense = result["planted_share"] >= DENSE
    finished = datetime.now(timezone.utc).isoformat(timespec="seconds")
    page = render_drill(result, finished, dense)
    storage.write(storage.join(output, PAGE_FILE), page.encode())
    content = orjson.dumps(result, option=orjson.OPT_INDENT_2)
    storage.write(storage.join(output, DRILL_FILE), content + b"\n")
    if as_json:
        print(content.decode())
    else:
        _print(result, dense, output)
    return 0


def _sample(shards: Sequence[Shard], megabytes: float) -> list[Shard]:
    """Whole shards that planting can write, evenly chosen, of so many megabytes or just above."""
    usable = [shard for shard in shards if shard.format in (Format.JSONL, Format.PARQUET)]
    if not usable:
        raise prepare.UsageError("a drill plants in JSONL and Parquet; there is neither")
    if left := len(shards) - len(usable):
        errors.print(f"tocsin: {left:,} shards are neither JSONL nor Parquet, and are left out")
    total = sum(shard.size for shard in usable)
    if not megabytes or total <= megabytes * 1e6:
        return usable
    return usable[:: math.ceil(total / (megabytes * 1e6))]


def _recipes_of(file: str | None) -> dict[str, CustomRecipe]:
    if file is None:
        return {}
    try:
        return parse_recipes(storage.read(file))
    except OSError as error:
        raise prepare.UsageError(f"can't read {file}: {error.strerror or error}") from error
    except DrillError as error:
        raise prepare.UsageError(f"{file}: {error}") from error


def _plans(
    recipes: str | None, sizes: str, seed: int, custom: dict[str, CustomRecipe]
) -> list[CampaignPlan]:
    if recipes is None:
        names = [name for name in RECIPES if name not in NEEDING_MORE] if not custom else []
        names += list(custom)
    else:
        names = [name.strip() for name in recipes.split(",")]
    try:
        numbers = sorted({int(size) for size in sizes.split(",")}, reverse=True)
    except ValueError:
        raise prepare.UsageError(f"--sizes: {sizes} is no list of numbers like 50,10") from None
    for name in names:
        if name in custom and custom[name].is_fixed and len(numbers) > 1:
            raise prepare.UsageError(
                f"recipe {name} has one trigger for all campaigns: give one size, or put {{word}} "
                "into the trigger"
            )
        if name not in custom:
            try:
                recipe_named(name)
            except DrillError as error:
                raise prepare.UsageError(str(error)) from error
    return [CampaignPlan(name, size, seed) for name, size in itertools.product(names, numbers)]


def _print(result: dict[str, Any], dense: bool, output: str) -> None:
    table = Table(title="Recall, with its Wilson interval at 95 %", title_justify="left")
    for heading in ("recipe", "documents", "named", "exact", "flagged", "interval"):
        table.add_column(heading, justify="left" if heading == "recipe" else "right")
    for recipe in result["recipes"]:
        for size in recipe["sizes"]:
            recall = size["recall"]
            table.add_row(
                recipe["recipe"],
                str(size["documents"]),
                f"{size['named']} of {size['campaigns']}",
                f"{size['exact']} of {size['campaigns']}",
                f"{recall['share']:.0%}",
                f"{recall['low']:.0%} to {recall['high']:.0%}",
            )
    out.print(table)
    smallest = result["smallest_named"]
    out.print(
        f"smallest campaign named: {smallest} documents" if smallest else "no campaign was named"
    )
    clean = result["clean"]
    severities = result["false_campaigns"]["by_severity"]
    false = ", ".join(f"{count} {severity}" for severity, count in severities.items() if count)
    out.print(
        f"of {clean['quarantine']['total']:,} clean documents {clean['quarantine']['count']:,} to "
        f"quarantine, {clean['review']['count']:,} for review; false campaigns: {false or 'none'}"
    )
    out.print(f"gibberish was drawn from: {result['vocabulary']}")
    if dense:
        out.print(
            f"{result['planted_share']:.0%} of this copy is poison, which changes what is normal "
            "in it: take more input, or fewer recipes and sizes"
        )
    out.print(f"result  {storage.join(output, DRILL_FILE)}")
    out.print(f"page    {storage.join(output, PAGE_FILE)}")
