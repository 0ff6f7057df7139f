"""What `nnplug train` prints: what is about to run, its epochs, and how it ended."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from nnplug.cli.terminal import console, echo, style, width
from nnplug.network.network import in_and_out
from nnplug.runs.advice import before
from nnplug.training.progress import Bar

if TYPE_CHECKING:
    from nnplug.runs.run import Run
    from nnplug.runs.settings import Settings
    from nnplug.training import EpochRecord

__all__ = ["Lines", "describe_epoch", "label", "print_advice", "print_end", "print_plot"]


class Lines:
    """Prints a line every few epochs, and moves a progress bar on a terminal."""

    def __init__(self, run: Run, *, to_stderr: bool) -> None:
        self.every = run.settings.log_every
        self.to_stderr = to_stderr
        _print_header(run)
        print_advice(before(run))
        terminal = sys.stderr.isatty()
        self.bar = Bar("epoch", run.settings.epochs, console(err=True)) if terminal else None

    def __call__(self, run: Run, epoch: int) -> None:
        """Print an epoch's line if it is due, and move the bar."""
        if self.bar is not None:
            self.bar.update(epoch + 1, _losses(run.history.record(epoch)))
        if epoch % self.every == 0:
            self.note(describe_epoch(run.history.record(epoch)), err=self.to_stderr)

    def note(self, text: str, *, err: bool) -> None:
        """Print a line."""
        # The bar owns the terminal's last line; it is drawn again below.
        beside = self.bar if err or sys.stdout.isatty() else None
        if beside is not None:
            beside.hide()
        echo(text, err=err, hanging="  ")
        if beside is not None:
            beside.show()

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.hide()
            self.bar = None


def _losses(record: EpochRecord) -> str:
    """Write the losses briefly, for the bar."""
    said = f"loss {record.loss:.4g}"
    if record.validation_loss is not None:
        said += f", validation {record.validation_loss:.4g}"
    return said


def _print_header(run: Run) -> None:
    """Print on stderr what is about to run, so that no default is hidden."""
    settings = run.settings
    held, members = len(run.validation_rows), settings.members
    rows = f"{len(run.train_rows):,} rows"
    if held:
        how = "" if settings.split == "random" else f" ({settings.split})"
        rows += f" and {held:,} for validation{how}"
        if run.rows.parts.folds is not None:
            rows = f"{held:,} rows, each held out by one of {members} members{how}"
    recipe = f"; recipe {settings.recipe}" if settings.recipe is not None else ""
    batch = "full batch" if settings.batch_size == "full" else f"batches of {settings.batch_size}"
    inside, form = f"output {settings.output_activation}", run.network.form
    if settings.layers is not None:
        form = f"{settings.layers}; {in_and_out(run.network.inputs, run.network.outputs)}"
    else:
        inside = f"{', '.join(dict.fromkeys(settings.activation)) or 'no hidden layer'}; {inside}"
    lines = [
        f"{settings.data}: {rows}; {settings.task}{recipe}",
        f"{f'{members} networks' if members > 1 else 'network'} {form} ({inside}), "
        f"{run.network.learned:,} parameters{' each' if members > 1 else ''}, {settings.dtype}",
        f"loss {settings.loss}; optimizer {run.optimizer.chained} at learning rate "
        f"{run.optimizer.learning_rate:g}; {settings.epochs:,} "
        f"epoch{'s' * (settings.epochs > 1)}, {batch}; seed {settings.seed}",
        *_describe_regularization(settings),
    ]
    for line in lines:
        echo(style(line, dim=True), err=True, hanging="  ")


def _describe_regularization(settings: Settings) -> list[str]:
    """Describe on one line what was asked for besides loss and optimizer; no line if nothing."""
    said = [f"{name} {getattr(settings, name):g}" for name in ("l2", "l1")
            if getattr(settings, name)]  # fmt: skip
    if any(settings.dropout):
        said.append(f"dropout {', '.join(f'{rate:g}' for rate in dict.fromkeys(settings.dropout))}")
    if settings.clip_global_norm is not None:
        said.append(f"gradients clipped to global norm {settings.clip_global_norm:g}")
    if settings.class_weight is not None:
        weights = settings.class_weight
        said.append(
            f"class weights {weights}" if isinstance(weights, str) else
            f"class weights {', '.join(f'{label} {weight:g}' for label, weight in weights.items())}"
        )  # fmt: skip
    if settings.patience is not None and settings.patience < settings.epochs:
        said.append(
            f"{'stops' if settings.members == 1 else 'each stops'} after "
            f"{_count(settings.patience, 'epoch')} without a better "
            f"{label(settings.monitor or '').lower()}"
        )
    return ["; ".join(said)] if said else []


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'s' * (number != 1)}"


def label(column: str) -> str:
    """Name a column of the history as it is printed."""
    return column.replace("_", " ").capitalize()


def describe_epoch(record: EpochRecord) -> str:
    """Write one epoch's line, as the notebook does."""
    return f"Epoch {record.epoch}, {_numbers(record)}"


def _numbers(record: EpochRecord) -> str:
    numbers = {"loss": record.loss, "penalty": record.penalty}
    numbers |= {"validation_loss": record.validation_loss, **record.metrics}
    return _written(numbers)


def _written(numbers: Mapping[str, float | None]) -> str:
    return ", ".join(
        f"{label(name)}: {value:.6f}" for name, value in numbers.items() if value is not None
    )


def print_advice(lines: Iterable[str]) -> None:
    """Print advice, one hint per line."""
    for line in lines:
        echo(f"{style('hint:', fg='yellow', bold=True)} {line}", err=True, hanging="  ")


def print_end(run: Run) -> None:
    """Print the predictions if there are only a few rows, or else the last numbers."""
    lines = _describe_end(run)
    if run.settings.interval is not None and run.model.calibration is not None:
        known = run.model.calibration.described(run.model.targets)
        lines += [f"{name} {text}" for name, text in known]
    for line in lines:
        echo(style(line, dim=True), err=True, hanging="  ")
    if len(run.rows.inputs) > 20 or run.rows.encoder is not None:
        echo(_final(run), hanging="  ")
        return
    if run.settings.task == "regression":
        answers = run.predict(run.rows.inputs)
    else:
        answers = run.probabilities(run.rows.inputs)
        answers = answers[:, 1:] if run.settings.task == "binary" else answers
    echo(f"Final Predictions: {answers.round()}")


def _final(run: Run) -> str:
    """Write the last numbers, and say of what they are."""
    if run.rows.parts.folds is not None:  # the loss on training rows is not out of fold
        final = run.final
        numbers = _written({"validation_loss": final.validation_loss, **final.metrics})
        return f"Out of fold, all {len(run.validation_rows):,} rows, {numbers}"
    what = "Final" if run.settings.members == 1 else f"Mean of {run.settings.members} members"
    return f"{what}, {_numbers(run.final)}"


def _describe_end(run: Run) -> list[str]:
    """Say why the run ended before its last epoch, and which epoch its weights are from."""
    monitor = label(run.settings.monitor or "").lower()
    last, best, lines = len(run.history) - 1, run.history.best, []
    if ends := run.history.ends:
        which = f", each its best by {monitor}" if run.settings.monitor else ""
        return [f"the members' weights are those of epochs {', '.join(map(str, ends))}{which}"]
    if run.ended == "patience":
        waited = _count(run.settings.patience or 0, "epoch")
        lines.append(f"stopped after epoch {last}: {waited} without a better {monitor}")
    if best is not None and best != last:
        lines.append(f"the weights are those of epoch {best}, the best by {monitor}")
    return lines


def print_plot(run: Run, *, err: bool) -> None:
    """Plot the losses in the terminal and, if there are two inputs, the regions of the classes."""
    from nnplug.runs.report.terminal import boundary, curves, loss_columns

    room = min(width(err=err), 120)
    echo(f"\n{curves(loss_columns(run.history), width=room)}", err=err)
    plane = boundary(run.model, run.rows.inputs, run.rows.targets, width=room)
    if plane is not None:
        echo(f"\n{plane}", err=err)
