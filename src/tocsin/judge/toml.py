"""TOML as policies and recipes are written in, with errors of one line."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class PolicyError(ValueError):
    """A policy that can't be used; the message is one line that names the key."""


def parse_toml(content: bytes) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
      PolicyError: if it is no TOML.
    """
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and TOMLDecodeError
        raise PolicyError(f"not TOML: {one_line(str(error))}") from error


def one_line(text: str) -> str:
    """The text as it is, but for what a terminal would not print."""
    return repr(text)[1:-1]
