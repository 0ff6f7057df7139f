"""`nnplug export`: a model for another program or language."""

from __future__ import annotations

import click

from nnplug.cli.command import Command
from nnplug.cli.model_argument import load, model_argument, versions_option
from nnplug.cli.options import plugin_options
from nnplug.cli.part_names import ToolType
from nnplug.cli.terminal import binary_stdout, echo

__all__ = ["export"]

_EPILOG = """\b
Targets:
  onnx    a file for ONNX runtimes, with the columns as inputs
  numpy   a page of NumPy, to read and to run without nnplug
  sql     one statement; sql:dialect=postgresql or sqlite, table=T, keep=COL
  c       C99, a source and a header
  js      a JavaScript module; js:page=true adds a page with a form

\b
Examples:
  nnplug export iris.safetensors --to onnx -o iris.onnx
  nnplug export latest --to sql:table=flowers
  nnplug export latest --to c -o iris.c
  nnplug export houses --to sql --interval 0.9
"""


@click.command(cls=Command, epilog=_EPILOG)
@model_argument
@click.option(
    "--to",
    type=ToolType("exporter"),
    metavar="TARGET",
    required=True,
    help="The target, with its options: onnx, numpy, sql, c, js, or a plugin's.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write to this file, and further files of the target beside it; by default text goes "
    "to stdout.",
)
@click.option(
    "--interval",
    type=float,
    metavar="LEVEL",
    help="Let the answer have intervals, or sets of classes, that hold the truth with this "
    "probability, as 0.9.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@versions_option
@plugin_options
@click.pass_context
def export(
    context: click.Context,
    model: str,
    to: str,
    output: str | None,
    interval: float | None,
    overwrite: bool,
    allow_other_versions: bool,
) -> None:
    """Write MODEL for another program or language.

    MODEL is a model file, the folder of a run, its name in runs, or latest.
    What is written answers as nnplug does: cells of the table's columns go in,
    with categories and missing values, and the answer comes out.
    """
    path, loaded = load(context, model, allow_other_versions=allow_other_versions)
    if output is not None:
        for file in loaded.export(to, output, interval=interval, overwrite=overwrite):
            echo(f"{file}: {file.stat().st_size:,} bytes written", err=True)
        return
    files = loaded.exported(to, path.stem, interval)
    (suffix, content), *others = files.items()
    if others or b"\0" in content:
        what = f"{len(files)} files ({', '.join(files)})" if others else "a file that is not text"
        raise click.UsageError(f"{to} makes {what}: give its name, as with -o {path.stem}{suffix}")
    binary_stdout().write(content)
