"""Snapshots of a training: a network's weights at some of its epochs."""

from __future__ import annotations

from typing import Any

from nnplug.errors import SettingError
from nnplug.types import AnyArray

__all__ = ["Snapshots"]


class Snapshots:
    """A callback that keeps the weights before training and after some of its epochs.

    They are evenly apart, but for the last one, and no more than `most` beside it: when
    there are more, every second one is dropped. `run.animate(snapshots)` shows by them
    what the network learned.

    Parameters
    ----------
    most : int, optional
        The most that are kept beside the last one, at least 2.

    Attributes
    ----------
    epochs : list of int
        How many epochs were done at each of them.
    parameters : list of array
        `network.parameters` of the first network, (P,) each.

    Examples
    --------
    >>> import nnplug
    >>> snapshots = Snapshots(most=5)
    >>> run = nnplug.train("xor", epochs=10, callbacks=[snapshots])
    >>> snapshots.epochs, snapshots.parameters[0].shape
    ([0, 4, 8, 10], (9,))
    """

    def __init__(self, most: int = 40) -> None:
        if most < 2:
            raise SettingError(f"Snapshots(most={most}): keep 2 at least, the first and the last.")
        self.most, self._apart = most, 1
        self.epochs, self.parameters = list[int](), list[AnyArray]()

    def on_train_start(self, run: Any) -> None:
        """Begin again, with the weights before training."""
        self._apart, self.epochs, self.parameters = 1, [], []
        self._keep(0, run)

    def on_epoch_end(self, run: Any, record: Any) -> None:
        """Keep the weights after an epoch; the last one gives way if it is too near."""
        done = record.epoch + 1
        if len(self.epochs) > 1 and self.epochs[-1] % self._apart:
            self.epochs.pop()
            self.parameters.pop()
        self._keep(done, run)
        if len(self.epochs) > self.most:
            self._apart *= 2
            kept = [k for k, epoch in enumerate(self.epochs) if epoch % self._apart == 0]
            if self.epochs[-1] % self._apart:
                kept.append(len(self.epochs) - 1)
            self.epochs = [self.epochs[k] for k in kept]
            self.parameters = [self.parameters[k] for k in kept]

    def _keep(self, epoch: int, run: Any) -> None:
        self.epochs.append(epoch)
        self.parameters.append(run.network.parameters.copy())
