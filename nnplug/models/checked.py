"""Taking values from a document that nobody vouches for, each checked."""

from __future__ import annotations

from typing import Any

from nnplug.errors import ModelFileError
from nnplug.models.strict_json import printable

__all__ = ["need", "shown", "take_list", "take_mapping", "take_text", "take_width"]

LARGEST_WIDTH = 1 << 30


def need(condition: bool, otherwise: str) -> None:
    """Refuse the file unless a condition holds.

    Raises
    ------
    ModelFileError
        With the reason.
    """
    if not condition:
        raise ModelFileError(otherwise)


def shown(value: object) -> str:
    """Write what a file holds, for a message: short, in quotes, without control characters."""
    return f'"{printable(str(value), 60)}"'


def take_mapping(
    value: object, keys: set[str], what: str, *, may_have: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Take a JSON object that has all of some keys, and no others but those it may have."""
    if not isinstance(value, dict):
        raise ModelFileError(f"{what} is not a JSON object")
    for missing in sorted(keys - set(value)):
        raise ModelFileError(f'{what} has no "{missing}"')
    for extra in sorted(set(value) - keys - may_have):
        raise ModelFileError(f"{what} has {shown(extra)}, which nnplug does not write")
    return value


def take_list(value: object, what: str) -> list[Any]:
    """Take a list."""
    if not isinstance(value, list):
        raise ModelFileError(f"{what} is not a list")
    return value


def take_text(value: object, what: str) -> str:
    """Take a text."""
    if not isinstance(value, str):
        raise ModelFileError(f"{what} is not text")
    return value


def take_width(value: object, what: str, least: int = 1) -> int:
    """Take a number of units, inputs or parameters."""
    whole = not isinstance(value, bool)
    if not (whole and isinstance(value, int) and least <= value <= LARGEST_WIDTH):
        raise ModelFileError(
            f"the width of {what} is not a whole number from {least} to {LARGEST_WIDTH:,}"
        )
    return value
