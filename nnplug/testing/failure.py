"""What a failing check reports, and how numbers are written there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nnplug.types import AnyArray

__all__ = ["CheckFailure", "Curve", "Wrong", "contrast", "different", "number"]


@dataclass(frozen=True)
class Curve:
    """A value and its derivative as one number varies, for a plot.

    Attributes
    ----------
    label : str
        The number's name, such as `"x"`.
    x, value : list of float
    given, expected : list of float
        The part's derivative and the measured one; `nan` where it cannot be
        measured.
    at : float
        Where the check found the worst error.
    """

    label: str
    x: list[float]
    value: list[float]
    given: list[float]
    expected: list[float]
    at: float


class Wrong(Exception):  # noqa: N818  # a finding, which `Check` turns into an error
    """What a check found."""

    def __init__(self, message: str, curve: Curve | None = None) -> None:
        super().__init__(message)
        self.curve = curve


class CheckFailure(AssertionError):  # noqa: N818  # a failure of the part, not an error of the kit
    """A part fails a check: which part of which package, where, and why.

    Attributes
    ----------
    finding : str
        The message without the part's name and place.
    curve : Curve or None
        For a wrong derivative, the value and the derivatives around it.
    only_in : str
        The engine that it fails in, if it passed in an earlier one; else empty.
    """

    def __init__(
        self, message: str, finding: str, curve: Curve | None = None, only_in: str = ""
    ) -> None:
        super().__init__(message)
        self.finding, self.only_in = finding, only_in
        self.curve = curve


def number(value: Any, digits: int = 4) -> str:
    """Write a number with a few digits.

    Examples
    --------
    >>> number(-2.3100001)
    '-2.31'
    """
    return f"{float(value):.{digits}g}"


def contrast(given: Any, expected: Any) -> str:
    """Write two numbers with enough digits to tell them apart.

    Examples
    --------
    >>> contrast(0.0979, 0.1023)
    'the part gives 0.0979, expected 0.1023 (relative error 4.3 %)'
    """
    given, expected = float(given), float(expected)
    digits = next((d for d in range(4, 17) if number(given, d) != number(expected, d)), 17)
    text = f"the part gives {number(given, digits)}, expected {number(expected, digits)}"
    if not np.isfinite(given) or not np.isfinite(expected):
        return text
    error = abs(given - expected)
    if expected == 0:
        return f"{text} (absolute error {number(error, 2)})"
    share = 100 * error / abs(expected)
    return f"{text} (relative error {number(share, 2) if share < 99.5 else f'{share:.0f}'} %)"


def different(
    given: AnyArray, expected: AnyArray, *, rtol: float = 1e-10, atol: float = 1e-12
) -> str:
    """Say where two arrays differ most; an empty string if they do not differ.

    Examples
    --------
    >>> different(np.array([[1.0, 2.5]]), np.array([[1.0, 2.0]]))
    'at row 0, column 1: the part gives 2.5, expected 2 (relative error 25 %)'
    """
    given, expected = np.asarray(given), np.asarray(expected)
    if given.shape != expected.shape:
        return f"the part gives shape {given.shape}, expected {expected.shape}"
    with np.errstate(all="ignore"):
        excess = abs(given - expected) - rtol * abs(expected)
    excess = np.where(np.isfinite(excess), excess, np.inf)
    same = (given == expected) | (np.isnan(given) & np.isnan(expected))
    excess = np.where(same, -1.0, excess)
    if not (excess > atol).any():
        return ""
    place = np.unravel_index(int(np.argmax(excess)), excess.shape)
    where = f"at {where_in(place)}: " if place else ""
    return f"{where}{contrast(given[place], expected[place])}"


def where_in(place: tuple[Any, ...]) -> str:
    """Name an element of a vector or a matrix."""
    names = ("row", "column") if len(place) == 2 else ("element",) * len(place)
    return ", ".join(f"{name} {int(at)}" for name, at in zip(names, place, strict=True))
