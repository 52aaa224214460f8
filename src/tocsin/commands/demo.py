"""`tocsin demo`: the whole of Tocsin on a corpus that every machine has."""

from __future__ import annotations

import shutil
from pathlib import Path

from tocsin.beam import prepare
from tocsin.beam.results import read_manifest, read_parts
from tocsin.beam.run import LOCAL, Engine, quiet_logs
from tocsin.commands import scan
from tocsin.commands.console import out, working
from tocsin.corpus.batches import FieldNames
from tocsin.drill.demo_corpus import gather
from tocsin.drill.planting import CampaignPlan, plant
from tocsin.judge.policy import Policy
from tocsin.judge.verdicts import FLAGGED_SCHEMA
from tocsin.report.visible import visible

PLANTED = 250
"""Documents of the campaign: what backdoors a model of any size (Souly et al. 2025)."""

_MARK = ".tocsin-demo"


def run(output: str) -> int:
    """Gathers, plants, scans, and compares with the truth; the exit code.

    Raises:
      UsageError: if the folder holds something else than an earlier demo.
      JobFailed: if the scan failed.
    """
    quiet_logs(verbose=False)
    folder = Path(output).absolute()
    mark = folder / _MARK
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise prepare.UsageError(f"{folder} is not empty and holds no demo")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.touch()
    with working("gathering Python sources"):
        corpus = gather(folder / "clean")
    out.print(
        f"Gathered {corpus.documents:,} documents, {corpus.text_bytes / 1e6:.0f} MB, of "
        f"{corpus.sources} packages of this machine's Python."
    )
    with working("planting"):
        truth = plant(folder / "clean", folder / "poisoned", [CampaignPlan("dos", PLANTED, seed=1)])
    truth.write(folder / "truth")
    out.print(
        f"Planted {PLANTED} documents of the recipe dos in a copy (vocabulary: "
        f"{truth.vocabulary}). The scan knows nothing of them."
    )
    result = str(folder / "out")
    code = scan.run(
        [str(folder / "poisoned")],
        result,
        profile=None,
        policy=Policy(),
        fields=FieldNames(),
        engine=Engine(LOCAL, ()),
        max_dead_letters=None,
        fail_on=None,
    )
    manifest = read_manifest(result)
    assert manifest is not None  # scan.run has read it
    flagged = read_parts(result, manifest, "flagged", FLAGGED_SCHEMA)
    found = set(flagged["doc_id"].to_pylist())
    planted = {document.doc_id for document in truth.documents}
    [campaign] = truth.campaigns
    out.print(
        f"Truth: the trigger was {visible(campaign.trigger or '')}; {len(found & planted)} of "
        f"{len(planted)} planted documents were flagged, and {len(found - planted)} clean ones."
    )
    return code
