"""Sharpness-aware minimization and its kin, around any other optimizer.

Each takes the gradient at a second point and hands it to the optimizer in
brackets: `sam[sgd]`, `asam:rho=1[adam]`. A step takes two gradients.
"""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np

__all__: list[str] = []

TINY = 1e-12  # added to norms, as in the authors' code


def _along(param: Any, grad: Any, rho: float) -> Any:
    return param + rho * grad / (np.linalg.norm(grad) + TINY)


@nnplug.optimizer(point=_along, ranges={"rho": "[0, inf)"})
def sam(param: Any, grad: Any, *, base: Any, rho: float = 0.05) -> Any:
    """Sharpness-aware minimization (Foret et al., 2021, arXiv:2010.01412, algorithm 1, eq. 2).

    The gradient is taken at w + rho·g/‖g‖, over all parameters.

    Parameters
    ----------
    rho : float
        How far away.

    Examples
    --------
    >>> sam.point(np.zeros(2), np.array([3.0, 4.0]), rho=0.5).round(6).tolist()
    [0.3, 0.4]
    """
    return base(param, grad)


def _scaled(param: Any, grad: Any, rho: float, eta: float) -> Any:
    size = np.abs(param) + eta
    return param + rho * size**2 * grad / (np.linalg.norm(size * grad) + TINY)


@nnplug.optimizer(point=_scaled, ranges={"rho": "[0, inf)", "eta": "[0, inf)"})
def asam(param: Any, grad: Any, *, base: Any, rho: float = 0.5, eta: float = 0.01) -> Any:
    """Adaptive SAM (Kwon et al., 2021, arXiv:2102.11600, algorithm 1, eq. 7).

    The gradient is taken at w + rho·T²g/‖Tg‖ with T = |w| + eta, so that a
    scale that layers share out differently does not matter.

    Parameters
    ----------
    rho : float
        How far away, relative to the parameters.
    eta : float
        Added to |w|.

    Notes
    -----
    Differs from the authors' code, where T is 1 for biases, and from
    pytorch_optimizer, where eta is 0.

    Examples
    --------
    T = (1, 2), so Tg = (3, 4) of norm 5, and T²g = (3, 8).

    >>> moved = asam.point(np.array([1.0, -2.0]), np.array([3.0, 2.0]), rho=0.5, eta=0.0)
    >>> (moved - [1.0, -2.0]).round(6).tolist()
    [0.3, 0.8]
    """
    return base(param, grad)


def _unscaled(param: Any, grad: Any, rho: float) -> Any:
    return param + rho * grad


@nnplug.optimizer(point=_unscaled, ranges={"rho": "[0, inf)"})
def usam(param: Any, grad: Any, *, base: Any, rho: float = 0.05) -> Any:
    """Unnormalised SAM (Andriushchenko & Flammarion, 2022, arXiv:2206.06232, eq. 3).

    The gradient is taken at w + rho·g.

    Parameters
    ----------
    rho : float
        How far away, as a factor on the gradient.

    The equation's number was not checked against the paper.

    Examples
    --------
    >>> usam.point(np.zeros(2), np.array([3.0, 4.0]), rho=0.5).tolist()
    [1.5, 2.0]
    """
    return base(param, grad)


def _by_fisher(param: Any, grad: Any, rho: float, eta: float) -> Any:
    scaled = grad / (1 + eta * grad**2)
    return param + rho * scaled / (np.sqrt(np.sum(grad * scaled)) + TINY)


@nnplug.optimizer(point=_by_fisher, ranges={"rho": "[0, inf)", "eta": "[0, inf)"})
def fisher_sam(param: Any, grad: Any, *, base: Any, rho: float = 0.1, eta: float = 1.0) -> Any:
    """Fisher SAM (Kim et al., 2022, arXiv:2206.04920, eq. 9).

    The gradient is taken at w + rho·F⁻¹g/√(gᵀF⁻¹g), with 1/(1 + eta·g²) for
    the diagonal of F⁻¹: an ellipsoid that the squared gradients shape, in
    place of a ball.

    Parameters
    ----------
    rho : float
        How far away.
    eta : float
        How much the squared gradients count; 0 is `sam`.

    The equation was not checked against the paper.

    Examples
    --------
    F⁻¹ = (1/2, 1/10), so F⁻¹g = (0.5, 0.3) and gᵀF⁻¹g = 0.5 + 0.9 = 1.4.

    >>> moved = fisher_sam.point(np.zeros(2), np.array([1.0, 3.0]), rho=1.4**0.5, eta=1.0)
    >>> moved.round(6).tolist()
    [0.5, 0.3]
    """
    return base(param, grad)


def _to_the_corner(param: Any, grad: Any, rho: float) -> Any:
    return param + rho * np.sign(grad)


@nnplug.optimizer(point=_to_the_corner, ranges={"rho": "[0, inf)"})
def sam_sign(param: Any, grad: Any, *, base: Any, rho: float = 0.001) -> Any:
    """SAM in the largest-element norm (Foret et al., 2021, arXiv:2010.01412, eq. 2 with p = ∞).

    The gradient is taken at w + rho·sign(g): each parameter is moved alike.

    Parameters
    ----------
    rho : float
        How far each parameter is moved.

    Examples
    --------
    >>> sam_sign.point(np.zeros(3), np.array([3.0, -4.0, 0.0]), rho=0.5).tolist()
    [0.5, -0.5, 0.0]
    """
    return base(param, grad)


@nnplug.hookimpl
def register_optimizers(register: Any) -> None:
    """Register the optimizers."""
    for part in (sam, asam, usam, fisher_sam, sam_sign):
        register(part)
