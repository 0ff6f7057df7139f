"""Optimizers whose step for each array depends on the array's norms."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug import state

from nnplug_optimizers.arithmetic import adam_step, norm_ratio, rows

__all__: list[str] = []


@nnplug.optimizer(ranges={"momentum": "[0, 1)", "weight_decay": "[0, inf)"})
def lars(
    param: Any,
    grad: Any,
    velocity: Any,
    *,
    learning_rate: float = 1.0,
    momentum: float = 0.9,
    trust: float = 0.001,
    weight_decay: float = 0.0,
) -> Any:
    """LARS: layer-wise adaptive rate scaling (You et al., 2017, arXiv:1708.03888, algorithm 1).

    The local rate of an array is trust·‖w‖ / (‖g‖ + weight_decay·‖w‖), or 1
    where a norm is 0.

    Parameters
    ----------
    momentum : float
        In [0, 1).
    trust : float
        The paper's η: how large a step is, relative to the parameters.
    weight_decay : float
        Added to the gradient: weight_decay·w.

    Notes
    -----
    Differs from optax, which divides by ‖g + weight_decay·w‖; without decay
    they agree.

    Examples
    --------
    The local rate is 0.5·5/10; the step along the gradient (6, 8) is 0.25 of it.

    >>> new, velocity = lars(np.array([3.0, 4.0]), np.array([6.0, 8.0]), np.zeros(2), trust=0.5)
    >>> new.tolist()
    [1.5, 2.0]
    """
    size = np.linalg.norm(grad) + weight_decay * np.linalg.norm(param)
    known = (size > 0) & (np.linalg.norm(param) > 0)
    local = np.where(known, trust * np.linalg.norm(param) / np.where(known, size, 1.0), 1.0)
    velocity = momentum * velocity + learning_rate * local * (grad + weight_decay * param)
    return param - velocity, velocity


@nnplug.optimizer(
    ranges={"beta1": "[0, 1)", "beta2": "[0, 1)", "epsilon": "[0, inf)", "weight_decay": "[0, inf)"}
)
def lamb(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-6,
    weight_decay: float = 0.0,
) -> Any:
    """LAMB: Adam with layer-wise steps (You et al., 2020, arXiv:1904.00962, algorithm 2).

    An array moves by learning_rate·‖w‖ along Adam's direction, with decay. The
    function φ that scales ‖w‖ is the identity; where a norm is 0, the ratio is 1.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        Outside the root; optax's default (Keras has 1e-7).
    weight_decay : float
        Part of the direction, so inside the ratio.

    Notes
    -----
    Differs from Keras, which takes the decay outside the ratio, and from
    pytorch_optimizer, which scales the gradients to a norm of at most 1 first.

    Examples
    --------
    Adam's first direction is the gradient's sign, of norm √2; ‖w‖ is 5.

    >>> new, m, v = lamb(np.array([3.0, 4.0]), np.ones(2), np.zeros(2), np.zeros(2), step=1,
    ...                  learning_rate=0.2, epsilon=0.0)
    >>> (np.array([3.0, 4.0]) - new).round(6).tolist()
    [0.707107, 0.707107]
    """
    direction, m, v = adam_step(grad, m, v, step, beta1, beta2, epsilon)
    update = direction + weight_decay * param
    return param - learning_rate * norm_ratio(param, update) * update, m, v


@nnplug.optimizer(
    ranges={"beta1": "[0, 1)", "beta2": "[0, 1)", "epsilon": "[0, inf)", "weight_decay": "[0, inf)"}
)
def novograd(
    param: Any,
    grad: Any,
    m: Any,
    v: Any = state(1, 1),
    *,
    step: Any,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.25,
    epsilon: float = 1e-6,
    weight_decay: float = 0.0,
) -> Any:
    """NovoGrad (Ginsburg et al., 2019, arXiv:1905.11286, algorithm 1).

    The second moment is one number for each array, the running mean of ‖g‖²,
    which starts from the first.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1). The paper has 0.95 and 0.98 for images; these are optax's.
    epsilon : float
        Outside the root.
    weight_decay : float
        Decoupled from the normalisation, but inside the momentum.

    Examples
    --------
    The first step goes along the gradient over its norm.

    >>> new, m, v = novograd(np.zeros((2, 1)), np.array([[3.0], [4.0]]), np.zeros((2, 1)),
    ...                      np.zeros((1, 1)), step=1, learning_rate=1.0, epsilon=0.0)
    >>> (-new).T.tolist(), v.tolist()
    ([[0.6, 0.8]], [[25.0]])
    """
    square = np.sum(grad**2)
    v = np.where(step == 1, square, beta2 * v + (1 - beta2) * square)
    below = np.sqrt(v) + epsilon
    normalised = grad / np.where(below > 0, below, 1.0)
    m = beta1 * m + normalised + weight_decay * param
    return param - learning_rate * m, m, v


@nnplug.optimizer
def fromage(param: Any, grad: Any, *, learning_rate: float = 0.01) -> Any:
    """Fromage: Frobenius-matched gradient descent (Bernstein et al., 2020, arXiv:2002.03432,
    algorithm 1).

    w becomes (w - η·‖w‖/‖g‖·g) / √(1 + η²), which keeps the norm from growing;
    where a norm is 0, the ratio is 1.

    Notes
    -----
    Differs from optax, which takes norms below 1e-6 as 1e-6, so that biases that
    start at 0 hardly move.

    Examples
    --------
    >>> fromage(np.array([3.0, 4.0]), np.array([0.0, 2.0]), learning_rate=0.75).tolist()
    [2.4, 0.2]
    """
    moved = param - learning_rate * norm_ratio(param, grad) * grad
    return moved / np.sqrt(1 + learning_rate**2)


@nnplug.optimizer(
    ranges={"beta1": "[0, 1)", "beta2": "[0, 1)", "epsilon": "(0, inf)", "weight_decay": "[0, inf)"}
)
def lans(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-6,
    weight_decay: float = 0.0,
) -> Any:
    """LANS: LAMB with normalised gradients and Nesterov's momentum (Zheng et al., 2020,
    arXiv:2006.13484, algorithm 2).

    The gradient of each array is divided by its norm. Of the step, beta1 goes
    along the momentum and 1 - beta1 along the gradient, each of them with
    decay and scaled to ‖w‖.

    The equation was not checked against the paper.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        Outside the root.
    weight_decay : float
        Inside the ratios.

    Examples
    --------
    Both directions are the gradient's sign at the first step, so it is LAMB's.

    >>> new, m, v = lans(np.array([3.0, 4.0]), np.ones(2), np.zeros(2), np.zeros(2), step=1,
    ...                  learning_rate=0.2)
    >>> (np.array([3.0, 4.0]) - new).round(4).tolist()
    [0.7071, 0.7071]
    """
    size = np.linalg.norm(grad)
    grad = grad / np.where(size > 0, size, 1.0)
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    below = np.sqrt(v / (1 - beta2**step)) + epsilon
    slow = m / (1 - beta1**step) / below + weight_decay * param
    fast = grad / below + weight_decay * param
    update = beta1 * norm_ratio(param, slow) * slow + (1 - beta1) * norm_ratio(param, fast) * fast
    return param - learning_rate * update, m, v


@nnplug.optimizer(ranges={"beta": "[0, 1)", "bias_scale": "(0, inf)", "epsilon": "(0, inf)"})
def nero(
    param: Any,
    grad: Any,
    v: Any,
    *,
    step: Any,
    learning_rate: float = 0.01,
    beta: float = 0.999,
    bias_scale: float = 0.01,
    epsilon: float = 1e-8,
) -> Any:
    """Nero: neuronal rotation (Liu et al., 2021, arXiv:2102.07227, algorithm 1).

    Each neuron, a column of a weight matrix, has mean 0 and norm 1, and turns by
    the learning rate: the gradient is divided by the running root mean square of
    its norm. Weights are brought there before the first step too. Neurons with a
    single input are not constrained, since their mean would be all that they are.

    The algorithm's number was not checked against the paper.

    Parameters
    ----------
    beta : float
        Decay of the running mean of squared norms, in [0, 1).
    bias_scale : float
        The size of biases, by which their steps are multiplied.
    epsilon : float
        Added to norms.

    Examples
    --------
    >>> weight, grad = np.array([[0.5], [0.5], [-1.0]]), np.array([[0.0], [3.0], [4.0]])
    >>> new, v = nero(weight, grad, np.zeros((3, 1)), step=1, learning_rate=0.0)
    >>> new.T.round(4).tolist(), v.T.round(4).tolist()
    ([[0.4082, 0.4082, -0.8165]], [[0.025, 0.025, 0.025]])
    """
    if param.ndim < 2:
        v = beta * v + (1 - beta) * grad**2
        turned = grad / (np.sqrt(v / (1 - beta**step)) + epsilon)
        return param - learning_rate * bias_scale * turned, v
    param = np.where(step == 1, _constrained(param, epsilon), param)
    v = beta * v + (1 - beta) * np.sum(grad**2, axis=0, keepdims=True)
    turned = grad / (np.sqrt(v / (1 - beta**step)) + epsilon)
    return _constrained(param - learning_rate * turned, epsilon), v


def _constrained(weight: Any, epsilon: float) -> Any:
    centred = weight - np.mean(weight, axis=0, keepdims=True)
    size = np.linalg.norm(centred, axis=0, keepdims=True) + epsilon
    return np.where(rows(weight) > 1, centred / size, weight)


@nnplug.optimizer(aliases=("conditional_gradient",), ranges={"radius": "(0, inf)"})
def frank_wolfe(param: Any, grad: Any, *, learning_rate: float = 0.01, radius: float = 10.0) -> Any:
    """Frank-Wolfe, or conditional gradients, in a ball of the Frobenius norm (Frank & Wolfe, 1956,
    doi:10.1002/nav.3800030109; for networks Ravi et al., 2018, arXiv:1803.06453).

    w becomes (1 - η)·w - η·radius·g/‖g‖: a step of length η towards the ball's
    point with the smallest linear approximation, so w stays in the ball.

    Parameters
    ----------
    learning_rate : float
        η, in [0, 1].
    radius : float
        The largest norm of an array.

    Notes
    -----
    Differs from TensorFlow Addons, whose learning rate is 1 - η.

    Examples
    --------
    >>> frank_wolfe(np.array([1.0, 1.0]), np.array([3.0, 4.0]), learning_rate=0.5).tolist()
    [-2.5, -3.5]
    """
    size = np.linalg.norm(grad)
    corner = -radius * grad / np.where(size > 0, size, 1.0)
    return param + learning_rate * np.where(size > 0, corner - param, 0.0)


@nnplug.optimizer(name="ef_signsgd")
def ef_signsgd(param: Any, grad: Any, error: Any, *, learning_rate: float = 0.01) -> Any:
    """EF-SignSGD: signs with feedback of the error (Karimireddy et al., 2019, arXiv:1901.09847,
    algorithm 1).

    p = η·g + e; a step is the mean of |p| along p's signs, and what it leaves
    out is added to the next one. Each array is compressed by itself.

    Examples
    --------
    >>> new, error = ef_signsgd(np.zeros(2), np.array([1.0, -3.0]), np.zeros(2), learning_rate=1.0)
    >>> new.tolist(), error.tolist()
    ([-2.0, 2.0], [-1.0, -1.0])
    """
    wanted = learning_rate * grad + error
    taken = np.mean(np.abs(wanted)) * np.sign(wanted)
    return param - taken, wanted - taken


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (lars, lamb, novograd, fromage, lans, nero, frank_wolfe, ef_signsgd):
        register(part)
