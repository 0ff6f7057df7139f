"""`nnplug info`: what a model file says, without loading any part."""

from __future__ import annotations

import click

from nnplug.cli.command import Command
from nnplug.cli.find_run import find_model, record_of
from nnplug.cli.model_argument import model_argument
from nnplug.cli.options import plugin_options, registry_of
from nnplug.cli.terminal import binary_stdout, echo, field, print_json, style

__all__ = ["info"]


@click.command(
    cls=Command,
    epilog="\b\nExamples:\n  nnplug info iris.safetensors\n  nnplug info latest --json\n"
    "  nnplug info latest --card",
)
@model_argument
@click.option("--json", "as_json", is_flag=True, help="Print everything the file says as JSON.")
@click.option("--card", is_flag=True, help="Print a model card in Markdown.")
@plugin_options
@click.pass_context
def info(context: click.Context, model: str, as_json: bool, card: bool) -> None:
    """Show what a MODEL predicts, how it was trained and what it needs.

    MODEL is a model file, the folder of a run, its name in runs, or latest.
    Neither its parts nor its weights are loaded, so the packages that it
    needs do not have to be installed. A card has the first line of what a
    part's author says of it, where its package is installed, and the run's
    scores, where MODEL is a run.
    """
    from nnplug.models import read_info
    from nnplug.runs.folder import RunFolder, is_run

    path = find_model(model)
    found = read_info(path)
    if card and as_json:
        raise click.UsageError("--json and --card are two forms of the answer: choose one.")
    if card:
        from nnplug.models.card import model_card

        record = record_of(RunFolder(path.parent)) if is_run(path.parent) else None
        text = model_card(found, registry_of(context), str(path), record)
        binary_stdout().write(text.encode())
        return
    if as_json:
        listed = {"file": str(path), "bytes": path.stat().st_size, **found.to_dict()}
        print_json(listed)
        return
    echo(style(str(path), bold=True))
    for name, text in found.described():
        field(name, text)
