"""Metrics: how good a network is, for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Unpack, overload

from nnplug.errors import PartError
from nnplug.parts.part import Part
from nnplug.parts.signature import Naming, build_part

__all__ = ["Metric", "by_column", "metric"]

Goal = Literal["maximize", "minimize"]

_PAIRS = (("prediction", "target"), ("classes", "labels"), ("probabilities", "labels"))


@dataclass(frozen=True, eq=False, repr=False)
class Metric(Part):
    """A number for all rows together.

    Attributes
    ----------
    takes : str
        The name of its first argument: `"prediction"`, the outputs in the
        target's units, (N, K); `"classes"`, the class chosen for each row,
        (N,); or `"probabilities"` of each class, (N, C).
    goal : str
        `"maximize"` or `"minimize"`.
    """

    kind: ClassVar[str] = "metric"
    plural: ClassVar[str] = "metrics"

    takes: str = "prediction"
    goal: Goal = "minimize"


def by_column(metrics: Sequence[Metric]) -> dict[str, Metric]:
    """Name metrics like the columns of a history: by name, or by text if names repeat."""
    names = [metric.name for metric in metrics]
    return {
        metric.name if names.count(metric.name) == 1 else metric.text: metric for metric in metrics
    }


@overload
def metric(function: Callable[..., Any], /) -> Metric: ...
@overload
def metric(
    *, goal: Goal = "minimize", **naming: Unpack[Naming]
) -> Callable[[Callable[..., Any]], Metric]: ...
def metric(
    function: Callable[..., Any] | None = None,
    /,
    *,
    goal: Goal = "minimize",
    **naming: Unpack[Naming],
) -> Any:
    """Make a metric from a function of all rows that returns one number.

    `def name(prediction, target)` for regression, `def name(classes, labels)`
    or `def name(probabilities, labels)` for classification; `labels` are
    class indices, shape (N,).

    Parameters
    ----------
    goal : str, optional
        `"maximize"` or `"minimize"`.
    **naming
        `name`, `aliases`, `ranges` and `expected_failures`: see `Naming`.

    Raises
    ------
    PartError
        If the signature is different.
    """

    def check(names: tuple[str, ...]) -> str | None:
        pairs = " or ".join(f"({', '.join(pair)})" for pair in _PAIRS)
        return None if names in _PAIRS else f"a metric takes {pairs}"

    def decorate(function: Callable[..., Any]) -> Metric:
        if goal not in ("maximize", "minimize"):
            raise PartError(f"metric: goal={goal!r} is neither 'maximize' nor 'minimize'.")
        return build_part(
            Metric,
            function,
            positional=check,
            naming=naming,
            goal=goal,
            takes=function.__code__.co_varnames[0],
        )

    return decorate if function is None else decorate(function)
