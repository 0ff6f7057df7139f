"""Attributions: how much each input of a row contributes to its prediction.

Integrated gradients (Sundararajan, Taly & Yan, 2017, arXiv:1703.01365,
equation 1) follow the straight line from a baseline to the row and integrate
the derivative by each input. By a quadrature, the sum is only nearly the
difference of the two predictions: a kink (relu) is met between two points, and
the derivative of a step is zero on both sides of it.

Here the line is cut into short segments. On each, the chain rule is applied to
differences in place of derivatives: an activation has the slope of its secant
between the two ends, and any other layer the discrete gradient of Gonzalez
(1996, doi:10.1007/BF02440162), which is the derivative in the middle, corrected
along the segment by what it misses. So the attributions sum to the difference
by construction, across kinks and steps too. As the segments get shorter, they
approach integrated gradients, with an error of the second order where the
network is smooth. With a single segment and elementwise activations, they are
the "rescale" rule of DeepLIFT (Shrikumar et al., 2017, arXiv:1704.02685).

Letters: N rows, P points of the line, D inputs, C outputs, T answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from nnplug.errors import NotFiniteError
from nnplug.formulas.evaluation import evaluate
from nnplug.network.network import Network
from nnplug.parts import Noise, Placed
from nnplug.parts.placing import trace_placed
from nnplug.types import AnyArray

__all__ = ["SEGMENTS", "attribute", "by_columns"]

SEGMENTS = 64
"""The segments that the line is cut into."""

Answer = Callable[[AnyArray, AnyArray], AnyArray]
"""Turns outputs, (n, C), of the rows numbered by an array, (n,), into answers, (n, T)."""

Float64Array = npt.NDArray[np.float64]

_MOST_NUMBERS = 1 << 22
"""So many numbers are computed at once, of all layers together: 32 MiB."""

_STEP = 1e-5
"""Of the central differences through the answer, whose error the correction takes up."""


def attribute(
    network: Network,
    inputs: AnyArray,
    baseline: AnyArray,
    answer: Answer,
    *,
    segments: int = SEGMENTS,
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Share the difference of each row's answers from the baseline's among its inputs.

    Parameters
    ----------
    network : Network
        Computed in float64, whatever its dtype.
    inputs : array
        The rows, (N, D).
    baseline : array
        (D,).
    answer : callable
        What is explained: see `Answer`.
    segments : int, optional
        More of them are closer to integrated gradients; the sum is exact with any.

    Returns
    -------
    tuple of array
        The attributions, (N, T, D), the answers, (N, T), and those of the
        baseline, (N, T).

    Raises
    ------
    FormulaError
        If a layer cannot be traced.
    """
    chain = _Chain(network)
    share = np.linspace(0.0, 1.0, segments + 1)[:, np.newaxis]  # (P, 1)
    width = network.inputs + sum(placed.outputs for placed in network.placed)
    size = max(1, _MOST_NUMBERS // (width * (segments + 1)))
    found = []
    for first in range(0, len(inputs), size):
        rows = np.arange(first, min(first + size, len(inputs)))
        far = inputs[rows].astype(np.float64)  # (n, D)
        # Written so that both ends are met exactly: (n, P, D).
        line = baseline * (1 - share) + far[:, np.newaxis] * share
        found.append(chain.along(line, rows, answer))
    attributions, answers, base = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return attributions, answers, base


class _Chain:
    """The layers of a network, in float64."""

    def __init__(self, network: Network) -> None:
        self._given = {span.name: network[span.name].astype(np.float64) for span in network.spans}
        self._layers = [_Secant(placed, self._given) for placed in network.placed]

    def along(
        self, line: Float64Array, rows: AnyArray, answer: Answer
    ) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Attribute along lines of points, (n, P, D)."""
        n, points, width = line.shape
        values = [line.reshape(n * points, width)]
        with np.errstate(all="ignore"):  # as in the network itself
            for layer in self._layers:
                values.append(layer.placed.compute(values[-1], self._given))
        at = np.repeat(rows, points)
        finite = np.isfinite(values[-1]).all(axis=1)
        if not finite.all():
            raise NotFiniteError(
                f"The network's outputs are not finite between the baseline and row "
                f"{at[~finite][0]} of the rows to explain, counted from 0.\n"
                "Way out: leave the row out, or give a baseline that is nearer to it.",
                rows=(int(at[~finite][0]),),
                count=len(np.unique(at[~finite])),
            )
        answers = answer(values[-1], at).reshape(n, points, -1)  # (n, P, T)

        def ends(array: AnyArray) -> tuple[AnyArray, AnyArray]:
            """Give both ends of each segment, (n·(P-1), width)."""
            shaped = array.reshape(n, points, -1)
            flat = (n * (points - 1), shaped.shape[2])
            return shaped[:, :-1].reshape(flat), shaped[:, 1:].reshape(flat)

        pairs = [ends(value) for value in values]
        last = np.repeat(rows, points - 1)
        total = np.empty((n, answers.shape[2], width))
        with np.errstate(all="ignore"):
            for place in range(answers.shape[2]):

                def one(outputs: AnyArray, place: int = place) -> AnyArray:
                    return answer(outputs, last)[:, place]

                factor = _by_outputs(one, *pairs[-1], *ends(answers[:, :, place]))
                steps = zip(self._layers, pairwise(pairs), strict=True)
                for layer, (before, after) in reversed(list(steps)):
                    factor = layer.back(factor, before, after)
                start, stop = pairs[0]
                total[:, place] = (factor * (stop - start)).reshape(n, -1, width).sum(axis=1)
        return total, answers[:, -1], answers[:, 0]


class _Secant:
    """A layer's chain rule for differences.

    Parameters
    ----------
    placed : Placed
    given : mapping of str to array
        The network's arrays, by name.
    """

    def __init__(self, placed: Placed, given: Mapping[str, AnyArray]) -> None:
        self.placed = placed
        self._formula = formula = trace_placed(placed, training=False).value
        self._x = formula.inputs[0].name
        self._arrays = {
            symbol.name: given[array.name]
            for array, symbol in zip(placed.arrays, formula.inputs[1:], strict=True)
            if not isinstance(array.declared, Noise)
        }
        self._slope = None if formula.is_identity else formula.slope

    def back(
        self,
        factor: AnyArray,
        before: tuple[AnyArray, AnyArray],
        after: tuple[AnyArray, AnyArray],
    ) -> AnyArray:
        """Give the factors of the inputs from those of the outputs.

        Parameters
        ----------
        factor : array
            (n, C): what an answer changes by, for each unit that an output does.
        before, after : tuple of array
            The inputs, (n, D), and the outputs, (n, C), at both ends.
        """
        if self._formula.is_identity:
            return factor
        (x0, x1), (y0, y1) = before, after
        middle = (x0 + x1) / 2
        if self._slope is not None:
            slope = self._evaluate(self._slope, {self._x: middle})
            return factor * _secant(slope, x1 - x0, y1 - y0, abs(y0) + abs(y1))
        pulled = self._evaluate(
            self._formula.pulled[0], {self._x: middle, self._formula.g.name: factor}
        )
        change = (factor * (y1 - y0)).sum(axis=1)
        size = (abs(factor) * (abs(y0) + abs(y1))).sum(axis=1)
        return _corrected(pulled, x1 - x0, change, size)

    def _evaluate(self, symbol: Any, given: Mapping[str, AnyArray]) -> AnyArray:
        (value,) = evaluate([symbol], {**self._arrays, **given})
        return value


def _secant(slope: AnyArray, dx: AnyArray, dy: AnyArray, size: AnyArray) -> AnyArray:
    """Divide differences, element by element; the slope where they differ by rounding alone."""
    rounding = 16 * np.finfo(np.float64).eps * size
    exact = abs(dy - slope * dx) <= rounding
    return np.where(exact | (dx == 0), slope, dy / np.where(dx == 0, 1.0, dx))


def _corrected(gradient: AnyArray, dx: AnyArray, change: AnyArray, size: AnyArray) -> AnyArray:
    """Correct gradients, (n, D), along dx, so that they make up a change, (n,)."""
    missed = change - (gradient * dx).sum(axis=1)
    length = (dx * dx).sum(axis=1)
    small = (abs(missed) <= 16 * np.finfo(np.float64).eps * size) | (length == 0)
    factor = np.where(small, 0.0, missed / np.where(length == 0, 1.0, length))
    corrected: AnyArray = gradient + factor[:, np.newaxis] * dx
    return corrected


def _by_outputs(
    answer: Callable[[AnyArray], AnyArray],
    z0: AnyArray, z1: AnyArray, a0: AnyArray, a1: AnyArray,
) -> AnyArray:  # fmt: skip
    """Give the factors of the outputs, (n, C), for one answer at both ends, (n, 1).

    The answer is a short formula behind the network (a softmax, the target's
    unit), of which only values are known here.
    """
    middle = (z0 + z1) / 2
    gradient = np.empty_like(middle)
    for column in range(middle.shape[1]):
        step = np.zeros(middle.shape[1])
        step[column] = _STEP
        gradient[:, column] = (answer(middle + step) - answer(middle - step)) / (2 * _STEP)
    return _corrected(gradient, z1 - z0, (a1 - a0)[:, 0], (abs(a0) + abs(a1))[:, 0])


def by_columns(attributions: Float64Array, widths: Sequence[int]) -> Float64Array:
    """Sum attributions of inputs, (N, T, D), over the inputs of each column."""
    starts = np.cumsum([0, *widths[:-1]])
    return np.add.reduceat(attributions, starts, axis=2)
