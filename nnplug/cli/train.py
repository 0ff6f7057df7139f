"""`nnplug train`: trains a network on a table or a dataset."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from nnplug.cli.command import Command, option_group
from nnplug.cli.completion import complete_run
from nnplug.cli.find_run import find_run
from nnplug.cli.options import on_option, plugin_options, registry_of, warn
from nnplug.cli.part_names import complete_data
from nnplug.cli.setting_options import (
    column_options,
    read_options,
    setting_option,
    setting_options,
    split_options,
    target_options,
)
from nnplug.cli.terminal import echo, print_json
from nnplug.cli.train_settings import asked_configuration
from nnplug.launch import launched

if TYPE_CHECKING:
    from nnplug.plugins.registry import Registry
    from nnplug.runs.configuration import Configuration
    from nnplug.runs.run import Run

_EPILOG = """\b
A PART is written NAME, NAME:KEY=VALUE,... or PACKAGE/NAME. What is not given
comes from the recipe: for a table, default, which is
  --members auto --encoding "piecewise_linear:bins=16 standard:far=3"
  --target-transform auto --hidden 100 --activation silu
  --optimizer adam:learning_rate=0.003
--recipe fast trains one network with relu at 0.001 on standardised inputs.
Datasets have recipes of their own. What no recipe gives:
  --epochs 500 --patience 20 --batch-size 32 --validation 0.2
  --initializer glorot_uniform --dtype float32 --seed 0
Without patience or validation rows, --epochs is 100 by default.

\b
Examples:
  nnplug train
  nnplug train --loss half_sse --learning-rate 0.5
  nnplug train iris.csv --target species --hidden 64,32
  nnplug train cars.parquet --target price --loss huber:delta=0.5
  nnplug train 'sales/*.csv' --target sold --split time:day --drop note,clerk
  nnplug train iris.csv --target species --folds 5
  nnplug train -p ./my_part.py --activation mine
  nnplug train --config runs/NAME/config.toml --set epochs=200
  nnplug train --resume latest
  nnplug train --plan
  nnplug train --trace 1
"""


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("data", required=False, shell_complete=complete_data)
@target_options
@column_options
@read_options
@split_options
@option_group("Data", setting_option("stream"))
@option_group("Network", *setting_options("Network"))
@option_group("Training", *setting_options("Training"))
@option_group("Training", on_option("Where the folds of --folds are trained"))
@option_group(
    "Keeping the run",
    click.option(
        "--output",
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        help="Keep the run in this new folder; by default, for a table, a new one in runs.",
    ),
    click.option("--no-output", is_flag=True, help="Do not keep the run."),
    *setting_options("Keeping the run"),
    click.option(
        "--resume",
        metavar="RUN",
        shell_complete=complete_run,
        help="Continue a run: its folder, its name in runs, or latest.",
    ),
    click.option(
        "--allow-changes",
        is_flag=True,
        help="Resume even if settings, data or plugin versions have changed.",
    ),
    click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read settings from a file, such as a run's config.toml; options on the command "
        "line override them.",
    ),
    click.option(
        "--set",
        "pairs",
        metavar="KEY=VALUE",
        multiple=True,
        help="Change one setting by its name in that file; may be repeated.",
    ),
)
@option_group(
    "Output",
    *setting_options("Output"),
    click.option("--plot", is_flag=True, help="Plot the losses in the terminal at the end."),
    click.option(
        "--plot-file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Save the plot as .png, .pdf or .svg; needs Matplotlib.",
    ),
    click.option(
        "--plan", is_flag=True, help="Print the array operations of one step; do not train."
    ),
    click.option(
        "--trace",
        type=int,
        metavar="ROW",
        help="Print every number of one step on this row, counted from 1; do not train.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
)
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
    trace: int | None,
    as_json: bool,
    on: str,
    **given: Any,
) -> None:
    """Train a network on DATA: the path of a table, or a dataset's name.

    Without DATA, the dataset xor is used. Losses are printed on stdout,
    everything else on stderr. A run on a table is kept in a new folder in
    runs, with its configuration, model, history, report and checkpoints.
    """
    from nnplug.cli.train_folds import cross_validate_first
    from nnplug.cli.train_keeping import Keeping
    from nnplug.cli.train_lines import Lines, print_advice, print_end, print_plot
    from nnplug.errors import DivergedError
    from nnplug.runs.fitting import Callbacks, fit

    _check_shown(
        ctx,
        {"--plan": plan, "--trace": trace is not None},
        {"--output": output, "--plot": plot, "--plot-file": plot_file},
    )
    folder = _check_usage(ctx, config, output, resume, no_output, allow_changes)
    if plot_file is not None:
        from nnplug.runs.report.pictures import check_picture, draw

        check_picture(plot_file)
    given = {
        name: value
        for name, value in given.items()
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    asked = asked_configuration(ctx, folder or config, given, pairs)
    registry = registry_of(ctx)
    run = _prepare(asked, registry, config)
    if plan or trace is not None:
        _print_step(run, registry, trace, folder, as_json=as_json)
        return
    cross_validate_first(ctx, run, asked, on, resumed=folder, as_json=as_json)
    with Keeping(
        run, asked, output=output, resume=folder, none=no_output, allow_changes=allow_changes
    ) as keeping:
        lines = keeping.lines = Lines(run, to_stderr=as_json)
        try:
            # What a plugin's hook prints must not end up between the lines of JSON.
            apart = contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()
            with registry.naming_culprits(), apart:
                fit(run, Callbacks(registry.plugins, run.used), lines, keeper=keeping.keeper)
        except DivergedError:
            lines.close()
            if as_json:
                print_json(_as_json(run, diverged=True))
            raise
        except (KeyboardInterrupt, SystemExit, BrokenPipeError):
            lines.close()
            keeping.say_how_to_continue()
            raise
        finally:
            lines.close()
        if as_json:
            print_json(_as_json(run))
        else:
            print_end(run)
        print_advice(run.advice)
        if plot:
            print_plot(run, err=as_json)
        if plot_file is not None:
            draw(plot_file, run.history, run.model, run.rows.inputs, run.rows.targets)
            echo(f"drawn in {plot_file}", err=True)
        keeping.say_where()


def _check_shards(run: Run) -> None:
    """Refuse several processes that would each train a run of their own, or cannot share one."""
    started, shards = launched(), run.settings.shards
    if started is not None and shards is not None:
        from nnplug.training.ranks import world

        world(shards)
    elif started is not None:
        raise click.UsageError(
            f"mpiexec started {started[1]} processes, and nothing says how to share the work: "
            f"--shards {max(16, started[1])}"
        )


def _prepare(asked: Configuration, registry: Registry, config: Path | None) -> Run:
    """Prepare the run, and print what is worth knowing about it."""
    from nnplug.runs.preparing import prepare_from

    with registry.naming_culprits():
        run = prepare_from(asked, registry)
    warn(registry)
    if config is not None:
        for line in run.configuration().changed_formulas(asked.formulas):
            echo(f"Warning: {config}: {line}; the run gives different numbers", err=True)
    for line in run.rows.notes:
        echo(line, err=True)
    _check_shards(run)
    return run


def _check_shown(ctx: click.Context, shows: dict[str, bool], beside: Mapping[str, object]) -> None:
    """Refuse what needs training beside an option that shows a step and does not train."""
    asked = [name for name, given in shows.items() if given]
    wrong = [*asked[1:], *(name for name, given in beside.items() if given)]
    if asked and wrong:
        raise click.UsageError(f"{asked[0]} does not train: leave {wrong[0]} out.", ctx)


def _check_usage(
    ctx: click.Context,
    config: Path | None,
    output: Path | None,
    resume: str | None,
    no_output: bool,
    allow_changes: bool,
) -> Path | None:
    """Refuse options that exclude each other, and unusable folders, before any work is done.

    Returns
    -------
    Path or None
        The folder of the run to continue.
    """
    if output is not None and no_output:
        raise click.UsageError("--output and --no-output exclude each other.", ctx)
    for name, given in (("--output", output), ("--no-output", no_output), ("--config", config)):
        if resume is not None and given:
            raise click.UsageError(f"--resume continues in the run's folder: leave {name} out.")
    if allow_changes and resume is None:
        raise click.UsageError("--allow-changes is for --resume.", ctx)
    if output is not None:
        from nnplug.runs.folder import check_free

        check_free(output)
    if resume is None:
        return None
    from nnplug.runs.folder import RunFolder

    return RunFolder.open(find_run(resume).path).path  # refuses a damaged one


def _print_step(
    run: Run, registry: Registry, row: int | None, folder: Path | None, *, as_json: bool
) -> None:
    """Print the operations of a step, or all its numbers for a row."""
    with registry.naming_culprits():
        if row is None:
            _print_plan(run, as_json=as_json)
        else:
            _print_trace(run, row, folder, as_json=as_json)


def _print_plan(run: Run, *, as_json: bool) -> None:
    from nnplug.engines import NUMPY, find_engine
    from nnplug.plans.display import describe, plan_as_dict

    program = run.trainer(NUMPY).steps.program  # nothing has to be compiled to show it
    engine = find_engine(run.settings.engine, run.model.registry)
    left = None if engine.left_to_numpy is None else engine.left_to_numpy(program)
    more: dict[str, Any] = {"slots": len(run.optimizer.slots), "left": left, "engine": engine.name}
    if as_json:
        plan = plan_as_dict(program, run.network, **more)
        print_json({**_as_json_before(run), "plan": plan})
    else:
        echo(describe(program, run.network, **more))


def _print_trace(run: Run, row: int, folder: Path | None, *, as_json: bool) -> None:
    """Print the next step on a row: the first one, or that of the run in a folder."""
    if row < 1:
        raise click.UsageError(f"--trace {row}: rows are counted from 1.")
    if folder is not None:
        from nnplug.runs.folder import RunFolder
        from nnplug.runs.kept_state import take_state

        take_state(run, RunFolder.open(folder))
    trace = run.trace(row - 1)
    if as_json:
        print_json({**_as_json_before(run), "trace": trace.to_dict()})
    else:
        from nnplug.cli.terminal import style, width
        from nnplug.microscope.tables import write_tables

        echo(write_tables(trace.steps, width(), heading=partial(style, bold=True)), whole=True)


def _as_json_before(run: Run) -> dict[str, Any]:
    """Return what is known about a run before it is trained."""
    return {
        "settings": run.settings.to_dict(),
        "network": {
            "parameters": run.network.learned,
            "states": run.network.size - run.network.learned,
            "layers": run.network.widths[1:],
        },
        "rows": {"training": len(run.train_rows), "validation": len(run.validation_rows)},
        "classes": [str(label) for label in run.rows.classes],
    }


def _as_json(run: Run, *, diverged: bool = False) -> dict[str, Any]:
    history = {
        name: [value if math.isfinite(value) else None for value in column]
        for name, column in run.history.columns.items()
    }
    ended = bool(len(run.history))
    final = {
        name: value if math.isfinite(value) else None
        for name, value in (run.history.final_numbers.items() if ended else ())
    }
    return {
        **_as_json_before(run),
        "run": None if run.folder is None else str(run.folder),
        "epochs": len(run.history),
        "ended": "diverged" if diverged else run.ended,
        "diverged": diverged,
        "best_epoch": run.history.best,
        "cross_validation": run.cross_validation and run.cross_validation.to_dict(),
        **({"member_epochs": list(run.history.ends)} if run.history.ends else {}),
        "advice": list(run.advice),
        "final": final,
        "history": history,
    }
