"""What a layer's formula declares beside its value, as defaults in its signature.

A formula that needs numbers of its own says so where it names them:

    def dense(x, weight=parameter("D", "units"), bias=parameter("units", start=0), *, units=100):

Dimensions are labels: "N" rows, "D" the width of what the layer is applied
to, the name of an option that is a whole number, or a whole number itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nnplug.errors import FormulaError, PartError
from nnplug.formulas.graph import Symbol, walk
from nnplug.formulas.refusal import author_line
from nnplug.types import AnyArray

__all__ = [
    "Declared",
    "Noise",
    "Parameter",
    "State",
    "check_noise",
    "normal",
    "parameter",
    "state",
    "uniform",
]

Dimension = str | int


@dataclass(frozen=True)
class Declared:
    """An array that a formula is given beside what it is applied to.

    Attributes
    ----------
    shape : tuple of str or int
        Its dimensions, as in the module's docstring.
    """

    shape: tuple[Dimension, ...]

    @property
    def about(self) -> str:
        """What it is, its shape and what it starts from, for a person to read."""
        kind = type(self).__name__.lower()
        dims = ", ".join(map(str, self.shape))
        return f"{kind} ({dims}), {self._start}" if dims else f"{kind}, a number, {self._start}"

    @property
    def _start(self) -> str:
        return ""


@dataclass(frozen=True)
class Parameter(Declared):
    """An array that is learned.

    Attributes
    ----------
    start : float or None
        Before training: a number, or None for what the run's initializer draws.
    decay : bool
        Whether penalties count it.
    rate : float
        A factor on the learning rate.
    count : str, int or None
        How many there are, which the formula is given as a tuple; None: one array.
    """

    start: float | None = None
    decay: bool = True
    rate: float = 1.0
    count: str | int | None = None

    @property
    def _start(self) -> str:
        drawn = "drawn" if self.start is None else f"starts at {self.start:g}"
        several = "" if self.count is None else f"{self.count} of them, "
        return f"{several}{drawn}{', with decay' if self.decay else ''}"


@dataclass(frozen=True)
class State(Declared):
    """An array that each training step replaces by what the formula returns for it.

    Attributes
    ----------
    start : float or "identity"
        Before training.
    """

    start: float | Literal["identity"] = 0.0

    def fill(self, array: AnyArray) -> None:
        """Write what the array is before training."""
        array[...] = np.eye(len(array)) if self.start == "identity" else self.start

    @property
    def _start(self) -> str:
        number = "1 on the diagonal, 0 beside it" if self.start == "identity" else f"{self.start:g}"
        return f"starts at {number}"


@dataclass(frozen=True)
class Noise(Declared):
    """Random numbers that are drawn anew before each training step.

    Attributes
    ----------
    law : str
        `"uniform"`, from 0 to below 1, or `"normal"`, of mean 0 and variance 1.
    """

    law: Literal["uniform", "normal"] = "uniform"

    @property
    def _start(self) -> str:
        return f"{self.law}, drawn before each training step"


def parameter(
    *shape: Dimension,
    start: float | None = None,
    decay: bool | None = None,
    rate: float = 1.0,
    count: str | int | None = None,
) -> Any:
    """Declare an array that is learned.

    Parameters
    ----------
    *shape : str or int
        Its dimensions; none for a single number.
    start : float, optional
        A number that all elements start from; by default what the run's
        initializer draws. That is for matrices: the first dimension is the
        one that is summed over.
    decay : bool, optional
        Whether penalties, such as `--l2`, count it; by default they count
        what is drawn.
    rate : float, optional
        A factor on the learning rate.
    count : str or int, optional
        How many of them there are: a whole number, or the name of an option
        that is one. The formula is given a tuple.

    Raises
    ------
    PartError
        If a dimension or the start is none of these.
    """
    _check_shape("parameter", shape)
    whole = isinstance(count, int) and not isinstance(count, bool) and count > 0
    if not (count is None or whole or (isinstance(count, str) and count.isidentifier())):
        raise PartError(
            f"{author_line()}parameter: count={count!r} is neither a whole number above 0 nor the "
            "name of an option."
        )
    if start is None and len(shape) != 2:
        raise PartError(
            f"{author_line()}parameter({', '.join(map(repr, shape))}): an initializer draws "
            "matrices.\nGive the number that it starts from: start=0."
        )
    drawn = start is None
    number = None if start is None else _number("parameter", start)
    return Parameter(shape, number, drawn if decay is None else decay, rate, count)


def state(*shape: Dimension, start: float | Literal["identity"] = 0.0) -> Any:
    """Declare an array that each training step replaces.

    The formula returns the new array after its value, in the order in which
    its states are declared. Outside training it is given the last one, and
    what it returns for it is not looked at.

    Parameters
    ----------
    *shape : str or int
        Its dimensions; none of them is "N".
    start : float or "identity"
        What all elements start from; `"identity"`, for two equal dimensions:
        1 on the diagonal, 0 elsewhere.

    Raises
    ------
    PartError
        If a dimension or the start is none of these.
    """
    _check_shape("state", shape)
    if start == "identity":
        if len(shape) != 2 or shape[0] != shape[1]:
            raise PartError(f"{author_line()}state: start='identity' is for two equal dimensions.")
        return State(shape, "identity")
    return State(shape, _number("state", start))


def uniform(*shape: Dimension) -> Any:
    """Declare random numbers from 0 to below 1, drawn anew before each training step.

    They are derived from the run's seed and the step, so that a run that is
    resumed draws the same. Outside training a formula that reads them is
    refused: it branches on `training`.

    Parameters
    ----------
    *shape : str or int
        Its dimensions; `"N"` may be the first. Without it all rows of a batch
        are given the same numbers.

    Raises
    ------
    PartError
        If a dimension is none of these.
    """
    _check_shape("uniform", shape, rows=True)
    return Noise(shape, "uniform")


def normal(*shape: Dimension) -> Any:
    """Declare random numbers of mean 0 and variance 1; see `uniform`."""
    _check_shape("normal", shape, rows=True)
    return Noise(shape, "normal")


def check_noise(part: Any, outputs: Sequence[Symbol], arrays: Mapping[str, Symbol]) -> None:
    """Refuse a layer or an activation that is random outside training.

    Parameters
    ----------
    part : Part
    outputs : sequence of Symbol
        What it computes outside training.
    arrays : mapping of str to Symbol
        What it declares.

    Raises
    ------
    FormulaError
        If it reads noise.
    """
    read = {id(node) for node in walk(outputs)}
    for name, each in part.arrays.items():
        if isinstance(each, Noise) and id(arrays[name]) in read:
            raise FormulaError(
                f"{part.kind} {part.name!r}: {part.place}: it reads {name}, which is random, "
                "outside training too.\nWay out: take the argument training after the *, and "
                "compute without noise where it is false."
            )


def _check_shape(name: str, shape: tuple[Any, ...], *, rows: bool = False) -> None:
    for place, dim in enumerate(shape):
        whole = isinstance(dim, int) and not isinstance(dim, bool) and dim > 0
        if not (whole or (isinstance(dim, str) and dim.isidentifier())) or (
            dim == "N" and (not rows or place)
        ):
            why = 'write "D", an option or 3'
            if dim == "N":
                why = "rows come first" if rows else "it is there for all batches"
            raise PartError(f"{author_line()}{name}: the dimension {dim!r} is not one: {why}.")


def _number(name: str, start: Any) -> float:
    number = isinstance(start, int | float | np.integer | np.floating)
    if not number or isinstance(start, bool) or not math.isfinite(start):
        raise PartError(f"{author_line()}{name}: start={start!r} is not a finite number.")
    return float(start)
