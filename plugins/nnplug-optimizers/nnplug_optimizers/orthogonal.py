"""Muon and its kin: steps of weight matrices whose singular values are all alike.

Each leaves biases to Adam, with `bias_rate` times the learning rate: its first
moment is the slot `m`, its second `v`.
"""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers.arithmetic import (
    POLAR_EXPRESS,
    TINY,
    bias_step,
    columns,
    newton_schulz,
    rms,
    rows,
)

__all__: list[str] = []

ROUNDS = {"rounds": "[1, inf)", "bias_rate": "[0, inf)"}
MOMENTUM = {**ROUNDS, "momentum": "[0, 1)"}
DECAY = {"weight_decay": "[0, inf)"}
CONVERGING = (1.875, -1.25, 0.375)  # leads every singular value to 1


def _wide(matrix: Any) -> Any:
    """Compute √max(1, outputs/inputs)."""
    return np.sqrt(np.maximum(1.0, columns(matrix) / rows(matrix)))


@nnplug.optimizer(ranges={**MOMENTUM, **DECAY, "epsilon": "(0, inf)"})
def muon(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.02,
    momentum: float = 0.95,
    nesterov: bool = True,
    weight_decay: float = 0.0,
    rounds: int = 5,
    epsilon: float = 1e-7,
    match_adam: bool = False,
    bias_rate: float = 0.1,
) -> Any:
    """Muon: momentum, orthogonalised by Newton-Schulz (Jordan et al., 2024,
    https://kellerjordan.github.io/posts/muon).

    Weight matrices move along the orthogonal factor of their momentum, times
    √max(1, outputs/inputs). Biases are updated by Adam.

    Parameters
    ----------
    momentum : float
        In [0, 1): m = momentum·m + (1 - momentum)·g.
    nesterov : bool
        Whether momentum·m + (1 - momentum)·g is orthogonalised, and not m.
    weight_decay : float
        Decoupled: a step shrinks each weight by learning_rate·weight_decay of itself.
    rounds : int
        Newton-Schulz steps; see `epsilon`, which is added to the norm before.
    match_adam : bool
        The factor is 0.2·√max(inputs, outputs), with which Adam's rates fit (Liu
        et al., 2025, arXiv:2502.16982, eq. 4).
    bias_rate : float
        Biases' learning rate, as a factor.

    Notes
    -----
    All weight matrices count as hidden, the first and the last too, which the
    authors leave to Adam. Differs from PyTorch, which computes Newton-Schulz in
    bfloat16 and refuses biases. Differs from optax with `nesterov`, which
    corrects m and g for the start at 0 by different factors. Differs from
    Keras, whose default factor is 0.2·√max(inputs, outputs).

    Examples
    --------
    A momentum of rank 1, u·vᵀ, keeps its direction; its singular value ends near 1.

    >>> grad = np.array([[3.0], [4.0]])
    >>> new, m, v = muon(np.zeros((2, 1)), grad, np.zeros((2, 1)), np.zeros((2, 1)), step=1,
    ...                  learning_rate=1.0)
    >>> (new / grad).round(3).T.tolist()
    [[-0.139, -0.139]]
    """
    if param.ndim < 2:
        return bias_step(param, grad, m, v, step, learning_rate * bias_rate)
    m = momentum * m + (1 - momentum) * grad
    ahead = momentum * m + (1 - momentum) * grad if nesterov else m
    scale = 0.2 * np.sqrt(np.maximum(columns(param), rows(param))) if match_adam else _wide(param)
    update = scale * newton_schulz(ahead, rounds, epsilon)
    return (1 - learning_rate * weight_decay) * param - learning_rate * update, m, v


@nnplug.optimizer(ranges={**MOMENTUM, **DECAY, "epsilon": "(0, inf)"})
def polar_express(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.02,
    momentum: float = 0.95,
    nesterov: bool = True,
    weight_decay: float = 0.0,
    rounds: int = 5,
    epsilon: float = 1e-7,
    bias_rate: float = 0.1,
) -> Any:
    """Muon with the Polar Express (Amsel et al., 2025, arXiv:2505.16932, algorithm 1).

    Each round has its own polynomial, the best one for the singular values that
    are left; from the eighth round on it is (1.875, -1.25, 0.375). The
    polynomials of all rounds but the last are those for values that are
    smaller by the factor 1.01, for safety.

    Parameters
    ----------
    momentum, nesterov, weight_decay, bias_rate
        See `muon`.
    rounds : int
        How many polynomials.
    epsilon : float
        Added to the norm, which is multiplied by 1.01 before.

    Examples
    --------
    >>> grad = np.array([[3.0], [4.0]])
    >>> new, m, v = polar_express(np.zeros((2, 1)), grad, np.zeros((2, 1)), np.zeros((2, 1)),
    ...                           step=1, learning_rate=1.0, rounds=9)
    >>> (new / grad).round(4).T.tolist()
    [[-0.2, -0.2]]
    """
    if param.ndim < 2:
        return bias_step(param, grad, m, v, step, learning_rate * bias_rate)
    m = momentum * m + (1 - momentum) * grad
    x = momentum * m + (1 - momentum) * grad if nesterov else m
    x = x / (1.01 * np.linalg.norm(x) + epsilon)
    for number in range(rounds):
        a, b, c = POLAR_EXPRESS[number] if number < len(POLAR_EXPRESS) else CONVERGING
        if number < len(POLAR_EXPRESS):
            a, b, c = a / 1.01, b / 1.01**3, c / 1.01**5
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    shrunk = (1 - learning_rate * weight_decay) * param
    return shrunk - learning_rate * _wide(param) * x, m, v


@nnplug.optimizer(ranges={"alpha": "(0, 1]", "radius": "(0, inf)", "rounds": "[1, inf)"})
def scion(
    param: Any,
    grad: Any,
    m: Any,
    *,
    learning_rate: float = 0.01,
    alpha: float = 0.1,
    radius: float = 1.0,
    constrained: bool = False,
    rounds: int = 5,
) -> Any:
    """Scion: linear minimisation in norm balls (Pethick et al., 2025, arXiv:2502.07529,
    algorithms 1 and 2).

    Weights take the spectral norm's direction, √(outputs/inputs)·UVᵀ; biases
    that of the root mean square, b/RMS(b), each of the momentum.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    alpha : float
        Weight of the new gradient: m = (1 - alpha)·m + alpha·g.
    radius : float
        Of the balls: a factor on every step.
    constrained : bool
        Whether parameters stay in the balls: w = (1 - η)·w - η·radius·direction.
    rounds : int
        Newton-Schulz steps.

    Notes
    -----
    One norm for all weights; the paper takes signs for the last layer of
    language models, and draws the initial weights in the balls.

    Examples
    --------
    >>> new, m = scion(np.zeros(2), np.array([3.0, 3.0]), np.zeros(2), learning_rate=1.0)
    >>> new.round(6).tolist()
    [-1.0, -1.0]
    """
    m = (1 - alpha) * m + alpha * grad
    if param.ndim < 2:
        size = rms(m)
        direction = m / np.where(size > 0, size, 1.0)
    else:
        direction = np.sqrt(columns(param) / rows(param)) * newton_schulz(m, rounds, TINY)
    kept = (1 - learning_rate) * param if constrained else param
    return kept - learning_rate * radius * direction, m


@nnplug.optimizer(ranges={**MOMENTUM, **DECAY})
def polargrad(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-3,
    momentum: float = 0.95,
    weight_decay: float = 0.0,
    rounds: int = 20,
    bias_rate: float = 1.0,
) -> Any:
    """PolarGrad with momentum first (Lau, Long & Su, 2025, arXiv:2505.21799, eq. 8 with momentum).

    A step is the orthogonal factor U of the momentum M times M's nuclear norm,
    the sum of its singular values, which is the sum over U∘M.

    The equation was not checked against the paper.

    Parameters
    ----------
    momentum : float
        In [0, 1): m = momentum·m + (1 - momentum)·g.
    rounds : int
        Steps of the Newton-Schulz polynomial that ends at 1. 20 suffice for
        singular values down to 1e-4 of the largest; below, U and the norm are
        too small in their directions.
    weight_decay, bias_rate
        See `muon`.

    Notes
    -----
    Differs from the authors' code, which computes the polar factor by QDWH.

    Examples
    --------
    For a momentum of rank 1, U times the nuclear norm is the momentum itself.

    >>> grad = np.array([[3.0], [4.0]])
    >>> new, m, v = polargrad(np.zeros((2, 1)), grad, np.zeros((2, 1)), np.zeros((2, 1)), step=1,
    ...                       learning_rate=1.0, momentum=0.0)
    >>> new.round(4).T.tolist()
    [[-3.0, -4.0]]
    """
    if param.ndim < 2:
        return bias_step(param, grad, m, v, step, learning_rate * bias_rate)
    m = momentum * m + (1 - momentum) * grad
    turned = newton_schulz(m, rounds, TINY, CONVERGING)
    update = np.sum(turned * m) * turned
    return (1 - learning_rate * weight_decay) * param - learning_rate * update, m, v


@nnplug.optimizer(ranges=ROUNDS)
def sinkgd(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-3,
    rounds: int = 5,
    bias_rate: float = 1.0,
) -> Any:
    """SinkGD: gradients whose rows and columns have equal norms (Scetbon et al., 2025,
    arXiv:2502.06742, algorithm 4).

    The rows of a weight's gradient are scaled to a root mean square of 1, then
    its columns, and so on. Biases are updated by Adam, weights without state.

    Parameters
    ----------
    rounds : int
        How often rows and columns are scaled.
    bias_rate : float
        Biases' learning rate, as a factor.

    Notes
    -----
    The columns, which are the outputs, are scaled first: the rows of a matrix
    in PyTorch's shape.

    Examples
    --------
    >>> new, m, v = sinkgd(np.zeros((2, 2)), np.array([[1.0, 0.0], [0.0, -9.0]]),
    ...                    *np.zeros((2, 2, 2)), step=1, learning_rate=1.0)
    >>> new.round(4).tolist()
    [[-1.4142, 0.0], [0.0, 1.4142]]
    """
    if param.ndim < 2:
        return bias_step(param, grad, m, v, step, learning_rate * bias_rate)
    for _ in range(rounds):
        for axis in (0, 1):
            size = np.sqrt(np.mean(grad**2, axis=axis, keepdims=True))
            grad = grad / np.where(size > 0, size, 1.0)
    return param - learning_rate * grad, m, v


@nnplug.optimizer(ranges=ROUNDS)
def swan(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-3,
    rounds: int = 10,
    bias_rate: float = 1.0,
) -> Any:
    """SWAN: normalised and whitened gradients (Ma et al., 2025, arXiv:2412.13148, algorithm 1).

    The gradient of each neuron, a column, gets mean 0 and deviation 1; then the
    matrix is replaced by its orthogonal factor, scaled to its own norm. Biases
    are updated by Adam, weights without state. A weight with one input keeps its
    gradient, since the mean would be all that it is.

    Parameters
    ----------
    rounds : int
        Steps of the Newton-Schulz polynomial that ends at 1. More than 30 magnify
        the rounding errors along the mean, which has been taken out.
    bias_rate : float
        Biases' learning rate, as a factor.

    Examples
    --------
    The columns become (1, -1) and (-1, 1), a matrix of rank 1 that whitening leaves as it is.

    >>> new, m, v = swan(np.zeros((2, 2)), np.array([[5.0, 1.0], [3.0, 2.0]]),
    ...                  *np.zeros((2, 2, 2)), step=1, learning_rate=1.0)
    >>> new.round(6).tolist()
    [[-1.0, 1.0], [1.0, -1.0]]
    """
    if param.ndim < 2:
        return bias_step(param, grad, m, v, step, learning_rate * bias_rate)
    centred = grad - np.mean(grad, axis=0, keepdims=True)
    deviation = np.sqrt(np.mean(centred**2, axis=0, keepdims=True))
    normal = centred / np.where(deviation > 0, deviation, 1.0)
    normal = np.where(rows(param) > 1, normal, grad)
    white = newton_schulz(normal, rounds, TINY, CONVERGING)
    size = np.linalg.norm(white)
    return (
        param - learning_rate * white * np.linalg.norm(normal) / np.where(size > 0, size, 1),
        m,
        v,
    )


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (muon, polar_express, scion, polargrad, sinkgd, swan):
        register(part)
