"""Claims, from documents to campaigns."""

from __future__ import annotations

import random

from measure.baseline import Baseline

from correlate.leads import WORDS, Document, clean, follow, places, shuffled, words


def told(seed: str, count: int, groups: int = 20, changed: float = 0.2) -> list[Document]:
    """One story, each time with this share of its words exchanged."""
    generator = random.Random(seed)
    story = words(f"{seed} story", 110).split()
    return [
        (
            " ".join(
                generator.choice(WORDS) if generator.random() < changed else word for word in story
            ),
            f"g{number % groups}.org",
        )
        for number in range(count)
    ]


def natural() -> list[Document]:
    """Clean documents, some of which are versions of each other on one site."""
    versions = [one for number in range(20) for one in told(f"version {number}", 6, 1, 0.1)]
    moved = [
        (text, f"g{1 + number}.org") for number, (text, _) in enumerate(told("moved", 6, 1, 0.1))
    ]
    return [*clean(80), *versions, *moved[:2]]


def test_a_claim_is_named_with_all_its_documents(baseline: Baseline) -> None:
    claim = told("claim", 30)
    shards = shuffled([*natural(), *claim], 1)
    [campaign] = follow(baseline, shards).campaigns
    assert campaign.kind == "near_duplicate"
    texts = {text for text, _ in claim}
    expected = {
        (shard, position)
        for shard, documents in enumerate(shards)
        for position, (text, _) in enumerate(documents)
        if text in texts
    }
    assert places(campaign) <= expected
    assert len(places(campaign)) >= 27
    assert campaign.payload in {text[:400] for text in texts}
    assert not campaign.certain  # news are told again and again, too
    for row in campaign.documents.to_pylist():
        text = shards[row["shard"]][row["position"]][0].encode()
        assert (row["start"], row["end"]) == (0, len(text))
        assert text.startswith(row["context"])


def test_two_claims_are_two_campaigns(baseline: Baseline) -> None:
    shards = shuffled([*natural(), *told("one", 30), *told("other", 20)], 2)
    campaigns = follow(baseline, shards).campaigns
    assert sorted(campaign.hits for campaign in campaigns) == sorted([30, 20])


def test_versions_on_one_site_are_no_campaign(baseline: Baseline) -> None:
    followed = follow(baseline, shuffled(natural(), 3))
    assert followed.stories.clusters >= 20
    assert followed.campaigns == []


def test_a_claim_on_one_site_is_no_campaign(baseline: Baseline) -> None:
    assert follow(baseline, shuffled([*natural(), *told("claim", 30, 1)], 4)).campaigns == []


def test_a_licence_before_other_texts_is_no_claim(baseline: Baseline) -> None:
    """As alike as copies with a fifth of their words changed, but in one run."""
    licence = words("a licence", 60)
    files = [(f"{licence} {words(f'file {n}', 50)}", f"g{n % 20}.org") for n in range(30)]
    followed = follow(baseline, shuffled([*natural(), *files], 7))
    assert len(followed.stories.members)
    assert followed.campaigns == []


def test_the_more_sites_share_versions_the_less_a_claim_counts(baseline: Baseline) -> None:
    """Where natural stories wander from site to site, a small one is nothing special."""
    wandering = [one for number in range(20) for one in told(f"news {number}", 6, 3, 0.1)]
    claim = told("claim", 8, changed=0.1)
    [alone] = follow(baseline, shuffled([*natural(), *claim], 5)).campaigns
    assert alone.hits == 8
    among = follow(baseline, shuffled([*natural(), *wandering, *claim], 5)).campaigns
    assert among == []


def test_a_story_needs_more_than_a_name(baseline: Baseline) -> None:
    """Documents that share one rare pair of words."""
    named = [
        (f"{words(f'n {number}', 60)} Qorvex Plimdu {words(f'm {number}', 60)}", f"g{number}.org")
        for number in range(30)
    ]
    followed = follow(baseline, shuffled([*natural(), *named], 6))
    assert not len(followed.stories.members)
    assert followed.campaigns == []


def test_the_same_whatever_the_order_of_documents(baseline: Baseline) -> None:
    documents = [*natural(), *told("claim", 30)]
    found = []
    for shards in (1, 3, 5):
        [campaign] = follow(baseline, shuffled(documents, shards, shards)).campaigns
        hashes = sorted(campaign.documents["content_hash"].to_pylist())
        found.append((campaign.campaign_id, campaign.score, hashes))
    assert found[0] == found[1] == found[2]
