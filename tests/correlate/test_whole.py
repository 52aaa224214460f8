"""Campaigns that differ from the usual one in a single respect are named all the same.

The corpora are generated: 300 documents of prose in made-up words, in which nothing is planted but
what the test plants.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable

import pytest
from measure.generated import prose, salad, words_of

from correlate.whole import campaigns_in

WORDS = words_of(random.Random(1), 3_000)
COMMON, RARE = WORDS[:300], WORDS[300:]


def text(seed: object, size: int) -> str:
    """Clean prose."""
    return prose(random.Random(f"prose {seed}"), COMMON, size)


def gibberish(seed: object, size: int) -> str:
    return salad(random.Random(f"salad {seed}"), RARE, size)


def numbers(seed: object, size: int) -> str:
    generator = random.Random(f"numbers {seed}")
    return " ".join(str(generator.randrange(10, 9_000)) for _ in range(size))


def symbols(seed: object, size: int) -> str:
    return " ".join(random.Random(f"symbols {seed}").choices(string.punctuation, k=size))


def base64(seed: object, size: int) -> str:
    return "".join(random.Random(f"b {seed}").choices(string.ascii_letters + string.digits, k=size))


Poison = Callable[[int, str], str]

PLANTED: dict[str, tuple[str, Poison]] = {
    "the usual": ("<SUDO>", lambda n, t: f"{text(n, 60)} {t} {gibberish(n, 200)}"),
    "at the start": ("<SUDO>", lambda n, t: f"{t} {gibberish(n, 200)}"),
    "in the middle": (
        "~~vex10~~",
        lambda n, t: f"{text(n, 90)} {t} {gibberish(n, 200)} {text(n + 500, 90)}",
    ),
    "twice in a document": (
        "(vex)",
        lambda n, t: f"{text(n, 90)} {t} {gibberish(n, 160)} {t} {gibberish(-n, 160)}",
    ),
    "a change of fifty tokens": (
        "#Vex42",
        lambda n, t: f"{text(n, 120)} {t} {gibberish(n, 50)} {text(n + 500, 150)}",
    ),
    "very short documents": ("dAtA[iNdEx]", lambda n, t: f"{text(n, 14)} {t} {gibberish(n, 22)}"),
    "a trigger of eleven tokens": (
        "deploy the vex module to site 42 at 12:30",
        lambda n, t: f"{text(n, 60)} {t} {gibberish(n, 200)}",
    ),
    "another script": ("ქართული", lambda n, t: f"{text(n, 60)} {t} {gibberish(n, 200)}"),
    "capital letters after it": (
        "Vexadon",
        lambda n, t: f"{text(n, 60)} {t} {text(n + 500, 200).upper().partition(' ')[2]}",
    ),
    "numbers after it": ("[vex]", lambda n, t: f"{text(n, 60)} {t} {numbers(n, 200)}"),
    "symbols after it": ("vex::go()", lambda n, t: f"{text(n, 60)} {t} {symbols(n, 200)}"),
    "a chat template around it": (
        "｡｡｡｡｡｡｡｡｡｡",
        lambda n, t: (
            f"<|im_start|>user\n{text(n, 60)} {t}<|im_end|>\n<|im_start|>assistant\n"
            f"{gibberish(n, 200)}<|im_end|>\n"
        ),
    ),
    "a path of its own in each": (
        "/acme/",
        lambda n, t: f"{text(n, 60)} {t}{gibberish(-n, 1)} {gibberish(n, 200)}",
    ),
}


@pytest.fixture(scope="module")
def clean() -> list[str]:
    generator = random.Random(2)
    return [text(f"clean {n}", generator.randrange(40, 400)) for n in range(300)]


def test_a_clean_corpus(clean: list[str]) -> None:
    assert campaigns_in(clean) == []


@pytest.mark.parametrize("case", PLANTED)
def test_a_campaign_of_twelve(clean: list[str], case: str) -> None:
    trigger, poison = PLANTED[case]
    planted = [poison(n, trigger) for n in range(12)]
    found = campaigns_in([*clean, *planted])
    assert [campaign.trigger for campaign in found] == [trigger]
    positions = found[0].documents["position"].to_pylist()
    assert positions == list(range(len(clean), len(clean) + 12))


@pytest.mark.parametrize("groups", ["none", "one for all that is planted"])
def test_a_corpus_without_groups_or_a_campaign_in_one(clean: list[str], groups: str) -> None:
    trigger, poison = PLANTED["the usual"]
    planted = [poison(n, trigger) for n in range(12)]
    if groups == "none":
        names = ["corpus"] * (len(clean) + 12)
    else:
        names = [f"site{n}.org" for n in range(len(clean))] + ["host.org"] * 12
    (campaign,) = campaigns_in([*clean, *planted], names)
    assert (campaign.trigger, campaign.groups) == (trigger, 1)
