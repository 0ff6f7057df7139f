"""Reading saved state, trusting nothing in it."""

from __future__ import annotations

import math
from typing import Any

from nnplug.errors import DataError

__all__ = ["is_number", "list_of", "names_of", "need", "number_of", "text_of"]


def need(condition: bool, otherwise: str) -> None:
    """Refuse a saved encoder."""
    if not condition:
        raise DataError(f"this is not a saved encoder: {otherwise}.")


def text_of(value: object, what: str) -> str:
    """Take text."""
    need(isinstance(value, str), f"{what} is not text")
    return str(value)


def number_of(value: object, what: str) -> float:
    """Take a finite number."""
    need(is_number(value), f"{what} is no finite number")
    assert isinstance(value, int | float)  # for the type checker
    return float(value)


def is_number(value: object) -> bool:
    """Tell whether a value is a finite number, and not a truth value."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def list_of(value: object, what: str) -> list[Any]:
    """Take a list."""
    need(isinstance(value, list), f"{what} is not a list")
    assert isinstance(value, list)  # for the type checker
    return value


def names_of(value: object, what: str, *, distinct: bool = True) -> tuple[str, ...]:
    """Take a list of texts."""
    every = list_of(value, what)
    need(all(isinstance(each, str) for each in every), f"{what} holds more than text")
    need(not distinct or len(set(every)) == len(every), f"{what} holds a text twice")
    return tuple(every)
