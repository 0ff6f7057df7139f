"""How networks start: with weights that are drawn, or from a model with its layers and weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnplug.errors import SettingError
from nnplug.models import Model
from nnplug.network.network import Network
from nnplug.parts import Initializer
from nnplug.randomness import member_seed
from nnplug.runs.run import Run
from nnplug.tables import Rows

__all__ = ["check_start", "initialized", "start_from", "started"]

START_ROWS = 1024
"""Rows of the training data that an initializer may look at."""

_FIXED = ("hidden", "activation", "layers", "dropout", "initializer", "dtype", "output_activation")
"""The settings that the model decides."""


def initialized(
    network: Network,
    members: int,
    initializer: Initializer,
    seed: int,
    rows: Rows,
    constrain: Callable[[Network], None],
) -> tuple[Network, ...]:
    """Draw the weights of a network, and of others like it: one for each member."""
    some = rows.first_inputs(START_ROWS) if initializer.from_inputs else None
    networks = (network, *(network.twin() for _ in range(members - 1)))
    for member, each in enumerate(networks):
        each.initialize(initializer, member_seed(seed, member), some)
        constrain(each)
    return networks


def started(given: Mapping[str, Any], start: Model) -> dict[str, Any]:
    """Complete the settings of a run by those of the model that it starts from.

    Raises
    ------
    SettingError
        If a setting is given that the model decides, or it reads a table.
    """
    for name in _FIXED:
        if given.get(name) is not None:
            raise SettingError(
                f"{name}={given[name]!r}: the network is that of start, with its weights.\n"
                f"Leave out {name}, or start."
            )
    if given.get("members") not in (None, 1) or start.others:
        which = "start" if start.others else f"members={given['members']}"
        raise SettingError(
            f"{which}: the members of a model differ in their start, and start gives one network "
            "the weights of another.\nGive a model of one network, and leave members out."
        )
    if start.encoder is not None:
        raise SettingError(
            "start: the model was trained on a table, whose columns a new run would encode by "
            "its own rows; the weights would not fit them.\n"
            "Only models on arrays can be trained on, as nnplug.from_torch gives."
        )
    parts = [placed.part for placed in start.network.placed[:-2]]
    return {
        **given,
        "layers": parts or None,
        "hidden": None if parts else (),
        "output_activation": start.head.activation,
        "dtype": start.network.dtype.name,
        "task": given.get("task") or start.task,
        "loss": given.get("loss") or start.loss,
    }


def start_from(run: Run, start: Model) -> None:
    """Give a prepared run the weights of a model.

    Raises
    ------
    SettingError
        If the data has other inputs, targets or classes.
    """
    if run.model.encoder is not None:
        raise SettingError(
            f"start: the model takes arrays of {start.network.inputs:,} inputs, and "
            f"{run.settings.data} is a table.\nGive (inputs, targets) as arrays."
        )
    for what, own, wanted in (
        ("inputs", run.network.inputs, start.network.inputs),
        ("outputs", run.network.outputs, start.network.outputs),
        ("classes", list(run.model.classes), list(start.classes)),
    ):
        if own != wanted:
            raise SettingError(
                f"start: the model has {what} {wanted}, and the data asks for {own}.\n"
                "Give rows with the model's inputs, and targets of every one of its classes."
            )
    run.network.parameters[...] = start.network.parameters


def check_start(given_in_python: tuple[str, ...]) -> None:
    """Refuse to resume a run whose first weights are not in its folder.

    Raises
    ------
    SettingError
    """
    if "start" in given_in_python:
        raise SettingError(
            "start is not in the configuration: it was an object in Python, and what the run began "
            "with cannot be checked.\n"
            "Load the run's model and train on from it: nnplug.train(..., start=nnplug.load(PATH))."
        )
