"""Schedules of several pieces: steps, straight lines or half cosines between given times.

Lists of numbers are written with slashes: `multistep:milestones=30/60/80`.
"""

from __future__ import annotations

import math

from nnplug.errors import OptionError
from nnplug.parts import schedule

SHAPES = ("linear", "cosine")


@schedule(ranges={"factor": "[0, inf)"})
def multistep(
    epoch: float,
    epochs: float,
    *,
    milestones: str = "30/60/80",
    factor: float = 0.1,
    warmup: float = 0.0,
) -> float:
    """Multiply by `factor` at each milestone.

    Parameters
    ----------
    milestones : str
        Times in epochs, in ascending order, with slashes between.
    factor : float
        At least 0: the factor of each drop.
    warmup : float
        Epochs of linear warm-up, within the first stretch.

    Examples
    --------
    >>> [multistep(epoch, 100, milestones="2/5", factor=0.5) for epoch in (1.9, 2, 7)]
    [1.0, 0.5, 0.25]
    """
    times = _times("multistep", "milestones", milestones)
    return float(_ramp(epoch, warmup) * factor ** sum(epoch >= time for time in times))


@schedule
def piecewise_constant(
    epoch: float,
    epochs: float,
    *,
    boundaries: str = "30/60",
    values: str = "1/0.1/0.01",
    warmup: float = 0.0,
) -> float:
    """One factor until the first boundary, the next one from there on, and so on.

    Differs from Keras's `PiecewiseConstantDecay`, which takes the step at a
    boundary with the factor before it.

    Parameters
    ----------
    boundaries : str
        Times in epochs, in ascending order, with slashes between.
    values : str
        The factors, one more than boundaries, with slashes between.
    warmup : float
        Epochs of linear warm-up, within the first stretch.

    Examples
    --------
    >>> [piecewise_constant(epoch, 100) for epoch in (0, 29.9, 30, 99)]
    [1.0, 1.0, 0.1, 0.01]
    """
    times, levels = _pieces("piecewise_constant", boundaries, values)
    return _ramp(epoch, warmup) * levels[sum(epoch >= time for time in times)]


@schedule
def piecewise_interpolate(
    epoch: float,
    epochs: float,
    *,
    boundaries: str = "30/60",
    values: str = "1/0.1/0.01",
    shape: str = "linear",
    warmup: float = 0.0,
) -> float:
    """Go from one factor to the next between given times, then stay at the last.

    Differs from optax's `piecewise_interpolate_schedule`, whose scales multiply up.

    Parameters
    ----------
    boundaries : str
        Times in epochs, in ascending order, with slashes between.
    values : str
        The factors at the start of the run and at each boundary, with slashes between.
    shape : str
        `linear` for straight lines, or `cosine` for half cosines.
    warmup : float
        Epochs of linear warm-up, which multiplies the factors.

    Examples
    --------
    >>> valley = piecewise_interpolate.with_options(boundaries="4/8", values="1/0.5/1")
    >>> [valley(epoch, 100) for epoch in (0, 2, 4, 7, 20)]
    [1.0, 0.75, 0.5, 0.875, 1.0]
    """
    times, levels = _pieces("piecewise_interpolate", boundaries, values)
    name = "piecewise_interpolate"
    place = sum(epoch >= time for time in times)
    if place == len(times):
        return _ramp(epoch, warmup) * levels[-1]
    since = times[place - 1] if place else 0.0
    through = (epoch - since) / (times[place] - since)
    level = between(levels[place], levels[place + 1], through, shape, name)
    return _ramp(epoch, warmup) * level


@schedule(ranges={"length": "(0, inf)", "start": "[0, inf)"})
def warmup(
    epoch: float, epochs: float, *, length: float = 5.0, start: float = 0.1, shape: str = "linear"
) -> float:
    """From `start` to 1 over the first epochs, then constant.

    Goyal et al. (2017, arXiv:1706.02677, section 2.2): `linear` is their gradual
    warm-up, `constant` their constant one. PyTorch's `LinearLR` and `ConstantLR` start at a third.
    Other schedules have an option `warmup` for a linear one from almost 0.

    Parameters
    ----------
    length : float
        Epochs until 1, above 0.
    start : float
        The factor at the start of the run, at least 0.
    shape : str
        `linear`, `cosine`, or `constant`: `start` throughout.

    Examples
    --------
    >>> [warmup(epoch, 100, start=0.5) for epoch in (0, 2.5, 5, 50)]
    [0.5, 0.75, 1.0, 1.0]
    """
    if epoch >= length:
        return 1.0
    through = epoch / length
    return between(start, 1.0, through, shape, "warmup", constant=True)


@schedule(
    aliases=("triangular",),
    ranges={"up": "(0, inf)", "down": "(0, inf)", "low": "[0, inf)", "decay": "(0, 1]"},
)
def cyclic(
    epoch: float,
    epochs: float,
    *,
    up: float = 2.0,
    down: float = 2.0,
    low: float = 0.25,
    mode: str = "triangular",
    decay: float = 0.95,
) -> float:
    """Up and down in straight lines, again and again (Smith, 2017, arXiv:1506.01186, section 3).

    The learning rate given is the highest. PyTorch's `CyclicLR` counts in
    steps, and lets the momentum fall and rise, which this does not.

    Parameters
    ----------
    up, down : float
        Epochs of each rise and of each fall, above 0.
    low : float
        The factor at the start of each cycle, at least 0.
    mode : str
        `triangular`: up to 1 each time; `triangular2`: half as far above `low`
        as the time before; `exp_range`: `decay` times as far after each epoch.
    decay : float
        In (0, 1], for `exp_range`.

    Examples
    --------
    >>> [cyclic(epoch, 100, low=0.5, mode="triangular2") for epoch in (0, 1, 2, 4, 6)]
    [0.5, 0.75, 1.0, 0.5, 0.75]
    """
    known = ("triangular", "triangular2", "exp_range")
    if mode not in known:
        raise OptionError(f"schedule 'cyclic': mode={mode}: there are {', '.join(known)}.")
    cycle, since = divmod(epoch, up + down)
    height = since / up if since < up else 1 - (since - up) / down
    scale = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": decay**epoch}[mode]
    return float(low + (1 - low) * height * scale)


@schedule(ranges={"start": "[0, 1]", "length": "(0, inf)", "end": "[0, inf)"})
def swa_lr(
    epoch: float,
    epochs: float,
    *,
    start: float = 0.75,
    length: float = 5.0,
    end: float = 0.05,
    shape: str = "cosine",
) -> float:
    """Constant, then down to another constant, at which weights are averaged.

    Stochastic weight averaging (Izmailov et al., 2018, arXiv:1803.05407), with
    the learning rate of PyTorch's `SWALR`, which has a length of 10.

    Parameters
    ----------
    start : float
        The share of the run before the fall, from 0 to 1.
    length : float
        Epochs of the fall, above 0.
    end : float
        The factor after it, at least 0.
    shape : str
        `cosine` or `linear`.

    Examples
    --------
    >>> [swa_lr(epoch, 40, length=4, end=0.5) for epoch in (0, 30, 32, 34)]
    [1.0, 1.0, 0.75, 0.5]
    """
    through = min(max(0.0, epoch - start * epochs) / length, 1.0)
    return between(1.0, end, through, shape, "swa_lr")


def between(
    start: float, end: float, through: float, shape: str, name: str, *, constant: bool = False
) -> float:
    """Give a number on the way from one to another.

    Parameters
    ----------
    through : float
        The share of the way, from 0 to 1.
    shape : str
        `linear`, `cosine`, or `constant`, which stays at the start, if that is allowed.
    name : str
        The schedule that asks, for the message.

    Raises
    ------
    OptionError
        If the shape is unknown.
    """
    known = (*SHAPES, "constant") if constant else SHAPES
    if shape not in known:
        raise OptionError(f"schedule {name!r}: shape={shape}: there are {', '.join(known)}.")
    if shape == "constant":
        return start
    share = through if shape == "linear" else 0.5 * (1 - math.cos(math.pi * through))
    return start + (end - start) * share


def _ramp(epoch: float, warmup: float) -> float:
    """Give the factor of the warm-up, as in `nnplug.builtin.schedules`."""
    return max(0.01, epoch / warmup) if epoch < warmup else 1.0


def _times(name: str, option: str, text: str) -> list[float]:
    """Read times in ascending order."""
    times = _numbers(name, option, text)
    if sorted({*times}) != times or times[0] <= 0:
        raise OptionError(
            f"schedule {name!r}: {option}={text}: they must be above 0 and ascend, as in 30/60/80."
        )
    return times


def _pieces(name: str, boundaries: str, values: str) -> tuple[list[float], list[float]]:
    """Read times, and one level more than there are times."""
    times, levels = _times(name, "boundaries", boundaries), _numbers(name, "values", values)
    if len(levels) != len(times) + 1:
        raise OptionError(
            f"schedule {name!r}: values={values}: {len(levels)} for {len(times)} boundaries, "
            f"{boundaries}; give {len(times) + 1}."
        )
    if min(levels) < 0:
        raise OptionError(f"schedule {name!r}: values={values}: they must be at least 0.")
    return times, levels


def _numbers(name: str, option: str, text: str) -> list[float]:
    """Read numbers with slashes between."""
    try:
        numbers = [float(number) for number in text.split("/")]
    except ValueError:
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        raise OptionError(
            f"schedule {name!r}: {option}={text}: write numbers with slashes between, as in 30/60."
        )
    return numbers
