"""What the commands that take a model have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nnplug.cli.completion import complete_model
from nnplug.cli.find_run import find_model
from nnplug.cli.options import registry_of, warn
from nnplug.cli.terminal import echo, style

if TYPE_CHECKING:
    from nnplug.models import Model

__all__ = ["level_of", "load", "model_argument", "nonfinite_option", "versions_option"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

model_argument = click.argument("model", shell_complete=complete_model)
"""Add MODEL, which `find_model` understands."""

versions_option = click.option(
    "--allow-other-versions",
    is_flag=True,
    help="Accept plugins of another major version than the model was trained with.",
)


def nonfinite_option(about: str) -> Callable[[_Command], _Command]:
    """Add `--allow-nonfinite`."""
    return click.option("--allow-nonfinite", is_flag=True, help=about)


def load(context: click.Context, text: str, *, allow_other_versions: bool) -> tuple[Path, Model]:
    """Find and load a model with the registry of the command line, and print its warnings."""
    from nnplug.models import load_model

    registry = registry_of(context)
    path = find_model(text)
    if not Path(text).exists():  # named like a run: say which was found
        echo(style(f"model {path}", dim=True), err=True)
    model = load_model(path, registry, allow_other_versions=allow_other_versions)
    warn(registry)
    for note in model.notes:
        echo(f"Warning: {path.name}: {note}", err=True)
    return path, model


def level_of(model: Model, asked: float | None) -> float | None:
    """Give the level of intervals and sets: that of `--interval`, or of the training.

    One that was asked for in training and cannot be given is left out, with a warning.

    Raises
    ------
    SettingError
        If the level of `--interval` cannot be given.
    """
    from nnplug.errors import SettingError

    if asked is None and model.known.level is None:
        return None
    level = model.level(asked)
    try:
        model.check_level(level)
    except SettingError as error:
        if asked is not None:
            raise
        echo(f"Warning: trained with {error}", err=True)
        return None
    return level
