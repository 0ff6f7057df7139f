"""Losses whose minimum is a quantile or an expectile, and for intervals.

In each formula u = target - prediction, and q is the share of targets below the prediction.
"""

from __future__ import annotations

import math
from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part
from nnplug.special import softplus


@nnplug.loss(aliases=("quantile_loss",), ranges={"quantile": "(0, 1)"})
def pinball(prediction: Any, target: Any, *, quantile: float = 0.5) -> Any:
    """Pinball loss, max(q·u, (q - 1)·u) (Koenker & Bassett, 1978, doi:10.2307/1913643).

    The q-quantile of the target minimises it. The derivative at u = 0 is 1 - q.

    Parameters
    ----------
    quantile : float
        q; 0.5 gives half the absolute error.

    Examples
    --------
    >>> float(pinball(1.0, 5.0, quantile=0.75)), float(pinball(5.0, 1.0, quantile=0.75))
    (3.0, 1.0)
    """
    u = target - prediction
    return np.maximum(quantile * u, (quantile - 1) * u)


@nnplug.loss(ranges={"expectile": "(0, 1)"})
def expectile(prediction: Any, target: Any, *, expectile: float = 0.5) -> Any:
    """Asymmetric least squares, |τ - 1[u < 0]|·u² (Newey & Powell, 1987, doi:10.2307/1911031).

    The τ-expectile of the target minimises it, as the mean does for τ = 0.5.

    Parameters
    ----------
    expectile : float
        τ; 0.5 gives half the squared error.

    Examples
    --------
    >>> float(expectile(1.0, 3.0, expectile=0.75)), float(expectile(3.0, 1.0, expectile=0.75))
    (3.0, 1.0)
    """
    u = target - prediction
    return np.where(u < 0, 1 - expectile, expectile) * u**2


@nnplug.loss(ranges={"quantile": "(0, 1)", "kappa": "(0, inf)"})
def quantile_huber(
    prediction: Any, target: Any, *, quantile: float = 0.5, kappa: float = 1.0
) -> Any:
    """Quantile Huber loss, |q - 1[u < 0]|·L(u) (Dabney et al., 2018, arXiv:1710.10044, eq. 10).

    L is Huber's loss: u²/2 for |u| <= κ, else κ·(|u| - κ/2). The equation's
    number was not checked.

    Parameters
    ----------
    quantile : float
        q.
    kappa : float
        κ, in the target's units: where the square turns into a line.

    Examples
    --------
    >>> float(quantile_huber(0.0, 3.0, quantile=0.75))
    1.875
    """
    u = target - prediction
    size = abs(u)
    curve = np.where(size <= kappa, 0.5 * u**2, kappa * (size - 0.5 * kappa))
    return np.where(u < 0, 1 - quantile, quantile) * curve


@nnplug.loss(ranges={"quantile": "(0, 1)", "alpha": "(0, inf)"})
def smooth_pinball(
    prediction: Any, target: Any, *, quantile: float = 0.5, alpha: float = 0.2
) -> Any:
    """Smooth pinball loss, q·u + α·log(1 + exp(-u/α)) (Zheng, 2011,
    doi:10.1007/s13042-010-0031-2).

    It approaches the pinball loss as α goes to 0. The equation was not checked
    against the paper.

    Parameters
    ----------
    quantile : float
        q.
    alpha : float
        α, in the target's units: how round the corner is.

    Examples
    --------
    >>> round(float(smooth_pinball(0.0, 0.0, alpha=1.0)), 6)
    0.693147
    """
    u = target - prediction
    return quantile * u + alpha * softplus(-u / alpha)


@nnplug.loss(ranges={"quantile": "(0, 1)", "scale": "(0, inf)"})
def arctan_pinball(
    prediction: Any, target: Any, *, quantile: float = 0.5, scale: float = 0.1
) -> Any:
    """Arctan pinball loss, (q - 1/2 + arctan(u/s)/π)·u + s/π (Sluijterman, Kreuwel, Cator &
    Heskes, 2024, arXiv:2406.02293).

    A smooth pinball loss with a second derivative that does not vanish fast. As in
    the documentation of the authors' code; not checked against the paper.

    Parameters
    ----------
    quantile : float
        q.
    scale : float
        s, in the target's units: how round the corner is.

    Examples
    --------
    >>> round(float(arctan_pinball(0.0, 1.0, scale=1.0)), 6)
    0.56831
    """
    u = target - prediction
    return (quantile - 0.5 + np.arctan(u / scale) / math.pi) * u + scale / math.pi


@nnplug.loss(ranges={"quantile": "(0, 1)"})
def asymmetric_laplace_nll(
    location: Any, log_scale: Any, target: Any, *, quantile: float = 0.5
) -> Any:
    """Negative log-likelihood of the asymmetric Laplace distribution (Yu & Moyeed, 2001,
    doi:10.1016/S0167-7152(01)00124-9, eq. 3).

    log σ - log(q·(1 - q)) + max(q·u, (q - 1)·u)/σ: the location is the
    q-quantile, and is the prediction. The equation's number was not checked.

    Parameters
    ----------
    quantile : float
        q.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> asymmetric_laplace_nll(0 * one, 0 * one, 4 * one).round(6).tolist()
    [[3.386294]]
    """
    u = target - location
    shape = -math.log(quantile * (1 - quantile))
    return log_scale + shape + np.maximum(quantile * u, (quantile - 1) * u) * np.exp(-log_scale)


def _middle(lower: Any, upper: Any) -> Any:
    return 0.5 * (lower + upper)


@nnplug.loss(aliases=("winkler_score",), predict=_middle, ranges={"coverage": "(0, 1)"})
def interval_score(lower: Any, upper: Any, target: Any, *, coverage: float = 0.9) -> Any:
    """Interval score (Winkler, 1972; Gneiting & Raftery, 2007, doi:10.1198/016214506000001437,
    eq. 43).

    upper - lower, plus 2/α times the distance of a target outside, with α = 1 -
    coverage. The quantiles α/2 and 1 - α/2 minimise it. The prediction is the
    middle of the two. The equation's number was not checked.

    Parameters
    ----------
    coverage : float
        The share of targets that are to lie between the two outputs.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> interval_score(one, 3 * one, 4 * one, coverage=0.5).tolist()
    [[6.0]]
    """
    outside = np.maximum(lower - target, 0) + np.maximum(target - upper, 0)
    return (upper - lower) + (2 / (1 - coverage)) * outside


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
