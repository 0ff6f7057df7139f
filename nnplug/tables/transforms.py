"""Transforms of a target: what is learned instead of the number itself, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, SettingError, suggest
from nnplug.tables.table import Column, Table
from nnplug.tables.wording import count_of, quote, show
from nnplug.types import AnyArray

__all__ = [
    "AskedTransform",
    "Transform",
    "back",
    "check_transform",
    "forward",
    "less_skewed_as_log",
    "refuse_outside",
    "skewness",
]

Float64Array = npt.NDArray[np.float64]

Transform = Literal["log", "asinh"]
"""What a network may learn instead of the number itself.

`log` is the natural logarithm, for numbers above 0. `asinh` takes any number: it
is about log(2·|x|) with the sign of x far from 0, and about x near 0.
"""

AskedTransform = Transform | Literal["auto"]
"""`auto` is `log` where that makes the target less skewed, otherwise no transform."""

_PAIRS: Mapping[str, tuple[Callable[[Float64Array], Float64Array], ...]] = {
    "log": (np.log, np.exp),
    "asinh": (np.arcsinh, np.sinh),
}


def check_transform(name: object) -> AskedTransform | None:
    """Check the name of a transform; for `"none"` and None the result is None.

    Raises
    ------
    SettingError
    """
    if name is None or name == "none":
        return None
    for known in (*get_args(Transform), "auto"):
        if name == known:
            return known  # type: ignore[no-any-return]  # get_args has no type
    known = (*get_args(Transform), "auto", "none")
    raise SettingError(
        f"target_transform={name!r} is none of {', '.join(known)}.{suggest(str(name), known)}"
    )


def forward(transform: Transform | None, values: Float64Array) -> Float64Array:
    """Transform numbers; those outside the domain must have been refused before."""
    return values if transform is None else _PAIRS[transform][0](values)


def back(transform: Transform | None, values: Float64Array) -> Float64Array:
    """Convert transformed numbers back; one too large for float64 becomes infinite."""
    return values if transform is None else _PAIRS[transform][1](values)


def refuse_outside(source: str, column: Column, transform: Transform | None) -> None:
    """Refuse a target with numbers that have no logarithm, if the transform is one.

    Raises
    ------
    DataError
    """
    if transform != "log":
        return
    places = np.flatnonzero((column.data <= 0) & column.present)
    if places.size:
        row = int(places[0])
        raise DataError(
            f"{source}: target {quote(column.name)} is 0 or below in "
            f"{count_of(places.size, 'row')}, the first in row {row + 1}: "
            f"{show(column.data[row])}. It has no logarithm.\n"
            "Correct the values, or train with --target-transform asinh, which takes any "
            "number."
        )


def less_skewed_as_log(table: Table, names: Sequence[str]) -> bool:
    """Tell whether all targets are above 0 and their logarithms less skewed than they are."""
    for name in names:
        column = table.column(name)
        values = column.data[column.present].astype(np.float64)
        if values.min() <= 0 or abs(skewness(np.log(values))) >= abs(skewness(values)):
            return False
    return True


def skewness(numbers: AnyArray) -> float:
    """Compute the third standardised moment; 0 if the numbers are constant or too large."""
    with np.errstate(all="ignore"):
        away = numbers - numbers.mean()
        away /= away.std()
        found = float(np.mean(away * away * away))
    return found if np.isfinite(found) else 0.0
