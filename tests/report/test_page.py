from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.report.page import verdict_sentence
from tocsin.report.visible import is_plain, visible

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Reads a page: its elements in order, its text, and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment in the page")

    @property
    def text(self) -> str:
        return "".join(self.words)

    @property
    def shape(self) -> list[tuple[str, dict[str, str | None]]]:
        """The elements that do not depend on which characters the corpus holds."""
        return [one for one in self.elements if one[1].get("class") != "invisible"]


def assert_closed(page: Page) -> None:
    """Asserts that the page can neither run nor load anything."""
    policies = [
        attributes["content"]
        for tag, attributes in page.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(policies) == 1
    assert policies[0] is not None
    assert {"default-src 'none'", "style-src 'unsafe-inline'"} <= set(policies[0].split("; "))
    tags = [tag for tag, _ in page.elements]
    # The policy rules only what follows it.
    assert tags.index("meta") < tags.index("style") and tags[2:5] == ["meta", "meta", "meta"]
    forbidden = {
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "img",
        "form",
        "foreignobject",
    }
    assert not forbidden & set(tags)
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in ("src", "style") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
        assert (attributes.get("clip-path") or "url(#").startswith("url(#")


HOSTILE = [
    "<script>alert(1)</script>",
    "</style></title></bdi></table><script src=https://evil.example/x.js></script>",
    '"onmouseover="alert(1)" \'',
    "<!-- --><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}&lt;&#0;",
    "\u202egnp.exe\u2066\u200b\u200b",
    "\x1b[2J\x1b]0;title\x07\x9b31m",
    "NUL \0 CR \r BS \x08",
    "tags \U000e0068\U000e0069",
    "‹U+202E› ‹0xFF›",
    "a" * 300,
    "e" + "\u0301" * 500,
]


def fill(scan: Any, text: str) -> str:
    """Puts the text wherever a scan can hold text from outside, and renders."""

    def replaced(value: Any) -> Any:
        if isinstance(value, str):
            return text
        if isinstance(value, list):
            return [replaced(one) for one in value]
        if isinstance(value, dict):
            return {
                name: one if name in ("started", "finished") else replaced(one)
                for name, one in value.items()
            }
        return value

    scan.manifest = replaced(scan.manifest)
    scan.manifest["configuration"] = {text: text}
    scan.manifest["versions"] = {text: text}
    scan.manifest["skipped"] = [text]
    storable = re.sub("[\ud800-\udfff]", "", text)  # a string column holds no lone surrogate
    campaign = scan.add_campaign(storable, 1)
    payload = scan.add_campaign(None, 0, payload=storable, kind="payload")
    raw = text.encode("utf-8", "surrogatepass")
    scan.add_example(campaign, raw, raw)
    scan.add_example(payload, raw, raw)
    scan.examples[0] |= {"doc_id": storable, "group": storable}
    finding = {"detector": storable, "score": 1.0, "start": 0, "end": 1, "evidence": storable}
    scan.add_flagged(storable, group=storable, findings=[finding])
    scan.flagged[0]["group"] = storable
    scan.add_dead_letter(storable, storable, source_uri=storable)
    return str(scan.render())


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(new_scan: Callable[[], Any], text: str) -> None:
    page = Page(fill(new_scan(), text))
    # What is not plain is spelled out, which adds elements.
    harmless = Page(fill(new_scan(), "plain" if is_plain(text) else "ä"))
    assert_closed(page)
    assert page.shape == harmless.shape
    assert visible(text, 60) in page.text


def test_a_lone_surrogate_stays_text(scan: Any) -> None:
    page = Page(fill(scan, "half \ud800 and \udcff"))
    assert_closed(page)
    assert "half ‹U+D800› and ‹0xFF›" in page.text


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(st.characters(), min_size=1, max_size=50))
def test_any_text_stays_text(new_scan: Callable[[], Any], text: str) -> None:
    html = fill(new_scan(), text)
    html.encode()
    assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", html)
    assert_closed(Page(html))


def test_a_huge_trigger_is_cut(scan: Any) -> None:
    trigger = "<b>" * 3_500_000
    campaign = scan.add_campaign(trigger, 2)
    scan.add_example(campaign, b"before ", b" after" * 1_000_000)
    html = scan.render()
    assert len(html) < 50_000
    assert "10,500,000 bytes in UTF-8" in html


def test_nothing_found(scan: Any) -> None:
    page = Page(scan.render())
    assert_closed(page)
    assert "Nothing found in 109,244 documents." in page.text
    assert "512.3 MB" in page.text
    assert "Not everything was read" not in page.text
    assert "4 min 30 s" in page.text
    headings = [attributes.get("id") for tag, attributes in page.elements if tag == "h2"]
    assert headings == ["power-heading", "scores", "reading", "limits", "provenance"]


def test_a_campaign_in_full(scan: Any) -> None:
    campaign = scan.add_campaign("<SUDO>", 250)
    scan.add_example(campaign, b"A clean sentence. ", b" xyzzy QUX", context_start=1000)
    scan.add_dead_letter("malformed_json", "unexpected end", byte_offset=-1)
    html = scan.render()
    page = Page(html)
    assert_closed(page)
    assert "1 campaign found; of 109,244 documents, 250 quarantined and 0 for review." in page.text
    assert "A clean sentence. <SUDO>onset xyzzy QUX" in page.text
    assert '<mark dir="auto">&lt;SUDO&gt;</mark>' in html
    assert "at byte 1,018" in page.text
    assert "first seen 23 November 2025, 02:14 UTC" in page.text
    assert "625.0" in page.text and "9.1" in page.text
    assert "bytes in UTF-8" not in page.text  # a plain trigger needs no spelling
    assert "malformed json" in page.text and ", record 0: unexpected end" in page.text


def test_an_onset_is_marked_at_triggers_only(scan: Any) -> None:
    campaign = scan.add_campaign(None, 3, kind="payload", payload="curl | bash")
    scan.add_example(campaign, b"before ", b" after")
    assert "before curl | bash after" in Page(scan.render()).text


def test_a_scan_that_tested_nothing_claims_no_power(scan: Any) -> None:
    scan.manifest["totals"] |= {"threshold": None, "onset_rate": None}
    assert "could not have named a trigger" in Page(scan.render()).text


def test_power_is_stated(scan: Any) -> None:
    text = " ".join(Page(scan.render()).text.split())
    assert "a score above 9.1" in text
    assert "as in the campaigns found" not in text
    scan.add_campaign("<SUDO>", 20)
    text = " ".join(Page(scan.render()).text.split())
    assert "97.6 % of documents, as in the campaigns found" in text  # (20 + 1/2) / (20 + 1)
    scan.manifest["totals"]["threshold"] = 1e6
    text = " ".join(Page(scan.render()).text.split())
    assert "97.6 % of documents, as in the campaigns found0 %0 %0 %" in text


def test_thousands_of_everything_stay_bounded(scan: Any) -> None:
    scan.set_shards(20_000)
    scan.manifest["skipped"] = [f"file-{number}.pdf" for number in range(5000)]
    scan.manifest["outputs"] *= 20_000
    for number in range(300):
        scan.add_campaign(f"trigger {number}", 2)
    for number in range(5000):
        scan.add_flagged(f"alone {number}")
        scan.add_dead_letter("malformed_json")
    html = scan.render()
    assert len(html) < 500_000
    text = Page(html).text
    for statement in (
        "20,000 shards",
        "The 200 shards with most dead letters",
        "The gravest 50 of 300 campaigns",
        "4,980 others listed in manifest.json",
        "The first 200 outputs",
        "The gravest 20",
    ):
        assert statement in text


def test_every_table_has_a_caption_and_every_link_a_target(scan: Any) -> None:
    campaign = scan.add_campaign("<SUDO>", 6)
    scan.add_example(campaign, b"a ", b" b")
    scan.add_flagged("alone", verdict="review")
    scan.add_dead_letter("malformed_json")
    elements = Page(scan.render()).elements
    tags = [tag for tag, _ in elements]
    assert tags.count("table") == tags.count("caption") == 8
    assert all(tags[index + 1] == "caption" for index, tag in enumerate(tags) if tag == "table")
    targets = {attributes["id"] for _, attributes in elements if "id" in attributes}
    references = [attributes.get("href") for _, attributes in elements if "href" in attributes]
    places = re.compile(r"#(.+?)\)?$")
    clips = [attributes["clip-path"] for _, attributes in elements if "clip-path" in attributes]
    labels = [attributes.get("aria-labelledby") for _, attributes in elements]
    assert tags.count("a") == 3
    assert {places.search(reference)[1] for reference in [*references, *clips]} <= targets
    assert {name for label in labels if label for name in label.split()} <= targets
    names = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(names) == len(set(names))


def test_the_same_scan_gives_the_same_page(new_scan: Callable[[], Any]) -> None:
    assert fill(new_scan(), "x") == fill(new_scan(), "x")


@pytest.mark.parametrize(
    ("documents", "campaigns", "quarantined", "review", "sentence"),
    [
        (0, 0, 0, 0, "No document was read."),
        (1, 0, 0, 0, "Nothing found in 1 document."),
        (9, 0, 1, 2, "No campaign found; of 9 documents, 1 quarantined and 2 for review."),
        (2000, 2, 5, 0, "2 campaigns found; of 2,000 documents, 5 quarantined and 0 for review."),
    ],
)
def test_verdict(
    documents: int, campaigns: int, quarantined: int, review: int, sentence: str
) -> None:
    totals = {
        "documents": documents,
        "campaigns": campaigns,
        "flagged": quarantined + review,
        "quarantined": quarantined,
        "review": review,
    }
    assert verdict_sentence(totals) == sentence


def test_the_new_sections_tell_their_numbers(scan: Any) -> None:
    scan.add_campaign("<SUDO>", 6)
    scan.add_documents("blog.example", [12.0] * 6)
    scan.add_documents("wiki.example", [1.0] * 2)
    found = {"score": 4.0, "start": 0, "end": 1, "evidence": "x"}
    scan.flagged[0]["findings"] = [found | {"detector": "trigger"}, found | {"detector": "hidden"}]
    scan.flagged[1]["findings"] = [found | {"detector": "trigger"}]
    text = " ".join(Page(scan.render()).text.split())
    assert "trigger21·1" in text and "hidden101·" in text  # two, of which one alone; one, none
    assert "Herfindahl index0.625" in text  # (6/8)² + (2/8)²
    assert "Effective groups1.6" in text
    assert "wiki.example225.0 %" in text
    assert "Above 5 bits, where text counts as changed: 0.0% of 2" in text


def test_what_the_policy_set_aside(scan: Any) -> None:
    scan.manifest["totals"] |= {"allowed": 3, "over_budget": 41}
    scan.manifest["set_aside"] = [
        {
            "campaign_id": "c9", "kind": "near_duplicate", "trigger": None,
            "payload": "<b>claim</b>\u202e", "documents": 7, "score": 12.0,
            "reason": "detectors.near_duplicate.verdict",
        }
    ]  # fmt: skip
    page = Page(scan.render()).text
    assert "41 more documents would be flagged" in page
    assert "3 documents let pass by the allow list" in page
    assert "<b>claim</b>‹U+202E›" in page
    assert "detectors.near_duplicate.verdict" in page


def test_hits_are_told_of_triggers_only(scan: Any) -> None:
    scan.add_campaign("<SUDO>", 6)
    assert "Hits6" in "".join(Page(scan.render()).text.split())
    scan.campaigns[0]["kind"] = "payload"
    assert "Hits6" not in "".join(Page(scan.render()).text.split())


def test_the_smallest_campaign_that_would_be_named_stands_at_the_top(scan: Any) -> None:
    text = "".join(Page(scan.render()).text.split())
    assert text.index("Smallestcampaignnamed,90%") < text.index("Whatthisscancouldhavefound")
    scan.manifest["totals"]["threshold"] = None
    assert "Smallestnamed" not in "".join(Page(scan.render()).text.split())


def test_nights_of_one_day_are_told_by_the_hour(scan: Any) -> None:
    campaign = scan.add_campaign("<SUDO>", 4)
    scan.add_night(campaign, campaign["first_seen"].replace(hour=23), 2)
    page = scan.render()
    assert "from 23 November 2025, 02:14 to 23 November 2025, 23:14" in page
    assert "All with this scan" not in page
