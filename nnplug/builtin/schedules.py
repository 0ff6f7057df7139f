"""The built-in schedules: a factor on the learning rate over time in epochs.

Each begins with a linear warm-up over the first `warmup` epochs, from 0
(exclusive of it: the first step already moves) to the schedule's own start.
"""

from __future__ import annotations

import math

from nnplug.hookspecs import hookimpl
from nnplug.parts import Part, schedule


def _ramp(epoch: float, warmup: float) -> float:
    """The factor of the warm-up, 1 when it is over.

    It starts at a hundredth, since a factor of 0 would waste the first step.
    """
    return max(0.01, epoch / warmup) if epoch < warmup else 1.0


@schedule
def constant(epoch: float, epochs: float, *, warmup: float = 0.0) -> float:
    """The learning rate as it is given.

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
        What each drop multiplies by.
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
    if epoch < warmup:
        return _ramp(epoch, warmup)
    through = (epoch - warmup) / max(epochs - warmup, 1e-12)
    return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * min(through, 1.0)))


@hookimpl
def register_schedules(register: object) -> None:
    """Register every schedule of this module."""
    assert callable(register)
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
