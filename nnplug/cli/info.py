"""`nnplug info`: what a model file says, without loading a part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from nnplug.cli.find_run import find_model
from nnplug.cli.help import Command
from nnplug.cli.model_argument import model_argument
from nnplug.cli.terminal import echo, field, print_json, style

if TYPE_CHECKING:
    from nnplug.models import ModelInfo

__all__ = ["info"]

_LISTED = 20


@click.command(
    cls=Command, epilog="\b\nExamples:\n  nnplug info iris.safetensors\n  nnplug info latest --json"
)
@model_argument
@click.option("--json", "as_json", is_flag=True, help="Print everything the file says as JSON.")
def info(model: str, as_json: bool) -> None:
    """Show what a MODEL predicts, how it was made and what it needs.

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
    for name, text in _fields(found):
        field(name, text)


def _fields(info: ModelInfo) -> Iterable[tuple[str, str]]:
    """Give each line's name and text; a text may be empty."""
    from nnplug.models.strict_json import printable

    classes = [printable(str(each)) for each in info.classes]
    widths = "-".join(map(str, (info.inputs, *info.hidden, info.outputs)))
    yield "task", f"{info.task}: {_listed(classes)}" if classes else info.task
    table = info.settings.get("table")
    transform = table.get("target_transform") if isinstance(table, dict) else None
    learned = f" (learned as {printable(transform)})" if isinstance(transform, str) else ""
    yield "predicts", _listed([printable(name) for name in info.target]) + learned
    yield "from", _listed([printable(name) for name in info.features])
    yield "network", f"{widths}, {info.size:,} weights and biases, {info.dtype}"
    texts = list(dict.fromkeys(each.text for each in info.parts["activation"]))
    yield "activation", ", ".join(texts)
    yield "output", info.parts["output_activation"][0].text
    for role in ("loss", "metrics", "optimizer", "schedule", "initializer", "dataset"):
        yield role, ", ".join(each.text for each in info.parts[role])
    keys = ("data", "epochs", "batch_size", "validation", "seed")
    said = [
        f"{key.replace('_', ' ')} {printable(str(info.settings[key]))}"
        for key in keys
        if isinstance(info.settings.get(key), str | int | float)
    ]
    yield "trained", ", ".join(said)
    yield "made with", f"nnplug {info.nnplug}"
    for package, version in info.packages.items():
        yield (
            "needs" if _is_needed(info, package) else "used",
            (f"{package} {version}: " + ", ".join(_provided(info, package))),
        )


def _provided(info: ModelInfo, package: str) -> list[str]:
    from nnplug.models.info import ROLES

    named = [
        f"{ROLES[role]} {each.name}"
        for role, records in info.parts.items()
        for each in records
        if each.package == package
    ]
    return list(dict.fromkeys(named))


def _is_needed(info: ModelInfo, package: str) -> bool:
    """Whether a prediction needs the package, and not only training did."""
    from nnplug.models.info import PREDICTING

    return any(each.package == package for role in PREDICTING for each in info.parts[role])


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
