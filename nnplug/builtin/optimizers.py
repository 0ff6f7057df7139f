"""The built-in optimizers, each one step of its algorithm."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnplug.builtin import adam_variants
from nnplug.hookspecs import hookimpl
from nnplug.parts import Part, optimizer


@optimizer(aliases=("gradient_descent",))
def sgd(param: Any, grad: Any, *, learning_rate: float = 0.01) -> Any:
    """Vanilla gradient descent: param - learning_rate·grad (Cauchy, 1847)."""
    return param - learning_rate * grad


@optimizer
def momentum(
    param: Any, grad: Any, velocity: Any, *, learning_rate: float = 0.01, momentum: float = 0.9
) -> Any:
    """Gradient descent with momentum (Polyak, 1964; Sutskever et al., 2013, ICML).

    velocity = momentum·velocity + grad, as in PyTorch: the learning rate scales
    the velocity, so that a schedule takes effect at once.

    Parameters
    ----------
    momentum : float
        In [0, 1).
    """
    velocity = momentum * velocity + grad
    return param - learning_rate * velocity, velocity


@optimizer
def nesterov(
    param: Any, grad: Any, velocity: Any, *, learning_rate: float = 0.01, momentum: float = 0.9
) -> Any:
    """Nesterov's accelerated gradient (Nesterov, 1983; Sutskever et al., 2013, ICML, eq. 3).

    In PyTorch's form: the gradient is taken at the parameters, and the step looks
    ahead along the new velocity.

    Parameters
    ----------
    momentum : float
        In [0, 1).
    """
    velocity = momentum * velocity + grad
    return param - learning_rate * (grad + momentum * velocity), velocity


@optimizer(ranges={"momentum": "[0, 1)", "weight_decay": "[0, inf)"})
def sgdw(
    param: Any,
    grad: Any,
    velocity: Any,
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    weight_decay: float = 0.01,
) -> Any:
    """Momentum with decoupled weight decay (Loshchilov & Hutter, 2019, arXiv:1711.05101, Alg. 1).

    The decay is multiplied by the learning rate, as in `adamw`; the paper
    multiplies it by the schedule's factor alone. The velocity is
    `momentum`'s. Differs from PyTorch: the weight decay of its SGD is an L2
    penalty, which the velocity adds up too. The equation was not checked
    against the paper.

    Parameters
    ----------
    momentum : float
        In [0, 1).
    weight_decay : float
        At least 0; a step shrinks each parameter by learning_rate·weight_decay
        of itself.

    Examples
    --------
    >>> float(sgdw(1.0, 2.0, 0.0, learning_rate=0.5, weight_decay=0.5)[0])  # 0.75 - 0.5·2
    -0.25
    """
    velocity = momentum * velocity + grad
    return param * (1 - learning_rate * weight_decay) - learning_rate * velocity, velocity


@optimizer
def adagrad(
    param: Any, grad: Any, total: Any, *, learning_rate: float = 0.01, epsilon: float = 1e-10
) -> Any:
    """Adagrad (Duchi, Hazan & Singer, 2011, JMLR 12, section 1.1, diagonal form).

    Parameters
    ----------
    epsilon : float
        Outside the root; PyTorch's default (Keras has 1e-7 inside).
    """
    total = total + grad**2
    return param - learning_rate * grad / (np.sqrt(total) + epsilon), total


@optimizer(ranges={"decay": "[0, 1)", "epsilon": "(0, inf)"})
def adadelta(
    param: Any,
    grad: Any,
    square: Any,
    moved: Any,
    *,
    learning_rate: float = 1.0,
    decay: float = 0.9,
    epsilon: float = 1e-6,
) -> Any:
    """Adadelta (Zeiler, 2012, arXiv:1212.5701, Algorithm 1).

    The step is as large as the steps before it: their root mean square over
    that of the gradients. The paper has no learning rate, which is 1 here and
    in PyTorch (Keras has 0.001).

    Parameters
    ----------
    decay : float
        In [0, 1): the decay of both running means, ρ of the paper (Keras has 0.95).
    epsilon : float
        Above 0, within both roots; it makes the first step
        √epsilon / √((1 - decay)·grad² + epsilon)·grad (Keras has 1e-7).

    Examples
    --------
    >>> step, *_ = adadelta(0.0, 1.0, 0.0, 0.0, decay=0.0, epsilon=1.0)  # √1 / √(1 + 1)
    >>> round(float(step), 6)
    -0.707107
    """
    square = decay * square + (1 - decay) * grad**2
    step = np.sqrt(moved + epsilon) / np.sqrt(square + epsilon) * grad
    moved = decay * moved + (1 - decay) * step**2
    return param - learning_rate * step, square, moved


@optimizer
def rmsprop(
    param: Any,
    grad: Any,
    square: Any,
    *,
    learning_rate: float = 0.01,
    decay: float = 0.99,
    epsilon: float = 1e-8,
) -> Any:
    """RMSProp (Tieleman & Hinton, 2012, Coursera lecture 6e).

    Parameters
    ----------
    decay : float
        The decay of the running mean of squared gradients; PyTorch's `alpha`,
        0.99 (Keras has rho = 0.9).
    epsilon : float
        Outside the root, as in PyTorch.
    """
    square = decay * square + (1 - decay) * grad**2
    return param - learning_rate * grad / (np.sqrt(square) + epsilon), square


@optimizer(aliases=("rmsprop_centered",), ranges={"decay": "[0, 1)", "epsilon": "(0, inf)"})
def centered_rmsprop(
    param: Any,
    grad: Any,
    mean: Any,
    variance: Any,
    *,
    learning_rate: float = 0.01,
    decay: float = 0.99,
    epsilon: float = 1e-8,
) -> Any:
    """RMSProp by the gradient's deviation from its mean (Graves, 2013, arXiv:1308.0850, eq. 38).

    The running mean of the squares less the square of the running mean, which
    is updated as a variance: it cannot become negative. Differs from PyTorch's
    `RMSprop(centered=True)` and Keras's: their difference of two means can, by
    rounding, and PyTorch then gives NaN. Graves has epsilon = 1e-4 within the
    root, and momentum. The equation was not checked against the paper.

    Parameters
    ----------
    decay : float
        In [0, 1): the decay of both running means; PyTorch's `alpha`.
    epsilon : float
        Above 0, outside the root, as in PyTorch.

    Examples
    --------
    >>> param, mean, variance = centered_rmsprop(0.0, 2.0, 0.0, 0.0, decay=0.5)
    >>> mean, variance  # of 0 and 2
    (1.0, 1.0)
    """
    variance = decay * (variance + (1 - decay) * (grad - mean) ** 2)
    mean = decay * mean + (1 - decay) * grad
    return param - learning_rate * grad / (np.sqrt(variance) + epsilon), mean, variance


@optimizer(ranges={"shrink": "(0, 1)", "grow": "(1, inf)", "smallest": "(0, inf)"})
def rprop(
    param: Any,
    grad: Any,
    previous: Any,
    size: Any,
    *,
    step: int,
    learning_rate: float = 0.01,
    shrink: float = 0.5,
    grow: float = 1.2,
    smallest: float = 1e-6,
    largest: float = 50.0,
) -> Any:
    """Resilient backpropagation (Riedmiller & Braun, 1993, ICNN, eq. 4 and 5), as iRprop-.

    Each parameter has a step size of its own, which grows while its derivative
    keeps its sign and shrinks when that changes; only the sign counts. After a
    change of sign the parameter rests for one step, as in PyTorch (Igel &
    Hüsken, 2000, Improving the Rprop learning algorithm; the paper of 1993
    takes the last step back). For the same rows in every step:
    `--batch-size full`.

    Differs from optax, whose first step is 0. The equations were not checked
    against the paper.

    Parameters
    ----------
    learning_rate : float
        All step sizes in the first step; a schedule changes only that step.
    shrink, grow : float
        The factors of a step size: below 1 and above 1.
    smallest, largest : float
        The bounds of a step size.

    Examples
    --------
    >>> param, *state = rprop(1.0, 3.0, 0.0, 0.0, step=1, learning_rate=0.5)
    >>> param, *state = rprop(param, 0.1, *state, step=2, grow=1.5)  # 0.5 - 1.5·0.5
    >>> float(param)
    -0.25
    """
    size = np.where(step == 1, learning_rate, size)
    turn = np.sign(grad) * np.sign(previous)
    size = np.where(turn > 0, size * grow, np.where(turn < 0, size * shrink, size))
    size = np.minimum(np.maximum(size, smallest), largest)
    grad = np.where(turn < 0, 0.0, grad)
    return param - np.sign(grad) * size, grad, size


@optimizer
def adam(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: int,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Any:
    """Adam (Kingma & Ba, 2015, arXiv:1412.6980, Algorithm 1).

    Parameters
    ----------
    beta1, beta2 : float
        The decay of the running means of the gradient and of its square.
    epsilon : float
        Outside the root, after the bias correction, as in the algorithm and
        in PyTorch (Keras has 1e-7).
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**step)
    v_hat = v / (1 - beta2**step)
    return param - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


@optimizer
def adamw(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    *,
    step: int,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Any:
    """Adam with decoupled weight decay (Loshchilov & Hutter, 2019, arXiv:1711.05101, Algorithm 2).

    The decay is multiplied by the learning rate, as PyTorch and Keras do,
    and acts on every parameter, biases too.

    Parameters
    ----------
    weight_decay : float
        A step shrinks each parameter by learning_rate·weight_decay of itself.
    """
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**step)
    v_hat = v / (1 - beta2**step)
    shrunk = param * (1 - learning_rate * weight_decay)
    return shrunk - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


@optimizer(ranges={"beta1": "[0, 1)", "beta2": "[0, 1)", "weight_decay": "[0, inf)"})
def lion(
    param: Any,
    grad: Any,
    m: Any,
    *,
    learning_rate: float = 1e-4,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
) -> Any:
    """Lion, evolved sign momentum (Chen et al., 2023, arXiv:2302.06675, Algorithm 2).

    Every parameter moves by the learning rate, which is therefore 3 to 10
    times smaller than Adam's, and the weight decay as much larger. Keras has
    the learning rate 0.001; optax has weight_decay = 0.001.

    Parameters
    ----------
    beta1 : float
        In [0, 1): the share of the running mean in the step's direction.
    beta2 : float
        In [0, 1): the decay of the running mean.
    weight_decay : float
        At least 0; a step shrinks each parameter by learning_rate·weight_decay
        of itself.

    Examples
    --------
    >>> param, m = lion(1.0, 4.0, 0.0, learning_rate=0.25, beta2=0.5)
    >>> float(param), m
    (0.75, 2.0)
    """
    direction = np.sign(beta1 * m + (1 - beta1) * grad)
    m = beta2 * m + (1 - beta2) * grad
    return param - learning_rate * (direction + weight_decay * param), m


@optimizer(evaluate="average", ranges={"decay": "[0, 1]"})
def ema(param: Any, grad: Any, average: Any, *, base: Any, step: int, decay: float = 0.999) -> Any:
    """Exponential moving average of the weights, to predict with.

    Tarvainen & Valpola (2017, arXiv:1703.01780, eq. 1); averages of iterates are
    Polyak & Juditsky's (1992). The optimizer in brackets trains as it would alone;
    validation, predictions and the model use the average:
    `--optimizer "ema:decay=0.99[adam]"`. It starts from the parameters after
    the first step, as in PyTorch's `AveragedModel`. Keras's `use_ema` has
    0.99, and writes the average over the parameters only in the end.

    Parameters
    ----------
    decay : float
        In [0, 1]: the share of the average that a step keeps. It spans about
        1 / (1 - decay) steps.

    Examples
    --------
    >>> new = lambda param, grad: param - grad
    >>> [float(number) for number in ema(3.0, 1.0, 8.0, base=new, step=2, decay=0.5)]  # (8 + 2) / 2
    [2.0, 5.0]
    """
    new = base(param, grad)
    return new, np.where(step == 1, new, decay * average + (1 - decay) * new)


@hookimpl
def register_optimizers(register: Any) -> None:
    """Register every optimizer of this module and of `adam_variants`."""
    everything = [*globals().values(), *vars(adam_variants).values()]
    for part in [value for value in everything if isinstance(value, Part)]:
        register(part)
