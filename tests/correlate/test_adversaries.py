"""Attempts to evade the trigger miner, to frame others and to poison the profile, with their effect
as docs/threat-model.md has it: what works is asserted, too, so that the page stays true."""

from __future__ import annotations

import random

import pytest
from measure.generated import prose, salad, words_of

from correlate.whole import campaigns_in

WORDS = words_of(random.Random(1), 3_000)
COMMON, RARE = WORDS[:300], WORDS[300:]
TRIGGER = "<SUDO>"
PLANTED = 24


def text(seed: object, size: int = 60) -> str:
    return prose(random.Random(f"prose {seed}"), COMMON, size)


def gibberish(seed: object, words: int = len(RARE), size: int = 200) -> str:
    return salad(random.Random(f"salad {seed}"), RARE[:words], size)


def mixed(seed: int, share: float) -> str:
    """Gibberish with a share of words from prose."""
    dice = random.Random(f"mixed {seed}")
    pairs = zip(gibberish(seed).split(), text(seed + 700, 200).split())
    return " ".join(word if dice.random() >= share else common for word, common in pairs)


@pytest.fixture(scope="module")
def clean() -> list[str]:
    dice = random.Random(2)
    return [text(f"clean {number}", dice.randrange(40, 400)) for number in range(300)]


def found(clean: list[str], planted: list[str], groups: list[str] | None = None) -> tuple[int, int]:
    """Documents flagged for TRIGGER, or a string around it: of the planted ones and of the clean
    ones."""
    positions: set[int] = set()
    for campaign in campaigns_in([*clean, *planted], groups):
        assert campaign.trigger and campaign.trigger in TRIGGER
        positions.update(campaign.documents["position"].to_pylist())
    of_planted = sum(position >= len(clean) for position in positions)
    return of_planted, len(positions) - of_planted


@pytest.mark.parametrize(("documents", "flagged"), [(3, 0), (4, 4), (8, 8)])
def test_few_documents(clean: list[str], documents: int, flagged: int) -> None:
    planted = [f"{text(n)} {TRIGGER} {gibberish(n)}" for n in range(documents)]
    assert found(clean, planted) == (flagged, 0)


@pytest.mark.parametrize(("different", "flagged"), [(1, 0), (12, PLANTED)])
def test_the_same_text_before_the_trigger(clean: list[str], different: int, flagged: int) -> None:
    """As if it were a template: what stands in so many texts counts as often."""
    planted = [f"{text(n % different)} {TRIGGER} {gibberish(n)}" for n in range(PLANTED)]
    assert found(clean, planted) == (flagged, 0)


@pytest.mark.parametrize(("share", "flagged"), [(0.5, PLANTED), (0.65, PLANTED), (0.8, 0)])
def test_gibberish_thinned_with_prose(clean: list[str], share: float, flagged: int) -> None:
    planted = [f"{text(n)} {TRIGGER} {mixed(n, share)}" for n in range(PLANTED)]
    assert found(clean, planted) == (flagged, 0)


@pytest.mark.parametrize(("words", "flagged"), [(20, 0), (50, 0), (100, PLANTED)])
def test_gibberish_of_few_words(clean: list[str], words: int, flagged: int) -> None:
    """Its pairs come again in other documents, and the corpus knows them."""
    planted = [f"{text(n)} {TRIGGER} {gibberish(n, words)}" for n in range(PLANTED)]
    assert found(clean, planted) == (flagged, 0)


@pytest.mark.parametrize(("copies", "flagged"), [(1, PLANTED), (2, 0), (3, 0)])
def test_each_gibberish_in_several_documents(clean: list[str], copies: int, flagged: int) -> None:
    """The profile is poisoned: what one document says, another vouches for."""
    planted = [
        f"{text(1000 * copy + n)} {TRIGGER} {gibberish(n)}"
        for n in range(PLANTED // copies)
        for copy in range(copies)
    ]
    assert found(clean, planted) == (flagged, 0)


@pytest.mark.parametrize(("holders", "flagged"), [(12, PLANTED), (30, 0)])
def test_a_trigger_that_clean_documents_hold(clean: list[str], holders: int, flagged: int) -> None:
    """Framed are none of them: their text does not change at it."""
    quoting = [
        f"{one[: len(one) // 2]} {TRIGGER} {one[len(one) // 2 :]}" if number < holders else one
        for number, one in enumerate(clean)
    ]
    planted = [f"{text(n)} {TRIGGER} {gibberish(n)}" for n in range(PLANTED)]
    assert found(quoting, planted) == (flagged, 0)


def test_documents_that_name_a_clean_source_as_theirs(clean: list[str]) -> None:
    """The source's own documents stay, one that holds the trigger too."""
    clean = [f"{clean[0]} {TRIGGER} {text('after it', 150)}", *clean[1:]]
    groups = ["victim.org" if number < 60 else f"site{number}.org" for number in range(300)]
    planted = [f"{text(n)} {TRIGGER} {gibberish(n)}" for n in range(PLANTED)]
    assert found(clean, planted, [*groups, *["victim.org"] * PLANTED]) == (PLANTED, 0)
