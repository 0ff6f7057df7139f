"""Losses of times that are censored: of some rows only a lower bound of the time is known.

The target has two columns: the time, and 1 if the event came then, or 0 if the row was
observed until then without it. The network has as many outputs; the first is the prediction,
and the other is not trained and means nothing. A target of one column has no events.
In `tobit` the target is an ordinary one, and those at 0 are censored.
"""

from __future__ import annotations

import math
from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Part
from nnplug.special import erfc, log_sum_exp, softplus

from nnplug_losses._classes import LOWEST

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def _column(values: Any, number: int) -> Any:
    """Give one column, (N, 1); 0 if there are fewer."""
    place = np.cumsum(np.ones_like(values), axis=-1)
    return np.sum(np.where(place == number, values, 0.0), axis=-1, keepdims=True)


def _observed(prediction: Any, target: Any) -> tuple[Any, Any, Any]:
    """Give the prediction, the time and whether the event came, (N, 1) each."""
    return _column(prediction, 1), _column(target, 1), _column(target, 2) > 0


def _log(time: Any) -> Any:
    return np.log(np.maximum(time, 1e-30))


def _log_upper_tail(z: Any) -> Any:
    """Give log(1 - Φ(z)) of the normal distribution, far out by its asymptotic series."""
    near, far = np.minimum(z, 12.0), np.maximum(z, 12.0)
    square = 1 / far**2
    series: Any = 1.0
    for odd in range(19, 0, -2):  # 1 - 1/z²·(1 - 3/z²·(1 - 5/z²·...))
        series = 1 - odd * square * series
    beyond = -0.5 * far**2 - np.log(far) - _HALF_LOG_2PI + np.log(series)
    return np.where(z < 12, np.log(0.5 * erfc(near * math.sqrt(0.5))), beyond)


@nnplug.loss(
    over="batch",
    link="log",
    aliases=("cox",),
    expected_failures={"minimum": "the prediction is a hazard, and large where the time is short"},
)
def cox_partial_likelihood(prediction: Any, target: Any) -> Any:
    """Negative partial log-likelihood of proportional hazards (Cox, 1972,
    doi:10.1111/j.2517-6161.1972.tb00899.x, eq. 12).

    For each row with an event log Σ exp(z[j]) - z[i], over the rows that were
    observed at least as long; ties as in Breslow (1974). The prediction is the
    logarithm of the hazard, up to a constant: nnplug predicts the hazard. The
    mean is over all rows, censored ones too. The equation's number was not
    checked.

    Examples
    --------
    >>> z, y = np.zeros((2, 2)), np.array([[1.0, 1.0], [2.0, 0.0]])
    >>> cox_partial_likelihood(z, y).round(6).tolist()
    [[0.693147], [0.0]]
    """
    hazard, time, event = _observed(prediction, target)
    at_risk = log_sum_exp(np.where(time.T >= time, 0 * hazard + hazard.T, LOWEST))
    return np.where(event, at_risk - hazard, 0.0)


@nnplug.loss(
    over="batch",
    link="log",
    expected_failures={"minimum": "times in the right order are right, whatever their size"},
)
def concordance_bound(prediction: Any, target: Any) -> Any:
    """Lower bound of the concordance index as a loss (Steck et al., 2007, NIPS, On ranking in
    survival analysis, eq. 9).

    The mean of log(1 + exp(-(z[j] - z[i]))) over pairs where the event of i came
    before the time of j; the prediction z is the logarithm of the time, up to any
    increasing function. The equation was not checked against the paper.

    Examples
    --------
    >>> z, y = np.zeros((2, 2)), np.array([[1.0, 1.0], [2.0, 0.0]])
    >>> round(float(concordance_bound(z, y)), 6)
    0.693147
    """
    score, time, event = _observed(prediction, target)
    pairs = np.logical_and(time < time.T, event)
    total = np.sum(np.where(pairs, softplus(score - score.T), 0.0))
    return total / np.maximum(np.sum(np.where(pairs, 1.0, 0.0)), 1)


@nnplug.loss(link="log")
def exponential_survival(prediction: Any, target: Any) -> Any:
    """Negative log-likelihood of exponential times (Kalbfleisch & Prentice, 2002,
    doi:10.1002/9781118032985, section 2.2).

    t/μ, plus log μ where there is an event. The prediction is log μ, of the mean.
    The section was not checked.

    Examples
    --------
    >>> exponential_survival(np.zeros((1, 2)), np.array([[3.0, 1.0]])).tolist()
    [[3.0]]
    """
    log_mean, time, event = _observed(prediction, target)
    return time * np.exp(-log_mean) + np.where(event, log_mean, 0.0)


@nnplug.loss(link="log", ranges={"shape": "(0, inf)"})
def weibull_survival(prediction: Any, target: Any, *, shape: float = 1.5) -> Any:
    """Negative log-likelihood of Weibull times (Kalbfleisch & Prentice, 2002,
    doi:10.1002/9781118032985, section 2.2).

    (t/λ)^k, plus k·log λ - log k - (k - 1)·log t where there is an event. The
    prediction is log λ, of the time that 1/e survive. The section was not
    checked.

    Parameters
    ----------
    shape : float
        k: above 1 the hazard rises with the time, below 1 it falls.

    Examples
    --------
    >>> weibull_survival(np.zeros((1, 2)), np.array([[3.0, 0.0]]), shape=2.0).round(6).tolist()
    [[9.0]]
    """
    log_scale, time, event = _observed(prediction, target)
    log_time = _log(time)
    u = shape * (log_time - log_scale)
    return np.exp(u) + np.where(event, log_time - u - math.log(shape), 0.0)


@nnplug.loss(link="log", ranges={"scale": "(0, inf)"})
def log_logistic_survival(prediction: Any, target: Any, *, scale: float = 1.0) -> Any:
    """Negative log-likelihood of log-logistic times (Kalbfleisch & Prentice, 2002,
    doi:10.1002/9781118032985, section 2.2).

    With w = (log t - z)/σ: log(1 + exp(w)) if censored, else log t + log σ - w +
    2·log(1 + exp(w)). The prediction is z, the logarithm of the median. The
    section was not checked.

    Parameters
    ----------
    scale : float
        σ, of the logarithm of the time.

    Examples
    --------
    >>> log_logistic_survival(np.zeros((1, 2)), np.array([[1.0, 0.0]])).round(6).tolist()
    [[0.693147]]
    """
    log_median, time, event = _observed(prediction, target)
    log_time = _log(time)
    w = (log_time - log_median) / scale
    density = log_time + math.log(scale) - w + softplus(w)
    return softplus(w) + np.where(event, density, 0.0)


@nnplug.loss(link="log", ranges={"scale": "(0, inf)"})
def log_normal_survival(prediction: Any, target: Any, *, scale: float = 1.0) -> Any:
    """Negative log-likelihood of log-normal times (Kalbfleisch & Prentice, 2002,
    doi:10.1002/9781118032985, section 2.2).

    With w = (log t - z)/σ: -log(1 - Φ(w)) if censored, else log t + log σ + w²/2
    + log(2π)/2. The prediction is z, the logarithm of the median. The section was
    not checked.

    Parameters
    ----------
    scale : float
        σ, of the logarithm of the time.

    Examples
    --------
    >>> log_normal_survival(np.zeros((1, 2)), np.array([[1.0, 0.0]])).round(6).tolist()
    [[0.693147]]
    """
    log_median, time, event = _observed(prediction, target)
    log_time = _log(time)
    w = (log_time - log_median) / scale
    density = log_time + math.log(scale) + 0.5 * w**2 + _HALF_LOG_2PI
    return np.where(event, density, -_log_upper_tail(w))


def _censored_mean(mean: Any, log_deviation: Any) -> Any:
    """Give the mean of max(0, y) for a normal y."""
    deviation = np.exp(log_deviation)
    z = mean / deviation
    density = np.exp(-0.5 * np.minimum(abs(z), 60) ** 2 - _HALF_LOG_2PI)
    return mean * (0.5 * erfc(-z * math.sqrt(0.5))) + deviation * density


@nnplug.loss(targets="nonnegative", predict=_censored_mean)
def tobit(mean: Any, log_deviation: Any, target: Any) -> Any:
    """Negative log-likelihood of a normal distribution that is cut off at 0 (Tobin, 1958,
    doi:10.2307/1907382).

    For amounts that are 0 where they would be negative: -log Φ(-μ/σ) for a target
    of 0, else (y - μ)²/(2σ²) + log σ + log(2π)/2. The prediction is the mean of
    the target, zeros included.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> tobit(0 * one, 0 * one, 0 * one).round(6).tolist()
    [[0.693147]]
    """
    z = (target - mean) * np.exp(-log_deviation)
    seen = 0.5 * z**2 + log_deviation + _HALF_LOG_2PI
    return np.where(target > 0, seen, -_log_upper_tail(mean * np.exp(-log_deviation)))


@nnplug.hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
