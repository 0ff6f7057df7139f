"""Options that follow a schedule, as in `dropout:rate=0.15*flat_cos`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnplug.parts.declared import Interval, Noise

__all__ = ["Followed", "Following", "factor_name", "followed", "plain"]


class Following(float):
    """An option whose value is multiplied by a schedule, before each training step.

    Attributes
    ----------
    schedule : str
        The schedule's text form.
    """

    schedule: str

    def __new__(cls, value: float, schedule: str) -> Following:
        """Make one from the value that the schedule multiplies."""
        made = super().__new__(cls, value)
        made.schedule = schedule
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Following, (float(self), self.schedule)

    def __str__(self) -> str:
        return f"{float(self)!r}*{self.schedule}"


@dataclass(frozen=True)
class Followed(Noise):
    """A number that is set before each training step, and not drawn.

    Attributes
    ----------
    value : float
        What the schedule multiplies.
    schedule : str
        The schedule's text form.
    within : Interval or None
        What the option may be.
    """

    value: float = 0.0
    schedule: str = ""
    within: Interval | None = None


def followed(options: Mapping[str, Any]) -> dict[str, Following]:
    """List the options that follow a schedule."""
    return {key: value for key, value in options.items() if isinstance(value, Following)}


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Give options as plain numbers: those that follow a schedule as what it multiplies."""
    # NumPy takes a float subclass for float64, which would widen float32 arrays.
    return {
        key: float(value) if isinstance(value, Following) else value
        for key, value in options.items()
    }


def factor_name(option: str) -> str:
    """Name the factor of an optimizer's option in its formula."""
    return f"{option}_factor"
