"""Which class a network of two inputs gives where, and where the rows lie."""

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
        (down, across), from the top; masked where the network gives no number.
    x, y : tuple of float
        What the plane spans.
    points : array
        (N, 2), rows of the data; a part of them where there are many.
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
        (N, 2), which the grid spans.
    targets : array of int
        (N,), their classes. Rows without inputs at hand, as in a stream, give
        no points.
    across, down : int
        The size of the grid.
    most : int, optional
        Of more rows than these, every so many become points.

    Returns
    -------
    Plane or None
        None if there are not two inputs that are numbers, or no classes.
    """
    if model.info.inputs != 2 or model.task not in ("binary", "multiclass"):
        return None
    scales: list[tuple[float, float]] = [(0.0, 1.0), (0.0, 1.0)]
    if model.encoder is not None:
        columns = model.encoder.columns
        if len(columns) != 2:
            return None
        scales = [(each.mean, each.scale) for each in columns if isinstance(each, Scale)]
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
    grid = np.stack([each.reshape(-1) for each in np.meshgrid(x, y)], axis=1)
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
