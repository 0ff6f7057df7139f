"""What `nnplug train --folds` prints: the scores of each fold, their mean and their spread."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from nnplug.cli.options import plugins_given
from nnplug.cli.terminal import echo, style
from nnplug.cli.train_lines import label

if TYPE_CHECKING:
    from pathlib import Path

    from nnplug.runs.configuration import Configuration
    from nnplug.runs.run import Run

__all__ = ["cross_validate_first"]


def cross_validate_first(
    ctx: click.Context,
    run: Run,
    asked: Configuration,
    on: str,
    *,
    resumed: Path | None,
    as_json: bool,
) -> None:
    """Cross-validate as the run's settings ask for, and give the run what was found.

    A run that is resumed has its scores; other folds are refused.
    """
    from nnplug.plugins.travelling import Luggage
    from nnplug.runs.cross_validation import Folds, cross_validate, refuse_late_folds

    count, registry = run.settings.folds, run.model.registry
    if resumed is not None:
        if count is not None:
            refuse_late_folds(resumed, type(asked).read(resumed), asked)
        return
    if count is None:
        if on != "1":
            raise click.UsageError(
                f"--on {on}: one network is trained in this process. --on is for the folds of "
                "--folds 5.",
                ctx,
            )
        return
    luggage = Luggage.pack(asked.plugins, strict=plugins_given(ctx)[1])
    settings = dict(asked.settings)
    data = settings.pop("data")
    echo(
        style(f"{count} folds first; then the network is trained on all rows", dim=True),
        err=True,
    )
    apart = contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()
    with registry.naming_culprits():
        folds = Folds.of(data, settings, count, registry=registry, luggage=luggage)
        with apart:  # what a plugin's hook prints must not end up in JSON
            found = cross_validate(folds, on, lambda fold: _print(fold, err=as_json))
    run.cross_validation = found
    mean, sd = found.mean, found.sd
    numbers = (f"{label(name)}: {mean[name]:.6f} ± {sd[name]:.6f}" for name in mean)
    echo(f"Mean of {count} folds, {', '.join(numbers)}", err=as_json, hanging="  ")


def _print(fold: Mapping[str, Any], *, err: bool) -> None:
    numbers = [f"{label(name)}: {value:.6f}" for name, value in fold["scores"].items()]
    said = ", ".join(numbers) or f"diverged: {fold['diverged']}"
    echo(f"Fold {fold['fold'] + 1}, {said}", err=err, hanging="  ")
