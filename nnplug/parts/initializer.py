"""Initializers: the weights before the first step."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Unpack, overload

import numpy as np

from nnplug.formulas.purity import check_twice
from nnplug.parts.part import Part
from nnplug.parts.signature import Naming, build_part
from nnplug.randomness import derive_generator, legacy_generator
from nnplug.types import AnyArray

__all__ = ["Initializer", "initializer"]

FANS = ("generator", "fan_in", "fan_out")


@dataclass(frozen=True, eq=False, repr=False)
class Initializer(Part):
    """Draws the weights of one layer; its biases start at zero, unless it gives them too.

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
        return self.draw_all(generator, fan_in, fan_out, inputs)[0]

    def draw_all(
        self, generator: np.random.Generator, fan_in: int, fan_out: int, inputs: AnyArray
    ) -> tuple[AnyArray, ...]:
        """Draw the weights, and perhaps biases, of a layer whose inputs are (N, fan_in)."""
        given = (inputs,) if self.from_inputs else ()
        drawn = self(generator, fan_in, fan_out, *given)
        return tuple(map(np.asarray, drawn if isinstance(drawn, tuple) else (drawn,)))

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
            lambda: np.concatenate(
                [each.ravel() for each in self.draw_all(self.generator(0), 3, 2, np.eye(4, 3))]
            ),
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
    given `numpy.random.Generator`; or a tuple of them and the biases, (fan_out,),
    for a layer that has an array `bias`. The layers are drawn in order, from one
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
