"""Datasets: data with a name, and the recipe that fits it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, overload

from nnplug.parts.part import Part, build_part
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
        Settings that fit this data, by the names of `nnplug.train`; what the
        user says wins over them.
    """

    inputs: AnyArray
    targets: AnyArray
    task: Task
    classes: tuple[Any, ...] = ()
    features: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Part):
    """A function that gives a `Data`."""

    kind: ClassVar[str] = "dataset"
    plural: ClassVar[str] = "datasets"

    def formula_texts(self) -> list[str | None]:
        """Tell nothing: the data that it gives has a fingerprint."""
        return [None]


@overload
def dataset(function: Callable[..., Any], /) -> Dataset: ...
@overload
def dataset(
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Dataset]: ...
def dataset(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    expected_failures: Mapping[str, str] | None = None,
) -> Any:
    """Make a dataset from a function without arguments that returns a `Data`.

    Parameters
    ----------
    name : str, optional
        Instead of the function's own.
    aliases : tuple of str, optional
        Other names.
    expected_failures : mapping of str to str, optional
        See `nnplug.testing.run`.

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
            name=name,
            aliases=aliases,
            expected_failures=expected_failures,
        )

    return decorate if function is None else decorate(function)
