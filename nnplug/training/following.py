"""Which options of a network's layers and of an optimizer follow a schedule."""

from __future__ import annotations

from typing import cast

from nnplug.errors import NnplugError
from nnplug.network.network import Network
from nnplug.parts import Optimizer, Schedule
from nnplug.parts.following import Followed, factor_name, followed
from nnplug.plugins.registry import Registry

__all__ = ["find_schedules"]


def find_schedules(
    network: Network, optimizer: Optimizer, registry: Registry, epochs: int
) -> dict[str, Schedule]:
    """Find the schedules that options follow, by the names of their factors.

    Raises
    ------
    NnplugError
        If there is no such schedule, or it is not a function of the time alone.
    """
    wanted = {
        array.name: array.declared.schedule
        for array in network.noise
        if isinstance(array.declared, Followed)
    }
    wanted |= {
        f"optimizer.{factor_name(option)}": value.schedule
        for option, value in followed(optimizer.options).items()
    }
    found = {}
    for name, text in wanted.items():
        try:
            found[name] = cast(Schedule, registry.get("schedule", text))
        except NnplugError as error:
            raise type(error)(f"{name.removesuffix('_factor')} = ...*{text}: {error}") from None
        found[name].check_pure(epochs)
    return found
