"""The built-in schedules: a factor on the learning rate over time in epochs.

All that do not rise by themselves begin with a linear warm-up over the first
`warmup` epochs, from just above 0 to the schedule's own start. A schedule
depends on the time only, so none waits for the loss to improve.
"""

from __future__ import annotations

import math

from nnplug.builtin import piecewise
from nnplug.errors import OptionError
from nnplug.hookspecs import hookimpl
from nnplug.parts import Part, schedule


def _ramp(epoch: float, warmup: float) -> float:
    """Give the factor of the warm-up; 1 when it is over.

    It starts at a hundredth, since a factor of 0 would waste the first step.
    """
    return max(0.01, epoch / warmup) if epoch < warmup else 1.0


@schedule
def constant(epoch: float, epochs: float, *, warmup: float = 0.0) -> float:
    """A constant learning rate.

    Parameters
    ----------
    warmup : float
        Epochs of linear warm-up.
    """
    return _ramp(epoch, warmup)


@schedule
def step(
    epoch: float, epochs: float, *, every: float = 30.0, factor: float = 0.1, warmup: float = 0.0
) -> float:
    """Multiply by `factor` after each `every` epochs.

    Parameters
    ----------
    every : float
        Epochs between drops, above 0.
    factor : float
        The factor of each drop.
    warmup : float
        Epochs of linear warm-up, within the first stretch.
    """
    return float(_ramp(epoch, warmup) * factor ** (epoch // every))


@schedule
def exponential(epoch: float, epochs: float, *, decay: float = 0.95, warmup: float = 0.0) -> float:
    """Multiply by `decay` in the course of each epoch, smoothly.

    Parameters
    ----------
    decay : float
        The factor of one epoch, in (0, 1].
    warmup : float
        Epochs of linear warm-up, before the decay begins.
    """
    return float(_ramp(epoch, warmup) * decay ** max(0.0, epoch - warmup))


@schedule
def inverse_time(epoch: float, epochs: float, *, decay: float = 0.1, warmup: float = 0.0) -> float:
    """1 / (1 + decay·t), with the time t in epochs (Robbins & Monro, 1951).

    Parameters
    ----------
    decay : float
        At least 0; after 1 / decay epochs the rate is halved.
    warmup : float
        Epochs of linear warm-up, before the decay begins.

    Examples
    --------
    >>> [inverse_time(epoch, 100, decay=0.5) for epoch in (0, 2, 8)]
    [1.0, 0.5, 0.2]
    """
    return _ramp(epoch, warmup) / (1 + decay * max(0.0, epoch - warmup))


@schedule
def inverse_sqrt(epoch: float, epochs: float, *, scale: float = 1.0, warmup: float = 0.0) -> float:
    """√(scale / (scale + t)), with the time t in epochs (Vaswani et al., 2017, arXiv:1706.03762).

    With `warmup` equal to `scale` it is √(warmup / epoch) after the warm-up,
    as eq. 3 of the paper has it.

    Parameters
    ----------
    scale : float
        Epochs after which the rate is 1/√2, above 0.
    warmup : float
        Epochs of linear warm-up, before the decay begins.

    Examples
    --------
    >>> [inverse_sqrt(epoch, 100, scale=4, warmup=4) for epoch in (2, 4, 16, 64)]
    [0.5, 1.0, 0.5, 0.25]
    """
    return _ramp(epoch, warmup) * math.sqrt(scale / (scale + max(0.0, epoch - warmup)))


@schedule
def linear(epoch: float, epochs: float, *, end: float = 0.0, warmup: float = 0.0) -> float:
    """A straight line from 1 to `end`, over the whole run.

    Parameters
    ----------
    end : float
        The factor at the end of the run, at least 0.
    warmup : float
        Epochs of linear warm-up, before the line falls.

    Examples
    --------
    >>> [linear(epoch, 10, end=0.5) for epoch in (0, 4, 10)]
    [1.0, 0.8, 0.5]
    """
    return _ramp(epoch, warmup) * (1 - (1 - end) * _through(epoch, epochs, warmup))


@schedule
def polynomial(
    epoch: float, epochs: float, *, power: float = 2.0, end: float = 0.0, warmup: float = 0.0
) -> float:
    """(1 - end)·(1 - t)^power + end, with the time t from 0 to 1 over the run.

    PyTorch and Keras have the power 1, which is `linear`.

    Parameters
    ----------
    power : float
        Above 0; 1 is a straight line.
    end : float
        The factor at the end of the run, at least 0.
    warmup : float
        Epochs of linear warm-up, before the decay begins.

    Examples
    --------
    >>> [polynomial(epoch, 10) for epoch in (0, 5, 10)]
    [1.0, 0.25, 0.0]
    """
    fallen = (1 - _through(epoch, epochs, warmup)) ** power
    return float(_ramp(epoch, warmup) * (end + (1 - end) * fallen))


@schedule(aliases=("cosine_annealing",))
def cosine(epoch: float, epochs: float, *, end: float = 0.0, warmup: float = 0.0) -> float:
    """Half a cosine from 1 to `end` (Loshchilov & Hutter, 2017, arXiv:1608.03983, eq. 5).

    Parameters
    ----------
    end : float
        The factor at the end of the run.
    warmup : float
        Epochs of linear warm-up, before the cosine begins.
    """
    return _ramp(epoch, warmup) * _cosine(1.0, end, _through(epoch, epochs, warmup))


@schedule(aliases=("sgdr",))
def cosine_restarts(
    epoch: float,
    epochs: float,
    *,
    period: float = 10.0,
    growth: float = 1.0,
    end: float = 0.0,
    warmup: float = 0.0,
) -> float:
    """Half a cosine from 1 to `end`, again and again (Loshchilov & Hutter, 2017, as `cosine`).

    Parameters
    ----------
    period : float
        Epochs of the first half cosine, above 0.
    growth : float
        How many times longer each is than the one before, at least 1; 1 in
        PyTorch, 2 in Keras.
    end : float
        The factor before each restart.
    warmup : float
        Epochs of linear warm-up, before the first cosine begins.

    Examples
    --------
    >>> [round(cosine_restarts(epoch, 30, growth=2), 6) for epoch in (0, 5, 10, 20, 30)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """
    since = max(0.0, epoch - warmup)
    if growth > 1:
        # The n-th restart is after period·(growthⁿ - 1) / (growth - 1) epochs.
        restarts = math.floor(math.log(since / period * (growth - 1) + 1, growth) + 1e-9)
        since -= period * (growth**restarts - 1) / (growth - 1)
        period *= growth**restarts
    else:
        since %= period
    return _ramp(epoch, warmup) * _cosine(1.0, end, max(0.0, since) / period)


@schedule(aliases=("onecycle",))
def one_cycle(
    epoch: float, epochs: float, *, rise: float = 0.3, start: float = 0.04, end: float = 4e-6
) -> float:
    """Up from `start` to 1, then down to `end`, each half a cosine (Smith, 2018, arXiv:1708.07120).

    The learning rate given is the highest. PyTorch has the same numbers: a
    25th at the start, a 10,000th of that at the end. It also lets the
    momentum fall and rise, which this does not.

    Parameters
    ----------
    rise : float
        The share of the run until the highest rate, from 0 to 1.
    start : float
        The factor at the start of the run.
    end : float
        The factor at the end of the run.

    Examples
    --------
    >>> [round(one_cycle(epoch, 10, rise=0.5), 6) for epoch in (0, 2.5, 5, 10)]
    [0.04, 0.52, 1.0, 4e-06]
    """
    through = min(epoch / epochs, 1.0)
    if through < rise:
        return _cosine(start, 1.0, through / rise)
    return _cosine(1.0, end, (through - rise) / max(1 - rise, 1e-12))


@schedule(aliases=("warmup_stable_decay",), ranges={"fall": "(0, 1]", "end": "[0, inf)"})
def wsd(
    epoch: float,
    epochs: float,
    *,
    fall: float = 0.1,
    end: float = 0.0,
    shape: str = "linear",
    warmup: float = 0.0,
) -> float:
    """Warm-up, stable, decay: constant until a fall in the end (Hu et al., 2024, arXiv:2404.06395).

    A run is lengthened by its constant part. The paper leaves the fall's shape
    open; √t falls best in Hägele et al. (2024, arXiv:2405.18392). The
    equation was not checked against the paper.

    Parameters
    ----------
    fall : float
        The share of the run that the fall takes, in (0, 1].
    end : float
        The factor at the end of the run, at least 0.
    shape : str
        `linear`, `cosine`, or `sqrt`: 1 - √t, with the time t from 0 to 1 over the fall.
    warmup : float
        Epochs of linear warm-up.

    Examples
    --------
    >>> [wsd(epoch, 10, fall=0.4) for epoch in (0, 6, 7, 10)]
    [1.0, 1.0, 0.75, 0.0]
    >>> wsd(7, 10, fall=0.4, shape="sqrt")
    0.5
    """
    t = min(max(0.0, epoch - (1 - fall) * epochs) / (fall * epochs), 1.0)
    shares = {"linear": t, "cosine": 0.5 * (1 - math.cos(math.pi * t)), "sqrt": math.sqrt(t)}
    if shape not in shares:
        raise OptionError(f"schedule 'wsd': shape={shape}: there are {', '.join(shares)}.")
    return _ramp(epoch, warmup) * (1 - (1 - end) * shares[shape])


@schedule
def rex(epoch: float, epochs: float, *, end: float = 0.0, warmup: float = 0.0) -> float:
    """Reflected exponential, (1 - t) / (1 - t/2) (Chen et al., 2022, arXiv:2107.04197).

    t is the time from 0 to 1 over the run. It stays higher than a straight
    line, and falls fastest in the end.

    Parameters
    ----------
    end : float
        The factor at the end of the run, at least 0.
    warmup : float
        Epochs of linear warm-up, before the fall begins.

    Examples
    --------
    >>> [round(rex(epoch, 10), 6) for epoch in (0, 5, 10)]
    [1.0, 0.666667, 0.0]
    """
    t = _through(epoch, epochs, warmup)
    return _ramp(epoch, warmup) * (end + (1 - end) * (1 - t) / (1 - t / 2))


@schedule(ranges={"power": "[0, inf)", "rows": "(0, inf)"})
def invscaling(
    epoch: float, epochs: float, *, power: float = 0.5, rows: float = 1.0, warmup: float = 0.0
) -> float:
    """1 / (1 + n)^power, with n the rows seen before the epoch: scikit-learn's `invscaling`.

    scikit-learn counts rows, so that its learning rate has fallen far after the
    first epoch; by default n counts epochs here.

    Parameters
    ----------
    power : float
        At least 0; scikit-learn's `power_t`.
    rows : float
        Training rows in an epoch, above 0; with their number it is as in scikit-learn.
    warmup : float
        Epochs of linear warm-up, before the decay begins.

    Examples
    --------
    >>> [invscaling(epoch, 100) for epoch in (0, 0.5, 3, 8)]
    [1.0, 1.0, 0.5, 0.3333333333333333]
    """
    seen = rows * math.floor(max(0.0, epoch - warmup))
    return float(_ramp(epoch, warmup) / (1 + seen) ** power)


@schedule(ranges={"flat": "[0, 1)"})
def flat_cos(epoch: float, epochs: float, *, flat: float = 0.5) -> float:
    """Constant, then half a cosine to 0.

    Parameters
    ----------
    flat : float
        The share of the run that is constant, in [0, 1).

    Examples
    --------
    >>> [round(flat_cos(epoch, 8), 6) for epoch in (0, 4, 6, 8)]
    [1.0, 1.0, 0.5, 0.0]
    """
    return _cosine(1.0, 0.0, max(0.0, epoch / epochs - flat) / (1 - flat))


@schedule(ranges={"cycles": "[1, 100]"})
def coslog(epoch: float, epochs: float, *, cycles: int = 4) -> float:
    """Cosine cycles in logarithmic time: (1 - cos(2π·log2(1 + (2^cycles - 1)·t))) / 2.

    The time t goes from 0 to 1. Each cycle begins and ends at 0, and is twice as long as the
    one before: coslog4 of RealMLP (Holzmüller, Grinsztajn & Steinwart, 2024,
    arXiv:2407.04491), compared with pytabkit 1.7.3, not with the paper.

    Parameters
    ----------
    cycles : int
        How many.

    Examples
    --------
    >>> [round(coslog(epoch, 15), 6) for epoch in (0, 1, 2**1.5 - 1, 15)]
    [0.0, 0.0, 1.0, 0.0]
    """
    through = math.log2(1 + (2**cycles - 1) * min(epoch / epochs, 1.0))
    return 0.5 * (1 - math.cos(2 * math.pi * through))


def _through(epoch: float, epochs: float, warmup: float) -> float:
    """Give the share of the run after its warm-up that has passed, from 0 to 1."""
    return min(max(0.0, epoch - warmup) / max(epochs - warmup, 1e-12), 1.0)


def _cosine(start: float, end: float, through: float) -> float:
    """Go from one number to another by half a cosine."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(through, 1.0)))


@hookimpl
def register_schedules(register: object) -> None:
    """Register every schedule of this module and of `piecewise`."""
    assert callable(register)
    everything = [*globals().values(), *vars(piecewise).values()]
    for part in [value for value in everything if isinstance(value, Part)]:
        register(part)
