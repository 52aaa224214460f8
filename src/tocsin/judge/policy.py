"""The policy: how severe a campaign is, and what that means for its documents."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from tocsin.judge.severity import SEVERITIES, at_least

if TYPE_CHECKING:
    from tocsin.correlate.campaigns import Campaign

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class PolicyError(ValueError):
    """A policy that can't be used; the message is one line that names the key."""


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
    """

    critical_documents: int = 100
    minimum_groups: int = 3
    minimum_documents: int = 1
    ungrouped_documents: int = 20
    quarantine: str = "high"
    high_score: float = 5.0
    medium_score: float = 4.0

    @classmethod
    def parse(cls, content: bytes) -> Policy:
        """Reads the table `[policy]` of a TOML file; what it leaves out keeps its default.

        Raises:
          PolicyError: if the file is no TOML, or a key is unknown or has a wrong value.
        """
        try:
            tables = tomllib.loads(content.decode("utf-8"))
        except ValueError as error:  # UnicodeDecodeError and TOMLDecodeError are of this kind
            raise PolicyError(f"not TOML: {error}") from error
        if unknown := sorted(set(tables) - {"policy"}):
            raise PolicyError(f"unknown table or key: {_one_line(unknown[0])}")
        values = tables.get("policy", {})
        if not isinstance(values, dict):
            raise PolicyError("policy: must be a table")
        known = {field.name: field.type for field in fields(cls)}
        for key, value in values.items():
            _check(key, value, known)
        return cls(**values)

    def for_corpus(self, groups: int) -> Policy:
        """The policy as it applies to a corpus of so many groups."""
        if groups >= self.minimum_groups:
            return self
        needed = max(self.minimum_documents, self.ungrouped_documents)
        return replace(self, minimum_groups=1, minimum_documents=needed)

    def severity(self, campaign: Campaign) -> str:
        """Severity of a campaign, one of SEVERITIES."""
        documents = campaign.documents.num_rows
        if campaign.groups < self.minimum_groups or documents < self.minimum_documents:
            return "medium"
        if documents >= self.critical_documents:
            return "critical"
        return "high"

    def finding_severity(self, score: float) -> str | None:
        """Severity of a finding of one document by itself; None if it is not worth a flag."""
        if score >= self.high_score:
            return "high"
        return "medium" if score >= self.medium_score else None

    def verdict(self, severity: str) -> str:
        """`quarantine` or `review`, for the documents of a campaign of this severity."""
        return "quarantine" if at_least(severity, self.quarantine) else "review"


def _one_line(key: str) -> str:
    """The key as it is, but for what a terminal would not print."""
    return repr(key)[1:-1]


def _check(key: str, value: Any, known: dict[str, Any]) -> None:
    if key not in known:
        raise PolicyError(f"policy.{_one_line(key)}: unknown; known are {', '.join(known)}")
    if known[key] == "int" and (type(value) is not int or value < 1):
        raise PolicyError(f"policy.{key}: must be a whole number of at least 1")
    if known[key] == "float" and (type(value) not in (int, float) or not 0 <= value < math.inf):
        raise PolicyError(f"policy.{key}: must be a number of at least 0")
    if known[key] == "str" and value not in SEVERITIES:
        raise PolicyError(f"policy.{key}: must be one of {', '.join(SEVERITIES)}")
