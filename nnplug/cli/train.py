"""`nnplug train`."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from nnplug.cli.find_run import find_run
from nnplug.cli.options import (
    BatchSizeType,
    ClassWeightType,
    DropoutType,
    HiddenType,
    PartType,
    plugin_options,
    registry_of,
    warn,
)
from nnplug.cli.table_options import (
    column_options,
    read_options,
    split_option,
)
from nnplug.cli.terminal import echo
from nnplug.cli.train_settings import asked_configuration

if TYPE_CHECKING:
    from nnplug.configuration import Configuration
    from nnplug.registry import Registry
    from nnplug.run import Run

_EPILOG = """\b
A PART is written NAME, NAME:KEY=VALUE,... or PACKAGE/NAME. What is not given
comes from the dataset's recipe; for a table from these defaults: --hidden 100
--activation relu --optimizer adam --epochs 100 --batch-size 32
--validation 0.2 --initializer glorot_uniform --dtype float32 --seed 0.

\b
Examples:
  nnplug train
  nnplug train --loss half_sse --learning-rate 0.5
  nnplug train iris.csv --target species --hidden 64,32
  nnplug train cars.parquet --target price --loss huber:delta=0.5
  nnplug train 'sales/*.csv' --target sold --split time:day --drop note,clerk
  nnplug train -p ./my_part.py --activation mine
  nnplug train --config runs/NAME/config.toml --set epochs=200
  nnplug train --resume latest
  nnplug train --plan
"""


@click.command(epilog=_EPILOG)
@click.argument("data", required=False)
@click.option("--target", multiple=True, metavar="COLUMN", help="The column to predict.")
@click.option(
    "--task",
    type=click.Choice(["regression", "binary", "multiclass", "multilabel"]),
    help="Instead of what the target suggests.",
)
@read_options
@column_options
@click.option("--hidden", type=HiddenType(), help="Units of each hidden layer: 64,32 or none.")
@click.option(
    "--activation",
    multiple=True,
    type=PartType("activation"),
    help="Of the hidden layers; once, or once for each.",
)
@click.option(
    "--output-activation",
    type=PartType("activation"),
    help="Of the output layer; else it follows from loss and task.",
)
@click.option("--loss", type=PartType("loss"), help="What training makes small.")
@click.option("--optimizer", type=PartType("optimizer"), help="How it does so.")
@click.option("--learning-rate", type=float, help="Instead of the optimizer's own.")
@click.option("--initializer", type=PartType("initializer"), help="The weights at the start.")
@click.option("--schedule", type=PartType("schedule"), help="The learning rate over time.")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the rows.")
@click.option("--batch-size", type=BatchSizeType(), help="Rows of a step, or full.")
@click.option("--l2", type=float, help="L2 penalty: ½·l2·Σw² beside a sample's loss.")
@click.option("--l1", type=float, help="L1 penalty: l1·Σ|w| beside a sample's loss.")
@click.option("--dropout", type=DropoutType(), help="Share of hidden outputs dropped in a step.")
@click.option("--clip-global-norm", type=float, help="The longest that all gradients may be.")
@click.option(
    "--class-weight", type=ClassWeightType(), help="What a class's rows count for in the loss."
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 1, max_open=True),
    help="Share of rows held out; the best epoch's weights are kept.",
)
@split_option
@click.option(
    "--stream/--no-stream",
    default=None,
    help="Train from a file of encoded rows; else if they are too large for memory.",
)
@click.option(
    "--metric", "metrics", multiple=True, type=PartType("metric"), help="May be repeated."
)
@click.option(
    "--monitor", metavar="NUMBER", help="What the best epoch is best by: loss, a metric, ..."
)
@click.option(
    "--patience", type=click.IntRange(min=1), help="Stop after so many epochs without a better one."
)
@click.option("--min-delta", type=float, help="How much better is better, for --patience.")
@click.option("--seed", type=click.IntRange(min=0), help="Of everything random.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "numpy", "numba"]),
    help="What runs the plan; auto takes the one that is done first.",
)
@click.option("--dtype", type=click.Choice(["float32", "float64"]), help="Of all numbers.")
@click.option("--log-every", type=click.IntRange(min=1), help="Epochs between lines.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings from a file, as a run's config.toml; options stand before it.",
)
@click.option(
    "--set", "pairs", metavar="KEY=VALUE", multiple=True, help="One setting, by its name there."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="A new folder to keep the run in; else one in runs, for a table.",
)
@click.option("--no-output", is_flag=True, help="Keep nothing.")
@click.option(
    "--checkpoint-every",
    metavar="N|TIME",
    help="Epochs between checkpoints, or a time such as 30s; 60s by default.",
)
@click.option(
    "--resume",
    metavar="RUN",
    help="Go on with a run, by its folder or name; latest is the last one.",
)
@click.option(
    "--allow-changes",
    is_flag=True,
    help="Resume though settings, data or plugin versions differ.",
)
@click.option("--plot", is_flag=True, help="Draw the losses in the terminal at the end.")
@click.option(
    "--plot-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw them to a file: .png, .pdf, .svg (needs the extra plot).",
)
@click.option("--plan", is_flag=True, help="Print one step's array operations; do not train.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@plugin_options
@click.pass_context
def train(
    ctx: click.Context,
    /,
    config: Path | None,
    pairs: tuple[str, ...],
    output: Path | None,
    no_output: bool,
    resume: str | None,
    allow_changes: bool,
    plot: bool,
    plot_file: Path | None,
    plan: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Train a network on DATA: a dataset's name or a table's path.

    Without DATA it is xor, the run that this project began as. Losses are
    printed on stdout, everything else on stderr. The run on a table is kept
    in a folder in runs: configuration, model, history, report, checkpoints.
    """
    from nnplug.callbacks import Callbacks
    from nnplug.cli.train_keeping import Keeping
    from nnplug.cli.train_lines import Lines, print_end, print_plot
    from nnplug.errors import DivergedError
    from nnplug.run import fit

    folder = _check_usage(ctx, config, output, resume, no_output, allow_changes)
    if plot_file is not None:
        from nnplug.report.pictures import check_picture, draw

        check_picture(plot_file)
    given = {
        name: value
        for name, value in given.items()
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    asked = asked_configuration(ctx, folder or config, given, pairs)
    registry = registry_of(ctx)
    run = _prepare(asked, registry, config)
    if plan:
        with registry.naming_culprits():
            _print_plan(run)
        return
    with Keeping(
        run, asked, output=output, resume=folder, none=no_output, allow_changes=allow_changes
    ) as keeping:
        lines = keeping.lines = Lines(run, to_stderr=as_json)
        try:
            # What a plugin's hook prints must not come between the lines of JSON.
            apart = contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()
            with registry.naming_culprits(), apart:
                fit(run, Callbacks(registry.plugins, run.parts), lines, keeper=keeping.keeper)
        except DivergedError:
            lines.close()
            if as_json:
                echo(json.dumps(_as_json(run, diverged=True), indent=2))
            raise
        except (KeyboardInterrupt, SystemExit):
            lines.close()
            keeping.say_how_to_go_on()
            raise
        finally:
            lines.close()
        if as_json:
            echo(json.dumps(_as_json(run), indent=2))
        else:
            print_end(run)
        if plot:
            print_plot(run, err=as_json)
        if plot_file is not None:
            draw(plot_file, run.history, run.model, run.rows.inputs)
            echo(f"drawn in {plot_file}", err=True)
        keeping.say_where()


def _prepare(asked: Configuration, registry: Registry, config: Path | None) -> Run:
    """Prepare the run, and say what is worth knowing of it."""
    from nnplug.preparing import prepare_from

    with registry.naming_culprits():
        run = prepare_from(asked, registry)
    warn(registry)
    if config is not None:
        for line in run.configuration().changed_formulas(asked.formulas):
            echo(f"Warning: {config}: {line}; the run gives other numbers", err=True)
    for line in run.rows.notes:
        echo(line, err=True)
    return run


def _check_usage(
    ctx: click.Context,
    config: Path | None,
    output: Path | None,
    resume: str | None,
    no_output: bool,
    allow_changes: bool,
) -> Path | None:
    """Refuse options that exclude each other, and folders that cannot be, before all work.

    Returns
    -------
    Path or None
        The folder of the run to go on with.
    """
    if output is not None and no_output:
        raise click.UsageError("--output and --no-output exclude each other.", ctx)
    for name, each in (("--output", output), ("--no-output", no_output), ("--config", config)):
        if resume is not None and each:
            raise click.UsageError(f"--resume goes on in the run's own folder: leave {name} out.")
    if allow_changes and resume is None:
        raise click.UsageError("--allow-changes is for --resume.", ctx)
    if output is not None:
        from nnplug.run_folder import check_free

        check_free(output)
    return None if resume is None else find_run(resume).path


def _print_plan(run: Run) -> None:
    from nnplug.engines import NUMPY, left_to_numpy
    from nnplug.plans.display import describe

    program = run.trainer(NUMPY).steps.program  # which needs no compiling to be shown
    left = left_to_numpy(program) if run.settings.engine == "numba" else None
    echo(describe(program, run.network, slots=len(run.optimizer.slots), left=left))


def _as_json(run: Run, *, diverged: bool = False) -> dict[str, Any]:
    history = {
        name: [value if math.isfinite(value) else None for value in column]
        for name, column in run.history.columns.items()
    }
    best = run.history.best
    return {
        "settings": run.settings.to_dict(),
        "network": {
            "parameters": run.network.size,
            "layers": [layer.fan_out for layer in run.network.layers],
        },
        "rows": {"training": len(run.train_rows), "validation": len(run.validation_rows)},
        "classes": [str(each) for each in run.rows.classes],
        "run": None if run.folder is None else str(run.folder),
        "epochs": len(run.history),
        "ended": "diverged" if diverged else run.ended,
        "diverged": diverged,
        "best_epoch": run.history.best,
        "final": {
            name: column[-1 if best is None else best] for name, column in history.items() if column
        },
        "history": history,
    }
