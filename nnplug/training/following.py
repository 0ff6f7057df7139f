"""Which options of a network's layers and of an optimizer follow a schedule."""

from __future__ import annotations

from typing import cast

import numpy as np

from nnplug.errors import NnplugError, SettingError
from nnplug.network.network import Network
from nnplug.parts import Optimizer, Schedule
from nnplug.parts.following import Followed, factor_name, followed
from nnplug.plugins.registry import Registry

__all__ = ["find_schedules"]

_TIMES = 200
"""At how many times of a run an option is looked at before it begins."""


def find_schedules(
    network: Network, optimizer: Optimizer, registry: Registry, epochs: int
) -> dict[str, Schedule]:
    """Find the schedules that options follow, by the names of their factors.

    Raises
    ------
    NnplugError
        If there is no such schedule, it is not a function of the time alone, or it leads an
        option out of its range.
    """
    wanted = {
        array.name: array.declared
        for array in network.noise
        if isinstance(array.declared, Followed)
    }
    wanted |= {
        f"optimizer.{factor_name(option)}": Followed(
            (), value=float(value), schedule=value.schedule, within=optimizer.ranges.get(option)
        )
        for option, value in followed(optimizer.options).items()
    }
    found = {}
    for name, option in wanted.items():
        text, called = option.schedule, name.removesuffix("_factor")
        try:
            found[name] = cast(Schedule, registry.get("schedule", text))
        except NnplugError as error:
            raise type(error)(f"{called} = ...*{text}: {error}") from None
        found[name].check_pure(epochs)
        _check_range(f"{called} = {option.value:g}*{text}", option, found[name], epochs)
    return found


def _check_range(label: str, option: Followed, schedule: Schedule, epochs: int) -> None:
    """Refuse a schedule that leads an option out of its range."""
    if option.within is None:
        return
    # Not the end itself: no step is there, and a factor may be 0 there alone.
    for time in np.linspace(0, epochs, _TIMES, endpoint=False).tolist():
        value = option.value * float(schedule(time, epochs))
        if value not in option.within:
            raise SettingError(
                f"{label}: at epoch {time:g} of {epochs} that is {value:g}, and it must be "
                f"{option.within.words}.\nTake another number, or another schedule."
            )
