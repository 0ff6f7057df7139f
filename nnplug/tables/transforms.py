"""Transforms of a target: what a network learns instead of the number itself, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, SettingError, suggest
from nnplug.tables.table import Column
from nnplug.tables.wording import count_of, quote, show

__all__ = ["Transform", "back", "check_transform", "forward", "refuse_outside"]

Float64Array = npt.NDArray[np.float64]

Transform = Literal["log", "asinh"]
"""`log` is the natural logarithm, of numbers above 0. `asinh` is like it far from
0, log(2·|x|) with the sign of x, and takes any number; near 0 it changes little."""

_PAIRS: Mapping[str, tuple[Callable[[Float64Array], Float64Array], ...]] = {
    "log": (np.log, np.exp),
    "asinh": (np.arcsinh, np.sinh),
}


def check_transform(name: object) -> Transform | None:
    """Take the name of a transform; `"none"` and None are none.

    Raises
    ------
    SettingError
    """
    if name is None or name == "none":
        return None
    for known in get_args(Transform):
        if name == known:
            return known  # type: ignore[no-any-return]  # get_args has no type
    known = (*get_args(Transform), "none")
    raise SettingError(
        f"target_transform={name!r} is none of {', '.join(known)}.{suggest(str(name), known)}"
    )


def forward(transform: Transform | None, values: Float64Array) -> Float64Array:
    """Transform numbers; those outside of the domain must have been refused."""
    return values if transform is None else _PAIRS[transform][0](values)


def back(transform: Transform | None, values: Float64Array) -> Float64Array:
    """Bring transformed numbers back; what is too large for float64 is infinite."""
    return values if transform is None else _PAIRS[transform][1](values)


def refuse_outside(source: str, column: Column, transform: Transform | None) -> None:
    """Refuse a target with numbers that have no logarithm, where that is asked for.

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
