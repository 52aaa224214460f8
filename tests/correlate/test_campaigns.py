from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from correlate.evidence import RATE, SURPRISAL, Evidence, row, words
from tocsin.correlate.campaigns import (
    DECOY_MARGIN,
    FAMILY_WISE_ERROR,
    LEVEL_SHARE,
    SAME_CAMPAIGN,
    WIDESPREAD_GROUPS,
    Campaign,
    Corpus,
    find_campaigns,
)
from tocsin.correlate.statistics import binomial_score
from tocsin.correlate.surroundings import POSSIBLE_CONTRASTS
from tocsin.correlate.suspects import (
    MINIMUM_DOCUMENTS,
    MINIMUM_HIT_SHARE,
    MINIMUM_ONCE_SHARE,
    SUSPECT,
)
from tocsin.correlate.sweep import OCCURRENCE_SCHEMA, SweepCounts
from tocsin.measure.onsets import CHANNELS, LANGUAGE


def rows(count: int, first: int = 0, **changes: Any) -> list[dict[str, Any]]:
    """Rows of so many documents."""
    return [row(position, **changes) for position in range(first, first + count)]


def positions(campaign: Campaign) -> list[int]:
    return campaign.documents["position"].to_pylist()


def base_threshold(strings: int = 100_000) -> float:
    return float(np.log10(strings / FAMILY_WISE_ERROR))


def test_a_campaign() -> None:
    (campaign,), threshold = Evidence().add(rows(12), holders=15, occurrences=15).find()
    assert campaign.trigger == "<SUDO>"
    assert (campaign.hits, campaign.occurrences, campaign.groups) == (12, 15, 12)
    assert campaign.score == pytest.approx(binomial_score(12, 15, RATE))
    assert campaign.threshold == threshold == pytest.approx(base_threshold())
    assert campaign.score > threshold
    assert positions(campaign) == list(range(12))
    assert campaign.documents.schema.equals(OCCURRENCE_SCHEMA)


def test_campaigns_have_identities_that_last() -> None:
    """The next night's campaign of the same trigger is the same; another trigger is another."""
    (one,) = Evidence().add(rows(12)).campaigns()
    (later,) = Evidence().add(rows(30, first=50, suspect=7)).campaigns()
    (other,) = Evidence().add(rows(12, trigger="(PSEUDO)")).campaigns()
    assert one.campaign_id == later.campaign_id != other.campaign_id
    assert len(one.campaign_id) == 16


def test_nothing() -> None:
    found, threshold = Evidence(strings=0).find()
    assert (found, threshold) == ([], pytest.approx(base_threshold(1)))


def test_nothing_was_swept() -> None:
    """Where all suspects are decoys nothing is swept, and nothing counted."""
    suspects = np.array([(5, 1, 0, -1, 9, 4, 5, 0, 0)], SUSPECT)
    none = np.zeros(0, np.int64)
    found, (threshold, *_) = find_campaigns(
        suspects,
        SweepCounts(none, none),
        OCCURRENCE_SCHEMA.empty_table(),
        Corpus(
            np.full((len(CHANNELS), 33), RATE),
            np.full(len(CHANNELS), RATE),
            np.full(len(CHANNELS), 1000),
            SURPRISAL,
        ),
    )
    assert (found, threshold) == ([], pytest.approx(base_threshold(1000)))


def test_the_threshold_grows_with_the_number_of_strings() -> None:
    (campaign,) = Evidence().add(rows(5)).campaigns()
    enough = int(10**campaign.score * FAMILY_WISE_ERROR)
    assert Evidence(strings=round(enough * 0.9)).add(rows(5)).campaigns()
    assert not Evidence(strings=round(enough * 1.1)).add(rows(5)).campaigns()


def test_a_word_of_a_language() -> None:
    """The text changes after few of its occurrences."""
    found = rows(40)
    most = int(len(found) / MINIMUM_HIT_SHARE)
    assert Evidence().add(found, holders=most).campaigns()
    assert not Evidence().add(found, holders=most + 1).campaigns()


def test_a_word_that_stands_often_in_its_documents() -> None:
    most = int(40 / MINIMUM_ONCE_SHARE)
    assert Evidence().add(rows(40), occurrences=most).campaigns()
    assert not Evidence().add(rows(40), occurrences=most + 1).campaigns()


def test_a_template() -> None:
    """Its documents have the same text before the string."""
    before = words("a site's template", 25) + " "
    assert not Evidence().add(rows(60, before=before)).campaigns()


def test_the_template_of_one_site_after_the_string() -> None:
    """What follows may be a payload, if the string stands in the texts of several sites."""
    after = " " + words("a site's template", 25)
    assert not Evidence().add(rows(60, after=after, group="site.org")).campaigns()
    assert Evidence().add(rows(60, after=after)).campaigns()
    assert Evidence().add(rows(60, group="site.org")).campaigns()


def test_a_campaign_that_is_false_one_time_in_ten_is_for_people_to_decide() -> None:
    for decoys, certain in ((0, True), (40, False)):
        evidence = Evidence().add(rows(5), holders=6)
        for key in range(100, 100 + decoys):
            evidence.add_decoy(key, 4, groups=1)
        (campaign,) = evidence.campaigns()
        assert campaign.certain is certain


def test_strings_of_one_site_must_be_rarely_false() -> None:
    """Many decoys that score nearly as high let expect false strings above them."""
    for group, expected in (("site.org", 0), (None, 1)):
        evidence = Evidence().add(rows(5, group=group), holders=6)
        for key in range(100, 140):
            evidence.add_decoy(key, 4, groups=1)
        assert len(evidence.campaigns()) == expected


def test_near_duplicates_count_once() -> None:
    template = rows(7, before=words("a site's template", 25) + " ")
    (campaign,) = Evidence().add(rows(9, first=10) + template, holders=20).campaigns()
    # 9 documents and the template, among 20 holders of which 6 are the template again.
    assert campaign.score == pytest.approx(binomial_score(10, 14, RATE))
    assert campaign.hits == 16
    assert len(positions(campaign)) == 16


def test_near_duplicates_alone_are_too_few() -> None:
    templates = [
        one
        for number in range(MINIMUM_DOCUMENTS - 1)
        for one in rows(9, first=9 * number, before=words(f"template {number}", 25) + " ")
    ]
    assert not Evidence(strings=1).add(templates).campaigns()
    assert Evidence(strings=1).add([*templates, row(99)]).campaigns()


def test_too_few_hits() -> None:
    few = [*rows(MINIMUM_DOCUMENTS - 1), row(50, hit=False), row(51, hit=False)]
    assert not Evidence(strings=1).add(few, holders=6).campaigns()
    assert Evidence(strings=1).add(rows(MINIMUM_DOCUMENTS)).campaigns()


def test_hits_where_text_changes_often_weigh_less() -> None:
    (rare,) = Evidence().add(rows(12)).campaigns()
    (common,) = Evidence().add(rows(12, bucket=6)).campaigns()
    assert rare.score == pytest.approx(binomial_score(12, 12, RATE))
    assert common.score == pytest.approx(binomial_score(12, 12, RATE * 10))
    (mixed,) = Evidence().add(rows(6) + rows(6, first=20, bucket=6)).campaigns()
    assert mixed.score == pytest.approx(binomial_score(12, 12, RATE * 5.5))


def test_decoys_raise_the_threshold() -> None:
    evidence = Evidence().add(rows(8)).add_decoy(9, hits=5)
    (campaign,), threshold = evidence.find()
    assert threshold == pytest.approx(binomial_score(5, 5, RATE) + DECOY_MARGIN)
    assert campaign.threshold == threshold > base_threshold()
    assert not evidence.add_decoy(10, hits=8).campaigns()
    assert Evidence().add(rows(9)).add_decoy(9, hits=8).campaigns()


def test_decoys_are_tested_as_strings_are() -> None:
    """Those that stand often where nothing changes, or often in a document, do not count."""
    for decoy in ({"holders": 41}, {"occurrences": 51}):
        _, threshold = Evidence().add(rows(8)).add_decoy(9, hits=20, **decoy).find()
        assert threshold == pytest.approx(base_threshold())
    for decoy in ({"holders": 40}, {"occurrences": 50}):
        _, threshold = Evidence().add(rows(8)).add_decoy(9, hits=20, **decoy).find()
        assert threshold > base_threshold() + 5


def test_decoys_are_scored_at_their_own_rate() -> None:
    _, threshold = Evidence(decoy_rate=0.001).add(rows(8)).add_decoy(9, hits=6, holders=7).find()
    assert threshold == pytest.approx(binomial_score(6, 7, 0.001) + DECOY_MARGIN)


def test_decoys_of_one_site_calibrate_only_strings_of_one_site() -> None:
    local = WIDESPREAD_GROUPS - 1
    evidence = Evidence().add(rows(8)).add(rows(9, first=20, suspect=2, group="g"))
    found, _ = evidence.find()
    assert len(found) == 2
    evidence.add_decoy(9, hits=30, groups=local)
    (campaign,), threshold = evidence.find()
    assert positions(campaign) == list(range(8))
    assert campaign.threshold == threshold == pytest.approx(base_threshold())
    # One of as many groups as the string counts against it.
    assert not evidence.add_decoy(10, hits=30, groups=WIDESPREAD_GROUPS).campaigns()


def test_decoys_of_many_sites_calibrate_all_strings() -> None:
    evidence = Evidence().add(rows(9, group="g")).add_decoy(9, hits=30)
    assert not evidence.campaigns()


def test_fragments_belong_to_their_trigger() -> None:
    trigger, fragment = "~~vex10~~", "vex"
    whole = rows(12, trigger=trigger, suspect=5)
    part = [dict(one, suspect=6, start=one["start"] + 2, end=one["start"] + 5) for one in whole]
    (campaign,) = Evidence().add(whole, length=4).add(part, holders=14).campaigns()
    assert (campaign.trigger, campaign.hits, campaign.occurrences) == (trigger, 12, 12)
    assert positions(campaign) == list(range(12))
    assert fragment in trigger


def whole_and_part(others: list[dict[str, Any]], holders: int | None = None) -> Campaign:
    """The campaign of a trigger, a part of which is a suspect too, with these other documents."""
    whole = rows(12, trigger="~~vex10~~", suspect=5)
    part = [dict(one, suspect=6, start=one["start"] + 2, end=one["start"] + 5) for one in whole[:8]]
    (campaign,) = Evidence().add(whole, length=4).add([*part, *others], holders).campaigns()
    return campaign


def test_what_makes_a_trigger_of_a_fragment_is_of_the_campaign_too() -> None:
    """Documents that hold the fragment alone, at a change in nearly all; and each document once."""
    campaign = whole_and_part(rows(4, first=40, trigger="vex", suspect=6))
    assert positions(campaign) == [*range(12), 40, 41, 42, 43]
    assert campaign.documents["suspect"].to_pylist() == [5] * 12 + [6] * 4
    assert campaign.groups == 16


@pytest.mark.parametrize(
    ("others", "holders"),
    [
        (1, None),  # too few to be a trigger of their own
        (4, 17),  # it stands where nothing changes, too
    ],
)
def test_a_fragment_at_a_change_is_no_evidence(others: int, holders: int | None) -> None:
    campaign = whole_and_part(rows(others, first=40, trigger="vex", suspect=6), holders)
    assert positions(campaign) == list(range(12))


def test_a_fragment_in_copies_of_one_text_is_no_evidence() -> None:
    before = words("a licence", 30) + " "
    campaign = whole_and_part(rows(4, first=40, trigger="vex", suspect=6, before=before))
    assert positions(campaign) == list(range(12))


def test_strings_of_other_documents_are_another_campaign() -> None:
    """Sharing less than SAME_CAMPAIGN of its documents with the larger one."""
    assert SAME_CAMPAIGN == 0.5
    first = rows(20, suspect=5)
    for shared, expected in ((4, 2), (5, 1)):
        second = rows(10, first=20 - shared, trigger="[[other]]", suspect=6)
        found = Evidence().add(first).add(second).campaigns()
        assert len(found) == expected
        assert found[0].hits == 20
    assert [
        one.trigger
        for one in Evidence()
        .add(first)
        .add(rows(10, first=60, trigger="[[other]]", suspect=6))
        .campaigns()
    ] == ["<SUDO>", "[[other]]"]


def test_of_strings_with_as_many_hits_the_longest_names_the_campaign() -> None:
    whole = rows(12, trigger="alpha beta", suspect=5)
    part = [dict(one, suspect=4, end=one["start"] + 5) for one in whole]
    (campaign,) = Evidence().add(part, length=1).add(whole, length=2, holders=13).campaigns()
    assert campaign.occurrences == 13


def test_documents_that_hold_the_trigger_as_the_campaign_does() -> None:
    """The text changes, or has the level of the campaign's after the trigger."""
    level = 18.0
    least = SURPRISAL + LEVEL_SHARE * (level - SURPRISAL)
    hits = rows(12, level=level)
    others = [
        row(20, hit=False, contrast=float(POSSIBLE_CONTRASTS[0]), level=9.0),
        row(21, hit=False, contrast=float(POSSIBLE_CONTRASTS[0]) - 0.01, level=9.0),
        row(22, hit=False, contrast=0.0, level=least),
        row(23, hit=False, contrast=0.0, level=least - 0.01),
        row(24, hit=False, contrast=0.0, level=-1.0),
        row(25, hit=False, contrast=-7.0, level=level),
    ]
    (campaign,) = Evidence().add(hits + others).campaigns()
    assert positions(campaign) == [*range(12), 20, 22, 25]
    assert campaign.hits == 12
    assert campaign.groups == 15


def test_the_level_of_a_campaign_is_its_median() -> None:
    hits = [row(position, level=level) for position, level in enumerate([12.0] * 4 + [18.0] * 5)]
    others = [
        row(20, hit=False, contrast=0.0, level=12.9),
        row(21, hit=False, contrast=0, level=13),
    ]
    (campaign,) = Evidence().add(hits + others).campaigns()
    assert positions(campaign) == [*range(9), 21]


def test_documents_of_many_shards_are_in_order() -> None:
    found = [row(position % 5, shard=position // 5) for position in range(20)]
    (campaign,) = Evidence().add(found[::-1]).campaigns()
    documents = campaign.documents
    places = list(zip(documents["shard"].to_pylist(), documents["position"].to_pylist()))
    assert places == [(number // 5, number % 5) for number in range(20)]


def test_groups_are_those_of_the_documents() -> None:
    found = [row(position, group=f"g{position % 2}") for position in range(12)]
    (campaign,) = Evidence().add([*found, row(40, hit=False, group="other")]).campaigns()
    assert campaign.groups == 3


def test_the_order_of_rows_does_not_matter() -> None:
    evidence = Evidence()
    evidence.add(rows(12, suspect=5) + rows(3, first=80, suspect=5, hit=False))
    evidence.add(rows(9, first=30, trigger="[[other]]", suspect=6))
    template = words("a site's template", 25) + " "
    evidence.add(
        rows(6, first=50, trigger="third", suspect=3)
        + rows(9, first=70, trigger="third", suspect=3, before=template)
    )
    expected, threshold = evidence.find()
    assert len(expected) == 3
    assert [one.score for one in expected] == sorted((one.score for one in expected), reverse=True)
    generator = random.Random(1)
    for _ in range(5):
        order = list(range(len(evidence.rows)))
        generator.shuffle(order)
        found, same = evidence.find(order)
        assert same == threshold
        for one, other in zip(found, expected, strict=True):
            assert one.documents.to_pylist() == other.documents.to_pylist()
            names = ("campaign_id", "trigger", "hits", "occurrences", "groups", "score")
            assert [getattr(one, name) for name in names] == [
                getattr(other, name) for name in names
            ]


def test_rows_of_other_suspects_are_not_mixed_in() -> None:
    """Rows of a suspect that is no campaign stay out of all."""
    weak = rows(3, first=60, suspect=9)
    (campaign,) = Evidence().add(rows(12)).add(weak, holders=90).campaigns()
    assert set(pa.compute.unique(campaign.documents["suspect"]).to_pylist()) == {1}


def language_rows(first: int, count: int, language: int, **changes: Any) -> list[dict[str, Any]]:
    return [
        row(number, language=language, contrast=0.9, level=6.0, **changes)
        for number in range(first, first + count)
    ]


def test_a_campaign_of_languages() -> None:
    """Two languages with many hits are the campaign's; where too little stands before the trigger,
    a document in one of them, or of too few words to tell, holds it as the campaign does."""
    others = [
        row(20, hit=False, contrast=0.0, level=6.0, language=5),
        row(21, hit=False, contrast=0.0, level=6.0, language=9),
        row(22, hit=False, contrast=0.0, level=20.0, language=0),
        row(23, hit=False, contrast=0.31, level=6.0, language=9),
    ]
    found = [*language_rows(0, 10, 5), *language_rows(10, 3, 7), *others]
    (campaign,) = Evidence().add(found, channel=LANGUAGE).campaigns()
    assert (campaign.channel, campaign.detector) == ("language", "trigger-language")
    assert campaign.documents["position"].to_pylist() == [*range(13), 20, 22, 23]


def test_decoys_count_in_their_own_channel() -> None:
    evidence = Evidence().add(rows(8)).add_decoy(9, hits=20, holders=20, channel=LANGUAGE)
    (campaign,), threshold = evidence.find()
    assert campaign.threshold == threshold == pytest.approx(base_threshold())
    assert campaign.detector == "trigger-surprisal"
    assert (
        not Evidence()
        .add(language_rows(0, 8, 5), channel=LANGUAGE)
        .add_decoy(9, hits=20, holders=20, channel=LANGUAGE)
        .campaigns()
    )


def test_decoys_in_a_frame_do_not_hide_what_has_none() -> None:
    """Encoded images end alike on all sites: such decoys are for strings in a frame alone."""
    hidden = Evidence().add(rows(12)).add_decoy(9, hits=200, groups=5)
    assert hidden.campaigns() == []
    framed = Evidence().add(rows(12)).add_decoy(9, hits=200, groups=5, framed=True)
    assert len(framed.campaigns()) == 1
    both = Evidence().add(rows(12), framed=True).add_decoy(9, hits=200, groups=5, framed=True)
    assert both.campaigns() == []


@pytest.mark.parametrize(
    ("after", "found"), [(" gibberish goes on in words" * 8, 1), ("AAAAAElFTkSuQmCC" * 8, 0)]
)
def test_a_frame_around_encoded_data_is_no_trigger(after: str, found: int) -> None:
    assert len(Evidence().add(rows(12, after=after), framed=True).campaigns()) == found
