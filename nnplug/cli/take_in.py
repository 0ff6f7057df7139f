"""`nnplug import`: a network of another framework becomes a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from nnplug.cli.command import Command
from nnplug.cli.completion import complete_file
from nnplug.cli.options import plugin_options, registry_of, warn
from nnplug.cli.terminal import echo

if TYPE_CHECKING:
    from nnplug.parts import Task

__all__ = ["take_in"]

_EPILOG = """\b
Examples:
  nnplug import prices.onnx -o prices.safetensors
  nnplug import digits.onnx -o digits.safetensors --task multiclass
  nnplug import pets.onnx -o pets.safetensors --classes cat,dog,rabbit
"""


@click.command("import", cls=Command, epilog=_EPILOG)
@click.argument("file", metavar="FILE.onnx", shell_complete=complete_file)
@click.option("-o", "--output", metavar="FILE", required=True, help="Write the model to this file.")
@click.option(
    "--task",
    metavar="TASK",
    help="What the outputs stand for: regression, binary, multiclass or multilabel. By default a "
    "last Sigmoid or Softmax says that they are probabilities; for logits, give the task.",
)
@click.option(
    "--classes",
    metavar="NAMES",
    help="The classes in the order of the outputs, with commas; by default 0,1,...",
)
@click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
@plugin_options
@click.pass_context
def take_in(
    context: click.Context,
    file: str,
    output: str,
    task: str | None,
    classes: str | None,
    overwrite: bool,
) -> None:
    """Turn the dense network in an ONNX file into a model.

    Layers become the parts that compute the same, so that the model predicts
    what the file does, can be trained on, and exported again. No other file is
    opened, whatever FILE.onnx names. Networks of PyTorch need no file: see
    nnplug.from_torch.
    """
    from nnplug.importers import from_onnx

    registry = registry_of(context)
    names = None if classes is None else [name.strip() for name in classes.split(",")]
    model = from_onnx(file, task=cast("Task | None", task), classes=names, registry=registry)
    warn(registry)
    model.save(output, overwrite=overwrite)
    echo(f"{output}: {model!r}", err=True)
