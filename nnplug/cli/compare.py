"""`nnplug compare`: which of several parts is better, with paired seeds and a verdict in words."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from nnplug.cli.command import Command, option_group
from nnplug.cli.options import WholeNumber, on_option, plugin_options, plugins_given, warn
from nnplug.cli.part_names import PartType, complete_data
from nnplug.cli.run_progress import RunProgress
from nnplug.cli.setting_options import setting_option
from nnplug.cli.terminal import echo, print_json, width
from nnplug.launch import launched
from nnplug.runs.settings import ROWS

if TYPE_CHECKING:
    from nnplug.comparison.request import Request
    from nnplug.comparison.results import Results

__all__ = ["compare"]

COMPARISONS = "comparisons"
"""The folder where comparisons are kept unless another is given."""

_FACTORS = ("activation", "loss", "optimizer", "initializer", "schedule", "recipe")
_DECIDED = ("learning_rate", "epochs", "layers", "seed", "shards", "folds", *_FACTORS)
"""Settings that are not options as in `nnplug train`."""

_EPILOG = """\b
One of --activation, --loss, --optimizer, --initializer, --schedule,
--recipe and --layers has several values; everything else is the same.

\b
Examples:
  nnplug compare --activation relu,gelu --data xor,iris.csv:species
  nnplug compare --optimizer adam,sgd --data cars.csv:price --on 2
  nnplug compare --layers dense:64 --layers dense:128 --data moons
  nnplug compare --resume comparisons/NAME
  nnplug compare --replay comparisons/NAME/report.json
"""


def _several(name: str) -> Any:
    return click.option(
        f"--{name}",
        name,
        type=PartType(name),
        metavar="A,B",
        multiple=True,
        help=f"{ROWS[name].help.split(';')[0].rstrip('.')}; several to compare them.",
    )


@click.command(cls=Command, epilog=_EPILOG)
@option_group(
    "What to compare",
    click.option(
        "--data",
        metavar="DATA[:TARGET]",
        multiple=True,
        shell_complete=complete_data,
        help="Datasets and tables with the column to predict, separated by commas.",
    ),
    *map(_several, _FACTORS),
    click.option(
        "--layers",
        metavar="LAYERS",
        multiple=True,
        help="Layers before the output; repeat the option to compare them.",
    ),
    click.option("--baseline", metavar="PART", help="Compare the others with this one; by default "
                 "the first."),
)  # fmt: skip
@option_group(
    "How",
    click.option("--seeds", type=WholeNumber(2),
                 help="Runs of each part, each with another seed; 10 by default."),
    click.option("--trials", type=WholeNumber(0), help="Learning rates to try first for each part; "
                 "16 by default, 0 for the optimizer's own."),
    click.option("--paper", is_flag=True, help="30 seeds and 36 trials."),
    click.option("--quick", is_flag=True, help="3 seeds, no search, and no claim."),
    click.option("--budget", metavar="N|TIME",
                 help="Limit of each run: epochs, or time such as 60s or 5m."),
    click.option("--rope", type=float, metavar="MARGIN",
                 help="Largest difference that does not matter: within it, parts are equivalent."),
    click.option("--seed", type=WholeNumber(0),
                 help="First seed, 0 by default: three for the search, then one for each run."),
    on_option("Where the runs are trained"),
)  # fmt: skip
@option_group("The same for all", setting_option("validation"), setting_option("split"))
@option_group(
    "The same for all",
    *(
        setting_option(row.name)
        for row in ROWS.values()
        if row.group in ("Network", "Training") and row.option and row.name not in _DECIDED
    ),
)
@option_group(
    "Keeping the results",
    click.option("--output", type=click.Path(path_type=Path), metavar="FOLDER",
                 help="Keep the results in this new folder; by default, a new one in comparisons."),
    click.option("--resume", type=click.Path(path_type=Path), metavar="FOLDER",
                 help="Continue a comparison; finished runs are not repeated."),
    click.option("--replay", type=click.Path(path_type=Path), metavar="REPORT",
                 help="Repeat the comparison of this report.json, and say what differs."),
    click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
)  # fmt: skip
@plugin_options
@click.pass_context
def compare(
    ctx: click.Context,
    /,
    output: Path | None,
    resume: Path | None,
    replay: Path | None,
    on: str,
    as_json: bool,
    **given: Any,
) -> None:
    """Compare parts: which is better, on which data, and how certain that is.

    Each part gets its own learning rate. Then all are trained with the same seeds,
    which draw the rows, the starting weights and the order of rows, and are compared
    seed by seed. The table is printed on stdout, everything else on stderr. A folder
    keeps the runs, and the report as HTML, Markdown, LaTeX, CSV and JSON.

    The exit code is 1 if --replay finds other numbers.
    """
    from nnplug.comparison.api import run
    from nnplug.comparison.bench import Bench
    from nnplug.comparison.replay import differences, read_report
    from nnplug.errors import NnplugError
    from nnplug.places.running import check_place
    from nnplug.plugins.travelling import Luggage

    given = {
        name: value
        for name, value in given.items()
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    _check_usage(ctx, given, output, resume, replay)
    if (started := launched()) is not None:
        raise click.UsageError(
            f"mpiexec started {started[1]} processes, and each would do the whole comparison: "
            f"leave mpiexec out, and give --on {started[1]}.",
            ctx,
        )
    check_place(on)
    earlier = None if replay is None else read_report(replay)
    if earlier is not None:
        differences(earlier, earlier)  # what cannot be compared is said before the work is done
    request, results = _find(ctx, given, output, resume, replay, earlier)
    bench = Bench(request, Luggage.pack(request.plugins, strict=plugins_given(ctx)[1]))
    _print_start(request, results)
    progress = RunProgress("run")
    try:
        apart = redirect_stdout(sys.stderr) if as_json else nullcontext()
        with apart:
            found = run(bench, results, on=on, progress=progress)
    except (KeyboardInterrupt, NnplugError):
        progress.close()
        if len(results):
            echo(f"To continue: nnplug compare --resume {_shown(results)}", err=True)
        raise
    finally:
        progress.close()
    warn(bench.registry)
    if as_json:
        print_json(found.report)
    elif earlier is None:
        echo(found.text(width()), whole=True)
    echo(f"kept in {results.folder}: report.html, .md, .tex, .json and runs.csv", err=True)
    if earlier is not None:
        changes, results_differ = differences(earlier, found.report)
        for line in (*changes, *results_differ):
            echo(line, err=as_json)
        if results_differ:
            ctx.exit(1)
        echo("the same: every rate, score and verdict", err=as_json)


def _check_usage(
    ctx: click.Context,
    given: dict[str, Any],
    output: Path | None,
    resume: Path | None,
    replay: Path | None,
) -> None:
    """Refuse options that exclude each other."""
    if resume is not None and replay is not None:
        raise click.UsageError("--resume and --replay exclude each other.", ctx)
    if resume is not None and output is not None:
        raise click.UsageError("--resume continues in its own folder: leave --output out.", ctx)
    for name, path in (("--resume", resume), ("--replay", replay)):
        if path is not None and given:
            first = next(iter(given)).replace("_", "-")
            raise click.UsageError(
                f"{name} takes everything from {path}: leave --{first} out.", ctx
            )
    if resume is None and replay is None and "data" not in given:
        raise click.UsageError("Name the data to compare on, such as --data iris.csv:species.", ctx)
    if given.get("paper") and given.get("quick"):
        raise click.UsageError("--paper and --quick exclude each other.", ctx)


def _find(
    ctx: click.Context,
    given: dict[str, Any],
    output: Path | None,
    resume: Path | None,
    replay: Path | None,
    earlier: dict[str, Any] | None,
) -> tuple[Request, Results]:
    """Find out what is asked, and the folder for it."""
    from nnplug.cli.train_settings import from_anywhere
    from nnplug.comparison.replay import request_of
    from nnplug.comparison.request import Request
    from nnplug.comparison.results import Results
    from nnplug.errors import SettingError

    plugins = tuple(dict.fromkeys(map(from_anywhere, plugins_given(ctx)[0])))
    if resume is not None:
        results, request = Results.open(resume)
        if request.plugins:
            echo(f"plugins of {resume}: {', '.join(request.plugins)}", err=True)
        return request, results
    if earlier is not None:
        request = request_of(earlier, str(replay))
        if request.plugins != plugins:
            # The report may be somebody else's: it does not choose what code is loaded.
            again = " ".join(f"-p {plugin}" for plugin in request.plugins)
            raise SettingError(
                f"{replay}: it was made with {again or 'no plugin of -p'}.\n"
                "Give the same again, if you trust it."
                if again
                else f"{replay}: it was made without -p.\nLeave -p out."
            )
    else:
        own = ("baseline", "seeds", "trials", "budget", "rope")
        asked = {name: given.pop(name) for name in own if name in given}
        efforts = [name for name in ("paper", "quick") if given.pop(name, False)]
        data = list(given.pop("data"))
        request = Request.of(
            data, given, effort=(*efforts, "standard")[0], plugins=plugins, **asked
        )
    if output is None:
        from nnplug.runs.folder import auto_name

        names = [request.factor, *(each.name.split(".")[0] for each in request.data[:2])]
        output = auto_name(COMPARISONS, datetime.now().astimezone(), *names)
    return request, Results.begin(output, request)


def _print_start(request: Request, results: Results) -> None:
    """Say what is about to run, and if nothing can come of it."""
    from nnplug.comparison.verdict import enough_seeds

    cells = len(request.arms) * len(request.data)
    runs = cells * (request.seeds + request.trials)
    names = ", ".join(each.name for each in request.data)
    echo(
        f"{request.factor}: {', '.join(request.others)} against {request.baseline} on {names}; "
        f"{runs:,} runs: {request.trials} trials and {request.seeds} seeds for each",
        err=True,
        hanging="  ",
    )
    least = enough_seeds(len(request.others))
    if request.seeds < least:
        echo(
            f"With {request.seeds} seeds nothing can be claimed: {len(request.arms)} parts need at "
            f"least {least}.",
            err=True,
            hanging="  ",
        )


def _shown(results: Results) -> str:
    import shlex

    return shlex.quote(str(results.folder))
