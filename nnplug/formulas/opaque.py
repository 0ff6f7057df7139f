"""Functions on arrays that a formula calls as they stand, such as another library's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NoReturn

import numpy as np

from nnplug.errors import FormulaError
from nnplug.formulas.graph import Operation, Symbol
from nnplug.formulas.refusal import call_author
from nnplug.formulas.shapes import Shape
from nnplug.types import AnyArray

__all__ = ["Opaque"]


@dataclass(frozen=True, eq=False)
class Opaque:
    """A function on arrays that is one operation of a formula, and is not traced.

    A formula calls it like any function. On arrays it runs; in a formula it
    becomes an operation that engines leave to NumPy: the function is called at
    each step. A part with such an operation cannot be exported or printed as a
    formula, and its digest is of the title, so write into that what the
    function is and from which version of which package.

    Make it once, outside the formula.

    Parameters
    ----------
    title : str
        What it is called in plans and messages: `"torch.nn.GELU of torch 2.13.0"`.
    function : callable
        `function(*arrays, **options)`: an array, or a tuple of them. It must
        give the same for the same arguments, and change none of them.
    pull_back : callable, optional
        `pull_back(g, *arrays, **options)`: the derivative of Σ g·y by the first
        array, where y is what the function returns. The other arrays count as
        constants. Without it, a formula that needs the derivative is refused.
    by : str, optional
        `"element"` if what it returns has the shape of its first argument,
        `"row"` if it is one number for each row, (N, 1).

    Examples
    --------
    >>> cube = Opaque("my cube 1.0", lambda x: x**3, lambda g, x: 3 * g * x**2)
    >>> float(cube(2.0))
    8.0
    """

    title: str
    function: Callable[..., Any]
    pull_back: Callable[..., Any] | None = None
    by: Literal["element", "row"] = "element"

    def __call__(self, *arrays: Any, **options: bool | int | float | str) -> Any:
        """Call the function, or record the call in a formula.

        Parameters
        ----------
        *arrays : array
        **options : bool, int, float or str
            Passed to the function as they are.
        """
        graph = next((given.graph for given in arrays if isinstance(given, Symbol)), None)
        if graph is None:
            return self.function(*arrays, **options)
        return graph.apply(self._value, *arrays, **self._plain(options))

    def several(self, count: int, *arrays: Any, **options: bool | int | float | str) -> Any:
        """Call a function that returns several arrays, each of its first argument's shape.

        Parameters
        ----------
        count : int
            How many arrays it returns, as a tuple.
        *arrays, **options
            As in a plain call. There is no derivative.
        """
        graph = next((given.graph for given in arrays if isinstance(given, Symbol)), None)
        if graph is None:
            return self.function(*arrays, **options)
        stack = graph.apply(self._stack, *arrays, count=count, **self._plain(options))
        return tuple(graph.apply(_PICK, stack, place=place) for place in range(count))

    def _plain(self, options: dict[str, Any]) -> dict[str, Any]:
        for name, value in options.items():
            if not isinstance(value, bool | int | float | str):
                raise FormulaError(
                    f"{self.title}: the option {name} is given a {type(value).__name__}.\n"
                    "Way out: pass arrays, and numbers that change, before the options."
                )
        return options

    # --- the operations -----------------------------------------------------------

    @cached_property
    def _value(self) -> Operation:
        def evaluate(*arrays: Any, **options: Any) -> AnyArray:
            shape = np.shape(arrays[0])
            wanted = shape if self.by == "element" else (*shape[:-1], 1)
            return self._check(self._call(self.function, arrays, options), wanted)

        def derive(g: Symbol, y: Symbol, *inputs: Symbol, **options: Any) -> list[Symbol | None]:
            if self.pull_back is None:
                self._refuse("it has no derivative")
            g = g.graph.call("broadcast_like", g, y)
            slope = g.graph.apply(self._slope, g, *inputs, **options)
            return [slope, *[None] * (len(inputs) - 1)]

        return Operation(self.title, evaluate, derive, self._shape, opaque=True)

    @cached_property
    def _slope(self) -> Operation:
        def evaluate(g: AnyArray, *arrays: Any, **options: Any) -> AnyArray:
            slope = self._call(self.pull_back, (g, *arrays), options)
            return self._check(slope, np.shape(arrays[0]))

        def derive(*_: Any, **options: Any) -> NoReturn:
            self._refuse("it has no second derivative")

        return Operation(
            f"{self.title}, derivative", evaluate, derive,
            lambda g, x, *others, **options: x, opaque=True,
        )  # fmt: skip

    @cached_property
    def _stack(self) -> Operation:
        def evaluate(*arrays: Any, count: int, **options: Any) -> AnyArray:
            made = self._call(self.function, arrays, options)
            if not isinstance(made, tuple) or len(made) != count:
                raise FormulaError(f"{self.title} did not return {count} arrays as a tuple.")
            return np.stack([self._check(array, np.shape(arrays[0])) for array in made])

        def derive(*_: Any, **options: Any) -> NoReturn:
            self._refuse("it has no derivative")

        return Operation(
            self.title, evaluate, derive,
            lambda x, *others, count, **options: (count, *x), opaque=True,
        )  # fmt: skip

    def _shape(self, x: Shape, *others: Shape, **options: Any) -> Shape:
        return x if self.by == "element" else (*x[:-1], 1)

    def _call(self, function: Any, arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return call_author(self.title, function, *arrays, **options)

    def _check(self, given: Any, wanted: tuple[int, ...]) -> AnyArray:
        array = np.asarray(given)
        if array.shape != wanted or array.dtype.kind not in "fiub":
            raise FormulaError(
                f"{self.title}: it returned shape {array.shape}, {array.dtype}.\n"
                f"Way out: return real numbers of shape {wanted}."
            )
        return array

    def _refuse(self, why: str) -> NoReturn:
        raise FormulaError(
            f"{self.title}: {why}, since it is not a formula but is called as it stands.\n"
            "Way out: use a part that is a formula."
        )


_PICK = Operation("pick", lambda stack, place: stack[place], shape=lambda stack, place: stack[1:])
