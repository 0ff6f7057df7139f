"""Layers that are random in training, and not outside it.

Letters: N rows, D inputs, H units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from nnplug import hookimpl, layer, normal, parameter, uniform
from nnplug.parts import Layer

_ALPHA = -1.7580993408473766  # -scale·alpha of SELU: where its left tail ends


@layer(ranges={"deviation": "[0, inf)"})
def gaussian_noise(
    x: Any, noise: Any = normal("N", "D"), *, training: bool, deviation: float = 0.1
) -> Any:
    """Noise added to the inputs in training: x + s·n (Bishop, 1995, doi:10.1162/neco.1995.7.1.108).

    The equation was not checked against the paper.

    Parameters
    ----------
    deviation : float
        s, the noise's standard deviation. Keras has no default.

    Examples
    --------
    >>> gaussian_noise(np.array([[1.0]]), np.array([[2.0]]), training=True, deviation=0.5)
    array([[2.]])
    """
    return x + deviation * noise if training else x


@layer(ranges={"rate": "[0, 1)"})
def gaussian_dropout(
    x: Any, noise: Any = normal("N", "D"), *, training: bool, rate: float = 0.5
) -> Any:
    """Multiplicative noise of mean 1, x·(1 + s·n) (Srivastava et al., 2014, JMLR 15, section 10).

    s = √(rate / (1 - rate)), the deviation of dropout with that rate.

    The equation was not checked against the paper.

    Examples
    --------
    >>> gaussian_dropout(np.array([[3.0]]), np.array([[2.0]]), training=True)
    array([[9.]])
    """
    return x * (1 + (rate / (1 - rate)) ** 0.5 * noise) if training else x


@layer(ranges={"rate": "[0, 1)"})
def alpha_dropout(
    x: Any, noise: Any = uniform("N", "D"), *, training: bool, rate: float = 0.5
) -> Any:
    """Alpha dropout, for SELU (Klambauer et al., 2017, arXiv:1706.02515, section 3, "New dropout
    technique").

    What is dropped becomes α', where the left tail of SELU ends; a·(...) + b
    then restores mean 0 and variance 1.

    The equation was not checked against the paper.

    Examples
    --------
    >>> y = alpha_dropout(np.array([[1.0, 1.0]]), np.array([[0.3, 0.9]]), training=True)
    >>> y.round(6)
    array([[-0.779194,  1.665599]])
    """
    if not training:
        return x
    kept = 1 - rate
    a = (kept + _ALPHA**2 * kept * rate) ** -0.5
    return a * np.where(noise >= rate, x, _ALPHA) - a * rate * _ALPHA


@layer(ranges={"rate": "[0, 1)"})
def column_dropout(x: Any, noise: Any = uniform("D"), *, training: bool, rate: float = 0.5) -> Any:
    """Dropout of whole columns: the same inputs are dropped in all rows of a batch (Tompson et al.,
    2014, arXiv:1411.4280, section 3.2, for feature maps).

    The equation was not checked against the paper.

    Examples
    --------
    >>> column_dropout(np.ones((2, 2)), np.array([0.3, 0.9]), training=True)
    array([[0., 2.],
           [0., 2.]])
    """
    return x * np.where(noise >= rate, 1 / (1 - rate), 0.0) if training else x


@layer(ranges={"rate": "[0, 1)"})
def dropconnect(
    x: Any, weight: Any = parameter("D", "units"), bias: Any = parameter("units", start=0),
    noise: Any = uniform("D", "units"), *, training: bool, units: int = 100, rate: float = 0.5,
) -> Any:  # fmt: skip
    """DropConnect: a dense layer some of whose weights are 0 (Wan et al., 2013, ICML, equation 2).

    Differs from the paper: the rows of a batch share one mask, the weights that
    are kept are divided by the share that is kept, and so outside training it is
    the dense layer, in place of the paper's sampling.

    The equation was not checked against the paper.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> dropconnect(one, 3 * one, np.zeros(1), np.array([[0.9]]), training=True)
    array([[6.]])
    """
    if training:
        weight = weight * np.where(noise >= rate, 1 / (1 - rate), 0.0)
    return x @ weight + bias


@layer(ranges={"deviation": "[0, inf)"})
def noisy_dense(
    x: Any, weight: Any = parameter("D", "units"), bias: Any = parameter("units", start=0),
    weight_deviation: Any = parameter("D", "units", start=1, decay=False),
    bias_deviation: Any = parameter("units", start=1),
    weight_noise: Any = normal("D", "units"), bias_noise: Any = normal("units"), *,
    training: bool, units: int = 100, deviation: float = 0.017,
) -> Any:  # fmt: skip
    """A dense layer with learned noise: x·(W + S·n) + b + s·m (Fortunato et al., 2017,
    arXiv:1706.10295, equation 9, with independent noise).

    The equation was not checked against the paper.

    Parameters
    ----------
    deviation : float
        What S and s start from; they are learned as multiples of it.

    Examples
    --------
    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> noisy_dense(one, one, zero, one, one[0], 2 * one, zero, training=True, deviation=0.5)
    array([[2.]])
    """
    if training:
        weight = weight + deviation * weight_deviation * weight_noise
        bias = bias + deviation * bias_deviation * bias_noise
    return x @ weight + bias


@layer
def standout(
    x: Any, weight: Any = parameter("D", "units"), bias: Any = parameter("units", start=0),
    noise: Any = uniform("N", "units"), *,
    training: bool, units: int = 100, alpha: float = 1.0, beta: float = 0.0,
) -> Any:  # fmt: skip
    """Standout: a unit is kept with a probability that grows with its sum (Ba & Frey, 2013,
    NIPS 26, equations 2 and 3).

    max(z, 0)·m with z = x·W + b, where m is 1 with probability σ(α·z + β), and
    outside training that probability itself. The belief network shares the
    weights, as in section 3.3 of the paper. The numbers of equations and section
    were not checked against the paper.

    Examples
    --------
    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> standout(one, 2 * one, zero, np.array([[0.1]]), training=True)
    array([[2.]])
    """
    z = x @ weight + bias
    kept = 1 / (1 + np.exp(-(alpha * z + beta)))
    return np.maximum(z, 0) * (np.where(noise < kept, 1.0, 0.0) if training else kept)


@hookimpl
def register_layers(register: Any) -> None:
    """Register every layer of this module."""
    for part in [value for value in globals().values() if isinstance(value, Layer)]:
        register(part)
