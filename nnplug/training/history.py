"""The numbers of training: losses and metrics, epoch by epoch and step by step."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nnplug.errors import UnknownNameError
from nnplug.summary import Block, Summarized

if TYPE_CHECKING:
    from pandas import DataFrame

    from nnplug.types import AnyArray

__all__ = [
    "OWN_COLUMNS",
    "BatchRecord",
    "EpochRecord",
    "History",
    "OnBatch",
    "Scores",
    "is_of_member",
    "member_column",
]

OWN_COLUMNS = ("loss", "penalty", "validation_loss", "learning_rate")
"""The columns of a history that are not metrics."""


_OF_MEMBER = re.compile(r"member[1-9][0-9]*\.")


def member_column(member: int, name: str) -> str:
    """Name the column that a member of a model has of its own; members are counted from 0.

    Examples
    --------
    >>> member_column(0, "loss")
    'member1.loss'
    """
    return f"member{member + 1}.{name}"


def is_of_member(column: str) -> bool:
    """Whether a column of a history is that of one member."""
    return _OF_MEMBER.match(column) is not None


class Scores(dict[str, float]):
    """Numbers by name, such as those of metrics; an error for a wrong name suggests the nearest."""

    def __missing__(self, name: str) -> float:
        raise UnknownNameError.of("There is no number", name, self)


@dataclass(frozen=True)
class BatchRecord:
    """The numbers of one step.

    Attributes
    ----------
    epoch, batch : int
        Counted from 0, the batch within its epoch.
    loss : float
        The mean over the batch's rows, before the step.
    learning_rate : float
        The learning rate of the step.
    """

    epoch: int
    batch: int
    loss: float
    learning_rate: float


OnBatch = Callable[[BatchRecord], bool | None]
"""Called after a step; returning True ends the training after the epoch."""


@dataclass(frozen=True)
class EpochRecord:
    """The numbers of one epoch.

    Attributes
    ----------
    epoch : int
        Counted from 0.
    loss : float
        The mean of the loss over the epoch's rows (the sum, for a summed
        loss), each batch before its step.
    penalty : float or None
        What the penalties add to that loss, each batch before its step; None
        without penalties.
    validation_loss : float or None
        After the epoch.
    learning_rate : float or None
        Of the epoch's last step.
    metrics : dict of str to float
        After the epoch, on the validation rows if there are any. Otherwise on
        the training rows, each batch before its step, from the outputs that
        the step itself computed: with dropout, those with units dropped.
    """

    epoch: int
    loss: float
    penalty: float | None = None
    validation_loss: float | None = None
    learning_rate: float | None = None
    metrics: dict[str, float] = field(default_factory=Scores)


class History(Summarized):
    """Losses and metrics by epoch; `history["loss"]` is a list of floats.

    Attributes
    ----------
    columns : dict of str to list of float
        `"loss"`, `"penalty"`, `"validation_loss"` and `"learning_rate"`, if
        there are such numbers, and each metric by its name. If a model has
        several members, these are means over the members that took the epoch,
        and each member has columns of its own: `"member1.loss"`.
    best : int or None
        The epoch whose weights were restored at the end; None if the network
        kept the weights of the last step.
    ends : tuple of int
        For a model of several members, once they are trained: the epoch whose
        weights each of them has.
    scores : dict of str to float, or None
        Likewise, the numbers by which the model is judged, by the names of
        columns: the validation loss and the metrics are those of all members
        together, the others are means over the members, each at its epoch.
    seconds : float
        The wall-clock time of the epochs. It is not a column, since columns
        are the same in every run from the same seed.
    """

    def __init__(self) -> None:
        self.columns: dict[str, list[float]] = {"loss": []}
        self.best: int | None = None
        self.ends: tuple[int, ...] = ()
        self.scores: dict[str, float] | None = None
        self.seconds = 0.0

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.columns:
            if name == "validation_loss":
                raise UnknownNameError(
                    "The history has no 'validation_loss': there were no validation rows. "
                    f"It has {', '.join(self.columns)}."
                )
            raise UnknownNameError.of("The history has no column", name, self.columns, OWN_COLUMNS)
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["loss"])

    @property
    def overall(self) -> dict[str, list[float]]:
        """The columns that have numbers and are not those of one member."""
        return {
            name: column
            for name, column in self.columns.items()
            if column and not is_of_member(name)
        }

    def __iter__(self) -> Iterator[EpochRecord]:
        return (self.record(epoch) for epoch in range(len(self)))

    def to_frame(self) -> DataFrame:
        """Return the columns as a pandas DataFrame, a row for each epoch.

        Raises
        ------
        ImportError
            If pandas is not installed; `columns` does not need it.
        """
        try:
            import pandas as pd  # noqa: PLC0415  # nothing else here needs it
        except ImportError as error:
            raise ImportError(
                "A data frame needs pandas.\nInstall it with: pip install pandas, or use "
                "history.columns, a dict of lists."
            ) from error
        filled = {name: column for name, column in self.columns.items() if column}
        return pd.DataFrame(filled, index=pd.RangeIndex(len(self), name="epoch"))

    def _summary(self) -> Iterator[Block]:
        if not len(self):
            return
        last = len(self) - 1
        places = {"first epoch": 0}
        if self.best is not None and self.best != last:
            places[f"best epoch, {self.best}"] = self.best
        places[f"last epoch, {last}"] = last
        yield Block(
            [
                (name.replace("_", " "), *(f"{column[place]:.4g}" for place in places.values()))
                for name, column in self.overall.items()
            ],
            ("", *places),
        )

    def __repr__(self) -> str:
        return f"<history of {len(self)} epochs: {', '.join(self.columns)}>"

    def record(self, epoch: int) -> EpochRecord:
        """Return the numbers of one epoch."""
        return self._record(epoch, {name: column[epoch] for name, column in self.overall.items()})

    def _record(self, epoch: int, numbers: dict[str, float]) -> EpochRecord:
        own = {name: numbers.pop(name) for name in OWN_COLUMNS if name in numbers}
        return EpochRecord(epoch, own.pop("loss"), metrics=Scores(numbers), **own)

    @property
    def final(self) -> EpochRecord:
        """The numbers of the model as training left it: of the best epoch, or else the last."""
        place = len(self) - 1 if self.best is None else self.best
        return self._record(place, self.final_numbers)

    @property
    def final_numbers(self) -> dict[str, float]:
        """The same by the names of columns; of several members `scores`."""
        if self.scores is not None:
            return dict(self.scores)
        place = len(self) - 1 if self.best is None else self.best
        return {name: column[place] for name, column in self.overall.items()}

    def add(self, name: str, *values: float) -> None:
        """Append the numbers of the last epochs to a column; the loss is added first."""
        column = self.columns.setdefault(name, [])
        if name != "loss":  # a metric that was added later has no numbers for earlier epochs
            column += [math.nan] * (len(self) - len(values) - len(column))
        column += values

    def arrays(self, since: int = 0) -> dict[str, AnyArray]:
        """Return the columns from an epoch on, each of shape (epochs,)."""
        return {name: np.array(column[since:], float) for name, column in self.columns.items()}

    def numbers(self) -> dict[str, Any]:
        """Return what a state of the training keeps beside the columns, for JSON."""
        return {"columns": list(self.columns), "best": self.best}

    def restore(self, arrays: Mapping[str, AnyArray], numbers: Mapping[str, Any]) -> None:
        """Take over the columns of a state, in which their names begin with `history.`."""
        self.columns = {name: arrays[f"history.{name}"].tolist() for name in numbers["columns"]}
        self.best = numbers["best"]

    def level(self) -> None:
        """Fill with NaN the columns that the last epochs have no numbers for."""
        for column in self.columns.values():
            if column:
                column.extend([math.nan] * (len(self) - len(column)))
