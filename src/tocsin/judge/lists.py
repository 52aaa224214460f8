"""Lists of what is known: triggers, documents and groups to let pass, or to stop.

A list is a TOML table or, to be exchanged, a TOML file of its own with the same keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.ledger.manifest import digest_of
from tocsin.measure.hashes import HASH_TYPE
from tocsin.toml import ConfigurationError, one_line, parse_toml

_HASH = re.compile(r"[0-9a-f]{32}")

ReadFile = Callable[[str], bytes]
"""Content of a file that a policy names.

Raises:
  OSError: if it can't be read.
"""


@dataclass(frozen=True)
class Lists:
    """`triggers`: strings; `hashes`: content hashes as 32 hexadecimal digits, as `flagged` has them
    in binary; `groups`: names of groups as `documents` has them. Each ordered, without repeats."""

    triggers: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @classmethod
    def parse(cls, table: Any, name: str, read: ReadFile) -> Lists:
        """Reads the table `name` of a policy, and the files that it names.

        Raises:
          ConfigurationError: for an unknown key, a wrong value, or a file that is no list.
        """
        if not isinstance(table, dict):
            raise ConfigurationError(f"{name}: must be a table")
        own = cls._of(
            {key: value for key, value in table.items() if key != "files"}, name, also="files"
        )
        for file in _strings(table.get("files", []), f"{name}.files"):
            try:
                content = parse_toml(read(file))
            except OSError as error:
                problem = error.strerror or str(error)
                raise ConfigurationError(
                    f"{name}.files: can't read {one_line(file)}: {problem}"
                ) from error
            except ConfigurationError as error:
                raise ConfigurationError(f"{name}.files: {one_line(file)}: {error}") from error
            own = own + cls._of(content, f"{name}.files: {one_line(file)}: ")
        return own

    @classmethod
    def _of(cls, table: Mapping[str, Any], name: str, also: str = "") -> Lists:
        known = [field.name for field in fields(cls)]
        values = {}
        separator = "" if name.endswith(" ") else "."
        for key, value in table.items():
            if key not in known:
                names = ", ".join([*known, also] if also else known)
                raise ConfigurationError(
                    f"{name}{separator}{one_line(key)}: unknown; known are {names}"
                )
            values[key] = tuple(sorted(set(_strings(value, f"{name}{separator}{key}"))))
        for value in values.get("hashes", ()):
            if not _HASH.fullmatch(value):
                raise ConfigurationError(
                    f"{name}{separator}hashes: must be 32 hexadecimal digits in lower case, "
                    f"not {one_line(value)[:80]}"
                )
        return cls(**values)

    def __add__(self, other: Lists) -> Lists:
        return Lists(
            *(
                tuple(sorted({*getattr(self, field.name), *getattr(other, field.name)}))
                for field in fields(Lists)
            )
        )

    def names_documents(self) -> bool:
        """Whether it names documents, by their hashes or groups."""
        return bool(self.hashes or self.groups)

    def documents(self, table: pa.Table) -> pa.Array | pa.ChunkedArray:
        """Mask of the rows (with the columns `content_hash` and `group`) that it names."""
        hashes = pa.array([bytes.fromhex(value) for value in self.hashes], HASH_TYPE)
        return pc.or_(
            pc.is_in(table["content_hash"], hashes),
            pc.is_in(table["group"], pa.array(self.groups, pa.string())),
        )

    def describe(self) -> dict[str, Any]:
        """For the manifest: how long the lists are, and a digest of what they say."""
        lists = {field.name: list(getattr(self, field.name)) for field in fields(self)}
        return {**{name: len(one) for name, one in lists.items()}, "digest": digest_of(lists)}


def _strings(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ConfigurationError(f"{name}: must be a list of strings that are not empty")
    return value
