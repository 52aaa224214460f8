"""Verifying: are outputs and inputs still what their manifest says?"""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

import pyarrow as pa

from tocsin.beam import storage
from tocsin.beam.identity import identify
from tocsin.beam.learn import load_profile
from tocsin.beam.lease import FOLDER as LEASES
from tocsin.beam.lease import last_known_night
from tocsin.beam.prepare import is_below
from tocsin.beam.results import REPORT_FILE, read_manifest, read_part
from tocsin.beam.state import SHARDS, committed_nights, night_path
from tocsin.ledger import verification
from tocsin.ledger.manifest import MANIFEST_FILE, ManifestError, decode
from tocsin.ledger.shards import from_table
from tocsin.ledger.signature import SIGNATURE_SUFFIX, is_signed
from tocsin.ledger.verification import Verification
from tocsin.measure.profile import DESCRIPTION_FILE, ProfileError

_CHUNK = 1 << 20

_FOLDERS = ("documents", "dead_letters", "evidence", "campaigns", "flagged", "drift")
"""Folders of OUT of which the manifest names every file."""


def verify(folder: str, public_key: bytes | None = None) -> Verification:
    """Checks OUT or a state, whichever the folder holds.

    Args:
      public_key: PEM file of who must have signed it; None to leave signatures alone.

    Raises:
      OSError: if the storage fails; files that are not there are problems, not errors.
      KeyProblem: if the key can't be used.
    """
    result = Verification()
    if public_key is not None:
        _check_signature(folder, public_key, result)
    if committed_nights(folder) or storage.files_in(storage.join(folder, LEASES)):
        _verify_state(folder, result)
        return result
    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        result.found(verification.ALTERED_MANIFEST, folder, str(error))
        return result
    if manifest is None:
        result.found(verification.MISSING_MANIFEST, folder, "no manifest, so no result")
        return result
    result.manifests += 1
    _verify_scan(folder, manifest, result)
    for entry in manifest["inputs"]:
        check_input(entry, result)
    return result


def _check_signature(folder: str, public_key: bytes, result: Verification) -> None:
    nights = committed_nights(folder)
    name = night_path(nights[-1]) if nights else MANIFEST_FILE
    uri = storage.join(folder, name)
    if not storage.exists(uri):
        return  # it is missed elsewhere
    if not storage.exists(uri + SIGNATURE_SUFFIX):
        result.found(verification.NO_SIGNATURE, name, "nobody has signed it")
    elif not is_signed(storage.read(uri), storage.read(uri + SIGNATURE_SUFFIX), public_key):
        detail = "the signature is not of this manifest by the owner of the key"
        result.found(verification.WRONG_SIGNATURE, name, detail)


def _verify_scan(output: str, manifest: dict[str, Any], result: Verification) -> None:
    for line in verification.check_counts(manifest):
        result.found(verification.ALTERED_MANIFEST, output, line)
    check_outputs(output, manifest["outputs"], result)
    _check_unknown(output, manifest, result)
    state = manifest.get("state")
    uri = manifest["profile"]["uri"]
    if not state or not is_below(uri, state["uri"]):  # whose profiles replace each other
        _check_profile(manifest["profile"], result)


def _verify_state(uri: str, result: Verification) -> None:
    """The chain of manifests, what the last one names, the results of all nights as far as they are
    still there, and the shards as they are now."""
    manifests = [
        (night, storage.read(storage.join(uri, night_path(night))))
        for night in committed_nights(uri)
    ]
    if not manifests:
        result.found(verification.MISSING_MANIFEST, uri, "no night was committed yet")
    decoded = verification.check_chain(manifests, last_known_night(uri), result)
    for (night, content), manifest in zip(manifests, decoded):
        if manifest is not None:
            _verify_night(night, content, manifest, result)
    head = decoded[-1] if decoded else None
    if head is None:
        return
    files = head["state"]["files"]
    check_outputs(uri, files, result, verification.ALTERED_STATE, verification.MISSING_STATE)
    for entry in files:
        with contextlib.suppress(OSError, pa.ArrowException):  # it was found above
            if entry["kind"] == SHARDS:
                for shard in from_table(read_part(uri, entry["path"])):
                    if shard.present:
                        check_input(vars(shard), result)


def _verify_night(
    night: int, content: bytes, manifest: dict[str, Any], result: Verification
) -> None:
    output = manifest["output"]
    if not storage.files_in(output):
        result.absent += 1
        return
    uri = storage.join(output, MANIFEST_FILE)
    if not storage.exists(uri):
        result.found(verification.MISSING_MANIFEST, output, f"it is the result of night {night}")
        return
    written = storage.read(uri)
    if written != content:
        try:
            manifest = decode(written)
        except ManifestError as error:
            result.found(verification.ALTERED_MANIFEST, output, str(error))
            return
        judged = manifest.get("judged", {}).get("manifest_before")
        if judged != hashlib.sha256(content).hexdigest():
            detail = f"it is not the manifest that the state has of night {night}"
            result.found(verification.ALTERED_MANIFEST, output, detail)
    _verify_scan(output, manifest, result)


def check_outputs(
    folder: str,
    outputs: list[dict[str, Any]],
    result: Verification,
    altered: str = verification.ALTERED_OUTPUT,
    missing: str = verification.MISSING_OUTPUT,
) -> None:
    """Checks files of a folder against their sizes and digests."""
    for output in outputs:
        result.outputs += 1
        path = output["path"]
        try:
            digest, size = _digest(storage.join(folder, path))
        except FileNotFoundError:
            result.found(missing, path, "there is no such file")
            continue
        if size != output["bytes"]:
            detail = f"it has {size:,} bytes, the manifest says {output['bytes']:,}"
            result.found(altered, path, detail)
        elif digest != output["sha256"]:
            detail = f"its SHA-256 is {digest[:12]}…, the manifest says {output['sha256'][:12]}…"
            result.found(altered, path, detail)


def check_input(entry: dict[str, Any], result: Verification) -> None:
    """Checks a shard against what was read: `uri`, `size` and `checksum` of an entry."""
    result.inputs += 1
    uri = entry["uri"]
    try:
        found = identify(uri)
    except FileNotFoundError:
        result.found(verification.MISSING_INPUT, uri, "there is no such file any more")
        return
    if entry["checksum"] is None:  # it could not be read to its end, so nothing is known of it
        return
    if found.size != entry["size"]:
        detail = f"it had {entry['size']:,} bytes when it was scanned, and has {found.size:,}"
        result.found(verification.CHANGED_INPUT, uri, detail)
    elif found.checksum != entry["checksum"]:
        detail = f"it was {entry['checksum']} when it was scanned, and is {found.checksum}"
        result.found(verification.CHANGED_INPUT, uri, detail)


def _check_unknown(output: str, manifest: dict[str, Any], result: Verification) -> None:
    """Files that a reader of OUT would take for results, but no manifest vouches for."""
    known = {entry["path"] for entry in manifest["outputs"]}
    for folder in _FOLDERS:
        for file in storage.files_in(storage.join(output, folder)):
            path = f"{folder}/{file.name}"
            if path not in known and not storage.is_temporary(path):
                result.found(verification.UNKNOWN_OUTPUT, path, "the manifest does not name it")
    if not storage.exists(storage.join(output, REPORT_FILE)):
        result.found(verification.MISSING_OUTPUT, REPORT_FILE, "tocsin report writes it again")


def _check_profile(profile: dict[str, Any], result: Verification) -> None:
    result.outputs += 1
    uri = profile["uri"]
    if not storage.exists(storage.join(uri, DESCRIPTION_FILE)):
        result.found(verification.MISSING_PROFILE, uri, "there is no such profile")
        return
    try:
        digest = load_profile(uri).digest
    except (OSError, ProfileError) as error:
        result.found(verification.ALTERED_PROFILE, uri, str(error))
        return
    if digest != profile["digest"]:
        detail = "it is not the profile that the scan was made with"
        result.found(verification.ALTERED_PROFILE, uri, detail)


def _digest(uri: str) -> tuple[str, int]:
    """SHA-256 (hexadecimal) and size of a file."""
    if storage.is_remote(uri) and not storage.exists(uri):
        raise FileNotFoundError(uri)
    digest, size = hashlib.sha256(), 0
    with storage.open_file(uri) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
