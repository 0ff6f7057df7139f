"""Radial activations: even functions with their largest value, 1, at 0."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Activation


@nnplug.activation
def gaussian(x: Any) -> Any:
    """Gaussian: exp(-x²) (Broomhead & Lowe, 1988, Complex Systems 2, Multivariable functional
    interpolation and adaptive networks).

    The equation was not checked against the paper.

    Examples
    --------
    >>> gaussian(np.array([-100.0, 0.0])).tolist()
    [0.0, 1.0]
    """
    near = np.clip(x, -30, 30)  # exp(-900) is 0 in every dtype
    return np.exp(-(near * near))


@nnplug.activation(ranges={"a": "(0, inf)", "b": "(0, inf)"})
def super_gaussian(x: Any, *, a: float = 1.0, b: float = 2.0) -> Any:
    """Super-Gaussian: exp(-x²/(2a²))^b (Ramasinghe & Lucey, 2021, arXiv:2111.15135).

    Parameters
    ----------
    a, b : float
        Width and power. b = 1 is the Gaussian of that paper.

    Examples
    --------
    >>> float(super_gaussian(0.0)), bool(np.isclose(super_gaussian(1.0), np.exp(-1.0)))
    (1.0, True)
    """
    reach = 60 / b**0.5
    u = np.clip(x / a, -reach, reach)  # exp(-1800) is 0 in every dtype
    return np.exp(u * u * (-0.5 * b))


@nnplug.activation(ranges={"a": "(0, inf)"})
def laplacian(x: Any, *, a: float = 1.0) -> Any:
    """Laplacian: exp(-|x|/a) (Ramasinghe & Lucey, 2021, arXiv:2111.15135).

    The derivative at 0 is 0.

    Examples
    --------
    >>> float(laplacian(0.0)), float(laplacian(-np.log(4.0)).round(12))
    (1.0, 0.25)
    """
    return np.exp(-abs(x) / a)


@nnplug.activation(ranges={"a": "(0, inf)"})
def inverse_quadratic(x: Any, *, a: float = 1.0) -> Any:
    """Quadratic: 1/(1 + (ax)²) (Ramasinghe & Lucey, 2021, arXiv:2111.15135).

    Known as inverse quadratic among radial basis functions.

    Examples
    --------
    >>> inverse_quadratic(np.array([-3.0, 0.0, 1.0])).round(12).tolist()
    [0.1, 1.0, 0.5]
    """
    return np.hypot(1, a * x) ** -2.0


@nnplug.activation(ranges={"a": "(0, inf)"})
def inverse_multiquadric(x: Any, *, a: float = 1.0) -> Any:
    """Multi-quadratic: 1/√(1 + (ax)²) (Ramasinghe & Lucey, 2021, arXiv:2111.15135).

    Known as inverse multiquadric among radial basis functions.

    Examples
    --------
    >>> inverse_multiquadric(np.array([-0.75, 0.0])).tolist()
    [0.8, 1.0]
    """
    return 1 / np.hypot(1, a * x)


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
