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
from nnplug.parts import Data, Dataset, Task
from nnplug.plugins.registry import Registry
from nnplug.runs.run import Run
from nnplug.runs.sources import find_source, is_path
from nnplug.tables import Table
from nnplug.tables.encodings import Scale

__all__ = ["MOST_POINTS", "Content", "PastedTable", "scales_of"]

MOST_ROWS = 20_000
"""A larger dataset could not be looked at while it is learned."""

MOST_POINTS = 500
"""The most points that are set by click."""

FARTHEST = 1_000_000
"""The largest coordinate of such a point in a dataset: beside larger ones, nothing else could be
seen."""


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
        A dataset in its text form; unused where there is anything else.
    table : Path or None
        The file of a table, which the user named or pasted.
    given : Table, Data or None
        What a notebook gives: a table or arrays, in memory.
    names : tuple of str
        The table's columns; empty for data that is no table.
    target : tuple of str
        Those to predict.
    points : tuple
        Points that were set by click, in the units of the data: x, y and the
        index of the class.
    pasted : bool
        Whether the table is a copy of what was pasted.
    """

    dataset: str = "xor"
    table: Path | None = None
    given: Table | Data | None = None
    names: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    points: tuple[tuple[float, float, int], ...] = field(default=())
    pasted: bool = False

    @property
    def is_dataset(self) -> bool:
        """Whether it is a dataset, which an address can name."""
        return self.table is None and self.given is None

    @property
    def name(self) -> str:
        """What `nnplug.train` is told to find it: a table that was pasted is taken away first."""
        if self.given is not None:
            return "data.csv"
        if self.table is None:
            return self.dataset
        return self.table.name if self.pasted else str(self.table)

    @property
    def label(self) -> str:
        """What it is called on the page."""
        if self.given is not None:
            return "your table" if self.names else "your arrays"
        return self.dataset if self.table is None else self.table.name

    @property
    def settings(self) -> dict[str, Any]:
        """What `nnplug.train` is told beside the data."""
        return {"stream": False, "target": list(self.target)} if self.names else {}

    def rows(self, registry: Registry) -> Data | Dataset | Path | Table:
        """Return what `nnplug.train` takes as its data.

        Raises
        ------
        UnknownPartError, OptionError
            If there is no such dataset.
        DataError
            If it is too large, or takes no points.
        """
        if self.names:
            whole = cast("Table | Path", self.table if self.given is None else self.given)
            return self._table_with_points(tables.table_of(whole)) if self.points else whole
        if isinstance(self.given, Data):
            return self._with_points(self.given) if self.points else self.given
        # Looked up by name, so that no text from a page is ever taken for a path.
        dataset = cast(Dataset, registry.get("dataset", self.dataset))
        size = dataset.options.get("size", 0)
        if isinstance(size, int | float):
            _check_size(dataset.text, int(size))
        return self._with_points(dataset()) if self.points else dataset

    # --- points -----------------------------------------------------------------------

    def takes_points(self, run: Run) -> bool:
        """Tell whether points can be added to what a run learns from."""
        plane = run.network.inputs == 2 and run.settings.task in ("binary", "multiclass")
        return plane and (not self.names or (len(self.names) == 3 and scales_of(run) is not None))

    def _table_with_points(self, table: Table) -> Table:
        return tables.with_rows(table, self.added_rows(table))

    def added_rows(self, table: Table) -> dict[str, list[Any]]:
        """Return the points as values by column of the table.

        Raises
        ------
        DataError
            If the table has not two columns of numbers and one of classes.
        """
        inputs = [name for name in self.names if name not in self.target]
        if (
            len(inputs) != 2
            or len(self.target) != 1
            or not all(table.column(name).kind == "number" for name in inputs)
        ):
            raise DataError(
                f"{self.label}: points can be set where there are two columns of numbers and one "
                "of classes.\nTake the points away."
            )
        labels = table.column(self.target[0])
        classes = sorted(set(labels.values[labels.present].tolist()))
        for x, y, label in self.points:
            if label not in range(len(classes)):
                raise DataError(
                    f"point ({x}, {y}) of class {label}: needed is a class from 0 to "
                    f"{len(classes) - 1}."
                )
        xs, ys, codes = zip(*self.points, strict=True)
        return {
            inputs[0]: list(xs),
            inputs[1]: list(ys),
            self.target[0]: [classes[code] for code in codes],
        }

    def _with_points(self, data: Data) -> Data:
        if not (data.inputs.shape[1] == 2 and data.task in ("binary", "multiclass")):
            raise DataError(
                f"{self.label}: points can be set where there are two inputs and classes.\n"
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

    # --- where it comes from ------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return what an address has to hold, for JSON; rows that are no dataset's stay here."""
        found: dict[str, Any] = {"data": self.dataset} if self.is_dataset else {}
        return found | ({"points": [list(point) for point in self.points]} if self.points else {})

    @classmethod
    def of_data(
        cls, data: Any, target: Sequence[str], registry: Registry, task: Task | None = None
    ) -> Content:
        """Take what `nnplug.train` takes: a dataset, a table's path, a table, or arrays.

        Raises
        ------
        NnplugError
            If it is none of them, is too large, or has its own target.
        """
        if isinstance(data, str | Path) and (isinstance(data, Path) or is_path(data)):
            return cls.of_table(Path(data), target)
        if isinstance(data, str) and not target:
            return cls(data)
        content = find_source(data, list(target), task, registry).content
        if isinstance(content, Data):
            _check_size("the data", len(content.inputs))
            return cls(given=content)
        if not isinstance(content, Table):  # another kind of path
            return cls.of_table(Path(content), target)
        _check_size("the table", content.rows)
        names = tuple(content.names)
        return cls(given=content, names=names, target=tuple(target) or names[-1:])

    @classmethod
    def of_table(cls, path: Path, target: Sequence[str] = (), *, pasted: bool = False) -> Content:
        """Take a table's file; without a target, its last column is predicted.

        Raises
        ------
        DataError
            If it cannot be read, or is too large.
        """
        table = tables.read_table(path)
        _check_size(path.name, table.rows)
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


def scales_of(run: Run) -> list[tuple[float, float]] | None:
    """Return mean and scale of each of a table's columns; None unless the inputs are those.

    Rows that are no table's are used as they are: means 0 and scales 1.
    """
    encoder, inputs = run.rows.encoder, run.network.inputs
    if encoder is None:
        return [(0.0, 1.0)] * inputs
    found = [
        (column.mean, column.scale)
        for column in encoder.columns
        if isinstance(column, Scale) and not column.indicator
    ]
    return found if len(found) == len(encoder.columns) == inputs else None


def _check_size(name: str, rows: int) -> None:
    if rows > MOST_ROWS:
        raise DataError(
            f"{name}: {rows:,} rows; a playground takes {MOST_ROWS:,} at most.\n"
            "Use nnplug train for more."
        )
