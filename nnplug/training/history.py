"""What training leaves behind: losses and metrics, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nnplug.errors import UnknownNameError
from nnplug.summary import Block, Summarized

__all__ = ["OWN_COLUMNS", "EpochRecord", "History", "Scores"]

OWN_COLUMNS = ("loss", "penalty", "validation_loss", "learning_rate")
"""The columns of a history that are no metrics."""


class Scores(dict[str, float]):
    """Numbers by name, such as a metric's; a wrong name is told the nearest."""

    def __missing__(self, name: str) -> float:
        raise UnknownNameError.of("There is no number", name, self)


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch gave.

    Attributes
    ----------
    epoch : int
        From 0.
    loss : float
        The mean of the loss over the epoch's rows (the sum, for a loss that
        is summed), each batch before its step.
    penalty : float or None
        What the penalties add to that loss, each batch before its step; None
        without penalties.
    validation_loss : float or None
        After the epoch.
    learning_rate : float or None
        Of the epoch's last step.
    metrics : dict of str to float
        After the epoch, on the validation rows if there are any. Else of the
        training rows, each batch before its step, from the outputs that the
        step itself computed: with dropout, those of the network that drops.
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
        `"loss"`, `"penalty"`, `"validation_loss"` and `"learning_rate"`, as
        far as there are any, and each metric by its name.
    best : int or None
        The epoch whose weights the network was given back at the end; None
        if it kept those of the last step.
    seconds : float
        How long the epochs took, as a clock on the wall sees it. It is apart
        from the columns, which are the same in each run from the same seed.
    """

    def __init__(self) -> None:
        self.columns: dict[str, list[float]] = {"loss": []}
        self.best: int | None = None
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

    def __iter__(self) -> Iterator[EpochRecord]:
        return (self.record(epoch) for epoch in range(len(self)))

    def to_frame(self) -> Any:
        """Give the columns as a data frame of pandas, a row for each epoch.

        Raises
        ------
        ImportError
            If pandas is not installed; `columns` needs none.
        """
        try:
            import pandas as pd  # noqa: PLC0415  # nobody else needs it
        except ImportError as error:
            raise ImportError(
                "A data frame needs pandas.\nInstall it with: pip install pandas, or use "
                "history.columns, lists by their names."
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
                for name, column in self.columns.items()
                if column
            ],
            ("", *places),
        )

    def __repr__(self) -> str:
        return f"<history of {len(self)} epochs: {', '.join(self.columns)}>"

    def record(self, epoch: int) -> EpochRecord:
        """Give one epoch's numbers."""
        numbers = {name: column[epoch] for name, column in self.columns.items() if column}
        own = {name: numbers.pop(name) for name in OWN_COLUMNS if name in numbers}
        return EpochRecord(epoch, own.pop("loss"), metrics=Scores(numbers), **own)

    @property
    def final(self) -> EpochRecord:
        """The numbers of the network as it was left: the best epoch's, or else the last's."""
        return self.record(len(self) - 1 if self.best is None else self.best)

    def add(self, name: str, *values: float) -> None:
        """Append the numbers of the last epochs to a column; the loss is the first of them."""
        column = self.columns.setdefault(name, [])
        if name != "loss":  # a run that went on with another metric has none for the epochs before
            column += [math.nan] * (len(self) - len(values) - len(column))
        column += values

    def level(self) -> None:
        """Fill the columns that the last epochs had nothing for with NaN."""
        for column in self.columns.values():
            if column:
                column.extend([math.nan] * (len(self) - len(column)))
