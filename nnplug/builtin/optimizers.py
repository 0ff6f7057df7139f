"""The built-in optimizers, each one step of its algorithm."""

from __future__ import annotations

from typing import Any

import numpy as np

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


@hookimpl
def register_optimizers(register: Any) -> None:
    """Register every optimizer of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
