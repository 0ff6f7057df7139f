"""One array of a training step, and the formulas of its elements, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nnplug.types import AnyArray

__all__ = ["Element", "Phase", "Step"]

Phase = Literal["start", "forward", "loss", "backward", "penalty", "clip", "update"]
"""The part of a training step; `"start"`: the sample, the parameters and the optimizer's state."""


@dataclass(frozen=True)
class Element:
    """One number of an array, such as a unit's sum, with its formula.

    Attributes
    ----------
    index : tuple of int
        Its place in the array, from 0: the sample and the unit, or for a weight
        the unit that it comes from and the one that it goes to.
    name : str
        As in the formula, where units count from 1: `"w12"`.
    formula, numbers : str
        Its formula with letters and with numbers, rounded to six digits. Where
        a sub-expression is used more than once, it has a line of its own before.
    mathml, mathml_numbers : str
        The same as `math` elements for a page.
    value : float
    """

    index: tuple[int, ...]
    name: str
    formula: str
    numbers: str
    mathml: str
    mathml_numbers: str
    value: float


@dataclass(frozen=True, eq=False)
class Step:
    """An array that a training step computes, or begins with.

    Attributes
    ----------
    phase : str
    layer : str
        `"hidden1"`, ..., `"output"`, `"loss"`; empty for what is of no layer.
    what : str
        `"z"`, `"a"`, `"delta"`, `"weight.grad"`, `"weight'"`, ...: the name in the layer.
    formula, mathml : str
        How the array is computed from others; empty for what a step begins with.
    value : array
    elements : tuple of Element
        The first of its elements; empty for what a step begins with.
    """

    phase: Phase
    layer: str
    what: str
    formula: str
    mathml: str
    value: AnyArray
    elements: tuple[Element, ...] = ()

    @property
    def name(self) -> str:
        """The layer and the name in it: `"hidden1.z"`."""
        return f"{self.layer}.{self.what}" if self.layer else self.what
