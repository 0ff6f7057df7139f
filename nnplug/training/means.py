"""The mean of a loss over the rows that count: taken here and nowhere else."""

from __future__ import annotations

import math

import numpy as np

from nnplug.formulas.primitives import new_graph
from nnplug.parts import Loss
from nnplug.types import AnyArray

__all__ = ["MeanLoss", "weight_of"]


def weight_of(rows: int, weights: AnyArray | None) -> float:
    """Give what rows count for together: their number, or the sum of their weights."""
    return float(rows) if weights is None else float(weights.sum(dtype=np.float64))


class MeanLoss:
    """Turns a sum of a loss's values into the number that is printed.

    For a mean loss that is Σwℓ / Σw, over the outputs too where the loss has
    a value for each of them; for a summed loss it is the sum.

    Parameters
    ----------
    loss : Loss
    outputs : int
        C.
    """

    def __init__(self, loss: Loss, outputs: int) -> None:
        prediction, target = loss.inputs(new_graph())
        elementwise = loss.value(prediction, target).shape == ("N", "C")
        self.summed = loss.reduction == "sum"
        self._errors = outputs // loss.outputs_for_each if elementwise else 1  # of a row

    def scale(self, weight: float) -> float:
        """Give the factor that turns a sum over rows of this weight into the mean.

        It is NaN where no row counts: there is no mean of nothing, and NaN is
        never the best.
        """
        if self.summed:
            return 1.0
        return 1.0 / (weight * self._errors) if weight > 0 else math.nan
