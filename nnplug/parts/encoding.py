"""Encodings: how one column of a table becomes inputs of a network."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Unpack, get_args, overload

import numpy as np

from nnplug.errors import DataError, FormulaError, PartError
from nnplug.formulas.digest import graph_text
from nnplug.formulas.graph import Graph, Symbol
from nnplug.formulas.kinds import as_number
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import mixed_rows, trace
from nnplug.parts.declared import Quantiles
from nnplug.parts.part import Part
from nnplug.parts.signature import Naming, build_part, declarations
from nnplug.types import AnyArray

__all__ = ["FACTS", "PLACES", "ColumnFacts", "Encoding", "Takes", "encoding"]

Takes = Literal["number", "category", "date"]
"""What a column holds: numbers, categories or dates."""

ColumnFacts = Mapping[str, float | tuple[float, ...]]
"""What is known of a column, by the names of a formula's arguments."""

_OF_NUMBERS = (
    "mean", "deviation", "minimum", "maximum", "median", "lower_quartile", "upper_quartile",
    "count",
)  # fmt: skip
PLACES = ("year", "week", "day")
"""Of a date: its place in the calendar year, the week or the day, from 0 to below 1."""

FACTS: dict[Takes, tuple[str, ...]] = {
    "number": _OF_NUMBERS,
    "category": ("counts", "count"),
    "date": (*PLACES, *_OF_NUMBERS),
}
"""The facts that a formula may name after x, by what it takes."""

_EXAMPLE_CATEGORIES = 3


@dataclass(frozen=True, eq=False, repr=False)
class Encoding(Part):
    """A formula from a column and facts of the training rows to one or several inputs.

    Attributes
    ----------
    takes : str
        `"number"`: x is the column's numbers. `"date"`: x is the time in years
        since 1970. `"category"`: x is the category's place among the C known
        ones, 0 to C - 1; -1 if it is none of them.
    facts : tuple of str
        The facts that it names: see `FACTS`.
    declared : mapping of str to Quantiles
        The quantiles that it declares, by the names of its arguments.
    """

    kind: ClassVar[str] = "encoding"
    plural: ClassVar[str] = "encodings"

    takes: Takes = "number"
    facts: tuple[str, ...] = ()
    declared: Mapping[str, Quantiles] = field(default_factory=dict)

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of all that it takes besides x."""
        return (*self.facts, *self.declared)

    def shares(self, name: str) -> int:
        """Return how many shares of the rows the quantiles of an argument bound."""
        shares = self.declared[name].shares
        return int(self.options[shares] if isinstance(shares, str) else shares)

    def columns(self, x: AnyArray, facts: Mapping[str, Any]) -> list[AnyArray]:
        """Encode numbers.

        Parameters
        ----------
        x : array
            (N,), float64.
        facts : mapping of str to number, tuple of numbers or array
            All that it needs, by name.

        Returns
        -------
        list of array
            The inputs, float64 of shape (N,) each.

        Raises
        ------
        DataError
            If it gives something else than one number for each row.
        """
        with np.errstate(all="ignore"):
            given = self(x, **{name: facts[name] for name in self.needs})
        found = []
        for made in given if isinstance(given, tuple) else (given,):
            array = np.asarray(made)
            if array.shape not in (x.shape, ()) or array.dtype.kind not in "fiub":
                raise DataError(
                    f"{self.kind} {self.name!r} ({self.place}) gives an array of shape "
                    f"{array.shape} of {array.dtype} for a column of shape {x.shape}.\n"
                    "Return one number for each row, or a tuple of such arrays."
                )
            found.append(np.broadcast_to(array.astype(np.float64, copy=False), x.shape))
        return found

    def trace(self, x: Symbol, facts: Mapping[str, Any]) -> list[Symbol]:
        """Trace the formula.

        Parameters
        ----------
        x : Symbol
            (N,).
        facts : mapping of str to number or Symbol, or tuples of them
            All that it needs, by name.

        Returns
        -------
        list of Symbol
            The inputs, of shape (N,) each.

        Raises
        ------
        FormulaError
            If it cannot be traced, or a row does not stand by itself.
        """
        given = {name: facts[name] for name in self.needs}
        name = f"{self.kind} {self.name!r}"
        outputs = trace(
            self.function, [x], {**self.options, **given}, name=name, traces=self.traces
        )
        found = []
        for output in outputs:
            made = as_number(output)
            if made.shape == ():
                made = x.graph.call("broadcast_like", made, x)
            if made.shape != x.shape or mixed_rows(made, [x]) is not None:
                raise FormulaError(
                    f"{name}: {self.place}: a row's inputs depend on other rows.\n"
                    "Way out: compute element by element; what must be known of all rows is a "
                    "fact, such as mean, named after x."
                )
            found.append(made)
        return found

    def example(self, graph: Graph) -> tuple[Symbol, dict[str, Any]]:
        """Make the symbols of x, (N,), and of all facts, to print the formula."""
        x = graph.input("x", ("N",))
        facts: dict[str, Any] = {}
        for name in self.facts:
            if name in PLACES:
                facts[name] = graph.input(name, ("N",))
            elif name == "counts":
                facts[name] = _several(graph, "count", _EXAMPLE_CATEGORIES)
            else:
                facts[name] = graph.input(name)
        for name in self.declared:
            facts[name] = _several(graph, name, self.shares(name) + 1)
        return x, facts

    def with_few_quantiles(self, most: int = 3) -> Encoding:
        """Make this part with few shares of the rows, to print how quantiles are used."""
        options = dict(self.options)
        for declared in self.declared.values():
            if isinstance(declared.shares, str):
                options[declared.shares] = min(most, int(options[declared.shares]))
        return replace(self, options=options)

    def formula_texts(self) -> list[str | None]:
        """Write what the part computes: see `Part.formula_texts`."""
        return [self.takes, graph_text(self.trace(*self.example(new_graph())))]


def _several(graph: Graph, name: str, count: int) -> tuple[Symbol, ...]:
    return tuple(graph.input(f"{name}{number}") for number in range(count))


@overload
def encoding(function: Callable[..., Any], /) -> Encoding: ...
@overload
def encoding(
    *, takes: Takes = "number", **naming: Unpack[Naming]
) -> Callable[[Callable[..., Any]], Encoding]: ...
def encoding(
    function: Callable[..., Any] | None = None,
    /,
    *,
    takes: Takes = "number",
    **naming: Unpack[Naming],
) -> Any:
    """Make an encoding from `def name(x, mean, deviation, ..., *, option=default)`.

    The formula takes a column `x` of shape (N,), and after it, by their names,
    facts of the rows for training. It returns an array of that shape, or a tuple
    of several. Values are computed in float64.

    Facts of numbers and dates are `mean`, `deviation` (the standard deviation;
    1 if all are equal), `minimum`, `maximum`, `median`, `lower_quartile`,
    `upper_quartile` and `count`, the number of values; and quantiles, declared as
    `edges=nnplug.quantiles(16)`. A fact of categories is `counts`, a tuple with
    the number of rows of each. Of a date there are `year`, `week` and `day`
    besides: its place in each, from 0 to below 1.

    Parameters
    ----------
    takes : str, optional
        What the column holds: `"number"`, and x is the number; `"date"`, and x is
        the time in years since 1970; or `"category"`, and x is its place among
        the known ones, or -1.
    **naming
        `name`, `aliases`, `ranges` and `expected_failures`: see `Naming`.

    Raises
    ------
    PartError
        If the signature is different.

    Examples
    --------
    >>> @encoding
    ... def from_zero_to_one(x, minimum, maximum):
    ...     "From zero to one."
    ...     return (x - minimum) / np.maximum(maximum - minimum, 1e-300)
    >>> float(from_zero_to_one(3.0, 1.0, 5.0))
    0.5
    """

    def check(names: tuple[str, ...]) -> str | None:
        if names[:1] == ("x",) and set(names[1:]) <= set(FACTS[takes]):
            return None
        return f"an encoding of a {takes} takes (x), then any of {', '.join(FACTS[takes])}"

    def decorate(function: Callable[..., Any]) -> Encoding:
        if takes not in get_args(Takes):
            raise PartError(f"encoding: takes={takes!r} is none of {', '.join(get_args(Takes))}.")
        declared = declarations(function, "encoding", (Quantiles,))
        named = inspect.signature(function).parameters.values()
        free = [each.name for each in named
                if each.default is each.empty and each.kind is not each.KEYWORD_ONLY]  # fmt: skip
        made = build_part(
            Encoding,
            function,
            positional=check,
            declared=declared,
            naming=naming,
            takes=takes,
            facts=tuple(free[1:]),
        )
        _check_quantiles(made)
        return made

    return decorate if function is None else decorate(function)


def _check_quantiles(part: Encoding) -> None:
    """Refuse quantiles of categories, and a number of shares that is not an option above 0."""
    for name, asked in part.declared.items():
        option = asked.shares
        where = f"{part.place}: {part.kind} {part.name!r}: {name}"
        if part.takes == "category":
            raise PartError(f"{where}: categories have no quantiles.\nTheir facts are counts.")
        if isinstance(option, int):
            continue
        default = part.defaults.get(option)
        if not isinstance(default, int) or isinstance(default, bool):
            raise PartError(f"{where} = quantiles({option!r}): there is no such whole option.")
        interval = part.ranges.get(option)
        if interval is None or 0 in interval or -1 in interval:
            raise PartError(
                f"{where} = quantiles({option!r}): the option may be 0.\n"
                f'Say what it may be: ranges={{"{option}": "[1, inf)"}}.'
            )
