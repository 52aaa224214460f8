"""`tocsin sign`."""

from __future__ import annotations

from tocsin.beam import prepare, storage
from tocsin.beam.state import committed_nights, night_path
from tocsin.commands.console import out
from tocsin.ledger.manifest import MANIFEST_FILE, decode
from tocsin.ledger.signature import SIGNATURE_SUFFIX, KeyProblem, sign


def run(folder: str, key: str) -> int:
    """Signs the manifest of a result, or that of the last night of a state; the exit code.

    Raises:
      UsageError, ManifestError: if there is no manifest, or one that is damaged; or no usable key.
    """
    folder = prepare.absolute(folder)
    nights = committed_nights(folder)
    uri = storage.join(folder, night_path(nights[-1]) if nights else MANIFEST_FILE)
    if not storage.exists(uri):
        raise prepare.UsageError(f"{folder} has no manifest: there is nothing to sign")
    content = storage.read(uri)
    decode(content)
    try:
        signature = sign(content, storage.read(key))
    except (OSError, KeyProblem) as error:
        raise prepare.UsageError(f"{key}: {error}") from error
    storage.write(uri + SIGNATURE_SUFFIX, signature)
    out.print(f"signed {uri}")
    return 0
