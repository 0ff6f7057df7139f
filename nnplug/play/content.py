"""What a playground's networks learn: a dataset, its points and those of a click, or a table."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from nnplug import tables
from nnplug.errors import DataError
from nnplug.parts import Data, Dataset
from nnplug.plugins.registry import Registry

__all__ = ["MOST_POINTS", "Content", "PastedTable"]

MOST_ROWS = 20_000
"""A larger dataset could not be looked at while it is learned."""

MOST_POINTS = 500
"""The most points that are set by click."""

FARTHEST = 1_000_000
"""The largest coordinate of such a point: beside larger ones, nothing else could be seen."""


class PastedTable:
    """A table that came as text, in a file of its own until it is closed.

    Parameters
    ----------
    name : str
        What the user calls the file; only its letters are used.
    text : str
        Its content.
    """

    def __init__(self, name: str, text: str) -> None:
        if not text.strip():
            raise DataError("The table is empty.\nDrop or paste rows with a line of names first.")
        stem = re.sub(r"[^\w-]+", "_", Path(name).stem).strip("_")[:40] or "pasted"
        ending = ".tsv" if name.lower().endswith(".tsv") else ".csv"
        try:
            content = text.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"{stem}{ending}: character {error.start + 1} is half of a surrogate pair.\n"
                "Copy the table again, or save it as UTF-8."
            ) from None
        self._folder = Path(tempfile.mkdtemp(prefix="nnplug-play-"))
        self.path = self._folder / f"{stem}{ending}"
        self.path.write_bytes(content)

    def close(self) -> None:
        """Delete the file."""
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True)
class Content:
    """Rows to learn from.

    Attributes
    ----------
    dataset : str
        A dataset in its text form; unused where there is a table.
    table : Path or None
        The file of a table, which the user named or pasted.
    names : tuple of str
        The table's columns.
    target : tuple of str
        Those to predict.
    points : tuple
        Points that were set by click: x, y and the index of the class.
    pasted : bool
        Whether the table is a copy of what was pasted.
    """

    dataset: str = "xor"
    table: Path | None = None
    names: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    points: tuple[tuple[float, float, int], ...] = field(default=())
    pasted: bool = False

    @property
    def name(self) -> str:
        """What `nnplug.train` is told to find it: a table that was pasted is taken away first."""
        if self.table is None:
            return self.dataset
        return self.table.name if self.pasted else str(self.table)

    @property
    def settings(self) -> dict[str, Any]:
        """What `nnplug.train` is told beside the data."""
        return {} if self.table is None else {"stream": False, "target": list(self.target)}

    def rows(self, registry: Registry) -> Data | Dataset | Path:
        """Return what `nnplug.train` takes as its data.

        Raises
        ------
        UnknownPartError, OptionError
            If there is no such dataset.
        DataError
            If it is too large, or takes no points.
        """
        if self.table is not None:
            if self.points:
                raise DataError(
                    f"{self.table.name}: points cannot be set in a table.\nTake the points away."
                )
            return self.table
        # Looked up by name, so that no text from a page is ever taken for a path.
        dataset = cast(Dataset, registry.get("dataset", self.dataset))
        size = dataset.options.get("size", 0)
        if isinstance(size, int | float) and size > MOST_ROWS:
            raise DataError(
                f"{dataset.text}: {size:,} rows; a playground takes {MOST_ROWS:,} at most.\n"
                "Use nnplug train for more."
            )
        return self._with_points(dataset()) if self.points else dataset

    def _with_points(self, data: Data) -> Data:
        if not takes_points(data):
            raise DataError(
                f"{self.dataset}: points can be set where there are two inputs and classes.\n"
                "Choose another dataset, or take the points away."
            )
        known = len(data.classes)
        for x, y, label in self.points:
            if not (max(abs(x), abs(y)) <= FARTHEST and label in range(known)):
                raise DataError(
                    f"point ({x}, {y}) of class {label}: needed are two numbers from "
                    f"{-FARTHEST:,} to {FARTHEST:,} and a class from 0 to {known - 1}."
                )
        more = np.array([(x, y) for x, y, _ in self.points], float)
        labels = np.array([label for *_, label in self.points], np.int64)
        return replace(
            data,
            inputs=np.concatenate([data.inputs, more]),
            targets=np.concatenate([data.targets, labels]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what an address has to hold, for JSON; a table stays where it is."""
        found: dict[str, Any] = {"data": self.dataset} if self.table is None else {}
        return found | ({"points": [list(point) for point in self.points]} if self.points else {})

    @classmethod
    def of_table(cls, path: Path, target: Sequence[str] = (), *, pasted: bool = False) -> Content:
        """Take a table; without a target, its last column is predicted.

        Raises
        ------
        DataError
            If it cannot be read, or is too large.
        """
        table = tables.read_table(path)
        if table.rows > MOST_ROWS:
            raise DataError(
                f"{path.name}: {table.rows:,} rows; a playground takes {MOST_ROWS:,} at most.\n"
                "Use nnplug train for more."
            )
        names = tuple(table.names)
        return cls(table=path, names=names, target=tuple(target) or names[-1:], pasted=pasted)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Content:
        """Read what `to_dict` wrote.

        Raises
        ------
        DataError
            If it is not of that form.
        """
        text, points = given.get("data", "xor"), given.get("points", [])
        if not isinstance(text, str):
            raise DataError(f"data={text!r}: give the name of a dataset.")
        return cls(text).with_points(points)

    def with_points(self, points: Any) -> Content:
        """Return the same with these points that were set by click, and no others.

        Raises
        ------
        DataError
            If they are not triples of numbers, or too many.
        """
        if not isinstance(points, Sequence) or isinstance(points, str):
            raise DataError(f"points={points!r}: give a list of [x, y, class].")
        if len(points) > MOST_POINTS:
            raise DataError(f"{len(points):,} points: {MOST_POINTS} can be set at most.")
        found = []
        for point in points:
            plain = isinstance(point, Sequence) and not isinstance(point, str) and len(point) == 3
            if not plain or not all(
                isinstance(number, int | float) and not isinstance(number, bool) for number in point
            ):
                raise DataError(f"point {point!r}: give [x, y, class].")
            if not isinstance(point[2], int):
                raise DataError(f"point {point!r}: the class is a whole number, from 0.")
            try:
                found.append((float(point[0]), float(point[1]), point[2]))
            except OverflowError:
                raise DataError("points: a number is too large.\nGive [x, y, class].") from None
        return replace(self, points=tuple(found))


def takes_points(data: Data) -> bool:
    """Tell whether points can be added: they have two inputs, and a class each."""
    return data.inputs.shape[1] == 2 and data.task in ("binary", "multiclass")
