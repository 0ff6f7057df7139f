"""Continuing from the state of a training run, if it fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from nnplug.errors import SettingError
from nnplug.training.history import History
from nnplug.training.steps import Steps
from nnplug.training.stopping import BestWeights, Stopping
from nnplug.types import AnyArray

__all__ = ["restore"]


class _Trainer(Protocol):
    """What is restored of a trainer."""

    epoch: int
    step: int
    ended: str | None
    per_epoch: int
    steps: Steps
    history: History
    stopping: Stopping | None
    best: BestWeights | None

    def unfinished(self, step: int) -> dict[str, AnyArray]:
        """Return views of what the steps of an unfinished epoch have written."""


def restore(trainer: _Trainer, arrays: Mapping[str, AnyArray], numbers: Mapping[str, Any]) -> None:
    """Bring a trainer to a state, from `Trainer.state`; nothing has changed if it does not fit.

    Raises
    ------
    SettingError
        If the state is from another network, optimizer or batch size.
    """
    step, current, stopping = int(numbers["step"]), trainer.steps.copy_state(), trainer.stopping
    expected = current | trainer.unfinished(step)
    had_best = any(name.startswith("best.") for name in arrays)
    if had_best:
        expected |= {f"best.{name}": array for name, array in current.items()}
    _check(arrays, numbers, expected, per_epoch=trainer.per_epoch, stops=stopping is not None)
    trainer.epoch, trainer.step, trainer.ended = int(numbers["epoch"]), step, numbers["ended"]
    trainer.steps.set_state(arrays)
    for name, view in trainer.unfinished(step).items():
        view[...] = arrays[name]
    trainer.history.restore(arrays, numbers)
    if stopping is not None and trainer.best is not None:
        stopping.restore(numbers["stopping"])
        best = {name: arrays[f"best.{name}"].copy() for name in current if had_best}
        trainer.best.state = best or None


def _check(
    arrays: Mapping[str, AnyArray],
    numbers: Mapping[str, Any],
    expected: Mapping[str, AnyArray],
    *,
    per_epoch: int,
    stops: bool,
) -> None:
    """Refuse the state of another run.

    Parameters
    ----------
    arrays, numbers
        The state, from `Trainer.state`.
    expected : dict of str to array
        Arrays of the run that continues, by the names that the state must
        have, with the right shapes.
    per_epoch : int
        Steps of an epoch.
    stops : bool
        Whether the run that continues has a stopping policy.

    Raises
    ------
    SettingError
        If the state is from another network, optimizer or batch size.
    """
    step = int(numbers["step"])
    for name, array in expected.items():
        found = arrays[name].shape if name in arrays else "none"
        if found != array.shape or step > per_epoch:
            raise SettingError(
                f"This state is of another run: {name} has shape {found}, here it is "
                f"{array.shape}, and it stopped at step {step} of an epoch, which has {per_epoch} "
                "here.\nGo on with the same network, optimizer, rows and batch size."
            )
    if (numbers["stopping"] is not None) != stops:
        raise SettingError(
            "This state is of another run: one of the two looks for the best epoch.\n"
            "Go on with the same validation, patience and monitor."
        )
