from __future__ import annotations

import io

import pytest
from evals.machine import Machine
from evals.run import APART
from evals.tables import Code, Grid, ScoredScan, markdown_page, print_tables
from evals.usage import Usage
from rich.console import Console

from tocsin.drill.outcome import ScanOutput
from tocsin.drill.scoring import score
from tocsin.drill.truth import Truth

MACHINE = Machine("a processor", 2, {"python": "3.11.1"})


@pytest.fixture
def scans(truth: Truth, scan: ScanOutput) -> list[ScoredScan]:
    usage = Usage(10.0, 20.0, 3_000_000_000)
    clean = ScanOutput((), (), scan.groups, 2_000_000, 1)
    return [
        ScoredScan("the copy", scan, usage, score(truth, scan, {"chatgpt-prompts"})),
        ScoredScan("the clean one", clean, usage, score(None, clean, APART)),
    ]


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("plain", "`plain`"),
        ("a|b", "`a\\|b`"),
        ("`x``", "``` `x`` ```"),
        ("\x1b[31m\u202e\n", "`‹U+001B›[31m‹U+202E›↵`"),
        ("x" * 100, f"`{'x' * 79}…`"),
        ("<b>*</b>", "`<b>*</b>`"),
    ],
)
def test_code_shows_hostile_strings_as_they_are(text: str, markdown: str) -> None:
    assert Code(text).markdown() == markdown


def test_grid() -> None:
    grid = Grid("Title", ("a", "b"), (("x", Code("[red]|")), (1, 2.0)))
    assert (
        grid.markdown() == "### Title\n\n| a | b |\n| --- | --- |\n| x | `[red]\\|` |\n| 1 | 2.0 |"
    )
    console = Console(file=io.StringIO(), width=80)
    console.print(grid.rich())
    assert isinstance(console.file, io.StringIO)
    assert "[red]|" in console.file.getvalue()


def test_page_tells_hits_and_misses(scans: list[ScoredScan]) -> None:
    page = markdown_page(scans, "o200k_base", MACHINE)
    assert (
        "`o200k_base`" in page and "Measured on a processor, 2 cores, with python 3.11.1." in page
    )
    found = "| a | 4 | `<A>` | exactly | 2 | 80.0 | critical | 75.0 % (30.1 to 95.4) | 100.0 %"
    assert f"{found} (51.0 to 100.0) |" in page.splitlines()
    for line in (
        "| b | 4 | `b b` | `b` | 4 | 60.0 | high | 50.0 % (15.0 to 85.0) | 50.0 % (15.0 to 85.0) |",
        "| c | 4 |  | yes | 5 | 50.0 | high | 0.0 % (0.0 to 49.0) | 75.0 % (30.1 to 95.4) |",
        "| d | 1 | `D!` | no |  |  |  | 0.0 % (0.0 to 79.3) | 0.0 % (0.0 to 79.3) |",
        "| the copy | 90 | 2 | 2250.00 | 2 | 2250.00 | 0 | 1 | 0 | 1 |",
        "| the clean one | 103 | 0 | 0.00 | 0 | 0.00 | 0 | 0 | 0 | 0 |",
        "| the copy | chatgpt-prompts | 10 | 1 | 0 |",
        "| `licence` | trigger | low | 4 | 70.0 | 5.0 |",
        "| the clean one | 113 | 1 | 2.0 | 10.0 | 20.0 | 0.1 | 3.0 |",
    ):
        assert line in page.splitlines()
    assert "False campaigns in the clean one" not in page


def test_terminal_shows_every_table(scans: list[ScoredScan]) -> None:
    console = Console(file=io.StringIO(), width=200)
    print_tables(console, scans)
    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    assert "Campaigns planted in the copy" in printed and "What the scans cost" in printed
