"""`nnplug train`."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from typing import TYPE_CHECKING, Any

import click

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
    table_arguments,
)

if TYPE_CHECKING:
    from nnplug.run import Run
    from nnplug.settings import Settings
    from nnplug.training import EpochRecord

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
  nnplug train --plan
"""


@click.command(epilog=_EPILOG)
@click.argument("data", default="xor")
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
@click.option("--alpha", type=float, help="L2 penalty: ½·alpha·Σw² beside a sample's loss.")
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
@click.option("--plan", is_flag=True, help="Print one step's array operations; do not train.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@plugin_options
@click.pass_context
def train(
    ctx: click.Context,
    /,
    data: str,
    target: tuple[str, ...],
    plan: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Train a network on DATA: a dataset's name or a table's path.

    Without DATA it is xor, the run that this project began as. Losses are
    printed on stdout, everything else on stderr.
    """
    from nnplug.callbacks import Callbacks
    from nnplug.errors import DivergedError
    from nnplug.run import fit, prepare

    registry = registry_of(ctx)
    for name in ("activation", "metrics"):
        given[name] = given[name] or None
    table_arguments(given)
    with registry.naming_culprits():
        run = prepare(
            data, target=target[0] if len(target) == 1 else target, registry=registry, **given
        )
    warn(registry)
    for line in run.rows.notes:
        click.echo(line, err=True)
    if plan:
        with registry.naming_culprits():
            _print_plan(run)
        return
    report = _Report(run, lines_to_stderr=as_json)
    try:
        # What a plugin's hook prints must not come between the lines of JSON.
        apart = contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()
        with registry.naming_culprits(), apart:
            fit(run, Callbacks(registry.plugins, run.parts), report)
    except DivergedError:
        report.close()
        if as_json:
            click.echo(json.dumps(_as_json(run, diverged=True), indent=2))
        raise
    finally:
        report.close()
    if as_json:
        click.echo(json.dumps(_as_json(run), indent=2))
    else:
        _print_end(run)


def _print_plan(run: Run) -> None:
    from nnplug.engines import left_to_numpy
    from nnplug.plans import plan_step
    from nnplug.plans.display import describe

    rows = len(run.train_rows)
    size = run.settings.batch_size
    batch = rows if size == "full" else min(size, rows)
    program = plan_step(
        run.network,
        run.loss,
        run.optimizer,
        batch,
        gather=size != "full",
        weighted=run.weights is not None,
        regularization=run.regularization,
    )
    left = left_to_numpy(program) if run.settings.engine == "numba" else None
    click.echo(describe(program, run.network, slots=len(run.optimizer.slots), left=left))


class _Report:
    """Prints a line every few epochs, and moves a progress bar on a terminal."""

    def __init__(self, run: Run, *, lines_to_stderr: bool) -> None:
        self.every = run.settings.log_every
        self.to_stderr = lines_to_stderr
        self.bar: Any = None
        self.due = 0.0
        _print_header(run)
        if sys.stderr.isatty():
            self._start(run.settings.epochs)

    def _start(self, epochs: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self.bar = Progress(
            TextColumn("epoch"),
            MofNCompleteColumn(),
            BarColumn(),
            Remaining(),
            console=Console(stderr=True),
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.bar.start()
        self.task = self.bar.add_task("", total=epochs)

    def __call__(self, run: Run, epoch: int) -> None:
        """Take note of an epoch."""
        if epoch % self.every == 0:
            self._line(describe_epoch(run.history.record(epoch)))
        if self.bar is not None and (now := time.monotonic()) >= self.due:
            self.due = now + 0.1
            self.bar.update(self.task, completed=epoch + 1, refresh=True)

    def _line(self, text: str) -> None:
        if self.bar is not None and (self.to_stderr or sys.stdout.isatty()):
            # The bar owns the terminal's last line; it is drawn anew below.
            self.bar.stop()
            click.echo(text, err=self.to_stderr)
            self.bar.start()
        else:
            click.echo(text, err=self.to_stderr)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def _print_header(run: Run) -> None:
    """Say on stderr what is about to run, so that no default is hidden."""
    settings = run.settings
    widths = [layer.fan_in for layer in run.network.layers] + [run.network.layers[-1].fan_out]
    held = len(run.validation_rows)
    rows = f"{len(run.train_rows):,} rows"
    if held:
        how = "" if settings.split == "random" else f" ({settings.split})"
        rows += f" and {held:,} for validation{how}"
    batch = "full batch" if settings.batch_size == "full" else f"batches of {settings.batch_size}"
    activations = ", ".join(dict.fromkeys(settings.activation)) or "no hidden layer"
    lines = [
        f"{settings.data}: {rows}; {settings.task}",
        f"network {'-'.join(map(str, widths))} ({activations}; output "
        f"{settings.output_activation}), {run.network.size:,} parameters, {settings.dtype}",
        f"loss {settings.loss}; optimizer {run.optimizer.name} at learning rate "
        f"{run.optimizer.learning_rate:g}; {settings.epochs:,} "
        f"epoch{'s' * (settings.epochs > 1)}, {batch}; seed {settings.seed}",
        *_describe_regularization(settings),
    ]
    for line in lines:
        click.echo(click.style(line, dim=True), err=True)


def _describe_regularization(settings: Settings) -> list[str]:
    """Say what was asked for beside loss and optimizer, on one line; none if nothing was."""
    said = [f"{name} {getattr(settings, name):g}" for name in ("alpha", "l1")
            if getattr(settings, name)]  # fmt: skip
    if any(settings.dropout):
        said.append(f"dropout {', '.join(f'{each:g}' for each in dict.fromkeys(settings.dropout))}")
    if settings.clip_global_norm is not None:
        said.append(f"gradients no longer than {settings.clip_global_norm:g}")
    if settings.class_weight is not None:
        weights = settings.class_weight
        said.append(
            f"class weights {weights}" if isinstance(weights, str) else
            f"class weights {', '.join(f'{key} {each:g}' for key, each in weights.items())}"
        )  # fmt: skip
    if settings.patience is not None:
        said.append(
            f"stops after {_count(settings.patience, 'epoch')} without a better "
            f"{_label(settings.monitor or '').lower()}"
        )
    return ["; ".join(said)] if said else []


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'s' * (number != 1)}"


def _label(column: str) -> str:
    """Name a column of the history for a person."""
    return column.replace("_", " ").capitalize()


def describe_epoch(record: EpochRecord) -> str:
    """Write one epoch's line, as the notebook does."""
    return f"Epoch {record.epoch}, {_numbers(record)}"


def _numbers(record: EpochRecord) -> str:
    numbers = {"loss": record.loss, "penalty": record.penalty}
    numbers |= {"validation_loss": record.validation_loss, **record.metrics}
    return ", ".join(
        f"{_label(name)}: {value:.6f}" for name, value in numbers.items() if value is not None
    )


def _print_end(run: Run) -> None:
    """Print the predictions of a handful of rows, or the last numbers."""
    for line in _describe_end(run):
        click.echo(click.style(line, dim=True), err=True)
    if len(run.rows.inputs) > 20 or run.rows.encoder is not None:
        click.echo(f"Final, {_numbers(run.final)}")
        return
    if run.settings.task == "regression":
        answers = run.predict(run.rows.inputs)
    else:
        answers = run.probabilities(run.rows.inputs)
        answers = answers[:, 1:] if run.settings.task == "binary" else answers
    click.echo(f"Final Predictions: {answers.round()}")


def _describe_end(run: Run) -> list[str]:
    """Say why the run ended before its last epoch, and whose weights it has."""
    monitor = _label(run.settings.monitor or "").lower()
    last, best, lines = len(run.history) - 1, run.history.best, []
    if run.ended == "patience":
        waited = _count(run.settings.patience or 0, "epoch")
        lines.append(f"stopped after epoch {last}: {waited} without a better {monitor}")
    if best is not None and best != last:
        lines.append(f"the weights are those of epoch {best}, the best by {monitor}")
    return lines


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
        "epochs": len(run.history),
        "ended": "diverged" if diverged else run.ended,
        "diverged": diverged,
        "best_epoch": run.history.best,
        "final": {
            name: column[-1 if best is None else best] for name, column in history.items() if column
        },
        "history": history,
    }
