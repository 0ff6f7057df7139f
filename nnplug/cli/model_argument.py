"""What the commands that take a model have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nnplug.cli.options import registry_of, warn
from nnplug.cli.terminal import echo

if TYPE_CHECKING:
    from nnplug.models import Model

__all__ = ["FILE", "load", "model_path", "nonfinite_option", "versions_option"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

FILE = "model.safetensors"
"""The model's name in the folder of a run."""

versions_option = click.option(
    "--allow-other-versions",
    is_flag=True,
    help="Accept plugins of another major version than the model was made with.",
)


def nonfinite_option(about: str) -> Callable[[_Command], _Command]:
    """Add `--allow-nonfinite`."""
    return click.option("--allow-nonfinite", is_flag=True, help=about)


def model_path(text: str) -> Path:
    """Find the model's file: MODEL itself, or in the folder of a run."""
    from nnplug.errors import StorageError

    path = Path(text)
    if not path.is_dir():
        return path
    if not (path / FILE).is_file():
        raise StorageError(f"{path}: is a folder without {FILE}. Name a model file or a run.")
    return path / FILE


def load(context: click.Context, text: str, *, allow_other_versions: bool) -> Model:
    """Load a model with the registry of the command line, and say what is odd about it."""
    from nnplug.models import load_model

    registry = registry_of(context)
    path = model_path(text)
    model = load_model(path, registry, allow_other_versions=allow_other_versions)
    warn(registry)
    for note in model.notes:
        echo(f"Warning: {path.name}: {note}", err=True)
    return model
