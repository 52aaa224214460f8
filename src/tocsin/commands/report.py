"""`tocsin report`."""

from __future__ import annotations

from tocsin.beam import prepare, storage
from tocsin.beam.results import read_manifest, write_report
from tocsin.commands.console import out, working


def run(output: str) -> int:
    """Writes OUT/report.html again; the exit code.

    Raises:
      UsageError, ManifestError: if OUT holds no finished scan.
    """
    output = prepare.absolute(output)
    manifest = read_manifest(output)
    if manifest is None:
        raise prepare.UsageError(f"{output} has no manifest: it holds no finished scan")
    with working("writing the report"):
        write_report(output, manifest)
    out.print(storage.join(output, "report.html"))
    return 0
