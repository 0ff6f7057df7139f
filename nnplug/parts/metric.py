"""Metrics: how good a network is, for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, overload

from nnplug.errors import PartError
from nnplug.parts.part import Part, build_part

__all__ = ["Metric", "by_column", "metric"]

Goal = Literal["maximize", "minimize"]

_PAIRS = (("prediction", "target"), ("classes", "labels"), ("probabilities", "labels"))


@dataclass(frozen=True, eq=False, repr=False)
class Metric(Part):
    """A number for all rows at once.

    Attributes
    ----------
    takes : str
        By the name of its first argument: `"prediction"`, the outputs in the
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
    """Name metrics as the columns of a history are: by name, or by text if names repeat."""
    names = [metric.name for metric in metrics]
    return {
        metric.name if names.count(metric.name) == 1 else metric.text: metric for metric in metrics
    }


@overload
def metric(function: Callable[..., Any], /) -> Metric: ...
@overload
def metric(
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    goal: Goal = "minimize",
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Metric]: ...
def metric(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    goal: Goal = "minimize",
    expected_failures: Mapping[str, str] | None = None,
) -> Any:
    """Make a metric from a function of all rows that returns one number.

    `def name(prediction, target)` for regression, `def name(classes, labels)`
    or `def name(probabilities, labels)` for classification; `labels` are
    class indices, shape (N,).

    Parameters
    ----------
    name : str, optional
        Instead of the function's own.
    aliases : tuple of str, optional
        Other names.
    goal : str, optional
        `"maximize"` or `"minimize"`.
    expected_failures : mapping of str to str, optional
        See `nnplug.testing.run`.

    Raises
    ------
    PartError
        If the signature is another.
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
            name=name,
            aliases=aliases,
            expected_failures=expected_failures,
            goal=goal,
            takes=function.__code__.co_varnames[0],
        )

    return decorate if function is None else decorate(function)
