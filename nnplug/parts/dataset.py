"""Datasets: data with a name, and the settings that fit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Unpack, overload

from nnplug.parts.part import Part
from nnplug.parts.signature import Naming, build_part
from nnplug.types import AnyArray

__all__ = ["Data", "Dataset", "Task", "dataset"]

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
