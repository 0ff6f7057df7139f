"""`nnplug info`: what a model file says, without loading any part."""

from __future__ import annotations

import click

from nnplug.cli.command import Command
from nnplug.cli.find_run import find_model
from nnplug.cli.model_argument import model_argument
from nnplug.cli.terminal import echo, field, print_json, style

__all__ = ["info"]


@click.command(
    cls=Command, epilog="\b\nExamples:\n  nnplug info iris.safetensors\n  nnplug info latest --json"
)
@model_argument
@click.option("--json", "as_json", is_flag=True, help="Print everything the file says as JSON.")
def info(model: str, as_json: bool) -> None:
    """Show what a MODEL predicts, how it was trained and what it needs.

    MODEL is a model file, the folder of a run, its name in runs, or latest.
    Neither its parts nor its weights are loaded, so the packages that it
    needs do not have to be installed.
    """
    from nnplug.models import read_info

    path = find_model(model)
    found = read_info(path)
    if as_json:
        listed = {"file": str(path), "bytes": path.stat().st_size, **found.to_dict()}
        print_json(listed)
        return
    echo(style(str(path), bold=True))
    for name, text in found.described():
        field(name, text)
