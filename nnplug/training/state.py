"""Whether the state of a training run fits the run that is to continue from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnplug.errors import SettingError
from nnplug.types import AnyArray

__all__ = ["check_state"]


def check_state(
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
