"""The corpus, planted and clean, and the scan of it that others are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.corpus import Record, documents, planted, write_shards
from e2e.processes import run_well
from tocsin.drill.truth import Truth


@dataclass(frozen=True)
class Corpus:
    """`records`: of the poisoned corpus, in order; `clean`: of the corpus before; `folder`: the
    poisoned corpus in `sizes`, shards of plain JSONL; `truth`: what was planted."""

    records: list[Record]
    clean: list[Record]
    folder: Path
    sizes: Sequence[int]
    truth: Truth

    @property
    def planted_ids(self) -> set[str]:
        return {document.doc_id for document in self.truth.documents}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    clean = documents()
    records, truth = planted(clean, folder / "work")
    sizes = [900, 700, 600, len(records) - 2_200]
    write_shards(folder / "poisoned", records, "jsonl", sizes)
    return Corpus(records, clean, folder / "poisoned", sizes, truth)


@pytest.fixture(scope="session")
def scanned(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUT of a scan of `corpus.folder` by one worker. Not to be changed."""
    out = tmp_path_factory.mktemp("scanned") / "out"
    run_well("scan", corpus.folder, "-o", out, "--direct_num_workers=1")
    return out
