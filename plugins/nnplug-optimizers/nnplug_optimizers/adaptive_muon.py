"""Muon with rates that adapt: to neurons, to elements, or to the norm of the gradient.

Each leaves biases to Adam, with `bias_rate` times the learning rate: its first
moment is the slot `m`, its second `v`.
"""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers.arithmetic import TINY, bias_step, newton_schulz, rms

__all__: list[str] = []

ROUNDS = {"rounds": "[1, inf)", "bias_rate": "[0, inf)"}
MOMENTUM = {**ROUNDS, "momentum": "[0, 1)"}
DECAY = {"weight_decay": "[0, inf)"}


@nnplug.optimizer(ranges={**MOMENTUM, **DECAY, "beta2": "[0, 1)", "epsilon": "(0, inf)"})
def normuon(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-3,
    momentum: float = 0.95,
    beta2: float = 0.95,
    weight_decay: float = 0.0,
    rounds: int = 5,
    epsilon: float = 1e-8,
    bias_rate: float = 1.0,
) -> Any:
    """NorMuon: Muon with a second moment for each neuron (Li et al., 2025, arXiv:2510.05491,
    algorithm 1).

    The orthogonalised momentum of a neuron, a column, is divided by the root of
    the running mean of its squares; then the matrix is scaled to a root mean
    square of 0.2, that of Adam's steps.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    momentum, beta2 : float
        In [0, 1).
    rounds, weight_decay, bias_rate
        See `muon`.
    epsilon : float
        Added to the roots.

    Notes
    -----
    Differs from pytorch_optimizer by default, which takes Nesterov's momentum
    and keeps the norm of Newton-Schulz's result.

    Examples
    --------
    >>> new, m, v = normuon(np.zeros((2, 1)), np.array([[3.0], [4.0]]), np.zeros((2, 1)),
    ...                     np.zeros((2, 1)), step=1, learning_rate=1.0)
    >>> (new / [[3.0], [4.0]]).round(4).T.tolist()
    [[-0.0566, -0.0566]]
    """
    if param.ndim < 2:
        return bias_step(param, grad, m, v, step, learning_rate * bias_rate)
    m = momentum * m + (1 - momentum) * grad
    turned = newton_schulz(m, rounds, TINY)
    v = beta2 * v + (1 - beta2) * np.mean(turned**2, axis=0, keepdims=True)
    update = turned / (np.sqrt(v) + epsilon)
    update = 0.2 * update / (rms(update) + epsilon)
    return (1 - learning_rate * weight_decay) * param - learning_rate * update, m, v


@nnplug.optimizer(
    ranges={**ROUNDS, **DECAY, "beta1": "[0, 1)", "beta2": "[0, 1)", "epsilon": "(0, inf)"}
)
def adamuon(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-3,
    beta1: float = 0.95,
    beta2: float = 0.95,
    weight_decay: float = 0.0,
    rounds: int = 5,
    epsilon: float = 1e-8,
    bias_rate: float = 1.0,
) -> Any:
    """AdaMuon: Adam's second moment after Muon (Si et al., 2025, arXiv:2507.11005, algorithm 1).

    The signs of the momentum are orthogonalised, divided by the root of the
    running mean of their squares, and scaled to a root mean square of 0.2.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        Of the momentum and of the squares, in [0, 1).
    rounds, weight_decay, bias_rate
        See `muon`.
    epsilon : float
        Added to the roots.

    Notes
    -----
    Differs from pytorch_optimizer, which follows the paper's first version: it
    orthogonalises the momentum itself.

    Examples
    --------
    The signs of (3, 4) are alike, and so are their steps.

    >>> new, m, v = adamuon(np.zeros((2, 1)), np.array([[3.0], [4.0]]), np.zeros((2, 1)),
    ...                     np.zeros((2, 1)), step=1, learning_rate=1.0)
    >>> new.round(4).T.tolist()
    [[-0.2, -0.2]]
    """
    if param.ndim < 2:
        return bias_step(param, grad, m, v, step, learning_rate * bias_rate)
    m = beta1 * m + (1 - beta1) * grad
    turned = newton_schulz(np.sign(m), rounds, TINY)
    v = beta2 * v + (1 - beta2) * turned**2
    update = turned / (np.sqrt(v) + epsilon)
    update = 0.2 * update / (rms(update) + epsilon)
    return (1 - learning_rate * weight_decay) * param - learning_rate * update, m, v


@nnplug.optimizer(ranges={**MOMENTUM, "gamma": "(0, inf)", "v0": "(0, inf)"})
def adago(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.05,
    momentum: float = 0.95,
    gamma: float = 10.0,
    v0: float = 1e-6,
    smallest: float = 5e-4,
    rounds: int = 5,
    bias_rate: float = 0.1,
) -> Any:
    """AdaGO: Muon with AdaGrad's rate (Zhang, Liu & Schaeffer, 2025, arXiv:2509.02981,
    algorithm 1).

    A matrix's rate is learning_rate·min(‖g‖, gamma)/v, at least `smallest`,
    where v² is the sum of min(‖g‖², gamma²).

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    momentum : float
        In [0, 1): m = momentum·m + (1 - momentum)·g.
    gamma : float
        The norm above which gradients count as this.
    v0 : float
        v before the first step.
    smallest : float
        The paper's ε: the smallest rate.
    rounds, bias_rate
        See `muon`.

    Notes
    -----
    Differs from pytorch_optimizer, which divides by v² in place of v.

    Examples
    --------
    ‖g‖ is 5 and v² becomes 75 + 25: the rate is 0.5.

    >>> grad, v = np.array([[3.0], [4.0]]), np.full((2, 1), 75.0)
    >>> new, m, v = adago(np.zeros((2, 1)), grad, grad, v, step=2, learning_rate=1.0)
    >>> v.T.tolist(), (new / grad).round(3).T.tolist()
    ([[100.0, 100.0]], [[-0.07, -0.07]])
    """
    if param.ndim < 2:
        return bias_step(param, grad, m, v, step, learning_rate * bias_rate)
    m = momentum * m + (1 - momentum) * grad
    size = np.minimum(np.linalg.norm(grad), gamma)
    v = v + size**2
    rate = np.maximum(smallest, learning_rate * size / np.sqrt(v0**2 + v))
    return param - rate * newton_schulz(m, rounds, TINY), m, v


@nnplug.optimizer(
    ranges={**ROUNDS, **DECAY, "beta1": "[0, 1)", "beta2": "[0, 1)", "epsilon": "(0, inf)"}
)
def namo(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    beta1: float = 0.95,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
    rounds: int = 5,
    epsilon: float = 1e-8,
    bias_rate: float = 0.1,
) -> Any:
    """NAMO: Muon with Adam's rate (Zhang, Liu & Schaeffer, 2026, arXiv:2602.17080, algorithm 1).

    The orthogonal factor of the momentum, times the norm of the momentum over the root
    of the running mean of squared norms of the gradient, both corrected for the
    start at 0: steps are shorter, the noisier the gradients are.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        Of the momentum and of the squared norms, in [0, 1).
    weight_decay : float
        Decoupled, times the adapted rate.
    rounds, bias_rate
        See `muon`.
    epsilon : float
        Added to the root.

    Examples
    --------
    The first norm is that of the gradient, so the rate is not changed.

    >>> grad = np.array([[3.0], [4.0]])
    >>> new, m, v = namo(np.zeros((2, 1)), grad, np.zeros((2, 1)), np.zeros((2, 1)), step=1,
    ...                  learning_rate=1.0)
    >>> (new / grad).round(3).T.tolist(), v.round(6).T.tolist()
    ([[-0.139, -0.139]], [[0.25, 0.25]])
    """
    if param.ndim < 2:
        return bias_step(param, grad, m, v, step, learning_rate * bias_rate)
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * np.sum(grad**2)
    corrected = np.sqrt(1 - beta2**step) / (1 - beta1**step)
    rate = learning_rate * corrected * np.linalg.norm(m) / (np.sqrt(v) + epsilon)
    return param - rate * (newton_schulz(m, rounds, TINY) + weight_decay * param), m, v


@nnplug.optimizer(ranges={**MOMENTUM, **DECAY})
def muon_plus(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.02,
    momentum: float = 0.95,
    nesterov: bool = True,
    outputs: bool = True,
    inputs: bool = True,
    weight_decay: float = 0.0,
    rounds: int = 5,
    bias_rate: float = 0.1,
) -> Any:
    """Muon+: Muon with one more normalisation (Zhang et al., 2026, arXiv:2602.21545, section 3).

    The orthogonalised momentum of each output, a column, is divided by its norm,
    then that of each input, a row.

    The equation was not checked against the paper, but against the authors' description of
    their code.

    Parameters
    ----------
    momentum, nesterov, weight_decay, rounds, bias_rate
        See `muon`.
    outputs, inputs : bool
        Whether columns are normalised, and whether rows are, after them. The
        authors' `row_col` is both, since their matrices are outputs by inputs.

    Examples
    --------
    The only column gets norm 1; then each row does.

    >>> grad, no = np.array([[3.0], [4.0]]), np.zeros((2, 1))
    >>> new, m, v = muon_plus(no, grad, no, no, step=1, learning_rate=1.0, inputs=False)
    >>> new.round(6).T.tolist()
    [[-0.6, -0.8]]
    >>> new, m, v = muon_plus(no, grad, no, no, step=1, learning_rate=1.0)
    >>> new.round(6).T.tolist()
    [[-1.0, -1.0]]
    """
    if param.ndim < 2:
        return bias_step(param, grad, m, v, step, learning_rate * bias_rate)
    m = momentum * m + (1 - momentum) * grad
    ahead = momentum * m + (1 - momentum) * grad if nesterov else m
    update = newton_schulz(ahead, rounds, TINY)
    for axis, wanted in ((0, outputs), (1, inputs)):
        if wanted:
            size = np.linalg.norm(update, axis=axis, keepdims=True)
            update = update / np.where(size > 0, size, 1.0)
    return (1 - learning_rate * weight_decay) * param - learning_rate * update, m, v


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (normuon, adamuon, adago, namo, muon_plus):
        register(part)
