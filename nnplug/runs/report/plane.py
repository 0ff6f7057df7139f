"""The plane of two inputs: which class the network answers where, and where the rows lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnplug.models import Model
from nnplug.tables.encodings import Scale
from nnplug.types import AnyArray

__all__ = ["Plane", "plane"]

Range = tuple[float, float]


@dataclass(frozen=True)
class Plane:
    """The plane of two inputs, in the units of the data.

    Attributes
    ----------
    classes : masked array of int
        (down, across), from the top; masked where an output is not finite.
    x, y : tuple of float
        The ranges that the plane spans.
    points : array
        (N, 2), rows of the data, or some of them if there are many.
    labels : array of int
        (N,), their classes.
    rows : int
        How many rows there are.
    """

    classes: AnyArray
    x: Range
    y: Range
    points: AnyArray
    labels: npt.NDArray[np.int64]
    rows: int


def plane(
    model: Model, inputs: AnyArray, targets: AnyArray, across: int, down: int, *, most: int = 1000
) -> Plane | None:
    """Classify a grid over the plane of two inputs.

    Parameters
    ----------
    inputs : array
        (N, 2), the rows that the grid spans.
    targets : array of int
        (N,), their classes. Rows whose inputs are not at hand, as in a stream,
        are not drawn as points.
    across, down : int
        The size of the grid.
    most : int, optional
        The most points; of more rows, one in so many is drawn.

    Returns
    -------
    Plane or None
        None unless there are classes and two inputs that are numbers.
    """
    if model.network.inputs != 2 or model.task not in ("binary", "multiclass"):
        return None
    scales: list[tuple[float, float]] = [(0.0, 1.0), (0.0, 1.0)]
    if model.encoder is not None:
        columns = model.encoder.columns
        if len(columns) != 2:
            return None
        scales = [(column.mean, column.scale) for column in columns if isinstance(column, Scale)]
        if len(scales) != 2:
            return None
    if len(inputs):
        low, high = inputs.min(axis=0).astype(float), inputs.max(axis=0).astype(float)
    else:
        low, high = np.full(2, -3.0), np.full(2, 3.0)
    room = np.where(high > low, (high - low) * 0.1, 1.0)
    low, high = low - room, high + room
    x = np.linspace(low[0], high[0], across)
    y = np.linspace(high[1], low[1], down)
    grid = np.stack([axis.reshape(-1) for axis in np.meshgrid(x, y)], axis=1)
    outputs = model.run(grid.astype(model.network.dtype))
    finite = np.isfinite(outputs).all(axis=1)
    classes = np.ma.MaskedArray(np.zeros(len(grid), np.int64), ~finite)
    classes[finite] = model.head.classes(outputs[finite])
    means, widths = np.transpose(scales)
    (left, bottom), (right, top) = (ends * widths + means for ends in (low, high))
    points, labels = inputs[:0], np.zeros(0, np.int64)
    if len(inputs) == len(targets):
        step = max(1, -(-len(inputs) // most))
        points, labels = inputs[::step], targets.reshape(-1)[::step].astype(np.int64)
    return Plane(
        classes.reshape(down, across),
        (float(left), float(right)),
        (float(bottom), float(top)),
        points * widths + means,
        labels,
        len(inputs),
    )
