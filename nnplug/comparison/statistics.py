"""The statistics of a comparison, in NumPy.

Scores are such that more is better, and finite. A fixed seed makes all random draws
the same in each call, so that a report does not change when it is written again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from nnplug.types import AnyArray

__all__ = [
    "bca_interval",
    "detectable",
    "friedman",
    "holm",
    "improvement",
    "interquartile_mean",
    "mean_ranks",
    "profile",
    "ranks",
    "sign_flip",
    "smallest_p",
    "stratified_interval",
]

DRAWS = 10_000
"""Resamples of a bootstrap or permutation test."""
MOST_EXACT = 16
"""Pairs up to which all sign changes are counted: 65,536."""
_TIE = 1e-12
_POWER = 0.8
_EXPERIMENTS = 1_000
_MOST_SIMULATED = 10
_FEWEST_PAIRS = 2
_SEED = 20_211_108
_NORMAL = NormalDist()


def interquartile_mean(scores: AnyArray) -> AnyArray:
    """Compute the mean of the middle half along the last axis (Agarwal et al., 2021, NeurIPS).

    A quarter of the values, rounded down, is left out at either end.

    Examples
    --------
    >>> float(interquartile_mean(np.array([0, 1, 2, 3, 100])))
    2.0
    """
    count = scores.shape[-1]
    cut = count // 4
    middle: AnyArray = np.sort(scores, axis=-1)[..., cut : count - cut].mean(axis=-1)
    return middle


def bca_interval(
    values: AnyArray, level: float = 0.95, *, draws: int = DRAWS, seed: int = _SEED
) -> tuple[float, float]:
    """Compute a bootstrap interval of the mean, bias-corrected and accelerated.

    Efron, 1987, "Better bootstrap confidence intervals", eq. 2.3, 3.2 and 6.6.

    Parameters
    ----------
    values : array of shape (n,)
        At least two.

    Returns
    -------
    tuple of float
        If all values are equal, the interval has no width.
    """
    values = np.asarray(values, np.float64)
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    # Powers of scores may be too large, or too small; a power of two takes no digits away.
    scale = math.ldexp(0.5, math.frexp(float(np.abs(values).max()))[1])
    values = values / scale
    mean = float(values.mean())
    generator = np.random.Generator(np.random.PCG64(seed))
    count = len(values)
    means = values[generator.integers(0, count, (draws, count))].mean(axis=1)
    # Ties count half, as for scores of few distinct values. They differ in the last bits.
    near = _TIE * np.abs(values).max()
    below = float((np.mean(means < mean - near) + np.mean(means <= mean + near)) / 2)
    bias = _NORMAL.inv_cdf(min(max(below, 0.5 / draws), 1 - 0.5 / draws))
    # Of the means without one value: (mean - value) / (count - 1) away from their own mean.
    spread = values - mean
    spread /= np.abs(spread).max()
    acceleration = float((spread**3).sum() / (6 * (spread**2).sum() ** 1.5))
    ends = []
    for share in ((1 - level) / 2, (1 + level) / 2):
        moved = bias + _NORMAL.inv_cdf(share)
        ends.append(_NORMAL.cdf(bias + moved / (1 - acceleration * moved)))
    low, high = (scale * np.quantile(means, ends)).tolist()
    return low, high


def sign_flip(differences: AnyArray, *, draws: int = 10 * DRAWS, seed: int = _SEED) -> float:
    """Compute the two-sided p of a mean of paired differences, by changing their signs.

    Under the hypothesis that the arms of a pair are exchangeable, all signs are
    equally likely (Fisher, 1935, "The Design of Experiments", section 21). Up to 16
    pairs all sign changes are counted; with more, `draws` random ones and the
    observed one.

    Parameters
    ----------
    differences : array of shape (n,)

    Examples
    --------
    >>> sign_flip(np.array([1.0, 2.0, 3.0]))
    0.25
    """
    values = np.asarray(differences, np.float64)
    count = len(values)
    observed = abs(values.sum())
    # Sums in another order differ in the last bits; these are ties.
    least = observed - _TIE * np.abs(values).sum()
    if count <= MOST_EXACT:
        bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
        return float(np.mean(np.abs((1 - 2 * bits) @ values) >= least))
    generator = np.random.Generator(np.random.PCG64(seed))
    extreme = 1
    for start in range(0, draws, DRAWS):
        size = min(DRAWS, draws - start)
        signs = 2 * generator.integers(0, 2, (size, count), dtype=np.int8) - 1
        extreme += int(np.sum(np.abs(signs @ values) >= least))
    return extreme / (draws + 1)


def smallest_p(count: int) -> float:
    """Compute the smallest two-sided p that `count` pairs can have: 2/2^n.

    Examples
    --------
    >>> smallest_p(5), smallest_p(6)
    (0.0625, 0.03125)
    """
    return min(1.0, 2.0 / 2.0**count)


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p for several comparisons (Holm, 1979, Scand. J. Statist. 6).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - place) * p[index]))
        adjusted[index] = largest
    return adjusted


def improvement(differences: AnyArray) -> float:
    """Compute the share of pairs in which the first is better; ties count half.

    Bouthillier et al., 2021, MLSys, section 4.

    Examples
    --------
    >>> improvement(np.array([1.0, 2.0, -1.0, 0.0]))
    0.625
    """
    return float(np.mean((differences > 0) + 0.5 * (differences == 0)))


# --- over several data sets ----------------------------------------------------------------


def ranks(scores: AnyArray) -> AnyArray:
    """Rank along the last axis, 1 for the highest score; equal scores share their mean rank.

    Examples
    --------
    >>> ranks(np.array([0.3, 0.9, 0.3])).tolist()
    [2.5, 1.0, 2.5]
    """
    above = (scores[..., None, :] > scores[..., :, None]).sum(axis=-1)
    equal = (scores[..., None, :] == scores[..., :, None]).sum(axis=-1)
    mean: AnyArray = above + (equal + 1) / 2
    return mean


def mean_ranks(scores: AnyArray) -> AnyArray:
    """Compute the mean rank of each arm from scores (data sets, arms); see Demšar, 2006, JMLR."""
    mean: AnyArray = ranks(scores).mean(axis=0)
    return mean


def friedman(scores: AnyArray, *, draws: int = DRAWS, seed: int = _SEED) -> tuple[float, float]:
    """Test whether all arms have the same rank over data sets (Friedman, 1937).

    The statistic is corrected for ties. Its p comes from permuting the ranks within
    each data set, since the chi-squared distribution is a rough approximation for few
    data sets.

    Parameters
    ----------
    scores : array of shape (data sets, arms)

    Returns
    -------
    tuple of float
        The statistic and its p.
    """
    found = ranks(np.asarray(scores, np.float64))
    sets, arms = found.shape
    middle = (arms + 1) / 2
    total = float(((found - middle) ** 2).sum())
    if total == 0:
        return 0.0, 1.0

    def statistic(sums: AnyArray) -> AnyArray:
        # Conover, 1999, "Practical Nonparametric Statistics", section 5.8.
        found: AnyArray = (arms - 1) * ((sums - sets * middle) ** 2).sum(axis=-1) / total
        return found

    observed = float(statistic(found.sum(axis=0)))
    generator = np.random.Generator(np.random.PCG64(seed))
    drawn = generator.permuted(np.broadcast_to(found, (draws, sets, arms)), axis=2).sum(axis=1)
    extreme = int(np.sum(statistic(drawn) >= observed * (1 - 1e-12)))
    return observed, (extreme + 1) / (draws + 1)


def stratified_interval(
    scores: AnyArray,
    statistic: Callable[[AnyArray], AnyArray] = interquartile_mean,
    level: float = 0.95,
    *,
    draws: int = 2_000,
    seed: int = _SEED,
) -> tuple[float, float]:
    """Compute a bootstrap interval that draws the runs of each data set anew.

    Agarwal et al., 2021, NeurIPS, section 4.1; percentile method.

    Parameters
    ----------
    scores : array of shape (data sets, runs)
    statistic : callable
        Of all scores of a draw, along the last axis.
    """
    scores = np.asarray(scores, np.float64)
    sets, runs = scores.shape
    generator = np.random.Generator(np.random.PCG64(seed))
    chosen = generator.integers(0, runs, (draws, sets, runs))
    drawn = np.take_along_axis(np.broadcast_to(scores, (draws, sets, runs)), chosen, axis=2)
    found = statistic(drawn.reshape(draws, sets * runs))
    low, high = np.quantile(found, ((1 - level) / 2, (1 + level) / 2)).tolist()
    return low, high


def profile(scores: AnyArray, levels: AnyArray) -> AnyArray:
    """Compute the share of all runs with a score above each level: a performance profile.

    Agarwal et al., 2021, NeurIPS, section 4.2.

    Examples
    --------
    >>> profile(np.array([[0.2, 0.6], [0.9, 0.6]]), np.array([0.5, 0.6])).tolist()
    [0.75, 0.25]
    """
    shares: AnyArray = (np.ravel(scores)[None, :] > levels[:, None]).mean(axis=1)
    return shares


def detectable(differences: AnyArray, p: float = 0.05, wins: float = 0.75) -> float:
    """Compute the mean difference that such a comparison finds in 80 of 100 cases.

    Differences are taken to be normal, with the standard deviation of those observed.

    Parameters
    ----------
    p : float
        Below which the sign-flip test must be.
    wins : float
        The share of pairs that must be won.

    Returns
    -------
    float
        Infinite if no difference can be found with so few pairs.
    """
    if len(differences) < _FEWEST_PAIRS:
        return math.inf
    scale = float(np.abs(differences).max()) or 1.0  # squares of scores may be too large
    spread = scale * float(np.std(differences / scale, ddof=1))
    return _effect(len(differences), p, wins) * spread


@lru_cache(maxsize=64)
def _effect(count: int, p: float, wins: float) -> float:
    """Compute the detectable difference in standard deviations, from simulated experiments.

    With more than 10 pairs, a t-test stands for the sign-flip test, which approaches it.
    """
    if smallest_p(count) >= p:
        return math.inf
    generator = np.random.Generator(np.random.PCG64(_SEED))
    drawn = generator.standard_normal((_EXPERIMENTS, count))
    flips = np.arange(2 ** min(count, _MOST_SIMULATED))[:, None] >> np.arange(count) & 1
    signs = (1.0 - 2.0 * flips).T
    limit = _student(1 - p / 2, count - 1) / math.sqrt(count)

    def power(shift: float) -> float:
        moved = drawn + shift
        mean = moved.mean(axis=1)
        if count <= _MOST_SIMULATED:
            least = count * np.abs(mean) * (1 - 1e-12)
            sure = (np.abs(moved @ signs) >= least[:, None]).mean(axis=1) < p
        else:
            sure = np.abs(mean) > limit * moved.std(axis=1, ddof=1)
        return float(np.mean(sure & (mean > 0) & ((moved > 0).mean(axis=1) >= wins)))

    low, high = 0.0, 8.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle) < _POWER else (low, middle)
    return high


def _student(share: float, freedom: int) -> float:
    """Compute a quantile of Student's t (Abramowitz & Stegun, 1964, eq. 26.7.5)."""
    x = _NORMAL.inv_cdf(share)
    terms = (
        x,
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
        (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
    )
    return math.fsum(term / float(freedom) ** power for power, term in enumerate(terms))
