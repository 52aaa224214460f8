"""The ledger of a drill: which document was planted where, by which campaign."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

PLANTED_SCHEMA = pa.schema(
    [
        pa.field("campaign", pa.string(), nullable=False),
        pa.field("recipe", pa.string(), nullable=False),
        pa.field("trigger", pa.string()),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("carrier_id", pa.string()),
        pa.field("onset", pa.int64(), nullable=False),
        pa.field("variant", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class PlantedCampaign:
    """What was planted in one campaign.

    Attributes:
        name: recipe, size and seed; unique in a drill.
        recipe: the recipe's name.
        trigger: the string that stands in each of its documents; None where there is none.
        documents: how many were planted.
        seed: what its randomness comes from.
    """

    name: str
    recipe: str
    trigger: str | None
    documents: int
    seed: int


@dataclass(frozen=True)
class PlantedDocument:
    """One row of PLANTED_SCHEMA.

    Attributes:
        campaign, recipe, trigger: those of its PlantedCampaign.
        doc_id: its id as a scan reports it.
        shard: path of the shard below the planted folder, with `/`.
        position: 0-based record number in the planted shard.
        carrier_id: the id of the clean document it was made from.
        onset: byte offset in the text where the poison starts.
        variant: which of a recipe's kinds; empty where it has but one.
    """

    campaign: str
    recipe: str
    trigger: str | None
    doc_id: str
    shard: str
    position: int
    carrier_id: str | None
    onset: int
    variant: str


@dataclass(frozen=True)
class Truth:
    """Everything that was planted in one copy of a corpus.

    Attributes:
        vocabulary: name of the vocabulary that gibberish was drawn from.
        clean_documents: records of the corpus before planting.
        campaigns: in the order of the plans.
        documents: by shard and position.
    """

    vocabulary: str
    clean_documents: int
    campaigns: tuple[PlantedCampaign, ...]
    documents: tuple[PlantedDocument, ...]

    def write(self, folder: Path) -> None:
        """Writes `truth.parquet` (a row a document) and `truth.json` (the campaigns)."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = pa.Table.from_pylist([asdict(row) for row in self.documents], schema=PLANTED_SCHEMA)
        pq.write_table(rows, folder / "truth.parquet", compression="zstd")
        summary = {
            "vocabulary": self.vocabulary,
            "clean_documents": self.clean_documents,
            "campaigns": [asdict(campaign) for campaign in self.campaigns],
        }
        (folder / "truth.json").write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2))

    @classmethod
    def read(cls, folder: Path) -> Truth:
        """Reads what `write` has written."""
        summary = orjson.loads((folder / "truth.json").read_bytes())
        rows = pq.read_table(folder / "truth.parquet", schema=PLANTED_SCHEMA).to_pylist()
        return cls(
            summary["vocabulary"],
            summary["clean_documents"],
            tuple(PlantedCampaign(**campaign) for campaign in summary["campaigns"]),
            tuple(PlantedDocument(**row) for row in rows),
        )
