"""What a formula declares in its signature: its arrays, and options with special defaults.

A formula that needs arrays of its own declares them where it names them:

    def dense(x, weight=parameter("D", "units"), bias=parameter("units", start=0), *, units=100):

A dimension is a label, "N" for rows or "D" for the width of the layer's input;
the name of an option that is a whole number; or a whole number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from nnplug.errors import PartError
from nnplug.formulas.refusal import author_line
from nnplug.formulas.shapes import Dimension
from nnplug.parts.laws import Drawn
from nnplug.types import AnyArray

__all__ = [
    "Declared",
    "Interval",
    "Noise",
    "Parameter",
    "Quantiles",
    "State",
    "Trainable",
    "normal",
    "parameter",
    "quantiles",
    "state",
    "trainable",
    "uniform",
]


@dataclass(frozen=True)
class Declared:
    """An array that a formula takes beside its input.

    Attributes
    ----------
    shape : tuple of str or int
        Its dimensions, as in the module's docstring.
    """

    declared_by: ClassVar[str] = "a layer"

    shape: tuple[Dimension, ...]

    @property
    def about(self) -> str:
        """Its kind, its shape and its start, in words."""
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
    start : float, Drawn or None
        The number that all elements start from, or the law that they are drawn by; None:
        the run's initializer draws them.
    decay : bool
        Whether penalties count it.
    rate : float
        A factor on the learning rate.
    count : str, int or None
        How many of them there are, which the formula gets as a tuple; None: a single array.
    """

    start: float | Drawn | None = None
    decay: bool = True
    rate: float = 1.0
    count: str | int | None = None

    @property
    def _start(self) -> str:
        drawn = "drawn"
        if self.start is not None:
            law = isinstance(self.start, Drawn)
            drawn = f"drawn: {self.start}" if law else f"starts at {self.start:g}"
        several = "" if self.count is None else f"{self.count} of them, "
        return f"{several}{drawn}{', with decay' if self.decay else ''}"


@dataclass(frozen=True)
class State(Declared):
    """An array that each training step replaces with the one that the formula returns.

    Attributes
    ----------
    start : float or "identity"
        The number that all elements start from, or the identity matrix.
    """

    start: float | Literal["identity"] = 0.0

    def fill(self, array: AnyArray) -> None:
        """Fill an array with the values that it has before training."""
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
        `"uniform"`, in [0, 1), or `"normal"`, with mean 0 and variance 1.
    """

    law: Literal["uniform", "normal"] = "uniform"

    @property
    def _start(self) -> str:
        return f"{self.law}, drawn before each training step"


@dataclass(frozen=True)
class Quantiles(Declared):
    """Quantiles of the rows for training.

    Attributes
    ----------
    shares : str or int
        How many parts of equally many rows they bound, or the option that says so.
    distinct : bool
        Whether equal ones are given once.
    """

    declared_by: ClassVar[str] = "an encoding"

    shares: str | int = 4
    distinct: bool = True

    @property
    def about(self) -> str:
        """What they are, in words."""
        equal = ", each once" if self.distinct else ""
        return f"the quantiles that bound {self.shares} equal shares of the rows{equal}"


def parameter(
    *shape: Dimension,
    start: float | Drawn | None = None,
    decay: bool | None = None,
    rate: float = 1.0,
    count: str | int | None = None,
) -> Any:
    """Declare an array that is learned.

    Parameters
    ----------
    *shape : str or int
        Its dimensions; none for a single number.
    start : float or Drawn, optional
        The number that all elements start from, or a law as `nnplug.drawn` makes it.
        By default the run's initializer draws them: for matrices, whose first
        dimension is the one that is summed over.
    decay : bool, optional
        Whether penalties, such as `--l2`, count it; by default they count
        arrays that are drawn.
    rate : float, optional
        A factor on the learning rate.
    count : str or int, optional
        How many of them there are: a whole number, or the name of an option
        that is one. The formula gets a tuple.

    Raises
    ------
    PartError
        If a dimension or the start is something else.
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
            "matrices only.\nGive the number that all elements start from: start=0."
        )
    number = start if start is None or isinstance(start, Drawn) else _number("parameter", start)
    penalised = not isinstance(number, float) if decay is None else decay
    return Parameter(shape, number, penalised, rate, count)


def state(*shape: Dimension, start: float | Literal["identity"] = 0.0) -> Any:
    """Declare an array that each training step replaces.

    The formula returns its value, then the new states, in the order in which
    they are declared. Outside training it gets the last states, and those that
    it returns are ignored.

    Parameters
    ----------
    *shape : str or int
        Its dimensions; "N" may not be among them.
    start : float or "identity"
        The number that all elements start from; `"identity"`, for two equal
        dimensions: 1 on the diagonal, 0 elsewhere.

    Raises
    ------
    PartError
        If a dimension or the start is something else.
    """
    _check_shape("state", shape)
    if start == "identity":
        if len(shape) != 2 or shape[0] != shape[1]:
            raise PartError(f"{author_line()}state: start='identity' is for two equal dimensions.")
        return State(shape, "identity")
    return State(shape, _number("state", start))


def uniform(*shape: Dimension) -> Any:
    """Declare random numbers in [0, 1), drawn anew before each training step.

    They are derived from the run's seed and the step, so that a resumed run
    draws the same. A formula may not read them outside training: it branches
    on `training`.

    Parameters
    ----------
    *shape : str or int
        Its dimensions; `"N"` may be the first. Without it, all rows of a batch
        get the same numbers.

    Raises
    ------
    PartError
        If a dimension is something else.
    """
    _check_shape("uniform", shape, rows=True)
    return Noise(shape, "uniform")


def normal(*shape: Dimension) -> Any:
    """Declare random numbers with mean 0 and variance 1; see `uniform`."""
    _check_shape("normal", shape, rows=True)
    return Noise(shape, "normal")


def quantiles(shares: str | int, *, distinct: bool = True) -> Any:
    """Declare quantiles of the training rows, which the formula gets as a tuple of numbers.

    `def bins(x, edges=nnplug.quantiles("bins"), *, bins=16)` gets the minimum, the maximum
    and the 15 numbers between them that part the rows into 16 equal shares.

    Parameters
    ----------
    shares : str or int
        How many shares: a whole number, or the name of an option that is one.
    distinct : bool, optional
        Whether equal quantiles are given once, so that they increase and may be
        fewer. There are always two at least.

    Raises
    ------
    PartError
        If `shares` is something else.
    """
    whole = isinstance(shares, int) and not isinstance(shares, bool) and shares > 0
    if not whole and not (isinstance(shares, str) and shares.isidentifier()):
        raise PartError(
            f"{author_line()}quantiles: {shares!r} is neither a whole number above 0 nor the name "
            "of an option."
        )
    return Quantiles((), shares, distinct)


# --- options ---------------------------------------------------------------------------


class Trainable(float):
    """An option that is learned; its value is where learning starts."""


def trainable(start: float) -> Any:
    """Declare an option as trainable, by its default.

    `def one_slope(x, *, slope=nnplug.trainable(0.25))` gives each layer a slope
    of its own, which is a parameter and is updated like the others.

    Parameters
    ----------
    start : float
        The value before training; one finite number.

    Raises
    ------
    PartError
        If it is anything else.
    """
    given: Any = start
    number = isinstance(given, int | float | np.integer | np.floating)
    if not number or isinstance(given, bool) or not math.isfinite(given):
        shown = repr(given) if np.ndim(given) == 0 else f"an array of shape {np.shape(given)}"
        raise PartError(
            f"{author_line()}nnplug.trainable takes one finite number, from which learning starts, "
            f"not {shown}.\nAn option is one number for a whole layer: nnplug.trainable(1.0)."
        )
    return Trainable(start)


class Interval:
    """The numbers that an option may be, written as in mathematics.

    Parameters
    ----------
    text : str
        `"[0, 1)"` has 0, and not 1; `inf` is a bound that no number reaches.

    Raises
    ------
    PartError
        If it is not of this form.

    Examples
    --------
    >>> 0 in Interval("[0, 1)"), 1 in Interval("[0, 1)"), Interval("(0, inf)").words
    (True, False, 'above 0')
    """

    def __init__(self, text: str) -> None:
        found = re.fullmatch(r"([\[(])(.+),(.+)([\])])", text.replace(" ", ""))
        try:
            if found is None:
                raise ValueError(text)
            self.low, self.high = float(found[2]), float(found[3])
        except ValueError:
            raise PartError(
                f"ranges: {text!r} is not an interval. Write it like '[0, 1)' or '(0, inf)'."
            ) from None
        self.has_low, self.has_high = found[1] == "[", found[4] == "]"

    def __contains__(self, number: float) -> bool:
        return (self.low < number or (self.has_low and number == self.low)) and (
            number < self.high or (self.has_high and number == self.high)
        )

    @property
    def words(self) -> str:
        """The interval in words: `"at least 0 and below 1"`."""
        bounds = [
            (self.low, "at least" if self.has_low else "above"),
            (self.high, "at most" if self.has_high else "below"),
        ]
        return " and ".join(f"{word} {bound:g}" for bound, word in bounds if math.isfinite(bound))


# --- checks ----------------------------------------------------------------------------


def _check_shape(name: str, shape: tuple[Any, ...], *, rows: bool = False) -> None:
    for place, dim in enumerate(shape):
        whole = isinstance(dim, int) and not isinstance(dim, bool) and dim > 0
        if not (whole or (isinstance(dim, str) and dim.isidentifier())) or (
            dim == "N" and (not rows or place)
        ):
            why = 'write "D", an option or 3'
            if dim == "N":
                why = "rows come first" if rows else "it is one array for all batches"
            raise PartError(f"{author_line()}{name}: {dim!r} cannot be a dimension here: {why}.")


def _number(name: str, start: Any) -> float:
    number = isinstance(start, int | float | np.integer | np.floating)
    if not number or isinstance(start, bool) or not math.isfinite(start):
        raise PartError(f"{author_line()}{name}: start={start!r} is not a finite number.")
    return float(start)
