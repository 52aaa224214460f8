"""Fuzz targets: parsers of what users, earlier runs and other machines give; damage is refused in
one line, never by another exception."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from fuzz.kernels import _profile
from tocsin.beam.state import StateError, open_state
from tocsin.corpus.groups import group_names
from tocsin.drill.poison import DrillError
from tocsin.drill.recipe_file import parse_recipes
from tocsin.judge.policy import Policy
from tocsin.ledger.manifest import ManifestError, decode, encode
from tocsin.measure.chat_templates import parse_templates
from tocsin.measure.profile import COUNTS_FILE, DESCRIPTION_FILE, Profile, ProfileError
from tocsin.report.visible import visible
from tocsin.toml import ConfigurationError, parse_toml


def policy(data: bytes) -> None:
    """The TOML file of `--config`."""
    try:
        parsed = Policy.parse(data)
        parse_templates(parse_toml(data).get("template", []))
    except ConfigurationError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert parsed.minimum_groups >= 1


def recipes(data: bytes) -> None:
    """The TOML file of a drill's own recipes."""
    try:
        parse_recipes(data)
    except DrillError as error:
        assert len(str(error).splitlines()) == 1


@functools.cache
def _state_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tocsin-fuzz-"))
    (folder / "nights").mkdir()
    return folder


def state(data: bytes) -> None:
    """The manifest of a state's last night: as it is, or with a digest that is right."""
    choice, data = data[:1], data[1:]
    if choice > b"\x40":
        try:
            described = json.loads(data)
            data = encode(described if isinstance(described, dict) else {"night": described})
        except (ValueError, RecursionError):
            return
    (_state_folder() / "nights" / "00001.json").write_bytes(data)
    try:
        open_state(str(_state_folder()))
    except StateError as error:
        assert len(str(error)) > 10


def manifest(data: bytes) -> None:
    """`manifest.json`."""
    with contextlib.suppress(ManifestError):
        decode(data)


@functools.cache
def _profile_files() -> dict[str, bytes]:
    return _profile().to_files()


def profile(data: bytes) -> None:
    """The files of a profile: one of them foreign, or a byte of it changed."""
    files = dict(_profile_files())
    choice, data = data[0] if data else 0, data[1:]
    name = COUNTS_FILE if choice & 1 else DESCRIPTION_FILE
    if choice & 2 and len(data) >= 3:
        content = bytearray(files[name])
        content[(data[0] << 8 | data[1]) % min(len(content), 1 << 12)] = data[2]
        files[name] = bytes(content)
    else:
        files[name] = data
    try:
        found = Profile.from_files(files)
    except ProfileError as error:
        assert len(str(error).splitlines()) <= 1
    else:
        np.lib.format.read_array(io.BytesIO(found.to_files()[COUNTS_FILE]), allow_pickle=False)


def shown(data: bytes) -> None:
    """What a terminal or page gets of corpus text: one line without control characters."""
    limit = 1 + (data[0] if data else 0)
    text = visible(data[1:].decode("utf-8", "surrogateescape"), limit)
    text.encode()
    assert len(text) <= limit
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in text)


def groups(data: bytes) -> None:
    """Registered domains of hostile URLs."""
    names = data.decode("utf-8", "replace").split("\n")
    found = group_names([pa.array(names, pa.string())], "folder")
    assert len(found) == len(names) and not found.null_count
    assert all(found.to_pylist())
