"""The policy: how severe what was found is, and what that means for its documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from tocsin.correlate.known import LISTED, LONGEST, SHORTEST
from tocsin.judge.detectors import DETECTORS
from tocsin.judge.lists import Lists, ReadFile
from tocsin.judge.severity import SEVERITIES, VERDICTS, at_least
from tocsin.toml import ConfigurationError, check_table, one_line, parse_toml

if TYPE_CHECKING:
    from tocsin.correlate.campaigns import Campaign

NOTHING = "nothing"
"""The verdict of a rule by which a detector's findings flag no document."""


@dataclass(frozen=True)
class Rule:
    """What the findings of one detector mean. `verdict`: `quarantine`, `review` or `nothing`,
    instead of what their severity means; `severity`: theirs, instead of what follows from scores
    and sizes; `minimum_score`: score from which on they count. What is not set stays as it is."""

    verdict: str | None = None
    severity: str | None = None
    minimum_score: float | None = None


@dataclass(frozen=True)
class Policy:
    """`critical_documents`: documents from which on a campaign is critical. 100 documents do not
    backdoor a model and 250 do (Souly et al. 2025, arXiv 2510.07192), so a campaign of 100 is
    about to work. `minimum_groups`: groups below which a campaign may be one site's template and
    is for people to review; `minimum_documents`: the same for documents. `ungrouped_documents`: the
    minimum of documents in a corpus that has fewer groups than `minimum_groups` altogether, where
    the groups say nothing. (Clean development corpora without their groups give one false
    campaign, of 4 documents.) `quarantine`: least severity whose documents are quarantined.
    `high_score`, `medium_score`: scores from which on a finding of one document by itself has these
    severities: one clean document in 100,000 may have such a finding, or one in 10,000.
    `flags_per_million`: budget, flagged documents in a million; the gravest are flagged, and the
    others are reported as over budget; 0 for no budget. Tables of their own are `detectors`: a
    rule by detector; `allow`, `block`: lists of what is known to be harmless, and to be poison.
    """

    critical_documents: int = 100
    minimum_groups: int = 3
    minimum_documents: int = 1
    ungrouped_documents: int = 20
    quarantine: str = "high"
    high_score: float = 5.0
    medium_score: float = 4.0
    flags_per_million: float = 0.0
    detectors: Mapping[str, Rule] = field(default_factory=dict)
    allow: Lists = field(default_factory=Lists)
    block: Lists = field(default_factory=Lists)

    @classmethod
    def parse(cls, content: bytes, read: ReadFile | None = None) -> Policy:
        """Reads the tables of a TOML file; what it leaves out keeps its default.

        Args:
          read: for files that the policy names; none can be named without it.

        The file may also hold chat templates (`measure.chat_templates`), which are read elsewhere.

        Raises:
          ConfigurationError: if the file is no TOML, or a key is unknown or has a wrong value.
        """
        tables = parse_toml(content)
        known = ("policy", *TABLES, "template")
        for name, table in tables.items():
            if name not in known:
                raise ConfigurationError(
                    f"unknown table or key: {one_line(name)}; known are {', '.join(known)}"
                )
            if not isinstance(table, dict) and name != "template":
                raise ConfigurationError(f"{name}: must be a table")
        values = check_table("policy", tables.get("policy", {}), _KEYS)
        return cls(
            **values,
            detectors=_rules(tables.get("detectors", {})),
            allow=Lists.parse(tables.get("allow", {}), "allow", read or _no_file),
            block=_searchable(Lists.parse(tables.get("block", {}), "block", read or _no_file)),
        )

    def describe(self) -> dict[str, Any]:
        """The policy as JSON types, for the manifest; lists by their length and digest."""
        return {
            **{name: getattr(self, name) for name in _KEYS},
            "detectors": {name: asdict(rule) for name, rule in sorted(self.detectors.items())},
            "allow": self.allow.describe(),
            "block": self.block.describe(),
        }

    def for_corpus(self, groups: int) -> Policy:
        """The policy as it applies to a corpus of so many groups."""
        if groups >= self.minimum_groups:
            return self
        needed = max(self.minimum_documents, self.ungrouped_documents)
        return replace(self, minimum_groups=1, minimum_documents=needed)

    def rule(self, detector: str) -> Rule:
        """The rule for a detector: its own, or for one of a channel that of its kind."""
        return self.detectors.get(detector) or self.detectors.get(detector.split("-")[0], Rule())

    def severity(self, campaign: Campaign) -> str:
        """Severity of a campaign, one of SEVERITIES."""
        if self.blocks(campaign):
            return "critical"
        if fixed := self.rule(campaign.detector).severity:
            return fixed
        documents = campaign.documents.num_rows
        if campaign.groups < self.minimum_groups or documents < self.minimum_documents:
            return "medium"
        if not campaign.certain:
            return "medium"
        if documents >= self.critical_documents:
            return "critical"
        return "high"

    def campaign_verdict(self, campaign: Campaign) -> str:
        """`quarantine` or `review`, for the documents of a campaign."""
        if self.blocks(campaign):
            return "quarantine"
        return self.rule(campaign.detector).verdict or self.verdict(self.severity(campaign))

    def blocks(self, campaign: Campaign) -> bool:
        """Whether the campaign's trigger or payload holds a string of the block list."""
        strings = [string for string in (campaign.trigger, campaign.payload) if string]
        return any(known in string for string in strings for known in self.block.triggers)

    def set_aside(self, campaign: Campaign) -> str | None:
        """Why a campaign flags no documents and is only mentioned; None if it does."""
        if self.blocks(campaign):
            return None
        if {campaign.trigger, campaign.payload} & set(self.allow.triggers):
            return "allowed"
        rule = self.rule(campaign.detector)
        if rule.verdict == NOTHING:
            return f"detectors.{campaign.detector}.verdict"
        if campaign.score < (rule.minimum_score or 0):
            return f"detectors.{campaign.detector}.minimum_score"
        return None

    def finding_severity(self, detector: str, score: float) -> str | None:
        """Severity of a finding of one document by itself; None if it is not worth a flag."""
        rule = self.rule(detector)
        least = self.medium_score if rule.minimum_score is None else rule.minimum_score
        if rule.verdict == NOTHING or score < least:
            return None
        return rule.severity or ("high" if score >= self.high_score else "medium")

    def finding_verdict(self, detector: str, severity: str) -> str:
        """`quarantine` or `review`, for a document with a finding of this severity."""
        rule = self.rule(detector)
        return self.verdict(severity) if rule.verdict in (None, NOTHING) else str(rule.verdict)

    def listed(self) -> tuple[str, str] | None:
        """Severity and verdict of a document that the block list names, or of which it names a
        string; None if a rule says that they do not count."""
        rule = self.rule(LISTED)
        if rule.verdict == NOTHING:
            return None
        severity = rule.severity or "critical"
        return severity, rule.verdict or self.verdict(severity)

    def verdict(self, severity: str) -> str:
        """`quarantine` or `review`, by a severity alone."""
        return "quarantine" if at_least(severity, self.quarantine) else "review"

    def budget(self, documents: int) -> int | None:
        """Documents that may be flagged in a corpus of so many; None for any number."""
        if not self.flags_per_million:
            return None
        return math.ceil(self.flags_per_million * documents / 1e6)


TABLES = ("detectors", "allow", "block")
"""Tables beside `[policy]`."""


def _searchable(block: Lists) -> Lists:
    """The block list, once each of its triggers can be searched for in the texts."""
    least, most = SHORTEST["trigger"], LONGEST
    for string in block.triggers:
        if not least <= len(string.encode()) <= most:
            raise ConfigurationError(
                f"block.triggers: {one_line(string)[:80]} has not {least} to {most:,} bytes"
            )
    return block


def _no_file(name: str) -> bytes:
    raise OSError(f"no file can be read here, not {name}")


def _choice(values: tuple[str, ...]) -> Callable[[Any], str | None]:
    wrong = f"must be one of {', '.join(values)}"
    return lambda value: None if value in values and isinstance(value, str) else wrong


def _count(value: Any) -> str | None:
    right = type(value) is int and value >= 1
    return None if right else "must be a whole number of at least 1"


def _number(value: Any) -> str | None:
    right = type(value) in (int, float) and 0 <= value < math.inf
    return None if right else "must be a number of at least 0"


_BY_TYPE = {"int": _count, "float": _number, "str": _choice(SEVERITIES)}
_KEYS = {one.name: _BY_TYPE[str(one.type)] for one in fields(Policy) if one.name not in TABLES}
_RULE_KEYS = {
    "verdict": _choice((*VERDICTS, NOTHING)),
    "severity": _choice(SEVERITIES),
    "minimum_score": _number,
}


def _rules(tables: dict[str, Any]) -> dict[str, Rule]:
    rules = {}
    for name, table in tables.items():
        if name not in DETECTORS:
            raise ConfigurationError(
                f"detectors.{one_line(name)}: unknown; known are {', '.join(DETECTORS)}"
            )
        rules[name] = Rule(**check_table(f"detectors.{name}", table, _RULE_KEYS))
    return rules
