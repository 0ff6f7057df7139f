"""Recipes: settings with a name, chosen by the size of the data and the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Unpack, overload

from nnplug.errors import PartError
from nnplug.parts.dataset import Task
from nnplug.parts.part import Part
from nnplug.parts.signature import Naming, build_part

__all__ = ["Facts", "Recipe", "recipe"]


@dataclass(frozen=True)
class Facts:
    """What a recipe may know of the data.

    Attributes
    ----------
    rows : int
        The training rows; those held out for validation are not counted.
    inputs : int
        The network's inputs: the columns after encoding.
    outputs : int
        The classes of a binary or multiclass task, the labels of a
        multilabel one, or the numbers to predict.
    task : str
        `"regression"`, `"binary"`, `"multiclass"` or `"multilabel"`.
    monotone : bool
        Whether predictions must never fall, or never rise, with some column:
        then no hidden layer may have an activation that falls anywhere.
    """

    rows: int
    inputs: int
    outputs: int
    task: Task
    monotone: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Recipe(Part):
    """A function from the facts of the data to settings, by the names of `nnplug.train`.

    Attributes
    ----------
    before_rows : mapping
        Settings that must be known before the rows are read, and so before
        there are facts, by the names of `nnplug.train`. Those for tables
        change nothing where the data is no table.
    """

    kind: ClassVar[str] = "recipe"
    plural: ClassVar[str] = "recipes"

    before_rows: Mapping[str, Any] = field(default_factory=dict)

    def formula_texts(self) -> list[str | None]:
        """Write nothing: a run records each setting that a recipe gives."""
        return [None]

    def settings(self, facts: Facts) -> dict[str, Any]:
        """Return the settings for some data, not yet checked.

        Raises
        ------
        PartError
            If the function does not return a mapping.
        """
        given = self(facts)
        if not isinstance(given, Mapping):
            raise PartError(
                f"{self.place}: recipe {self.name!r} returned a {type(given).__name__}.\n"
                'Return the settings as a dict, such as {"hidden": (64,)}.'
            )
        return dict(given)


@overload
def recipe(function: Callable[..., Any], /) -> Recipe: ...
@overload
def recipe(
    *, before_rows: Mapping[str, Any] = ..., **naming: Unpack[Naming]
) -> Callable[[Callable[..., Any]], Recipe]: ...
def recipe(
    function: Callable[..., Any] | None = None,
    /,
    *,
    before_rows: Mapping[str, Any] = MappingProxyType({}),
    **naming: Unpack[Naming],
) -> Any:
    """Make a recipe from a function of the facts of the data.

    Parameters
    ----------
    before_rows : mapping, optional
        Settings that must be known before the rows are read, such as
        `{"members": 5, "encoding": "robust_clip"}`: see `Recipe`.
    **naming
        `name`, `aliases`, `ranges` and `expected_failures`: see `Naming`.

    Raises
    ------
    PartError
        If the function takes other arguments than `facts` and options.

    Examples
    --------
    >>> @recipe
    ... def wide(facts, *, factor=4):
    ...     \"\"\"Wide: as many hidden units as `factor` times the inputs.\"\"\"
    ...     return {"hidden": (factor * facts.inputs,)}
    >>> wide.settings(Facts(rows=120, inputs=4, outputs=3, task="multiclass"))
    {'hidden': (16,)}
    """

    def decorate(function: Callable[..., Any]) -> Recipe:
        return build_part(
            Recipe,
            function,
            positional=lambda names: None if names == ("facts",) else "a recipe takes (facts)",
            naming=naming,
            before_rows=dict(before_rows),
        )

    return decorate if function is None else decorate(function)
