"""Layers that look at what the inputs are: numbers, or the categories of a column.

Such a layer has options that follow from its inputs, such as how many of them are
numbers, and states that say which. Both are filled when the layer gets its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from nnplug.types import AnyArray

__all__ = ["Arrange", "Arrangement", "InputColumn", "numbers"]


@dataclass(frozen=True)
class InputColumn:
    """What one input of a network is.

    Attributes
    ----------
    kind : str
        `"number"`: computed from a number or a date. `"category"`: one of the inputs of a
        column of categories. `"other"`: anything else, such as the mark of a missing value.
    column : int
        The table's column that it is from: inputs of one column are neighbours.
    """

    kind: Literal["number", "category", "other"]
    column: int


@dataclass(frozen=True)
class Arrangement:
    """How a layer is filled for its inputs.

    Attributes
    ----------
    columns : tuple of InputColumn
        What its outputs are.
    options : mapping of str to int
        The options that follow from the inputs.
    states : mapping of str to array
        What its states start at.
    """

    columns: tuple[InputColumn, ...]
    options: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, AnyArray] = field(default_factory=dict)


Arrange = Callable[[Sequence[InputColumn], Mapping[str, Any]], Arrangement]
"""`arrange(columns, options)`: from what the inputs are, and a layer's options."""


def numbers(width: int) -> tuple[InputColumn, ...]:
    """Say that all inputs are numbers, each a column of its own."""
    return tuple(InputColumn("number", place) for place in range(width))
