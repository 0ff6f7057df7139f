"""What training leaves behind: losses and metrics, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["EpochRecord", "History"]


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
    validation_loss : float or None
        After the epoch.
    metrics : dict of str to float
        After the epoch, on the validation rows if there are any, else on the
        training rows.
    """

    epoch: int
    loss: float
    validation_loss: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)


class History:
    """Losses and metrics by epoch; `history["loss"]` is a list of floats."""

    def __init__(self) -> None:
        self.columns: dict[str, list[float]] = {"loss": []}

    def __getitem__(self, name: str) -> list[float]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["loss"])

    def __iter__(self) -> Iterator[EpochRecord]:
        return (self.record(epoch) for epoch in range(len(self)))

    def __repr__(self) -> str:
        return f"<history of {len(self)} epochs: {', '.join(self.columns)}>"

    def record(self, epoch: int) -> EpochRecord:
        """Give one epoch's numbers."""
        others = {
            name: column[epoch]
            for name, column in self.columns.items()
            if name not in ("loss", "validation_loss")
        }
        validation = self.columns.get("validation_loss")
        return EpochRecord(
            epoch, self.columns["loss"][epoch], validation[epoch] if validation else None, others
        )

    def add(self, name: str, value: float) -> None:
        """Append one number to a column."""
        self.columns.setdefault(name, []).append(value)
