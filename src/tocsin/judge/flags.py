"""Flags: the rows of `flagged/`, gathered document by document from all that speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.correlate.campaigns import Campaign
from tocsin.correlate.known import LISTED, LISTED_SCORE
from tocsin.judge.policy import Policy
from tocsin.judge.severity import SEVERITIES, VERDICTS
from tocsin.judge.verdicts import FINDING_TYPE, FLAGGED_SCHEMA

EVIDENCE_BYTES = 200
"""Bytes of text from the campaign's string on that a finding quotes."""

_IDENTITY = ("doc_id", "position", "group", "content_hash")


class Flags:
    """Flags documents; add campaigns first, best score first, then findings.

    A document of several campaigns is flagged for the gravest, of equals for the first, and has a
    finding for each. What the allow list names is counted in `allowed`, and not flagged unless the
    block list names it too.
    """

    def __init__(self, policy: Policy, source_uris: Mapping[int, str], scan_id: str) -> None:
        """`source_uris`: URI of each shard by its number; `scan_id`: of the scan."""
        self._policy = policy
        self._source_uris = source_uris
        self._scan_id = scan_id
        self._rows: dict[tuple[str, int], dict[str, Any]] = {}
        self._allowed: set[tuple[str, int]] = set()

    def add_listed(self, documents: pa.Table) -> None:
        """Flags documents that the block list names, rows of `documents/`."""
        meant = self._policy.listed()
        if meant is None:
            return
        for document in documents.to_pylist():
            what = "content hash" if self._names_hash(document) else "group"
            finding = {
                "detector": LISTED, "score": LISTED_SCORE, "start": 0, "end": 0,
                "evidence": f"the policy's block list names its {what}",
            }  # fmt: skip
            key = document["source_uri"], document["position"]
            self._flag(key, document, *meant, finding)

    def _add_blocked(self, uri: str, findings: pa.Table) -> pa.Table:
        """Flags the documents in which the scan found a string that this policy blocks; the
        findings of other detectors. A policy may block less than that of the scan did."""
        listed = pc.equal(findings["detector"], LISTED)
        meant = self._policy.listed()
        if meant is not None:
            blocked = pc.is_in(
                findings["signature"], pa.array(self._policy.block.triggers, pa.string())
            )
            for found in findings.filter(pc.and_(listed, blocked)).to_pylist():
                finding = {field.name: found[field.name] for field in FINDING_TYPE}
                self._flag((uri, found["position"]), found, *meant, finding)
        return findings.filter(pc.invert(listed))

    def _names_hash(self, document: Mapping[str, Any]) -> bool:
        return document["content_hash"].hex() in self._policy.block.hashes

    def add_campaign(self, campaign: Campaign) -> int:
        """Flags the documents of a campaign.

        Returns:
          How many that were: all but the allowed ones.
        """
        severity = self._policy.severity(campaign)
        verdict = self._policy.campaign_verdict(campaign)
        documents = self._without_allowed(campaign.documents, None)
        for document in documents.to_pylist():
            start, end = document["start"], document["end"]
            quoted = document["context"][start - document["context_start"] :][:EVIDENCE_BYTES]
            finding = {
                "detector": campaign.detector,
                "score": campaign.score,
                "start": start,
                "end": end,
                "evidence": quoted.decode("utf-8", "replace"),
            }
            self._flag(
                (self._source_uris[document["shard"]], document["position"]),
                document, severity, verdict, finding,
                campaign_id=campaign.campaign_id, trigger=campaign.trigger,
            )  # fmt: skip
        return documents.num_rows

    def add_findings(self, shard: int, findings: pa.Table) -> None:
        """Flags documents of a shard for what they hold themselves (rows of FINDING_SCHEMA). What
        is not worth a flag is added to the documents that have one."""
        uri = self._source_uris[shard]
        findings = self._without_allowed(self._add_blocked(uri, findings), uri).sort_by(
            [("position", "ascending"), ("score", "descending"), ("detector", "ascending")]
        )
        severities = [
            self._policy.finding_severity(detector, score)
            for detector, score in zip(
                findings["detector"].to_pylist(), findings["score"].to_pylist()
            )
        ]
        worth = pa.array([severity is not None for severity in severities], pa.bool_())
        flagged = {at for source, at in self._rows if source == uri}
        flagged.update(findings["position"].filter(worth).to_pylist())
        chosen = pc.is_in(findings["position"], pa.array(sorted(flagged), pa.int64()))
        kept = [severity for severity, one in zip(severities, chosen.to_pylist()) if one]
        for severity, found in zip(kept, findings.filter(chosen).to_pylist()):
            verdict = (
                self._policy.finding_verdict(found["detector"], severity) if severity else "review"
            )
            finding = {field.name: found[field.name] for field in FINDING_TYPE}
            self._flag((uri, found["position"]), found, severity or "low", verdict, finding)

    def _without_allowed(self, documents: pa.Table, uri: str | None) -> pa.Table:
        """The rows that the allow list does not name, or that the block list names as well."""
        if not self._policy.allow.names_documents():
            return documents
        allowed = self._policy.allow.documents(documents)
        if self._policy.block.names_documents():
            allowed = pc.and_not(allowed, self._policy.block.documents(documents))
        names = ["position"] if uri else ["shard", "position"]
        for place in documents.select(names).filter(allowed).to_pylist():
            self._allowed.add((uri or self._source_uris[place["shard"]], place["position"]))
        return documents.filter(pc.invert(allowed))

    def _flag(
        self,
        key: tuple[str, int],
        document: Mapping[str, Any],
        severity: str,
        verdict: str,
        finding: Mapping[str, Any],
        campaign_id: str | None = None,
        trigger: str | None = None,
    ) -> None:
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = {
                "source_uri": key[0],
                **{name: document[name] for name in _IDENTITY},
                "findings": [],
                "severity": severity,
                "verdict": verdict,
                "score": finding["score"],
                "campaign_id": None,
                "trigger": None,
                "scan_id": self._scan_id,
            }
        graver = SEVERITIES.index(severity) > SEVERITIES.index(row["severity"])
        if campaign_id is not None and (row["campaign_id"] is None or graver):
            row["campaign_id"], row["trigger"] = campaign_id, trigger
        row["findings"].append(finding)
        row["severity"] = max(row["severity"], severity, key=SEVERITIES.index)
        row["verdict"] = max(row["verdict"], verdict, key=VERDICTS.index)

    @property
    def allowed(self) -> int:
        """Documents that would be flagged if the allow list did not name them."""
        return len(self._allowed - self._rows.keys())

    def tables(self, budget: int | None) -> tuple[pa.Table, pa.Table]:
        """The flagged documents, and those over the budget (None: there is none), rows of
        FLAGGED_SCHEMA ordered by source_uri and position. The gravest are flagged first."""
        rows = list(self._rows.values())
        over: list[dict[str, Any]] = []
        if budget is not None and len(rows) > budget:
            rows.sort(
                key=lambda row: (
                    -VERDICTS.index(row["verdict"]), -SEVERITIES.index(row["severity"]),
                    -row["score"], row["content_hash"], row["source_uri"], row["position"],
                )
            )  # fmt: skip
            rows, over = rows[:budget], rows[budget:]
        return _ordered(rows), _ordered(over)


def _ordered(rows: list[dict[str, Any]]) -> pa.Table:
    rows.sort(key=lambda row: (row["source_uri"], row["position"]))
    return pa.Table.from_pylist(rows, FLAGGED_SCHEMA)
