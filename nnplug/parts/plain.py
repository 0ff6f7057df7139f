"""Plain parts, functions that run as they stand: initializers, schedules, metrics, datasets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Unpack, overload

import numpy as np

from nnplug.errors import PartError
from nnplug.formulas.purity import check_twice
from nnplug.parts.part import Part
from nnplug.parts.signature import Naming, build_part
from nnplug.randomness import derive_generator, legacy_generator
from nnplug.types import AnyArray

__all__ = [
    "Data",
    "Dataset",
    "Initializer",
    "Metric",
    "Schedule",
    "Task",
    "by_column",
    "dataset",
    "initializer",
    "metric",
    "schedule",
]

# --- initializers: the weights before the first step -----------------------------------

FANS = ("generator", "fan_in", "fan_out")


@dataclass(frozen=True, eq=False, repr=False)
class Initializer(Part):
    """Draws the weights of one layer; biases start at zero.

    Attributes
    ----------
    legacy : bool
        Whether it draws from NumPy's legacy stream (`numpy.random.seed`).
    from_inputs : bool
        Whether it takes the layer's inputs for some rows.
    """

    kind: ClassVar[str] = "initializer"
    plural: ClassVar[str] = "initializers"

    legacy: bool = False
    from_inputs: bool = False

    def draw(
        self, generator: np.random.Generator, fan_in: int, fan_out: int, inputs: AnyArray
    ) -> AnyArray:
        """Draw the weights of a layer whose inputs for some rows are (N, fan_in)."""
        given = (inputs,) if self.from_inputs else ()
        return np.asarray(self(generator, fan_in, fan_out, *given))

    def generator(self, seed: int) -> np.random.Generator:
        """Make the generator that draws the weights of a run."""
        return legacy_generator(seed) if self.legacy else derive_generator(seed, "init")

    def check_pure(self) -> None:
        """Make sure that it draws from the generator that it is given, and from no other.

        Raises
        ------
        ImpureFormulaError
            If the same seed gives two different arrays.
        """
        check_twice(
            f"initializer {self.name!r}",
            self.function,
            lambda: self.draw(self.generator(0), 3, 2, np.eye(4, 3)),
            "draw from `generator` alone, which the run's seed makes",
        )


@overload
def initializer(function: Callable[..., Any], /) -> Initializer: ...
@overload
def initializer(
    *, legacy: bool = False, **naming: Unpack[Naming]
) -> Callable[[Callable[..., Any]], Initializer]: ...
def initializer(
    function: Callable[..., Any] | None = None,
    /,
    *,
    legacy: bool = False,
    **naming: Unpack[Naming],
) -> Any:
    """Make an initializer from `def name(generator, fan_in, fan_out, *, ...)`.

    It returns the weights, float64 of shape (fan_in, fan_out), drawn from the
    given `numpy.random.Generator`. The layers are drawn in order, from one
    generator. A fourth argument, `inputs`, has the layer's inputs for some rows
    of the training data, (N, fan_in), computed by the layers that were drawn
    before it.

    Parameters
    ----------
    legacy : bool, optional
        Give it a generator with the stream of `numpy.random.seed(seed)`.
    **naming
        `name`, `aliases`, `ranges` and `expected_failures`: see `Naming`.

    Raises
    ------
    PartError
        If the signature is different.
    """

    def check(names: tuple[str, ...]) -> str | None:
        if names in (FANS, (*FANS, "inputs")):
            return None
        return "an initializer takes (generator, fan_in, fan_out), and perhaps inputs"

    def decorate(function: Callable[..., Any]) -> Initializer:
        return build_part(
            Initializer,
            function,
            positional=check,
            naming=naming,
            legacy=legacy,
            from_inputs="inputs" in inspect.signature(function).parameters,
        )

    return decorate if function is None else decorate(function)


# --- schedules: the learning rate over time --------------------------------------------


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


# --- metrics: how good a network is, for people ----------------------------------------

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


# --- datasets: data with a name, and the settings that fit it --------------------------

Task = Literal["regression", "binary", "multiclass", "multilabel"]


@dataclass(frozen=True)
class Data:
    """Rows to learn from, as arrays.

    Attributes
    ----------
    inputs : array of shape (N, D)
        Numbers.
    targets : array
        For regression, numbers of shape (N, K). For classification, the
        class of each row as an index into `classes`, shape (N,); for several
        labels, 0 or 1 for each of them, shape (N, K).
    task : str
        `"regression"`, `"binary"`, `"multiclass"` or `"multilabel"`.
    classes : tuple
        The classes or labels as the user knows them; empty for regression.
    features : tuple of str
        The name of each column of `inputs`; may be empty.
    recipe : mapping
        Settings that fit this data, by the names of `nnplug.train`; the
        user's settings override them.
    """

    inputs: AnyArray
    targets: AnyArray
    task: Task
    classes: tuple[Any, ...] = ()
    features: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Part):
    """A function that returns a `Data`."""

    kind: ClassVar[str] = "dataset"
    plural: ClassVar[str] = "datasets"

    def formula_texts(self) -> list[str | None]:
        """Write nothing: the data that it returns has a fingerprint."""
        return [None]


@overload
def dataset(function: Callable[..., Any], /) -> Dataset: ...
@overload
def dataset(**naming: Unpack[Naming]) -> Callable[[Callable[..., Any]], Dataset]: ...
def dataset(function: Callable[..., Any] | None = None, /, **naming: Unpack[Naming]) -> Any:
    """Make a dataset from a function without arguments that returns a `Data`.

    Parameters
    ----------
    **naming
        `name`, `aliases`, `ranges` and `expected_failures`: see `Naming`.

    Raises
    ------
    PartError
        If the function takes positional arguments.
    """

    def decorate(function: Callable[..., Any]) -> Dataset:
        return build_part(
            Dataset,
            function,
            positional=lambda names: "a dataset takes no arguments" if names else None,
            naming=naming,
        )

    return decorate if function is None else decorate(function)
