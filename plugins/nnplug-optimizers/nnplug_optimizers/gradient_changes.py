"""Changes of the gradient or of the step, around any other optimizer: `cautious[adamw]`."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

from nnplug_optimizers.arithmetic import columns

__all__: list[str] = []


@nnplug.optimizer
def cautious(param: Any, grad: Any, *, base: Any) -> Any:
    """Cautious steps (Liang et al., 2024, arXiv:2411.16085, algorithm 2).

    Where the step of the held optimizer goes up the gradient, it is left out;
    the other elements are scaled by d/(s + 1), for s of d that stay, array by array.

    The algorithm's number was not checked against the paper.

    Notes
    -----
    The decay of the held optimizer is part of its step here, so it is left out
    and scaled too; the paper applies decay by itself. Differs from the one line
    in PyTorch that the paper begins with, which scales by d/s.

    Examples
    --------
    Of two elements one stays, times 2/(1 + 1).

    >>> base = lambda param, grad: param - np.array([0.5, 0.5])
    >>> cautious(np.zeros(2), np.array([1.0, -1.0]), base=base).tolist()
    [-0.5, 0.0]
    """
    change = base(param, grad) - param
    stays = np.where(change * grad < 0, 1.0, 0.0)
    return param + change * stays * (np.sum(np.ones_like(param)) / (np.sum(stays) + 1))


@nnplug.optimizer(aliases=("gc",))
def gradient_centralization(param: Any, grad: Any, *, base: Any) -> Any:
    """Gradient centralisation (Yong et al., 2020, arXiv:2004.01461, eq. 1).

    The mean of each neuron's gradient, a column of a weight matrix, is taken
    from it. Biases, and matrices of one column, stay as they are.

    The equation's number was not checked against the paper.

    Notes
    -----
    An optimizer whose state has other shapes, such as `adafactor`, sees biases as
    matrices of one column; so the weights of a layer with one output are left
    out. Differs there from optax and pytorch_optimizer.

    Examples
    --------
    >>> base = lambda param, grad: param - grad
    >>> gradient_centralization(np.zeros((2, 2)), np.array([[1.0, 2.0], [3.0, 2.0]]),
    ...                         base=base).tolist()
    [[1.0, 0.0], [-1.0, 0.0]]
    """
    if param.ndim > 1:
        centred = grad - np.mean(grad, axis=0, keepdims=True)
        grad = np.where(columns(param) > 1, centred, grad)
    return base(param, grad)


@nnplug.optimizer(aliases=("agc",), ranges={"clip": "(0, inf)", "epsilon": "(0, inf)"})
def adaptive_clip(
    param: Any, grad: Any, *, base: Any, clip: float = 0.01, epsilon: float = 1e-3
) -> Any:
    """Adaptive gradient clipping (Brock et al., 2021, arXiv:2102.06171, eq. 3).

    A neuron's gradient, a column, is scaled down to `clip` times the norm of its
    weights. A bias, or a matrix of one column, is one unit.

    Parameters
    ----------
    clip : float
        The paper's λ: the largest quotient of the norms.
    epsilon : float
        The smallest norm that a neuron counts with.

    Examples
    --------
    The norm of the weights is 5, so the gradient of norm 10 is scaled to 2.5.

    >>> base = lambda param, grad: grad
    >>> adaptive_clip(np.array([[3.0], [4.0]]), np.array([[6.0], [8.0]]), base=base,
    ...               clip=0.5).T.tolist()
    [[1.5, 2.0]]
    """
    axis = None if param.ndim < 2 else 0
    size = np.sqrt(np.sum(param**2, axis=axis, keepdims=True))
    largest = clip * np.maximum(size, epsilon)
    norm = np.sqrt(np.sum(grad**2, axis=axis, keepdims=True))
    over = norm > largest
    return base(param, np.where(over, grad * (largest / np.where(over, norm, 1.0)), grad))


@nnplug.optimizer(ranges={"gamma": "[0, inf)", "beta1": "[0, 1)"})
def mars(
    param: Any,
    grad: Any,
    last: Any,
    *,
    base: Any,
    step: Any,
    gamma: float = 0.025,
    beta1: float = 0.95,
) -> Any:
    """MARS: gradients of reduced variance (Yuan et al., 2024, arXiv:2411.10438, algorithms 2 to 4).

    g + gamma·beta1/(1 - beta1)·(g - the last g), scaled to a norm of at most 1,
    array by array, goes to the held optimizer: `mars[adamw]` is MARS-AdamW,
    `mars[lion]` MARS-Lion, `mars[muon]` MARS-M.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    gamma : float
        How much of the change counts.
    beta1 : float
        The decay of the held optimizer's momentum, in [0, 1).

    Notes
    -----
    This is the approximate version: the last gradient is that of the last
    batch, at the last parameters. At the first step there is no change. Differs
    from pytorch_optimizer, where the gradient before the first one is 0, and
    where biases are left to AdamW.

    Examples
    --------
    0.2 + 1·(0.2 - 0.1) = 0.3.

    >>> new, last = mars(np.zeros(1), np.array([0.2]), np.array([0.1]), step=2, gamma=1.0,
    ...                  beta1=0.5, base=lambda param, grad: param - grad)
    >>> new.round(6).tolist(), last.tolist()
    ([-0.3], [0.2])
    """
    change = np.where(step == 1, 0.0, grad - last)
    corrected = grad + gamma * beta1 / (1 - beta1) * change
    return base(param, corrected / np.maximum(1.0, np.linalg.norm(corrected))), grad


@nnplug.optimizer
def block_normalized(param: Any, grad: Any, *, base: Any) -> Any:
    """Block-normalised gradients (Yu et al., 2017, arXiv:1707.04822, algorithm 1).

    The gradient of each array is divided by its norm; a gradient of 0 stays.

    The algorithm's number was not checked against the paper.

    Examples
    --------
    >>> block_normalized(np.zeros(2), np.array([3.0, 4.0]), base=lambda param, grad: grad).tolist()
    [0.6, 0.8]
    """
    size = np.linalg.norm(grad)
    return base(param, grad / np.where(size > 0, size, 1.0))


@nnplug.optimizer(ranges={"epsilon": "(0, inf)"})
def orthograd(param: Any, grad: Any, *, base: Any, epsilon: float = 1e-30) -> Any:
    """⊥Grad: gradients at right angles to the weights (Prieto et al., 2025, arXiv:2501.04697,
    eq. 11).

    The part of the gradient along the array's weights is taken out, and the
    rest scaled to the gradient's norm, as in the authors' code.

    The equation's number was not checked against the paper.

    Parameters
    ----------
    epsilon : float
        Added to what is divided by.

    Examples
    --------
    Along (1, 0) there is 3 of (3, 4); (0, 4) remains, and is scaled to the norm 5.

    >>> orthograd(np.array([1.0, 0.0]), np.array([3.0, 4.0]),
    ...           base=lambda param, grad: grad).tolist()
    [0.0, 5.0]
    """
    along = np.sum(param * grad) / (np.sum(param**2) + epsilon)
    across = grad - along * param
    return base(param, across * (np.linalg.norm(grad) / (np.linalg.norm(across) + epsilon)))


@nnplug.optimizer(ranges={"learning_rate": "[0, inf)"})
def trust_ratio(param: Any, grad: Any, *, base: Any, learning_rate: float = 1e-3) -> Any:
    """Layer-wise trust ratio (You et al., 2020, arXiv:1904.00962, algorithm 2, of any step).

    An array moves by learning_rate·‖w‖ along the step of the held optimizer:
    `trust_ratio[adam]` is LAMB. Where the array or its step is 0, the held
    optimizer's own step remains.

    Parameters
    ----------
    learning_rate : float
        How far an array moves, relative to its norm. It is the held
        optimizer's learning rate too.

    Examples
    --------
    >>> trust_ratio(np.array([3.0, 4.0]), np.array([0.0, 2.0]), learning_rate=0.5,
    ...             base=lambda param, grad: param - grad).tolist()
    [3.0, 1.5]
    """
    new = base(param, grad)
    change = new - param
    size, moved = np.linalg.norm(param), np.linalg.norm(change)
    known = (size > 0) & (moved > 0)
    scaled = param + learning_rate * size * change / np.where(known, moved, 1.0)
    return np.where(known, scaled, new)


@nnplug.optimizer(ranges={"limit": "(0, inf)"})
def max_norm(param: Any, grad: Any, *, base: Any, limit: float = 3.0) -> Any:
    """Max-norm constraint (Srebro, Rennie & Jaakkola, 2005, NeurIPS 17; Hinton et al., 2012,
    arXiv:1207.0580, section 2).

    After a step, the weights of a neuron, a column, are scaled down to norm
    `limit`. Biases, and matrices of one column, stay as they are.

    Parameters
    ----------
    limit : float
        The largest norm.

    Notes
    -----
    Differs from Keras, whose `MaxNorm` adds 1e-7 to the norm, and also limits
    the weights of a layer with one output: here they look like a bias to
    optimizers whose state has other shapes.

    Examples
    --------
    >>> max_norm(np.array([[3.0, 0.1], [4.0, 0.0]]), np.zeros((2, 2)), limit=1.0,
    ...          base=lambda param, grad: param).round(6).tolist()
    [[0.6, 0.1], [0.8, 0.0]]
    """
    new = base(param, grad)
    if param.ndim < 2:
        return new
    size = np.linalg.norm(new, axis=0, keepdims=True)
    over = (size > limit) & (columns(param) > 1)
    return np.where(over, new * (limit / np.where(over, size, 1.0)), new)


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (
        cautious, gradient_centralization, adaptive_clip, mars, block_normalized,
        orthograd, trust_ratio, max_norm,
    ):  # fmt: skip
        register(part)
