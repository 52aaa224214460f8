"""TOML files of the user: policies, lists, recipes. Every error is a line that names the key."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class ConfigurationError(ValueError):
    """A file that can't be used; the message is one line that names the key."""


def parse_toml(content: bytes) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
      ConfigurationError: if it is no TOML.
    """
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and TOMLDecodeError
        raise ConfigurationError(f"not TOML: {one_line(str(error))}") from error


def check_table(
    name: str, table: Any, keys: Mapping[str, Callable[[Any], str | None]]
) -> dict[str, Any]:
    """A table of TOML, once each key is known and each value passes its check, which says what is
    wrong with it.

    Raises:
      ConfigurationError: otherwise.
    """
    if not isinstance(table, dict):
        raise ConfigurationError(f"{name}: must be a table")
    for key, value in table.items():
        if key not in keys:
            raise ConfigurationError(
                f"{name}.{one_line(key)}: unknown; known are {', '.join(keys)}"
            )
        if wrong := keys[key](value):
            raise ConfigurationError(f"{name}.{key}: {wrong}")
    return table


def one_line(text: str) -> str:
    """The text as it is, but for what a terminal would not print."""
    return repr(text)[1:-1]
