"""Initializers: the weights before the first step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, overload

import numpy as np

from nnplug.formulas.purity import check_twice
from nnplug.parts.part import Part, build_part
from nnplug.randomness import derive_generator, legacy_generator
from nnplug.types import AnyArray

__all__ = ["Initializer", "initializer"]

FANS = ("generator", "fan_in", "fan_out")


@dataclass(frozen=True, eq=False, repr=False)
class Initializer(Part):
    """Draws the weights of one layer; biases start at zero.

    Attributes
    ----------
    legacy : bool
        Whether it draws from NumPy's legacy stream (`numpy.random.seed`).
    from_inputs : bool
        Whether it is given what its layer is applied to, for some rows.
    """

    kind: ClassVar[str] = "initializer"
    plural: ClassVar[str] = "initializers"

    legacy: bool = False
    from_inputs: bool = False

    def draw(
        self, generator: np.random.Generator, fan_in: int, fan_out: int, inputs: AnyArray
    ) -> AnyArray:
        """Draw the weights of a layer that is applied to some rows, (N, fan_in)."""
        given = (inputs,) if self.from_inputs else ()
        return np.asarray(self(generator, fan_in, fan_out, *given))

    def generator(self, seed: int) -> np.random.Generator:
        """Make the generator that the weights of a run are drawn from."""
        return legacy_generator(seed) if self.legacy else derive_generator(seed, "init")

    def check_pure(self) -> None:
        """Make sure that it draws from the generator that it is given, and from no other.

        Raises
        ------
        ImpureFormulaError
            If the same seed gives two arrays.
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
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    legacy: bool = False,
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Initializer]: ...
def initializer(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    legacy: bool = False,
    expected_failures: Mapping[str, str] | None = None,
) -> Any:
    """Make an initializer from `def name(generator, fan_in, fan_out, *, ...)`.

    It returns the weights, float64 of shape (fan_in, fan_out), drawn from the
    `numpy.random.Generator` it is given. The layers are drawn in order, from
    one generator. A fourth argument, `inputs`, is what the layer is applied to
    for some rows of the training data, (N, fan_in), through the layers that
    were drawn before it.

    Parameters
    ----------
    name : str, optional
        Instead of the function's own.
    aliases : tuple of str, optional
        Other names.
    legacy : bool, optional
        Give it a generator with the stream of `numpy.random.seed(seed)`.
    expected_failures : mapping of str to str, optional
        See `nnplug.testing.run`.

    Raises
    ------
    PartError
        If the signature is another.
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
            name=name,
            aliases=aliases,
            expected_failures=expected_failures,
            legacy=legacy,
            from_inputs="inputs" in inspect.signature(function).parameters,
        )

    return decorate if function is None else decorate(function)
