"""Schedules: the learning rate over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Unpack, overload

from nnplug.formulas.purity import check_twice
from nnplug.parts.part import Part
from nnplug.parts.signature import Naming, build_part

__all__ = ["Schedule", "schedule"]


@dataclass(frozen=True, eq=False, repr=False)
class Schedule(Part):
    """A factor on the learning rate, as a function of time in epochs."""

    kind: ClassVar[str] = "schedule"
    plural: ClassVar[str] = "schedules"

    def check_pure(self, epochs: int) -> None:
        """Make sure that the same time gives the same factor, in a run of some epochs.

        Raises
        ------
        ImpureFormulaError
            If it does not: a run with it could not be resumed.
        """
        check_twice(
            f"schedule {self.name!r}",
            self.function,
            lambda: [self(time, epochs) for time in (0.0, epochs / 2)],
            "compute the factor from `epoch`, `epochs` and options alone",
        )


@overload
def schedule(function: Callable[..., Any], /) -> Schedule: ...
@overload
def schedule(**naming: Unpack[Naming]) -> Callable[[Callable[..., Any]], Schedule]: ...
def schedule(function: Callable[..., Any] | None = None, /, **naming: Unpack[Naming]) -> Any:
    """Make a schedule from `def name(epoch, epochs, *, ...)`.

    It returns the factor on the learning rate. `epoch` is the time in epochs
    before the step, with its fraction (2.5: half-way through the third), and
    `epochs` the length of the run.

    Parameters
    ----------
    **naming
        `name`, `aliases`, `ranges` and `expected_failures`: see `Naming`.

    Raises
    ------
    PartError
        If the signature is different.
    """

    def check(names: tuple[str, ...]) -> str | None:
        return None if names == ("epoch", "epochs") else "a schedule takes (epoch, epochs)"

    def decorate(function: Callable[..., Any]) -> Schedule:
        return build_part(Schedule, function, positional=check, naming=naming)

    return decorate if function is None else decorate(function)
