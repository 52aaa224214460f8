"""What earlier nights have found, for the commit of tonight's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tocsin.beam import storage
from tocsin.beam.night import Night
from tocsin.beam.results import read_part
from tocsin.beam.state import SHARDS, State
from tocsin.correlate.campaigns import Campaign
from tocsin.correlate.known import Known, known_of
from tocsin.correlate.recall import EARLIER
from tocsin.judge.verdicts import CAMPAIGN_SCHEMA, FLAGGED_SCHEMA
from tocsin.ledger.shards import SHARD_SCHEMA, KnownShard, from_table, to_table

FLAGGED = "flagged"
CAMPAIGNS = "known"

REMEMBERED_SCHEMA = pa.schema([*FLAGGED_SCHEMA, pa.field("shard", pa.uint32(), nullable=False)])
"""What is remembered of a night's verdicts: rows of FLAGGED_SCHEMA with the number that the ledger
gives the shard, which stays when the shard is renamed and is never used again."""

_GRAVITY = {"review": 1, "quarantine": 2}


@dataclass(frozen=True)
class Past:
    """`shards`: the ledger without tonight's; `flagged`: rows of REMEMBERED_SCHEMA of all
    nights before; `campaigns`: rows of CAMPAIGN_SCHEMA of all nights before."""

    night: Night
    shards: tuple[KnownShard, ...]
    flagged: pa.Table
    campaigns: pa.Table

    @classmethod
    def of(cls, night: Night) -> Past:
        """Reads what a night needs of the nights before it."""
        return cls(
            night,
            from_table(read_part(night.state, night.ledger)),
            _tables(night, FLAGGED, REMEMBERED_SCHEMA),
            _tables(night, CAMPAIGNS, CAMPAIGN_SCHEMA),
        )

    @property
    def source_uris(self) -> dict[int, str]:
        """URI of each earlier shard, by its number as evidence has it: where it is now, or was
        last."""
        return {EARLIER + shard.number: shard.uri for shard in self.shards}

    @property
    def dates(self) -> dict[int, datetime]:
        """When each earlier shard was read, by its number as evidence has it."""
        dates = {int(night): datetime.fromisoformat(one) for night, one in self.night.dates.items()}
        return {EARLIER + shard.number: dates[shard.night] for shard in self.shards}

    def active(self, campaigns: Sequence[Campaign]) -> list[Campaign]:
        """The campaigns that have a document of tonight: others were judged before."""
        return [
            campaign
            for campaign in campaigns
            if (pc.min(campaign.documents["shard"]).as_py() or 0) < EARLIER
        ]

    @property
    def first_seen(self) -> dict[str, datetime]:
        """When an earlier night first found a campaign, by its id."""
        seen: dict[str, datetime] = {}
        for name, instant in zip(
            self.campaigns["campaign_id"].to_pylist(), self.campaigns["first_seen"].to_pylist()
        ):
            seen[name] = min(instant, seen.get(name, instant))
        return seen

    def named_shards(self, campaigns: Sequence[Campaign]) -> dict[str, dict[str, str]]:
        """Of the earlier shards that campaigns have documents in, `earlier_shards`, their URIs, and
        `earlier_dates`, when they were read, by number as text: with them the result can be judged
        again without the state."""
        numbers = {
            number
            for campaign in campaigns
            for number in campaign.documents["shard"].unique().to_pylist()
        }
        uris, dates = self.source_uris, self.dates
        earlier = sorted(numbers & uris.keys())
        return {
            "earlier_shards": {str(number): uris[number] for number in earlier},
            "earlier_dates": {str(number): dates[number].isoformat() for number in earlier},
        }

    def unsaid(self, flagged: pa.Table) -> pa.Table:
        """The rows of `flagged` but those of earlier shards of which an earlier night has said as
        much."""
        said: dict[tuple[int, int], int] = {}
        for key, verdict in _verdicts(self.flagged):
            said[key] = max(said.get(key, 0), _GRAVITY[verdict])
        numbered = self._numbered(flagged)
        new = [_GRAVITY[verdict] > said.get(key, 0) for key, verdict in _verdicts(numbered)]
        return flagged.filter(pa.array(new, pa.bool_()))

    def _numbered(self, flagged: pa.Table) -> pa.Table:
        """Rows of FLAGGED_SCHEMA as rows of REMEMBERED_SCHEMA. One shard at a place counts at a
        time: tonight's, or the last that was there."""
        night = self.night
        numbers = {shard.uri: shard.number for shard in self.shards
                   if shard.number not in night.superseded}  # fmt: skip
        numbers |= {uri: night.first_shard + at for at, uri in enumerate(night.stamps)}
        column = [numbers[uri] for uri in flagged["source_uri"].to_pylist()]
        return flagged.append_column(
            REMEMBERED_SCHEMA.field("shard"), pa.array(column, pa.uint32())
        )

    def keep(
        self, inputs: Sequence[dict[str, Any]], scan: str, tables: dict[str, pa.Table]
    ) -> list[dict[str, Any]]:
        """Writes the ledger with tonight's shards (`inputs` of the manifest, in the order of their
        numbers), and `tables` by folder, into the state; their entries."""
        night = self.night
        tonight = [
            KnownShard(
                number=night.first_shard + shard,
                stamp=night.stamps[entry["uri"]],
                night=night.number,
                present=True,
                scan=scan,
                **{
                    name: entry[name]
                    for name in (
                        "uri", "size", "checksum", "records", "documents", "dead_letters",
                        "text_bytes",
                    )
                },
            )
            for shard, entry in enumerate(inputs)
        ]  # fmt: skip
        tables = {
            "shards": to_table([*self.shards, *tonight]),
            **tables,
            FLAGGED: self._numbered(tables[FLAGGED]),
        }
        return [self._write(folder, table) for folder, table in tables.items()]

    def _write(self, folder: str, table: pa.Table) -> dict[str, Any]:
        path = self.night.file(folder)
        with storage.writing(self.night.path(path)) as file:
            pq.write_table(table, file, compression="zstd")
        return self.night.entry(folder, path, table.num_rows, file)


def known_bad(state: State) -> list[Known]:
    """What all nights of a state have confirmed.

    Raises:
      StateError: if the state is damaged.
    """
    campaigns = state.table(CAMPAIGNS, CAMPAIGN_SCHEMA)
    return known_of(campaigns, state.table(FLAGGED, REMEMBERED_SCHEMA), "an earlier night")


def _verdicts(flagged: pa.Table) -> list[tuple[tuple[int, int], str]]:
    """Keys of documents and their verdicts, of rows of REMEMBERED_SCHEMA."""
    names = ("shard", "position", "verdict")
    columns = [flagged[name].to_pylist() for name in names]
    return [((row[0], row[1]), row[2]) for row in zip(*columns)]


def flagged_now(state: State) -> tuple[tuple[KnownShard, ...], pa.Table]:
    """The shards as the last night found them, and what all nights have flagged in them: rows of
    FLAGGED_SCHEMA with the shard's place now, of each document those of its gravest verdict.

    Raises:
      StateError: if the state is damaged.
    """
    shards = tuple(
        shard for shard in from_table(state.table(SHARDS, SHARD_SCHEMA)) if shard.present
    )
    uris = {shard.number: shard.uri for shard in shards}
    flagged = state.table(FLAGGED, REMEMBERED_SCHEMA)  # the oldest night first
    gravest: dict[tuple[int, int], tuple[int, int]] = {}
    for row, ((shard, position), verdict) in enumerate(_verdicts(flagged)):
        said = (_GRAVITY[verdict], row)
        if shard in uris and said > gravest.get((shard, position), (0, 0)):
            gravest[shard, position] = said
    rows = flagged.take(pa.array(sorted(row for _, row in gravest.values()), pa.int64()))
    places = pa.array([uris[number] for number in rows["shard"].to_pylist()], pa.string())
    at = FLAGGED_SCHEMA.get_field_index("source_uri")
    return shards, rows.select(FLAGGED_SCHEMA.names).set_column(
        at, FLAGGED_SCHEMA.field(at), places
    )


def _tables(night: Night, kind: str, schema: pa.Schema) -> pa.Table:
    entries = [entry for entry in night.files if entry["kind"] == kind]
    tables = [read_part(night.state, entry["path"]) for entry in entries]
    return pa.concat_tables([schema.empty_table(), *tables])
