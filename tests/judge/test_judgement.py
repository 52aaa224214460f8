"""What a policy's rules, lists and budget do to verdicts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pytest

from tocsin.correlate.campaigns import Campaign
from tocsin.judge.found import Found
from tocsin.judge.judgement import IDENTITY_COLUMNS, Judgement, Scanned, judge
from tocsin.judge.lists import Lists
from tocsin.judge.policy import Policy, Rule
from tocsin.measure.findings import FINDING_SCHEMA
from tocsin.measure.hashes import HASH_TYPE

MakeCampaign = Callable[..., Campaign]

NIGHT = datetime(2025, 11, 23, tzinfo=timezone.utc)


def identities(*documents: tuple[int, str, bytes]) -> pa.Table:
    """Rows of documents/: (position, group, content_hash) in shard `a`."""
    return pa.table(
        {
            "doc_id": [f"d{position}" for position, _, _ in documents],
            "source_uri": ["a"] * len(documents),
            "position": [position for position, _, _ in documents],
            "group": [group for _, group, _ in documents],
            "content_hash": pa.array([digest for _, _, digest in documents], HASH_TYPE),
        }
    ).select(IDENTITY_COLUMNS)


def judged(
    policy: Policy,
    campaigns: list[Campaign],
    findings: list[tuple[int, str, float]] = (),  # type: ignore[assignment]
    documents: pa.Table | None = None,
    count: int = 1_000,
    signature: str = "",
) -> Judgement:
    rows = [
        {
            "position": position, "doc_id": f"s0d{position}", "group": f"g{position}.org",
            "content_hash": position.to_bytes(16, "big"), "bucket": 3, "detector": detector,
            "score": score, "start": 5, "end": 25, "evidence": "x", "signature": signature,
        }
        for position, detector, score in findings
    ]  # fmt: skip

    def read() -> Any:
        assert documents is not None, "no list names documents: there is nothing to read"
        return iter([documents])

    found = Found(campaigns, {0: pa.Table.from_pylist(rows, FINDING_SCHEMA)}, NIGHT)
    judgement = judge(found, policy, Scanned("scan", count, 30, {0: "a", 1: "b"}, read))
    for table in judgement.tables().values():
        table.validate(full=True)
    return judgement


def verdicts(judgement: Judgement) -> dict[int, tuple[str, str]]:
    return {
        row["position"]: (row["severity"], row["verdict"]) for row in judgement.flagged.to_pylist()
    }


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(), ("high", "quarantine")),
        (Rule(verdict="review"), ("high", "review")),
        (Rule(severity="medium"), ("medium", "review")),
        (Rule(severity="medium", verdict="quarantine"), ("medium", "quarantine")),
        (Rule(minimum_score=7.0), None),
        (Rule(minimum_score=6.0), ("high", "quarantine")),
        (Rule(verdict="nothing"), None),
    ],
)
def test_rules_for_findings(rule: Rule, expected: tuple[str, str] | None) -> None:
    judgement = judged(Policy(detectors={"hidden": rule}), [], [(4, "hidden-tags", 6.5)])
    assert verdicts(judgement).get(4) == expected


def test_a_rule_may_lower_the_score_that_counts() -> None:
    policy = Policy(detectors={"hidden": Rule(minimum_score=1.0)})
    assert verdicts(judged(policy, [], [(4, "hidden-tags", 2.0)])) == {4: ("medium", "review")}


def test_rules_for_campaigns(make: MakeCampaign) -> None:
    """The channel's own rule, or else its kind's."""
    language = make(4, channel="language", campaign_id="l", score=15.0)
    for detectors, severity, verdict in (
        ({"trigger": Rule(verdict="review")}, "high", "review"),
        ({"trigger": Rule(severity="low"), "trigger-language": Rule()}, "high", "quarantine"),
        ({"trigger-surprisal": Rule(severity="low")}, "high", "quarantine"),
    ):
        judgement = judged(Policy(detectors=detectors), [language])
        assert set(verdicts(judgement).values()) == {(severity, verdict)}
        assert judgement.campaigns["severity"].to_pylist() == [severity]


def test_campaigns_set_aside_are_named(make: MakeCampaign) -> None:
    for policy, reason in (
        (Policy(detectors={"trigger": Rule(verdict="nothing")}), "detectors.trigger.verdict"),
        (Policy(detectors={"trigger": Rule(minimum_score=99)}), "detectors.trigger.minimum_score"),
        (Policy(allow=Lists(triggers=("<SUDO>",))), "allowed"),
    ):
        judgement = judged(policy, [make(4)])
        assert judgement.flagged.num_rows == judgement.campaigns.num_rows == 0
        assert judgement.examples.num_rows == 0
        [aside] = judgement.set_aside
        assert (aside["reason"], aside["trigger"], aside["documents"]) == (reason, "<SUDO>", 4)


def test_an_allowed_trigger_is_the_whole_string(make: MakeCampaign) -> None:
    judgement = judged(Policy(allow=Lists(triggers=("SUDO",))), [make(4)])
    assert judgement.flagged.num_rows == 4 and not judgement.set_aside


def test_a_blocked_string_makes_its_campaign_critical(make: MakeCampaign) -> None:
    policy = Policy(
        block=Lists(triggers=("SUDO",)), allow=Lists(triggers=("<SUDO>",)),
        detectors={"trigger": Rule(verdict="nothing")},
    )  # fmt: skip
    judgement = judged(policy, [make(4, groups=1), make(3, trigger="other", campaign_id="o")])
    assert judgement.campaigns["severity"].to_pylist() == ["critical"]
    assert set(verdicts(judgement).values()) == {("critical", "quarantine")}


def test_allowed_documents(make: MakeCampaign) -> None:
    judgement = judged(
        Policy(allow=Lists(groups=("g1.org", "g9.org"), hashes=((8).to_bytes(16, "big").hex(),))),
        [make(3)], [(8, "template", 9.0), (9, "template", 9.0), (10, "template", 9.0)],
    )  # fmt: skip
    assert sorted(verdicts(judgement)) == [0, 2, 10]
    assert judgement.totals()["allowed"] == 3


def test_a_campaign_whose_documents_are_all_allowed(make: MakeCampaign, row: Any) -> None:
    local = make([row(1, group="g.org"), row(2, group="g.org")], groups=1)
    judgement = judged(Policy(allow=Lists(groups=("g.org",))), [local])
    assert judgement.campaigns.num_rows == 0 and judgement.allowed == 2
    assert judgement.set_aside[0]["reason"] == "all its documents are allowed"


def test_blocked_documents_are_flagged_whatever_was_found(make: MakeCampaign) -> None:
    known, other = bytes(range(16)), bytes(16)
    documents = identities((1, "g1.org", other), (7, "bad.org", other), (8, "good.org", known))
    policy = Policy(
        block=Lists(groups=("bad.org", "g1.org"), hashes=(known.hex(),)),
        allow=Lists(groups=("g1.org", "bad.org")),
    )
    judgement = judged(policy, [make(3, groups=1)], documents=documents)
    critical = ("critical", "quarantine")
    assert verdicts(judgement) == {
        0: ("medium", "review"), 1: critical, 2: ("medium", "review"), 7: critical, 8: critical,
    }  # fmt: skip
    reasons = {
        row["position"]: [finding["evidence"] for finding in row["findings"]]
        for row in judgement.flagged.to_pylist()
    }
    assert "group" in reasons[7][0] and "content hash" in reasons[8][0]
    assert judgement.allowed == 0


@pytest.mark.parametrize(
    ("block", "rule", "expected"),
    [
        (("<SUDO>", "other"), Rule(), ("critical", "quarantine")),
        (("<SUDO>",), Rule(severity="medium"), ("medium", "review")),
        (("<SUDO>",), Rule(verdict="review"), ("critical", "review")),
        (("<SUDO>",), Rule(verdict="nothing"), None),
        (("SUDO",), Rule(), None),  # the scan searched for another string
        ((), Rule(), None),
    ],
)
def test_documents_that_hold_a_blocked_string(
    block: tuple[str, ...], rule: Rule, expected: tuple[str, str] | None
) -> None:
    """By the policy that judges, not by that of the scan; an allowed group saves none."""
    policy = Policy(
        block=Lists(triggers=block), allow=Lists(groups=("g4.org",)), detectors={"listed": rule}
    )
    judgement = judged(policy, [], [(4, "listed", 100.0)], signature="<SUDO>")
    assert verdicts(judgement).get(4) == expected
    assert judgement.allowed == 0


def test_a_rule_for_listed_documents() -> None:
    documents = identities((1, "bad.org", bytes(16)))
    block = Lists(groups=("bad.org",))
    for rule, expected in (
        (Rule(verdict="review"), {1: ("critical", "review")}),
        (Rule(verdict="nothing"), {}),
    ):
        policy = Policy(block=block, detectors={"listed": rule})
        assert verdicts(judged(policy, [], documents=documents)) == expected


def test_a_document_is_flagged_for_its_gravest_campaign(make: MakeCampaign, row: Any) -> None:
    shared = [row(position) for position in range(6)]
    licence = make(shared, groups=1, campaign_id="licence", kind="payload", trigger=None, score=99)
    attack = make(shared[:4], groups=4, campaign_id="attack", score=20.0)
    hidden = [(2, "hidden-tags", 4.5)]
    judgement = judged(Policy(), [licence, attack], hidden)
    found = {one["position"]: one for one in judgement.flagged.to_pylist()}
    assert [found[at]["campaign_id"] for at in range(6)] == ["attack"] * 4 + ["licence"] * 2
    assert found[2]["trigger"] == "<SUDO>" and found[5]["trigger"] is None
    assert len(found[2]["findings"]) == 3 and found[2]["verdict"] == "quarantine"


def test_budget(make: MakeCampaign) -> None:
    """The gravest are flagged; the others are kept apart, and none is lost."""
    findings = [(20, "template", 9.0), (21, "template", 8.0), (22, "template", 4.5)]
    policy = Policy(flags_per_million=4_000)
    judgement = judged(policy, [make(3)], findings)
    everything = judged(Policy(), [make(3)], findings).flagged.to_pylist()
    assert sorted(verdicts(judgement)) == [0, 1, 2, 20]
    over = judgement.over_budget.to_pylist()
    assert [one["position"] for one in over] == [21, 22]
    assert judgement.totals()["over_budget"] == 2
    rows = sorted([*judgement.flagged.to_pylist(), *over], key=lambda one: one["position"])
    assert rows == sorted(everything, key=lambda one: one["position"])


@pytest.mark.parametrize(("count", "budget"), [(1_000_000, 5), (200_000, 1), (0, 0)])
def test_size_of_a_budget(count: int, budget: int) -> None:
    assert Policy(flags_per_million=5).budget(count) == budget
    assert Policy().budget(count) is None
