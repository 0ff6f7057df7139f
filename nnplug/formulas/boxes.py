"""What holds of a formula of one argument on the whole line: proofs by boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from nnplug.formulas.graph import Symbol, walk
from nnplug.formulas.intervals import BoolArray, Bounds, Float64Array, bounds_of

__all__ = ["find_jumps", "sign_everywhere"]

Sign = Literal["never negative", "sometimes negative", "unknown"]

_ROUNDS = 40
_MOST_BOXES = 1 << 14
_SMALLEST = 2.0**-60
_LARGEST = float(np.finfo(np.float64).max)


def sign_everywhere(
    output: Symbol, name: str, others: Mapping[str, tuple[float, float]]
) -> tuple[Sign, tuple[float, float] | None]:
    """Tell whether a formula of one argument is never negative, over all finite numbers.

    The line is cut into boxes, and a box that is undecided is cut again.

    Parameters
    ----------
    output : Symbol
        Elementwise, and lowered.
    name : str
        The argument.
    others : mapping of str to tuple of float
        The least and the greatest value of each other argument.

    Returns
    -------
    tuple of str and tuple
        Proved either way, or unknown; and, unless it is never negative, a box where it
        is negative, or where the sign is not known.
    """
    low, high = _first_boxes(output)
    for _ in range(_ROUNDS):
        bounds, _even = _on_boxes(output, name, others, low, high)
        negative = np.flatnonzero(bounds.high < 0)
        if negative.size:
            return "sometimes negative", (float(low[negative[0]]), float(high[negative[0]]))
        open_ = ~(bounds.low >= 0)
        low, high = low[open_], high[open_]
        if not low.size:
            return "never negative", None
        middle = low / 2 + high / 2
        if len(low) > _MOST_BOXES or not ((low < middle) & (middle < high)).all():
            break
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return "unknown", (float(low[0]), float(high[0]))


def find_jumps(
    output: Symbol, name: str, others: Mapping[str, tuple[float, float]]
) -> tuple[Float64Array, Float64Array] | None:
    """Enclose the places where a formula of one argument may be discontinuous.

    Returns
    -------
    tuple of array or None
        The ends of boxes next to nothing in width, outside of which it is continuous;
        None if they cannot be found.
    """
    low, high = _first_boxes(output)
    found: list[tuple[Float64Array, Float64Array]] = []
    while low.size:
        _, even = _on_boxes(output, name, others, low, high)
        low, high = low[~even], high[~even]
        size = np.maximum(abs(low), abs(high))
        narrow = (high - low <= 2**-50 * size) | (size <= _SMALLEST)
        found.append((low[narrow], high[narrow]))
        low, high = low[~narrow], high[~narrow]
        if len(low) > _MOST_BOXES or sum(len(each) for each, _ in found) > _MOST_BOXES:
            return None
        middle = low / 2 + high / 2
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return np.concatenate([each for each, _ in found]), np.concatenate([each for _, each in found])


def _on_boxes(
    output: Symbol,
    name: str,
    others: Mapping[str, tuple[float, float]],
    low: Float64Array,
    high: Float64Array,
) -> tuple[Bounds, BoolArray]:
    given = {
        key: Bounds(np.full(len(low), least), np.full(len(low), greatest))
        for key, (least, greatest) in others.items()
    }
    return bounds_of(output, {name: Bounds(low, high), **given})


def _first_boxes(output: Symbol) -> tuple[Float64Array, Float64Array]:
    edges = _first_edges([symbol.value for symbol in walk([output]) if symbol.is_constant])
    return edges[:-1], edges[1:]


def _first_edges(constants: Sequence[float]) -> Float64Array:
    """Cut the line at powers of two, and at the formula's own numbers, where its kinks are."""
    powers = np.array([_SMALLEST, *2.0 ** np.arange(-30, 12)])
    tails = 2.0 ** np.arange(12, 1024, 92)
    sizes = np.array([*powers, *tails, _LARGEST, *(abs(c) for c in constants)])
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    return np.unique(np.concatenate([-sizes, [0.0], sizes]))
