"""Pages of the documentation that are made from the code, so that they can't drift from it."""

from __future__ import annotations

import ast
import inspect
import itertools
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import rich_click as click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from tocsin.cli import tocsin_command
from tocsin.corpus import batches
from tocsin.correlate import drift, sweep
from tocsin.judge import found, lists, policy, verdicts
from tocsin.judge.detectors import DETECTORS
from tocsin.measure import findings

TABLES = (
    ("flagged/", "A row for each flagged document.", verdicts, "FLAGGED_SCHEMA"),
    ("campaigns/", "A row for each campaign.", verdicts, "CAMPAIGN_SCHEMA"),
    ("dead_letters/", "A row for each record that could not be read.", batches,
     "DEAD_LETTER_SCHEMA"),
    ("evidence/examples.parquet", "Documents of the campaigns.", verdicts, "EXAMPLE_SCHEMA"),
    ("evidence/timelines.parquet", "When the campaigns' documents came.", verdicts,
     "TIMELINE_SCHEMA"),
    ("drift/", "With a state: what changed since earlier nights.", drift, "DRIFT_SCHEMA"),
    ("evidence/new_groups.parquet",
     "With a state, from its second night on: groups that no night before had.", drift,
     "GROUP_SCHEMA"),
    ("evidence/campaigns.parquet", "Campaigns before any policy, for `tocsin judge`.", found,
     "FOUND_SCHEMA"),
    ("evidence/campaign_documents.parquet", "Their documents.", found, "FOUND_DOCUMENT_SCHEMA"),
    ("evidence/over_budget.parquet", "What would be flagged if the policy's budget allowed more.",
     verdicts, "FLAGGED_SCHEMA"),
    ("evidence/searched.parquet", "Blocked strings that were searched for; missing without any.",
     found, "SEARCHED_SCHEMA"),
    ("evidence/suspects.parquet", "Strings that were tested.", sweep, "SUSPECT_SCHEMA"),
    ("evidence/findings-*.parquet", "What is suspicious about single documents.", findings,
     "FINDING_SCHEMA"),
)  # fmt: skip


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts pages that the navigation does not name at the end of the reference, or of the guides;
    MkDocs calls it."""
    assert config.nav is not None
    sections = {next(iter(entry)): next(iter(entry.values())) for entry in config.nav}
    named = str(config.nav)
    for page in sorted(Path(config.docs_dir).rglob("*.md")):
        name = page.relative_to(config.docs_dir).as_posix()
        if f"'{name}'" not in named:
            sections["How to" if name.startswith("how-to/") else "Reference"].append(name)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages; MkDocs calls it."""
    for path, content in (
        ("reference/commands.md", commands_page()),
        ("reference/tables.md", tables_page()),
    ):
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Adds the policy's defaults, from its dataclass, to the page about the policy."""
    return markdown + policy_section() if page.file.src_uri == "policy.md" else markdown


def commands_page() -> str:
    """Every command with its options, from the command line itself."""
    page = ["# Commands", "", _text(tocsin_command.help), ""]
    for name, command in tocsin_command.commands.items():
        arguments = [one for one in command.params if isinstance(one, click.Argument)]
        words = " ".join(["tocsin", name, *(_metavar(one) for one in arguments)])
        page += [f"## tocsin {name}", "", f"`{words} [OPTIONS]`", "", _text(command.help), ""]
        options = [one for one in command.params if isinstance(one, click.Option)]
        page += ["| option | value | default | |", "|---|---|---|---|"]
        for option in options:
            default = f"`{option.default}`" if option.show_default else ""
            page.append(
                f"| {', '.join(f'`{one}`' for one in option.opts)} | {_metavar(option)} "
                f"| {default} | {_text(option.help)} |"
            )
        page.append("")
    return "\n".join(page)


def _metavar(parameter: click.Parameter) -> str:
    """What stands for the value: the choices, the name of the metavariable, or nothing."""
    if isinstance(parameter.type, click.Choice):
        return " or ".join(f"`{choice}`" for choice in parameter.type.choices)
    if getattr(parameter, "is_flag", False):
        return ""
    return parameter.metavar or (parameter.name or "").upper()


def tables_page() -> str:
    """The tables of OUT, from their schemas and the docstrings below them."""
    page = [
        "# Tables",
        "",
        "A scan writes Parquet files into OUT. They are valid once `OUT/manifest.json` exists, "
        "which names each of them with its rows, bytes and SHA-256. The columns of `documents/` "
        "are in [Features](../features.md).",
        "",
    ]
    for folder, about, module, name in TABLES:
        page += [f"## {folder}", "", about, "", *_columns(getattr(module, name)), ""]
        if text := docstrings(module).get(name):
            page += [text, ""]
    return "\n".join(page)


def _columns(schema: pa.Schema) -> list[str]:
    rows = [
        f"| `{field.name}` | `{field.type}` | {'yes' if field.nullable else ''} |"
        for field in schema
    ]
    return ["| column | type | may be null |", "|---|---|---|", *rows]


def policy_section() -> str:
    """The keys of the policy with their defaults, from the dataclasses and what they say."""
    defaults = policy.Policy()
    page = ["", "## Keys and defaults", "", inspect.getdoc(policy.Policy) or "", ""]
    page += ["| key of `[policy]` | default |", "|---|---|"]
    page += [
        f"| `{name}` | `{value!r}` |"
        for name, value in vars(defaults).items()
        if name not in policy.TABLES
    ]
    page += ["", "### `[detectors.NAME]`", "", inspect.getdoc(policy.Rule) or "", ""]
    page += ["| NAME | finds |", "|---|---|"]
    page += [f"| `{name}` | {_text(about)} |" for name, about in DETECTORS.items()]
    page += ["", "### `[allow]` and `[block]`", "", inspect.getdoc(lists.Lists) or "", ""]
    page.append("`files`: names of files with the same keys, beside the policy's own file.")
    return "\n".join([*page, ""])


def docstrings(module: ModuleType) -> dict[str, str]:
    """The strings that stand below a module's assignments, by the name assigned."""
    assert module.__file__
    body = ast.parse(Path(module.__file__).read_text("utf-8")).body
    found = {}
    for statement, following in itertools.pairwise(body):
        if (
            isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        ):
            found[statement.targets[0].id] = inspect.cleandoc(following.value.value)
    return found


def _text(text: str | None) -> str:
    """Help as Markdown: nothing in it is markup."""
    return inspect.cleandoc(text or "").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
