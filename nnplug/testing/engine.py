"""Parts as training runs them: through a network, a plan and an engine.

The pre-activations of a layer whose inputs are the identity matrix are its
weights, so an activation or a loss can be given any matrix. The gradient of a
loss that is output times target is the target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnplug.engines import NUMPY, Engine, engines_at_hand, find_engine
from nnplug.network.network import Network
from nnplug.parts import Activation, Loss, Optimizer, Parameter, activation, loss, optimizer
from nnplug.plugins.registry import Registry
from nnplug.training import Evaluator, Steps
from nnplug.training.evaluation import MeanLoss, weight_of
from nnplug.types import AnyArray

__all__ = [
    "BATCH",
    "COLUMN",
    "BoundLayer",
    "engines_for",
    "fill",
    "printed_loss",
    "reveal",
    "some_of",
    "steps_of",
    "unchanged",
    "weighted",
]


def engines_for(name: str | None, registry: Registry | None) -> tuple[Engine, ...]:
    """Return the engine with a name; without one, nnplug's own that can run here and `-p`'s.

    Raises
    ------
    UnknownPartError, SettingError
        If there is no such engine, or what it needs is not installed.
    """
    registry = registry or Registry.from_environment()
    return tuple(engines_at_hand(registry)) if name is None else (find_engine(name, registry),)


def some_of(shapes: Sequence[tuple[int, int]], engine: Engine) -> Sequence[tuple[int, int]]:
    """Choose shapes for an engine: one that compiles takes about a second for each."""
    return [shape for shape in shapes if shape in COMPILED] if engine.preparation else shapes


BATCH, COLUMN = (4, 3), (4, 1)
COMPILED = (BATCH, COLUMN)
"""The shapes, rows by columns, with which an engine that compiles is tried."""


@activation(name="unchanged")
def unchanged(x: Any) -> Any:
    """The identity: the network's outputs are its pre-activations."""  # noqa: D401  # what it is, as parts say
    return x


@loss(reduction="sum", name="weighted")
def weighted(prediction: Any, target: Any) -> Any:
    """A loss whose derivative with respect to the outputs is the target."""  # noqa: D401  # what it is, as parts say
    return prediction * target


@optimizer(name="reveal")
def reveal(param: Any, grad: Any, *, learning_rate: float = 1.0) -> Any:
    """Replace the parameters by the gradient, so that it can be read there."""
    return grad


def _network(
    shape: tuple[int, int], dtype: np.dtype[Any], part: Activation = unchanged
) -> tuple[Network, AnyArray]:
    """Make a layer whose weights are its pre-activations, and its inputs."""
    rows, columns = shape
    network = Network(rows, (), columns, activations=(), output_activation=part, dtype=dtype)
    return network, np.eye(rows, dtype=dtype)


def fill(network: Network, sums: AnyArray, scale: float = 1.0) -> None:
    """Set the pre-activations and what the activation learns; the bias is 0."""
    network.parameters[...] = 0
    network["output.weight"][...] = scale * sums
    for array in network.placed[-1].arrays:  # the activation's
        if isinstance(array.declared, Parameter):
            start = array.declared.start
            network[array.name][...] = scale * (start if isinstance(start, float) else 0.0)


class BoundLayer:
    """An activation on pre-activations of one shape, forward and backward.

    Parameters
    ----------
    shape : tuple of int
        Of the pre-activations, (N, C).
    """

    def __init__(
        self, part: Activation, shape: tuple[int, int], dtype: Any, engine: Engine
    ) -> None:
        self.shape = shape
        self.network, self.inputs = _network(shape, np.dtype(dtype), part)
        self.evaluator = Evaluator(self.network, engine=engine)
        given = np.zeros(shape, dtype)
        self.steps = Steps(self.network, weighted, reveal, self.inputs, given, None, engine=engine)

    def __call__(self, x: AnyArray, given: AnyArray | None = None) -> tuple[AnyArray, AnyArray]:
        """Run it on x, after running it on other numbers, which must leave no trace.

        Parameters
        ----------
        given : array, optional
            (N, C), the derivative of some number with respect to the outputs; 1 by default.

        Returns
        -------
        tuple of array
            The outputs, and the derivative of that number with respect to x.
        """
        self.steps.targets[...] = 1 if given is None else given
        for scale in (0.5, 1.0):
            fill(self.network, x, scale)
            outputs, _ = self.evaluator.run(self.inputs)
            gradient = _gradient(self.network, self.steps)
        return outputs, gradient

    def on_points(self, x: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Run it on any number of points, (P, C), as many rows at a time as it has."""
        rows = self.shape[0]
        padded = np.concatenate([x, np.repeat(x[-1:], -len(x) % rows, axis=0)])
        found = [self(padded[start : start + rows]) for start in range(0, len(padded), rows)]
        values, slopes = (np.concatenate(parts)[: len(x)] for parts in zip(*found, strict=True))
        return values, slopes


def _gradient(network: Network, steps: Steps) -> AnyArray:
    """Take a step and return the gradient of the weight, even if the step was refused."""
    turn = steps.turn
    total = steps.run(None)
    gradient = network.span("output.weight").view(steps.vectors[1 - turn]).copy()
    if not math.isfinite(total) and np.isfinite(gradient).all():
        gradient[...] = np.nan  # refused before it was computed
    return gradient


def printed_loss(
    part: Loss,
    output: AnyArray,
    target: AnyArray,
    weights: AnyArray | None = None,
    *,
    engine: Engine = NUMPY,
) -> tuple[float, float, AnyArray]:
    """Run a loss on a network's outputs.

    Parameters
    ----------
    weights : array, optional
        (N, 1), the weight of each row.

    Returns
    -------
    tuple of float, float and array
        The number that an evaluation prints, the one that a training step
        prints, and the derivative that the step uses, (N, C).
    """
    network, inputs = _network(output.shape, output.dtype)
    fill(network, output)
    _, evaluated = Evaluator(network, part, engine).run(inputs, target, weights)
    steps = Steps(network, part, reveal, inputs, target, None, weights, engine=engine)
    turn = steps.turn
    total = steps.run(None)
    mean = MeanLoss(part, output.shape[1])
    trained = total * mean.scale(weight_of(len(output), weights))
    gradient = network.span("output.weight").view(steps.vectors[1 - turn])
    return evaluated, trained, gradient.copy()


def steps_of(part: Optimizer, weight: AnyArray, engine: Engine = NUMPY) -> tuple[Steps, Network]:
    """Make training steps whose gradient of the weight is `steps.targets`."""
    network, inputs = _network(weight.shape, weight.dtype)
    fill(network, weight)
    steps = Steps(network, weighted, part, inputs, np.zeros_like(weight), None, engine=engine)
    return steps, network
