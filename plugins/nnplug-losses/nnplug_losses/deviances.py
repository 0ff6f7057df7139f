"""Deviances and likelihoods of counts and of amounts that may be 0.

The prediction is the logarithm of the mean μ; y is the target. A deviance is 0 where the two
are equal. `xlogy` is y·log y, and 0 at 0.
"""

from __future__ import annotations

import math
from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part
from nnplug.special import lgamma, log_sigmoid, softplus

from nnplug_losses._gamma import log_rising


def _xlogy(y: Any) -> Any:
    return np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0)), 0.0)


@nnplug.loss(aliases=("half_poisson_deviance",), link="log")
def poisson_deviance_half(prediction: Any, target: Any) -> Any:
    """Half the Poisson deviance, y·log(y/μ) - y + μ (McCullagh & Nelder, 1989, section 2.3).

    scikit-learn's HalfPoissonLoss leaves out y·log y - y, which does not depend
    on the prediction. The section was not checked.

    Examples
    --------
    >>> float(poisson_deviance_half(0.0, 0.0))
    1.0
    """
    return _xlogy(target) - target * prediction - target + np.exp(prediction)


@nnplug.loss(aliases=("convex_kl_divergence",), link="log")
def generalized_kl(prediction: Any, target: Any) -> Any:
    """Generalised Kullback-Leibler divergence of a row, Σ y·log(y/μ) - y + μ (Csiszár, 1991,
    doi:10.1214/aos/1176348385).

    For amounts that need not sum to 1. It is `poisson_deviance_half`, summed over
    the outputs of a row, as in Optax.

    Examples
    --------
    >>> generalized_kl(np.array([[0.0, 0.0]]), np.array([[0.0, 1.0]])).tolist()
    [[1.0]]
    """
    terms = _xlogy(target) - target * prediction - target + np.exp(prediction)
    return np.sum(terms, axis=-1, keepdims=True)


@nnplug.loss(aliases=("half_gamma_deviance",), link="log", targets="positive")
def gamma_deviance_half(prediction: Any, target: Any) -> Any:
    """Half the gamma deviance, log(μ/y) + y/μ - 1 (McCullagh & Nelder, 1989, section 2.3).

    It depends on the ratio of target and prediction alone. scikit-learn's
    HalfGammaLoss leaves out -log y - 1. The section was not checked.

    Examples
    --------
    >>> round(float(gamma_deviance_half(0.0, np.e)), 6)
    0.718282
    """
    apart = np.log(target) - prediction
    return np.expm1(apart) - apart


@nnplug.loss(link="log", targets="positive")
def inverse_gaussian_deviance_half(prediction: Any, target: Any) -> Any:
    """Half the inverse Gaussian deviance, (y - μ)²/(2·y·μ²) (McCullagh & Nelder, 1989, section
    2.3).

    The section was not checked.

    Examples
    --------
    >>> float(inverse_gaussian_deviance_half(0.0, 2.0))
    0.25
    """
    return 0.5 * np.expm1(np.log(target) - prediction) ** 2 / target


@nnplug.loss(link="log", ranges={"power": "(1, 2)"})
def tweedie_deviance_half(prediction: Any, target: Any, *, power: float = 1.5) -> Any:
    """Half the Tweedie deviance (Jørgensen, 1987, doi:10.1111/j.2517-6161.1987.tb01685.x).

    y^(2-p)/((1 - p)(2 - p)) - y·μ^(1-p)/(1 - p) + μ^(2-p)/(2 - p): for amounts
    that are often 0, such as claims. scikit-learn's HalfTweedieLoss leaves out
    the first term. The equation was not checked against the paper.

    Parameters
    ----------
    power : float
        p: the variance grows as μ^p, between Poisson's 1 and gamma's 2.

    Examples
    --------
    >>> float(tweedie_deviance_half(0.0, 0.0)), float(tweedie_deviance_half(0.0, 4.0))
    (2.0, 2.0)
    """
    p = power
    constant = target ** (2 - p) / ((1 - p) * (2 - p))
    slope = target * np.exp((1 - p) * prediction) / (1 - p)
    return constant - slope + np.exp((2 - p) * prediction) / (2 - p)


def _negative_binomial(log_mean: Any, log_dispersion: Any, target: Any) -> Any:
    # r = 1/α successes; log(r/(r + μ)) = -softplus(t) and log(μ/(r + μ)) = -softplus(-t).
    t = log_mean + log_dispersion
    size = np.exp(-log_dispersion)
    ways = log_rising(size, target) - lgamma(target + 1)
    return size * softplus(t) + target * softplus(-t) - ways


@nnplug.loss(link="log", targets="count")
def negative_binomial_nll(log_mean: Any, log_dispersion: Any, target: Any) -> Any:
    """Negative log-likelihood of the negative binomial, variance μ + α·μ² (Cameron & Trivedi,
    1986, doi:10.1002/jae.3950010104, NB2).

    For counts that vary more than Poisson's. The outputs are the logarithms of
    the mean μ and of the dispersion α. The gamma functions are evaluated as their
    ratio, which does not cancel as α goes to 0. The equation was not checked
    against the paper.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> negative_binomial_nll(0 * one, 0 * one, one).round(6).tolist()  # geometric: 1/4
    [[1.386294]]
    """
    return _negative_binomial(log_mean, log_dispersion, target)


def _mean_if_present(log_mean: Any, logit_zero: Any) -> Any:
    """Give the logarithm of (1 - π)·μ."""
    return log_mean + log_sigmoid(-logit_zero)


@nnplug.loss(link="log", targets="count", predict=_mean_if_present)
def zero_inflated_poisson(log_rate: Any, logit_zero: Any, target: Any) -> Any:
    """Negative log-likelihood of the zero-inflated Poisson (Lambert, 1992, doi:10.2307/1269547).

    A count is 0 with probability π, else Poisson's with rate λ. The prediction is
    the mean, (1 - π)·λ. The equation was not checked against the paper.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> zero_inflated_poisson(0 * one, 0 * one, 0 * one).round(6).tolist()  # -log((1 + 1/e)/2)
    [[0.379885]]
    """
    rate = np.exp(log_rate)
    none = -np.logaddexp(log_sigmoid(logit_zero), log_sigmoid(-logit_zero) - rate)
    some = softplus(logit_zero) + rate - target * log_rate + lgamma(target + 1)
    return np.where(target > 0, some, none)


def _mean_of_counts(log_mean: Any, log_dispersion: Any, logit_zero: Any) -> Any:
    return _mean_if_present(log_mean, logit_zero)


@nnplug.loss(link="log", targets="count", predict=_mean_of_counts)
def zero_inflated_negative_binomial(
    log_mean: Any, log_dispersion: Any, logit_zero: Any, target: Any
) -> Any:
    """Negative log-likelihood of the zero-inflated negative binomial (Greene, 1994, NYU working
    paper EC-94-10).

    A count is 0 with probability π, else as in `negative_binomial_nll`. The
    prediction is the mean, (1 - π)·μ. The equation was not checked against the
    paper.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> zero_inflated_negative_binomial(0 * one, 0 * one, 0 * one, 0 * one).round(6).tolist()
    [[0.287682]]
    """
    otherwise = _negative_binomial(log_mean, log_dispersion, target)
    none = -np.logaddexp(log_sigmoid(logit_zero), log_sigmoid(-logit_zero) - otherwise)
    return np.where(target > 0, softplus(logit_zero) + otherwise, none)


def _mean_amount(logit_positive: Any, log_median: Any, log_deviation: Any) -> Any:
    """Give the logarithm of p·exp(μ + σ²/2)."""
    return log_sigmoid(logit_positive) + log_median + 0.5 * np.exp(2 * log_deviation)


@nnplug.loss(link="log", targets="nonnegative", predict=_mean_amount)
def zero_inflated_lognormal(
    logit_positive: Any, log_median: Any, log_deviation: Any, target: Any
) -> Any:
    """Zero-inflated log-normal loss (Wang, Liu & Miao, 2019, arXiv:1912.07753, eq. 4).

    An amount is above 0 with probability p, and then log-normal: a customer's
    spending, for example. The prediction is the mean, p·exp(μ + σ²/2). Differs from
    the authors' code: the third output is log σ, there it is σ before a softplus. The
    equation's number was not checked.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> zero_inflated_lognormal(0 * one, 0 * one, 0 * one, 0 * one).round(6).tolist()
    [[0.693147]]
    """
    log_target = np.log(np.where(target > 0, target, 1.0))
    z = (log_target - log_median) * np.exp(-log_deviation)
    amount = 0.5 * z**2 + log_deviation + log_target + 0.5 * math.log(2 * math.pi)
    return np.where(target > 0, softplus(-logit_positive) + amount, softplus(logit_positive))


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
