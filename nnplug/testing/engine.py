"""Parts as training runs them: through a network, a plan and the engine.

One layer whose inputs are the unit matrix has its weights as sums, so that
any matrix can be put before an activation or a loss; and one whose error is
output times target has the target as its gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnplug.network import Network
from nnplug.parts import Activation, Loss, Optimizer, activation, loss, optimizer
from nnplug.training import Evaluator, Steps
from nnplug.training.means import MeanLoss, weight_of
from nnplug.types import AnyArray

__all__ = ["layer", "printed_loss", "steps_of"]


@activation(name="unchanged")
def _unchanged(x: Any) -> Any:
    return x


@loss(reduction="sum", name="weighted")
def _weighted(prediction: Any, target: Any) -> Any:
    return prediction * target


@optimizer(name="reveal")
def _reveal(param: Any, grad: Any, *, learning_rate: float = 1.0) -> Any:
    """Put the gradient where the parameters were, to be read there."""
    return grad


def _network(sums: AnyArray, part: Activation = _unchanged) -> tuple[Network, AnyArray]:
    """Make a layer whose sums are these, and its inputs."""
    rows, columns = sums.shape
    network = Network(
        rows, (), columns, activations=(), output_activation=part, dtype=sums.dtype.type
    )
    _fill(network, sums)
    return network, np.eye(rows, dtype=sums.dtype)


def _fill(network: Network, sums: AnyArray, scale: float = 1.0) -> None:
    """Set the sums, no bias, and what the activation learns by."""
    network.parameters[...] = 0
    network["output.weight"][...] = scale * sums
    for name, start in network.layers[0].activation.trainables.items():
        network[f"output.{name}"][...] = scale * start


def layer(part: Activation, x: AnyArray, given: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Run an activation on sums, forward and backward.

    Each runs with other numbers first, which must leave no trace.

    Parameters
    ----------
    x, given : array of shape (N, C)
        The sums, and the derivative of some number by the outputs.

    Returns
    -------
    tuple of array
        The outputs, and the derivative of that number by the sums.
    """
    network, inputs = _network(x, part)
    evaluator = Evaluator(network)
    steps = Steps(network, _weighted, _reveal, inputs, given, None)
    for scale in (0.5, 1.0):
        _fill(network, x, scale)
        outputs, _ = evaluator.run(inputs)
        steps.run(None)
    return outputs, network["output.weight"]


def printed_loss(
    part: Loss, output: AnyArray, target: AnyArray, weights: AnyArray | None = None
) -> tuple[float, float, AnyArray]:
    """Run a loss on a network's outputs.

    Parameters
    ----------
    weights : array, optional
        (N, 1), what each row counts for.

    Returns
    -------
    tuple of float, float and array
        The number that an evaluation prints, the one that a training step
        prints, and the derivative that the step takes, (N, C).
    """
    network, inputs = _network(output)
    _, evaluated = Evaluator(network, part).run(inputs, target, weights)
    total = Steps(network, part, _reveal, inputs, target, None, weights).run(None)
    mean = MeanLoss(part, output.shape[1])
    trained = total * mean.scale(weight_of(len(output), weights))
    return evaluated, trained, network["output.weight"]


def steps_of(part: Optimizer, weight: AnyArray) -> tuple[Steps, Network]:
    """Make training steps whose gradient by the weight is `steps.targets`."""
    network, inputs = _network(weight)
    return Steps(network, _weighted, part, inputs, np.zeros_like(weight), None), network
