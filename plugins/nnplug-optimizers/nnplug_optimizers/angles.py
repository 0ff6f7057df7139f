"""Kin of Adam and momentum that look at the angle of the gradient to weights or momentum."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug import state

from nnplug_optimizers.arithmetic import columns, rows

__all__: list[str] = []

BETAS = {
    "beta1": "[0, 1)", "beta2": "[0, 1)", "epsilon": "(0, inf)", "weight_decay": "[0, inf)",
}  # fmt: skip


def _projected(param: Any, grad: Any, update: Any, delta: float, epsilon: float) -> Any:
    """Take the part of an update along the weights out, if the gradient has hardly any.

    Returns
    -------
    tuple of array
        The update, and 1 where it was projected, else 0.
    """

    def parts(axis: int | None) -> tuple[Any, Any]:
        size = np.sqrt(np.sum(param**2, axis=axis, keepdims=True))
        other = np.sqrt(np.sum(grad**2, axis=axis, keepdims=True))
        inner = np.abs(np.sum(param * grad, axis=axis, keepdims=True))
        cosine = inner / (np.maximum(size, epsilon) * np.maximum(other, epsilon))
        unit = param / (size + epsilon)
        radial = np.sum(unit * update, axis=axis, keepdims=True)
        return np.max(cosine), update - unit * radial

    cosine, by_neuron = parts(0)
    neurons = cosine < delta / np.sqrt(rows(param))
    cosine, whole = parts(None)
    layer = cosine < delta / np.sqrt(rows(param) * columns(param))
    update = np.where(neurons, by_neuron, np.where(layer, whole, update))
    return update, np.where(neurons | layer, 1.0, 0.0)


@nnplug.optimizer(ranges={**BETAS, "delta": "[0, inf)", "wd_ratio": "[0, inf)"})
def adamp(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    delta: float = 0.1,
    wd_ratio: float = 0.1,
    nesterov: bool = False,
) -> Any:
    """AdamP (Heo et al., 2021, arXiv:2006.08217, algorithm 2).

    Where the loss hardly depends on the size of the weights, the part of the
    step along them is taken out, so that they do not grow. That is where the
    cosine of gradient and weights is below delta/√d: for all neurons, the
    columns of a weight, with d inputs; or else for the whole matrix.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        Outside the root.
    weight_decay : float
        Decoupled, times wd_ratio where the step is projected.
    delta : float
        The threshold of the cosine.
    wd_ratio : float
        What is left of the decay.
    nesterov : bool
        Whether the step takes the new gradient once more.

    Examples
    --------
    The gradient is at right angles to the weights, and so remains the step.

    >>> new, m, v = adamp(np.array([[1.0], [1.0]]), np.array([[1.0], [-1.0]]), np.zeros((2, 1)),
    ...                   np.zeros((2, 1)), step=1, learning_rate=0.5)
    >>> new.round(6).tolist()
    [[0.5], [1.5]]
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    ahead = beta1 * m + (1 - beta1) * grad if nesterov else m
    update = ahead / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    decay: Any = learning_rate * weight_decay
    if param.ndim > 1:
        update, projected = _projected(param, grad, update, delta, epsilon)
        decay = decay * np.where(projected > 0, wd_ratio, 1.0)
    return (1 - decay) * param - learning_rate / (1 - beta1**step) * update, m, v


@nnplug.optimizer(
    ranges={
        "momentum": "[0, 1)", "dampening": "[0, 1)", "weight_decay": "[0, inf)",
        "delta": "[0, inf)", "wd_ratio": "[0, inf)", "epsilon": "(0, inf)",
    }
)  # fmt: skip
def sgdp(
    param: Any,
    grad: Any,
    velocity: Any,
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    delta: float = 0.1,
    wd_ratio: float = 0.1,
    nesterov: bool = False,
    epsilon: float = 1e-8,
) -> Any:
    """SGDP: momentum with AdamP's projection (Heo et al., 2021, arXiv:2006.08217, algorithm 1).

    Parameters
    ----------
    momentum : float
        In [0, 1).
    dampening : float
        The gradient enters the velocity times 1 - dampening.
    weight_decay : float
        Decoupled: a step shrinks by learning_rate·weight_decay / (1 - momentum),
        times wd_ratio where it is projected.
    delta, wd_ratio : float
        See `adamp`.
    nesterov : bool
        Whether the step looks ahead along the new velocity.
    epsilon : float
        Added to norms.

    Examples
    --------
    The velocity (3, 1) has a part along the weights, of length 4/√2; without it,
    (1, -1) remains.

    >>> new, velocity = sgdp(np.array([[1.0], [1.0]]), np.array([[1.0], [-1.0]]),
    ...     np.array([[4.0], [4.0]]), learning_rate=1.0, momentum=0.5)
    >>> (1 - new).round(6).T.tolist(), velocity.T.tolist()
    ([[1.0, -1.0]], [[3.0, 1.0]])
    """
    velocity = momentum * velocity + (1 - dampening) * grad
    update = momentum * velocity + grad if nesterov else velocity
    decay: Any = learning_rate * weight_decay / (1 - momentum)
    if param.ndim > 1:
        update, projected = _projected(param, grad, update, delta, epsilon)
        decay = decay * np.where(projected > 0, wd_ratio, 1.0)
    return (1 - decay) * param - learning_rate * update, velocity


@nnplug.optimizer(ranges={"beta1": "[0, 1)", "beta2": "[0, 1)", "k": "[0, inf)"})
def aida(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    k: int = 2,
    xi: float = 1e-20,
    epsilon: float = 1e-8,
) -> Any:
    """Aida: AdaBelief with mutual projections (Zhang et al., 2022, arXiv:2203.13273, algorithm 1).

    The second moment is that of the distance between momentum and gradient,
    after each was projected on the other k times, array by array. With k = 0
    this is AdaBelief.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    k : int
        How many projections.
    xi : float
        Added to the squared norms that a projection divides by.
    epsilon : float
        Added to the second moment at each step, and to its root.

    Examples
    --------
    At the first step both have one direction, and their projections are equal to each other's:
    the distance is (1 - 0.5)·g, projected or not.

    >>> new, m, v = aida(np.zeros(2), np.array([3.0, 4.0]), np.zeros(2), np.zeros(2), step=1,
    ...                  beta1=0.5, beta2=0.0)
    >>> v.round(6).tolist()
    [2.25, 4.0]
    """
    m = beta1 * m + (1 - beta1) * grad
    of_m, of_g = m, grad
    for _ in range(k):
        inner = np.sum(of_m * of_g)
        onto_g = inner / (np.sum(of_g**2) + xi) * of_g
        of_g = inner / (np.sum(of_m**2) + xi) * of_m
        of_m = onto_g
    v = beta2 * v + (1 - beta2) * (of_m - of_g) ** 2 + epsilon
    below = np.sqrt(v / (1 - beta2**step)) + epsilon
    return param - learning_rate * (m / (1 - beta1**step)) / below, m, v


@nnplug.optimizer(ranges={"momentum": "[0, 1)", "gamma": "[0, 1)", "weight_decay": "[0, inf)"})
def tam(
    param: Any,
    grad: Any,
    m: Any,
    cosine: Any = state(1, 1),
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    gamma: float = 0.9,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """Torque-aware momentum (Malviya et al., 2024, arXiv:2412.18790, algorithm 1).

    A gradient enters the momentum times (1 + ŝ)/2, with ŝ the running mean of
    the cosine between gradient and momentum, array by array.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    momentum : float
        In [0, 1).
    gamma : float
        Decay of the mean of the cosines, in [0, 1).
    epsilon : float
        Added to the factor.
    weight_decay : float
        Decoupled: a step shrinks each parameter by learning_rate·weight_decay of itself.

    Notes
    -----
    Differs from pytorch_optimizer, whose cosine is taken apart into products of
    elements.

    Examples
    --------
    The cosine is 0.6; its mean 0.5·0.6; the factor 0.65.

    >>> new, m, cosine = tam(np.zeros((2, 1)), np.array([[3.0], [4.0]]), np.array([[1.0], [0.0]]),
    ...                      np.zeros((1, 1)), momentum=0.0, gamma=0.5)
    >>> m.round(6).T.tolist(), cosine.tolist()
    ([[1.95, 2.6]], [[0.3]])
    """
    sizes = np.linalg.norm(m) * np.linalg.norm(grad)
    cosine = gamma * cosine + (1 - gamma) * np.sum(m * grad) / np.where(sizes > 0, sizes, 1.0)
    m = momentum * m + ((1 + cosine) / 2 + epsilon) * grad
    return (1 - learning_rate * weight_decay) * param - learning_rate * m, m, cosine


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (adamp, sgdp, aida, tam):
        register(part)
