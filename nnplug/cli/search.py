"""`nnplug search`: tries settings, and prints those that give the best score."""

from __future__ import annotations

import shlex
import sys
from contextlib import nullcontext, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from nnplug.cli.command import Command, option_group
from nnplug.cli.options import WholeNumber, on_option, plugin_options, plugins_given
from nnplug.cli.part_names import complete_data
from nnplug.cli.run_progress import RunProgress
from nnplug.cli.setting_options import (
    column_options,
    read_options,
    setting_option,
    split_options,
    target_options,
)
from nnplug.cli.terminal import echo, print_json, width
from nnplug.launch import launched
from nnplug.runs.settings import ROWS

if TYPE_CHECKING:
    from nnplug.searching.api import Request

__all__ = ["search"]

SEARCHES = "searches"
"""The folder where searches are kept unless another is given."""

_EPILOG = """\b
VALUES are a range, 1e-4..1e-1, or several values, relu,gelu. A range of whole
numbers, 16..256, stays whole; one over a decade has a logarithmic scale. A
range may stand anywhere in a value: adam,adamw:weight_decay=1e-3..1e-1.

\b
Examples:
  nnplug search iris.csv --target species --search learning_rate=1e-4..1e-1
  nnplug search moons --search activation=relu,gelu --search hidden=16..256
  nnplug search cars.csv --target price --search l2=0..1 --budget 5m --on 2
  nnplug search moons --search optimizer=adam,adamw:weight_decay=1e-3..1e-1
  nnplug search --resume searches/NAME
"""


def _settings(group: str) -> list[Any]:
    return [
        setting_option(row.name)
        for row in ROWS.values()
        if row.group == group and row.option and row.name != "shards"
    ]


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("data", required=False, shell_complete=complete_data)
@option_group(
    "What to search",
    click.option("--search", "pairs", metavar="NAME=VALUES", multiple=True,
                 help="A setting, by the name of its option, with its values; repeat it."),
    click.option("--trials", type=WholeNumber(1), help="Trials, besides one with the usual "
                 "settings; 30 by default."),
    click.option("--budget", metavar="TIME",
                 help="Time for the whole search, such as 5m: then no more trials begin."),
    on_option("Where the trials run"),
)  # fmt: skip
@target_options
@column_options
@read_options
@split_options
@option_group("Network, the same in all trials", *_settings("Network"))
@option_group("Training, the same in all trials", *_settings("Training"))
@option_group(
    "Keeping the results",
    click.option("--output", type=click.Path(path_type=Path), metavar="FOLDER",
                 help="Keep the results in this new folder; by default, a new one in searches."),
    click.option("--resume", type=click.Path(path_type=Path), metavar="FOLDER",
                 help="Continue a search; --trials and --budget may be given anew."),
    click.option("--json", "as_json", is_flag=True, help="Print the results as JSON."),
)  # fmt: skip
@plugin_options
@click.pass_context
def search(
    ctx: click.Context,
    /,
    data: str | None,
    pairs: tuple[str, ...],
    trials: int | None,
    budget: str | None,
    on: str,
    output: Path | None,
    resume: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Search settings of a network for DATA: a table's path, or a dataset's name.

    Each trial trains a network. The validation rows judge it by the first metric,
    accuracy or R² by default, or with --folds the mean over folds that it has not
    seen. The best trials are printed on stdout, with the command that trains the
    best; everything else on stderr.
    """
    from nnplug.errors import NnplugError
    from nnplug.places.running import check_place
    from nnplug.searching.api import BEST, run
    from nnplug.searching.text import command

    given = {
        name: value
        for name, value in given.items()
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    if (started := launched()) is not None:
        raise click.UsageError(
            f"mpiexec started {started[1]} processes, and each would do the whole search: leave "
            f"mpiexec out, and give --on {started[1]}.",
            ctx,
        )
    check_place(on)
    if resume is not None:
        _check_resumed(ctx, resume, data, pairs, output, given)
        request, folder = _resumed(ctx, resume, trials, budget), resume
    else:
        request = _asked(ctx, data, pairs, trials, budget, given)
        folder = _new_folder(request, output)
    progress = RunProgress("trial")
    try:
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            found = run(request, folder, strict=plugins_given(ctx)[1], on=on, progress=progress)
    except (KeyboardInterrupt, NnplugError):
        progress.close()
        if folder.exists():
            echo(f"To continue: nnplug search --resume {shlex.quote(str(folder))}", err=True)
        raise
    finally:
        progress.close()
    if as_json:
        print_json({**found.report, "command": command(found.report), "folder": str(folder)})
    else:
        echo(found.text(width()), whole=True)
    echo(f"kept in {folder}: {BEST} (for nnplug train --config), trials.csv, report.json", err=True)


def _asked(
    ctx: click.Context,
    data: str | None,
    pairs: tuple[str, ...],
    trials: int | None,
    budget: str | None,
    given: dict[str, Any],
) -> Request:
    """Read what is asked for."""
    from nnplug.cli.setting_options import table_arguments
    from nnplug.cli.train_settings import from_anywhere
    from nnplug.searching.api import Request

    if data is None:
        raise click.UsageError("Name the data, such as iris.csv --target species.", ctx)
    wanted: dict[str, str] = {}
    for pair in pairs:
        name, equals, values = pair.partition("=")
        name = name.strip().lstrip("-").replace("-", "_")
        if not equals:
            raise click.UsageError(
                f"--search {pair}: write NAME=VALUES, such as learning_rate=1e-4..1e-1.", ctx
            )
        if name in wanted:
            raise click.UsageError(f"--search {pair}: {name} is searched twice.", ctx)
        wanted[name] = values
    plugins = tuple(dict.fromkeys(map(from_anywhere, plugins_given(ctx)[0])))
    return Request(
        data,
        table_arguments(given),
        wanted,
        trials=30 if trials is None else trials,
        budget=budget,
        plugins=plugins,
    )


def _check_resumed(
    ctx: click.Context,
    resume: Path,
    data: str | None,
    pairs: tuple[str, ...],
    output: Path | None,
    given: dict[str, Any],
) -> None:
    beside = {"DATA": data, "--search": pairs, "--output": output}
    wrong = [name for name, value in beside.items() if value]
    wrong += [f"--{name.replace('_', '-')}" for name in given]
    if wrong:
        raise click.UsageError(
            f"--resume takes everything from {resume}: leave {wrong[0]} out.", ctx
        )


def _resumed(ctx: click.Context, resume: Path, trials: int | None, budget: str | None) -> Request:
    """Read the request of a folder, with more trials or another time."""
    from nnplug.searching.api import Request

    request = Request.read(resume)
    if request.plugins:
        echo(f"plugins of {resume}: {', '.join(request.plugins)}", err=True)
    return Request(
        request.data,
        request.settings,
        request.search,
        trials=request.trials if trials is None else trials,
        budget=request.budget if budget is None else budget,
        plugins=request.plugins,
    )


def _new_folder(request: Request, output: Path | None) -> Path:
    from nnplug.runs.folder import auto_name, check_free

    if output is None:
        names = [Path(request.data).stem, *list(request.search)[:2]]
        output = auto_name(SEARCHES, datetime.now().astimezone(), *names)
    check_free(output)
    return output
