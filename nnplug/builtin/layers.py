"""The built-in layers.

Letters: N rows, D inputs, H units.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from nnplug import special
from nnplug.builtin import embeddings
from nnplug.hookspecs import hookimpl
from nnplug.parts import Layer, layer, parameter, state, uniform

# The arrays of a dense layer, x·W + b, which the gated layers have twice.
_WEIGHT, _BIAS = parameter("D", "units"), parameter("units", start=0)


@layer
def dense(x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, *, units: int = 100) -> Any:
    """Dense: x·W + b, with W of shape (D, H).

    Examples
    --------
    >>> dense(np.ones((1, 2)), np.ones((2, 1)), np.zeros(1))
    array([[2.]])
    """
    return x @ weight + bias


@layer
def monotone_dense(
    x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, sign: Any = state("D", "units", start=1), *,
    units: int = 100,
) -> Any:  # fmt: skip
    """Dense, with weights whose signs are given: x·(s·|W|) + b (Sill, 1998, "Monotonic Networks").

    Where s is 0, the weight is free: it is W. At first every s is 1, so that no
    output falls when an input rises; `--increasing` and `--decreasing` set them by
    column. Training does not change s. By the absolute value, penalties and the
    start of the weights mean what they do in a dense layer.

    In a network with such a layer, the output layer is one too.

    Examples
    --------
    >>> monotone_dense(np.ones((1, 2)), np.array([[2.0], [-3.0]]), np.zeros(1), np.ones((2, 1)))[0]
    array([[5.]])
    """
    return x @ np.where(sign == 0, weight, sign * abs(weight)) + bias, sign


@layer(ranges={"rate": "[0, 1)"})
def dropout(x: Any, noise: Any = uniform("N", "D"), *, training: bool, rate: float = 0.5) -> Any:
    """Dropout: some outputs are set to 0, the others scaled up (Srivastava et al., 2014, JMLR 15).

    A share of `rate` is dropped in each training step, and the rest is divided
    by the share that is kept. Outside training nothing is dropped.

    Examples
    --------
    >>> dropout(np.array([[1.0, 2.0]]), np.array([[0.3, 0.9]]), training=True)
    array([[0., 4.]])
    """
    # As a mask, so that the backward pass multiplies by the same numbers as the forward pass.
    return x * np.where(noise >= rate, 1 / (1 - rate), 0.0) if training else x


@layer(ranges={"momentum": "[0, 1]", "epsilon": "[0, inf)"})
def batch_norm(
    x: Any, gain: Any = parameter("D", start=1), shift: Any = parameter("D", start=0),
    mean: Any = state("D", start=0), variance: Any = state("D", start=1), *,
    training: bool, momentum: float = 0.1, epsilon: float = 1e-5,
) -> Any:  # fmt: skip
    """Batch normalisation (Ioffe & Szegedy, 2015, arXiv:1502.03167, algorithms 1 and 2).

    In training each input is normalised by the mean and variance of its batch;
    outside training by their running averages, in which each step has the share
    `momentum`. A batch of one row has no variance, and does not change that average.
    """
    if not training:
        return gain * (x - mean) / np.sqrt(variance + epsilon) + shift, mean, variance
    centre, spread = np.mean(x, axis=0), np.var(x, axis=0)
    y = gain * ((x - centre) / np.sqrt(spread + epsilon)) + shift
    unbiased = np.var(x, axis=0, ddof=1)
    unbiased = np.where(np.isnan(unbiased), variance, unbiased)  # if there is one row
    return (
        y,
        (1 - momentum) * mean + momentum * centre,
        (1 - momentum) * variance + momentum * unbiased,
    )


@layer(ranges={"epsilon": "[0, inf)"})
def layer_norm(
    x: Any, gain: Any = parameter("D", start=1), shift: Any = parameter("D", start=0), *,
    epsilon: float = 1e-5,
) -> Any:  # fmt: skip
    """Layer normalisation (Ba, Kiros & Hinton, 2016, arXiv:1607.06450, equation 4).

    Examples
    --------
    >>> layer_norm(np.array([[1.0, 3.0]]), 1.0, 0.0, epsilon=0.0)
    array([[-1.,  1.]])
    """
    centred = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centred**2, axis=-1, keepdims=True)
    return gain * (centred / np.sqrt(variance + epsilon)) + shift


@layer(ranges={"epsilon": "[0, inf)"})
def rms_norm(x: Any, gain: Any = parameter("D", start=1), *, epsilon: float = 1e-6) -> Any:
    """Normalisation by the root of the mean square (Zhang & Sennrich, 2019, arXiv:1910.07467).

    Examples
    --------
    >>> rms_norm(np.array([[1.0, -1.0]]), 2.0, epsilon=0.0)
    array([[ 2., -2.]])
    """
    return gain * (x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + epsilon))


@layer
def residual(x: Any, *, inner: Any) -> Any:
    """A layer around layers: x + inner(x) (He et al., 2016, arXiv:1512.03385, equation 1).

    The layers that it holds must have outputs as wide as their inputs.

    Examples
    --------
    >>> residual(np.ones(2), inner=lambda x: 2 * x)
    array([3., 3.])
    """
    return x + inner(x)


@layer
def scale(x: Any, factor: Any = parameter("D", start=1)) -> Any:
    """One factor for each input: f·x.

    Examples
    --------
    >>> scale(np.array([1.0, 2.0]), np.array([3.0, 0.5]))
    array([3., 1.])
    """
    return x * factor


@layer
def maxout(
    x: Any, weights: Any = parameter("D", "units", count="pieces"),
    biases: Any = parameter("units", start=0, count="pieces"), *,
    units: int = 100, pieces: int = 2,
) -> Any:  # fmt: skip
    """Maxout: the largest of several dense layers (Goodfellow et al., 2013, arXiv:1302.4389).

    Examples
    --------
    >>> maxout(np.ones((1, 1)), np.array([[[1.0]], [[3.0]]]), np.array([[1.0], [-2.0]]))
    array([[2.]])
    """
    return reduce(np.maximum, [x @ w + b for w, b in zip(weights, biases, strict=True)])


@layer
def glu(
    x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, gate: Any = _WEIGHT, gate_bias: Any = _BIAS,
    *, units: int = 100,
) -> Any:  # fmt: skip
    """Gated linear unit: (x·W + b)·σ(x·V + c) (Dauphin et al., 2017, arXiv:1612.08083, eq. 1).

    Examples
    --------
    >>> one, nothing = np.ones((1, 1)), np.zeros(1)
    >>> glu(one, 4 * one, nothing, 0 * one, nothing)
    array([[2.]])
    """
    return (x @ weight + bias) * special.sigmoid(x @ gate + gate_bias)


@layer
def swiglu(
    x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, gate: Any = _WEIGHT, gate_bias: Any = _BIAS,
    *, units: int = 100,
) -> Any:  # fmt: skip
    """SwiGLU: swish(x·W + b)·(x·V + c) (Shazeer, 2020, arXiv:2002.05202, equation 5).

    Examples
    --------
    >>> one, nothing = np.ones((1, 1)), np.zeros(1)
    >>> swiglu(one, 0 * one, nothing, 4 * one, nothing)
    array([[0.]])
    """
    z = x @ weight + bias
    return z * special.sigmoid(z) * (x @ gate + gate_bias)


@layer
def parametric(x: Any, amount: Any = parameter("D", start=1), *, inner: Any) -> Any:
    """An activation with a learned amount for each unit: x + a·(f(x) - x), with a = 1 at first.

    `parametric[selu]`: with a = 0 a unit is linear, and it may learn more than the
    activation. As in RealMLP (Holzmüller, Grinsztajn & Steinwart, 2024,
    arXiv:2407.04491). The layers in it must keep the width.

    Examples
    --------
    >>> parametric(np.array([[3.0]]), 0.5, inner=lambda x: x * 0)
    array([[1.5]])
    """
    return x + amount * (inner(x) - x)


@hookimpl
def register_layers(register: object) -> None:
    """Register every layer of this module and of `embeddings`."""
    assert callable(register)
    everything = [*globals().values(), *vars(embeddings).values()]
    for part in [value for value in everything if isinstance(value, Layer)]:
        register(part)
