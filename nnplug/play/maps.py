"""Maps: what units and the output compute over a plane of two inputs, as bytes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnplug.types import AnyArray

__all__ = ["MIDDLE", "Plane", "signed_bytes", "to_text", "unit_bytes"]

MIDDLE = 128
"""The byte of the value 0 in a map of signed values."""


@dataclass(frozen=True)
class Plane:
    """A plane through the inputs: two of them vary, the others stay.

    Attributes
    ----------
    axes : tuple of int
        The inputs that vary; both are the same where there is one input only.
    low, high : array of shape (2,)
        The plane's corners.
    base : array of shape (D,)
        The values of the others.
    """

    axes: tuple[int, int]
    low: AnyArray
    high: AnyArray
    base: AnyArray

    @classmethod
    def of(
        cls,
        inputs: AnyArray,
        axes: tuple[int, int],
        fixed: Mapping[int, float],
        around: AnyArray | None = None,
    ) -> Plane:
        """Lay a plane through rows, (N, D): it holds all of them, with a margin.

        Parameters
        ----------
        fixed : mapping
            Values of inputs that do not vary; by default their means.
        around : array, optional
            (M, D), rows to hold, in place of `inputs`.
        """
        held = inputs if around is None else around
        base = inputs.mean(axis=0, dtype=np.float64)
        for place, value in fixed.items():
            base[place] = value
        chosen = held[:, list(axes)].astype(np.float64)
        low, high = chosen.min(axis=0), chosen.max(axis=0)
        middle, reach = (low + high) / 2, np.maximum((high - low) / 2, 0.5)
        reach = np.full(2, reach.max()) * 1.15  # a square, so that circles are round
        return cls(axes, middle - reach, middle + reach, base)

    def at(self, points: AnyArray) -> AnyArray:
        """Give the inputs (N, D) of points of the plane (N, 2)."""
        rows = np.repeat(self.base[np.newaxis], len(points), axis=0)
        rows[:, self.axes[1]] = points[:, 1]
        rows[:, self.axes[0]] = points[:, 0]
        return rows

    def grid(self, side: int) -> AnyArray:
        """Give the inputs (side², D) of a square of points, from the upper left, row by row."""
        xs, ys = (
            low + (np.arange(side) + 0.5) / side * (high - low)
            for low, high in zip(self.low, self.high, strict=True)
        )
        across, down = np.meshgrid(xs, ys[::-1])
        return self.at(np.stack([across.ravel(), down.ravel()], axis=1))

    def line(self, steps: int) -> tuple[AnyArray, AnyArray]:
        """Give points along the first axis, (S,), and their inputs, (S, D)."""
        xs = np.linspace(self.low[0], self.high[0], steps)
        return xs, self.at(np.stack([xs, xs], axis=1))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "axes": list(self.axes),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "base": self.base.tolist(),
        }


def signed_bytes(values: AnyArray) -> AnyArray:
    """Scale values (N, H) to bytes, column by column: 0 is at `MIDDLE`, the largest at an end.

    Examples
    --------
    >>> signed_bytes(np.array([[0.0, 3.0], [-2.0, 3.0], [1.0, 0.0]])).T.tolist()
    [[128, 1, 192], [255, 255, 128]]
    """
    clean = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=1e300, neginf=-1e300)
    largest = np.abs(clean).max(axis=0, initial=0.0)
    scaled = clean / np.where(largest > 0, largest, 1) * 127
    return np.rint(MIDDLE + scaled).astype(np.uint8)


def unit_bytes(values: AnyArray, low: float = 0.0, high: float = 1.0) -> AnyArray:
    """Scale values from `low` to `high` to bytes from 0 to 255.

    Examples
    --------
    >>> unit_bytes(np.array([-1.0, 0.0, 0.5, 2.0])).tolist()
    [0, 0, 128, 255]
    """
    wide = high - low if high > low else 1.0
    clean = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
    return np.rint(np.clip((clean - low) / wide, 0, 1) * 255).astype(np.uint8)


def to_text(values: AnyArray) -> str:
    """Write bytes in base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
