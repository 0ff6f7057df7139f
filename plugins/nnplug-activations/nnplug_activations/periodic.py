"""Periodic and oscillating activations.

Far from 0 a sine is as precise as its argument: an error of one unit in the
last place of u moves sin(u) by u times that.
"""

from __future__ import annotations

import math
from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Activation


@nnplug.activation(aliases=("siren",))
def sine(x: Any, *, omega: float = 1.0) -> Any:
    """Sine: sin(omega·x) (Sitzmann et al., 2020, arXiv:2006.09661).

    Parameters
    ----------
    omega : float
        The paper has 30 in the first layer.

    Examples
    --------
    >>> float(sine(0.0)), float(sine(np.pi / 2))
    (0.0, 1.0)
    """
    return np.sin(omega * x)


@nnplug.activation
def cosine(x: Any) -> Any:
    """Cosine: cos(x); no single paper introduces it.

    Examples
    --------
    >>> float(cosine(0.0)), float(cosine(np.pi))
    (1.0, -1.0)
    """
    return np.cos(x)


@nnplug.activation(ranges={"a": "(0, inf)"})
def snake(x: Any, *, a: float = 1.0) -> Any:
    """Snake: x + sin²(a·x)/a (Ziyin, Hartwig & Ueda, 2020, arXiv:2006.08195, eq. 3).

    Here the frequency is fixed; `learned_snake` learns one for each unit.

    Parameters
    ----------
    a : float
        Above 0.

    Examples
    --------
    >>> float(snake(0.0)), float(snake(np.pi / 2) - np.pi / 2)
    (0.0, 1.0)
    """
    return x + np.sin(a * x) ** 2 / a


@nnplug.activation
def gcu(x: Any) -> Any:
    """Growing cosine unit: x·cos(x) (Noel et al., 2021, arXiv:2108.12943).

    Examples
    --------
    >>> float(gcu(0.0)), float(gcu(np.pi) / np.pi)
    (0.0, -1.0)
    """
    return x * np.cos(x)


@nnplug.activation
def finer(x: Any, *, omega: float = 1.0) -> Any:
    """FINER: sin(omega·(|x| + 1)·x) (Liu et al., 2023, arXiv:2312.02434).

    A sine whose frequency grows with |x|. Meant for biases drawn from a wide range.

    Parameters
    ----------
    omega : float
        30 in the authors' code.

    Examples
    --------
    >>> float(finer(0.0)), bool(np.isclose(finer(1.0), np.sin(2.0)))
    (0.0, True)
    """
    return np.sin(omega * ((abs(x) + 1) * x))


def _spder_derivative(x: Any, y: Any) -> Any:
    root = np.sqrt(abs(x))
    # sin(x)/(2·√|x|), which tends to 0, for the sign of x
    part = 0.5 * abs(np.sin(x)) / np.where(root > 0, root, 1)
    turned = np.where(np.sin(x) * x < 0, -part, part)
    return np.cos(x) * root + turned


@nnplug.activation(derivative=_spder_derivative)
def spder(x: Any) -> Any:
    """SPDER: sin(x)·√|x| (Shah & Sitawarin, 2023, arXiv:2306.15242).

    Examples
    --------
    >>> float(spder(0.0)), bool(np.isclose(spder(np.pi / 2), (np.pi / 2) ** 0.5))
    (0.0, True)
    """
    return np.sin(x) * np.sqrt(abs(x))


def _hosc_derivative(x: Any, y: Any, *, beta: float) -> Any:
    fall = np.exp(-2 * abs(beta * np.sin(x)))
    return beta * np.cos(x) * (4 * fall / (1 + fall) ** 2)


@nnplug.activation(ranges={"beta": "(0, inf)"}, derivative=_hosc_derivative)
def hosc(x: Any, *, beta: float = 2.0) -> Any:
    """Hyperbolic oscillator: tanh(beta·sin(x)) (Serrano, Szymkowiak & Musialski, 2024,
    arXiv:2401.10967).

    Parameters
    ----------
    beta : float
        Above 0: from a sine, for small ones, to a square wave. The default is ours.

    Examples
    --------
    >>> float(hosc(0.0)), float(hosc(np.pi / 2, beta=100.0))
    (0.0, 1.0)
    """
    return np.tanh(beta * np.sin(x))


@nnplug.activation
def exp_sin(x: Any, *, a: float = 1.0) -> Any:
    """ExpSin: exp(-sin(a·x)) (Ramasinghe & Lucey, 2021, arXiv:2111.15135).

    Examples
    --------
    >>> float(exp_sin(0.0)), bool(np.isclose(exp_sin(np.pi / 2), np.exp(-1.0)))
    (1.0, True)
    """
    return np.exp(-np.sin(a * x))


@nnplug.activation
def sinc(x: Any, *, omega: float = 1.0) -> Any:
    """Cardinal sine: sin(omega·x)/(omega·x), 1 at 0 (Saratchandran et al., 2024,
    arXiv:2402.05427).

    Differs from NumPy's and PyTorch's sinc, which have π in place of omega.

    Examples
    --------
    >>> float(sinc(0.0)), bool(np.isclose(sinc(np.pi / 2), 2 / np.pi))
    (1.0, True)
    """
    return np.sinc(x * (omega / math.pi))


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
