"""Likelihoods and scores of distributions, whose location and spread are outputs.

All are in nats and have all their terms. A scale is given by its logarithm, which may be
any number; z is (target - location) / scale.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part
from nnplug.special import erf, lgamma, sigmoid, softplus

from nnplug_losses._gamma import stirling_rest

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def _normal_interval(mean: Any, log_scale: Any, level: float) -> tuple[Any, Any]:
    reach = NormalDist().inv_cdf((1 + level) / 2) * np.exp(log_scale)
    return mean - reach, mean + reach


def _laplace_interval(location: Any, log_scale: Any, level: float) -> tuple[Any, Any]:
    reach = -math.log1p(-level) * np.exp(log_scale)
    return location - reach, location + reach


def _logistic_interval(location: Any, log_scale: Any, level: float) -> tuple[Any, Any]:
    reach = 2 * math.atanh(level) * np.exp(log_scale)
    return location - reach, location + reach


@nnplug.loss(interval=_normal_interval)
def gaussian_nll(mean: Any, log_deviation: Any, target: Any) -> Any:
    """Negative log-likelihood of the normal distribution (Nix & Weigend, 1994,
    doi:10.1109/ICNN.1994.374138).

    log σ + z²/2 + log(2π)/2: the squared error with a spread of its own. The
    equation was not checked against the paper.

    Differs from PyTorch, which takes the variance as a third
    argument, bounds it from below, and leaves out the constant unless
    `full=True`.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> gaussian_nll(one, 0 * one, 3 * one).round(6).tolist()  # 2 + log(2π)/2
    [[2.918939]]
    """
    return _HALF_LOG_2PI + log_deviation + 0.5 * ((target - mean) * np.exp(-log_deviation)) ** 2


@nnplug.loss(interval=_laplace_interval)
def laplace_nll(location: Any, log_scale: Any, target: Any) -> Any:
    """Negative log-likelihood of the Laplace distribution: log(2b) + |target - location|/b.

    The absolute error with a scale b of its own (Laplace, 1774).

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> laplace_nll(one, 0 * one, 3 * one).round(6).tolist()
    [[2.693147]]
    """
    return math.log(2) + log_scale + abs(target - location) * np.exp(-log_scale)


@nnplug.loss(interval=_logistic_interval)
def logistic_nll(location: Any, log_scale: Any, target: Any) -> Any:
    """Negative log-likelihood of the logistic distribution: log s + z + 2·log(1 + exp(-z)).

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> logistic_nll(one, 0 * one, one).round(6).tolist()
    [[1.386294]]
    """
    z = (target - location) * np.exp(-log_scale)
    return log_scale + z + 2 * softplus(-z)


@nnplug.loss(ranges={"degrees": "(0, inf)"})
def student_t_nll(location: Any, log_scale: Any, target: Any, *, degrees: float = 4.0) -> Any:
    """Negative log-likelihood of Student's t (Lange, Little & Taylor, 1989,
    doi:10.1080/01621459.1989.10478852).

    (ν + 1)/2·log(1 + z²/ν) + log s + log(νπ)/2 + log Γ(ν/2) - log Γ((ν + 1)/2).

    Parameters
    ----------
    degrees : float
        ν, the degrees of freedom: the fewer, the less an outlier counts.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> student_t_nll(0 * one, 0 * one, one, degrees=1.0).round(6).tolist()  # log(2π)
    [[1.837877]]
    """
    constant = (
        0.5 * math.log(degrees * math.pi)
        + math.lgamma(0.5 * degrees)
        - math.lgamma(0.5 * (degrees + 1))
    )
    z = (target - location) * np.exp(-log_scale)
    return constant + log_scale + 0.5 * (degrees + 1) * np.log1p(z**2 / degrees)


@nnplug.loss(interval=_normal_interval)
def crps_gaussian(mean: Any, log_deviation: Any, target: Any) -> Any:
    """Continuous ranked probability score of a normal distribution (Gneiting et al., 2005,
    doi:10.1175/MWR2904.1, eq. 5).

    σ·(z·(2Φ(z) - 1) + 2φ(z) - 1/√π): an error in the target's units, less
    sensitive to outliers than the likelihood. The equation's number was not
    checked.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> crps_gaussian(one, 0 * one, one).round(6).tolist()  # (√2 - 1)/√π
    [[0.233695]]
    """
    scale = np.exp(log_deviation)
    z = (target - mean) / scale
    density = math.sqrt(2 / math.pi) * np.exp(-0.5 * np.minimum(abs(z), 60) ** 2)
    return scale * (z * erf(z * math.sqrt(0.5)) + density - 1 / math.sqrt(math.pi))


@nnplug.loss(interval=_laplace_interval)
def crps_laplace(location: Any, log_scale: Any, target: Any) -> Any:
    """Continuous ranked probability score of a Laplace distribution, b·(|z| + exp(-|z|) - 3/4)
    (Jordan, Krüger & Lerch, 2019, doi:10.18637/jss.v090.i12, appendix A).

    The section was not checked.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> crps_laplace(one, 0 * one, one).tolist()
    [[0.25]]
    """
    scale = np.exp(log_scale)
    size = abs(target - location) / scale
    return scale * (size + np.exp(-size) - 0.75)


@nnplug.loss(interval=_logistic_interval)
def crps_logistic(location: Any, log_scale: Any, target: Any) -> Any:
    """Continuous ranked probability score of a logistic distribution, s·(z - 2·log F(z) - 1)
    (Jordan, Krüger & Lerch, 2019, doi:10.18637/jss.v090.i12, appendix A).

    F is the sigmoid. The section was not checked.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> crps_logistic(one, 0 * one, one).round(6).tolist()  # 2·log 2 - 1
    [[0.386294]]
    """
    scale = np.exp(log_scale)
    z = (target - location) / scale
    return scale * (z + 2 * softplus(-z) - 1)


@nnplug.loss(link="log", targets="positive", interval=_normal_interval)
def lognormal_nll(log_median: Any, log_deviation: Any, target: Any) -> Any:
    """Negative log-likelihood of the log-normal distribution.

    z²/2 + log σ + log y + log(2π)/2, with z = (log y - μ)/σ. The prediction is
    the median, exp(μ).

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> lognormal_nll(0 * one, 0 * one, one).round(6).tolist()
    [[0.918939]]
    """
    log_target = np.log(target)
    z = (log_target - log_median) * np.exp(-log_deviation)
    return 0.5 * z**2 + log_deviation + log_target + _HALF_LOG_2PI


@nnplug.loss(link="log", targets="positive")
def gamma_nll(log_mean: Any, log_shape: Any, target: Any) -> Any:
    """Negative log-likelihood of the gamma distribution by its mean μ and shape k (McCullagh &
    Nelder, 1989, section 8.2).

    log Γ(k) - k·log(k·y/μ) + k·y/μ + log y. The terms of log Γ(k) that cancel for
    a large shape are left out by Stirling's series. The section was not checked.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> gamma_nll(0 * one, 0 * one, 2 * one).tolist()  # the exponential distribution
    [[2.0]]
    """
    shape = np.exp(log_shape)
    apart = np.log(target) - log_mean
    # Γ(k) without (k/e)^k: half of log(2π/k), and what Stirling's formula leaves.
    rest = _HALF_LOG_2PI - 0.5 * log_shape + stirling_rest(shape)
    return rest + shape * (np.expm1(apart) - apart) + np.log(target)


@nnplug.loss(link="logit", targets="unit", ranges={"edge": "(0, 0.5)"})
def beta_regression(logit_mean: Any, log_precision: Any, target: Any, *, edge: float = 1e-6) -> Any:
    """Negative log-likelihood of the beta distribution by its mean μ and precision φ (Ferrari &
    Cribari-Neto, 2004, doi:10.1080/0266476042000214501, eq. 4).

    -log Γ(φ) + log Γ(μφ) + log Γ((1 - μ)φ) - (μφ - 1)·log y - ((1 - μ)φ -
    1)·log(1 - y). The equation's number was not checked.

    Parameters
    ----------
    edge : float
        Targets are moved this far away from 0 and 1, where the likelihood is
        not finite.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> abs(beta_regression(0 * one, np.log(2 * one), 0.3 * one)).round(12).tolist()  # uniform
    [[0.0]]
    """
    y = np.clip(target, edge, 1 - edge)
    precision = np.exp(log_precision)
    a, b = sigmoid(logit_mean) * precision, sigmoid(-logit_mean) * precision
    return lgamma(a) + lgamma(b) - lgamma(precision) - (a - 1) * np.log(y) - (b - 1) * np.log1p(-y)


@nnplug.loss(
    link="softmax",
    targets="distribution",
    ranges={"edge": "(0, 0.5)"},
    expected_failures={"finite": "the concentrations are exponentials, which overflow above 709"},
)
def dirichlet_nll(prediction: Any, target: Any, *, edge: float = 1e-6) -> Any:
    """Negative log-likelihood of the Dirichlet distribution (Minka, 2000, Estimating a Dirichlet
    distribution).

    The prediction is log α for each share, so that the predicted mean, α/Σα, is
    its softmax: Σ log Γ(α) - log Γ(Σα) - Σ(α - 1)·log y. The equation was not
    checked against the paper.

    Parameters
    ----------
    edge : float
        Shares are at least this; the likelihood of a share of 0 is not finite.

    Examples
    --------
    >>> dirichlet_nll(np.array([[0.0, 0.0]]), np.array([[0.3, 0.7]])).round(12).tolist()
    [[0.0]]
    """
    alpha = np.exp(prediction)
    terms = lgamma(alpha) - (alpha - 1) * np.log(np.maximum(target, edge))
    return np.sum(terms, axis=-1, keepdims=True) - lgamma(np.sum(alpha, axis=-1, keepdims=True))


@nnplug.loss(ranges={"weight": "[0, inf)"})
def evidential(
    mean: Any, raw_nu: Any, raw_alpha: Any, raw_beta: Any, target: Any, *, weight: float = 0.01
) -> Any:
    """Deep evidential regression (Amini et al., 2020, arXiv:1910.02600, eqs. 8 to 10).

    The negative log-likelihood of a Student's t that is left when a normal
    distribution's own mean and variance have a normal-inverse-gamma prior, plus
    λ·|y - γ|·(2ν + α). The outputs are γ and, before a softplus, ν, α - 1 and β.
    The numbers of the equations were not checked.

    Parameters
    ----------
    weight : float
        λ, of evidence where the error is large.

    Examples
    --------
    >>> one, raw = np.array([[1.0]]), np.log(np.expm1(np.array([[1.0]])))  # ν = 1, α = 2, β = 1
    >>> evidential(one, raw, raw, raw, one).round(6).tolist()  # log(8/3)
    [[0.980829]]
    """
    nu, alpha, beta = softplus(raw_nu), 1 + softplus(raw_alpha), softplus(raw_beta)
    error = target - mean
    omega = 2 * beta * (1 + nu)
    likelihood = (
        0.5 * (math.log(math.pi) - np.log(nu) + np.log(omega))
        + (alpha + 0.5) * np.log1p(error**2 * nu / omega)
        + lgamma(alpha)
        - lgamma(alpha + 0.5)
    )
    return likelihood + weight * abs(error) * (2 * nu + alpha)


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
