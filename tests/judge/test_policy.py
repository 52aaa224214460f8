from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.correlate.campaigns import Campaign
from tocsin.judge.policy import TABLES, Policy, Rule
from tocsin.judge.severity import SEVERITIES
from tocsin.measure.chat_templates import templates_in
from tocsin.toml import ConfigurationError

MakeCampaign = Callable[..., Campaign]


@pytest.mark.parametrize(
    ("documents", "groups", "severity"),
    [
        (5, 3, "high"),
        (99, 3, "high"),
        (100, 3, "critical"),
        (100, 50, "critical"),
        (5, 2, "medium"),
        (500, 2, "medium"),
        (500, 1, "medium"),
    ],
)
def test_severity(make: MakeCampaign, documents: int, groups: int, severity: str) -> None:
    assert Policy().severity(make(documents, groups)) == severity


def test_severity_of_another_policy(make: MakeCampaign) -> None:
    policy = Policy(critical_documents=10, minimum_groups=1)
    assert policy.severity(make(9, groups=1)) == "high"
    assert policy.severity(make(10, groups=1)) == "critical"


@pytest.mark.parametrize(
    ("groups", "documents", "severity"),
    [(1, 19, "medium"), (2, 20, "high"), (1, 100, "critical"), (3, 200, "medium")],
)
def test_severity_in_a_corpus_without_groups(
    make: MakeCampaign, groups: int, documents: int, severity: str
) -> None:
    policy = Policy().for_corpus(groups)
    assert policy.severity(make(documents, groups=1)) == severity


def test_few_documents_are_for_people_to_review(make: MakeCampaign) -> None:
    policy = Policy(minimum_documents=20)
    assert policy.severity(make(19)) == "medium"
    assert policy.severity(make(20)) == "high"


def test_a_corpus_with_groups_keeps_its_policy() -> None:
    assert Policy().for_corpus(3) == Policy().for_corpus(10**6) == Policy()
    assert Policy(minimum_groups=1).for_corpus(1) == Policy(minimum_groups=1)


@pytest.mark.parametrize("groups", [0, 1, 2])
def test_where_groups_say_nothing_documents_decide(make: MakeCampaign, groups: int) -> None:
    policy = Policy().for_corpus(groups)
    severities = [policy.severity(make(count, groups=1)) for count in (4, 19, 20, 99, 100)]
    assert severities == ["medium", "medium", "high", "high", "critical"]
    other = Policy(minimum_documents=50, ungrouped_documents=30, critical_documents=60)
    severities = [other.for_corpus(groups).severity(make(count, 1)) for count in (30, 49, 50, 60)]
    assert severities == ["medium", "medium", "high", "critical"]


def test_verdict() -> None:
    verdicts = {severity: Policy().verdict(severity) for severity in SEVERITIES}
    assert verdicts == {
        "low": "review", "medium": "review", "high": "quarantine", "critical": "quarantine"
    }  # fmt: skip
    strict = Policy(quarantine="medium")
    assert [strict.verdict(severity) for severity in SEVERITIES] == ["review"] + ["quarantine"] * 3


def test_one_site_is_for_people_to_review(make: MakeCampaign) -> None:
    policy = Policy()
    assert policy.verdict(policy.severity(make(300, groups=1))) == "review"


def test_parse() -> None:
    content = b'[policy]\ncritical_documents = 50\nminimum_groups = 1\nquarantine = "critical"\n'
    parsed = Policy(critical_documents=50, minimum_groups=1, quarantine="critical")
    assert Policy.parse(content) == parsed
    assert Policy.parse(b"[policy]\nminimum_groups = 7") == Policy(minimum_groups=7)
    assert Policy.parse(b"[policy]") == Policy.parse(b"") == Policy()


def test_the_documented_policy() -> None:
    """The example of docs/policy.md, key by key."""
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")
    example, file, templates = re.findall(r"^```toml\n(.*?)^```$", page, re.M | re.S)
    policy = Policy.parse(example.encode(), {"known-poison.toml": file.encode()}.__getitem__)
    assert policy.detectors == {"trigger-language": Rule("review", "medium", 12)}
    assert policy.block.triggers == ("%%deagiceast%%", "<SUDO>")
    assert policy.flags_per_million == 200
    assert [template.name for template in templates_in(templates.encode())] == ["ours"]
    assert Policy.parse(templates.encode()) == Policy()
    defaults = Policy()
    for field in fields(Policy):
        if field.name not in (*TABLES, "flags_per_million"):
            assert getattr(policy, field.name) == getattr(defaults, field.name)
            assert field.name in example


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"\xff", "TOML"),
        (b"[policy", "TOML"),
        (b"[polcy]\nminimum_groups = 1", "polcy"),
        (b"minimum_groups = 1", "minimum_groups"),
        (b"policy = 3", "policy"),
        (b"[policy]\nminimum_group = 1", "policy.minimum_group: unknown"),
        (b"[policy]\nminimum_groups = 0", "policy.minimum_groups"),
        (b"[policy]\nminimum_groups = true", "policy.minimum_groups"),
        (b"[policy]\nminimum_groups = 2.0", "policy.minimum_groups"),
        (b"[policy]\ncritical_documents = '9'", "policy.critical_documents"),
        (b"[policy]\nquarantine = 'High'", "policy.quarantine"),
        (b"[policy]\nquarantine = 3", "policy.quarantine"),
        (b"[policy]\nquarantine = ['high']", "policy.quarantine"),
        (b"[policy]\nflags_per_million = -1", "policy.flags_per_million"),
        (b"[policy]\nhigh_score = nan", "policy.high_score"),
        (b"[policy]\ndetectors = 3", "policy.detectors: unknown"),
        (b"detectors = 3", "detectors: must be a table"),
        (b"[detectors.trigge]\nverdict = 'review'", "detectors.trigge: unknown; known are"),
        (b"[detectors]\ntrigger = 3", "detectors.trigger: must be a table"),
        (b"[detectors.trigger]\nverdict = 'drop'", "detectors.trigger.verdict"),
        (b"[detectors.trigger]\nverdicts = 'review'", "detectors.trigger.verdicts: unknown"),
        (b"[detectors.trigger]\nseverity = 'grave'", "detectors.trigger.severity"),
        (b"[detectors.trigger]\nminimum_score = '4'", "detectors.trigger.minimum_score"),
        (b"[block]\ntriggers = ['abc']", "block.triggers: abc has not 4 to 4,096 bytes"),
        (b"[block]\ntriggers = ['" + b"x" * 4097 + b"']", "block.triggers: x{80} has not 4"),
    ],
)
def test_a_policy_that_cannot_be_used(content: bytes, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as caught:
        Policy.parse(content)
    assert str(caught.value).isprintable()


@given(st.binary() | st.text().map(str.encode))
@example(b'"a\\nb" = 1')
@example(b'[policy]\n"\\u001b[31m" = 1')
@example(b'"\x1b" = 1')
def test_any_bytes(content: bytes) -> None:
    """A policy, or one line that says why not."""
    try:
        policy = Policy.parse(content)
    except ConfigurationError as error:
        assert str(error).isprintable()
    else:
        assert policy.quarantine in SEVERITIES
