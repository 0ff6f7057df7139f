"""The command line. Each command is a module of this package, imported when it runs."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from nnplug import __version__
from nnplug.cli.command import LazyGroup
from nnplug.cli.completion import COMPLETING
from nnplug.cli.options import plugin_options
from nnplug.cli.terminal import echo, forgive_encoding, style
from nnplug.launch import launched

__all__ = ["main"]

_COMMANDS = {
    "data": ("nnplug.cli.data:data", "Examine a table before training."),
    "train": ("nnplug.cli.train:train", "Train a network on a table or a dataset."),
    "compare": ("nnplug.cli.compare:compare", "Compare parts, so that the answer can be defended."),
    "search": ("nnplug.cli.search:search", "Search the settings that give the best score."),
    "play": ("nnplug.cli.play:play", "Watch a network learn, in the browser."),
    "predict": ("nnplug.cli.predict:predict", "Predict the target of new rows with a model."),
    "evaluate": ("nnplug.cli.evaluate:evaluate", "Compute a model's loss and metrics on a table."),
    "explain": ("nnplug.cli.explain:explain", "Show which columns a model looks at, and why."),
    "export": ("nnplug.cli.export:export", "Write a model for another program or language."),
    "import": ("nnplug.cli.take_in:take_in", "Turn an ONNX file into a model."),
    "info": ("nnplug.cli.info:info", "Show what a model predicts and needs."),
    "runs": ("nnplug.cli.runs:runs", "List, show and compare the runs that were kept."),
    "plugins": ("nnplug.cli.plugins:plugins", "List, show, check and write plugins."),
}

_EPILOG = """\b
Examples:
  nnplug train                                    the XOR network
  nnplug train --activation tanh                  with another activation
  nnplug data iris.csv                            examine a table
  nnplug train iris.csv --target species          train on it
  nnplug predict latest new.csv                   predict new rows
  nnplug train -p ./my_part.py --activation mine  with a part of your own
  nnplug plugins list --parts                     list every part
"""


@click.group(
    cls=LazyGroup,
    table=_COMMANDS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="nnplug")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@plugin_options
def cli(debug: bool) -> None:
    """Train neural networks whose activations, losses and optimizers are plugins.

    Install a package and name its parts; no code is needed.
    """
    # `main` looks for --debug itself: an error leaves no context to ask.


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    The exit code is 0 when everything is done, 1 when the answer is no (a run
    diverged, a check failed), 2 for an error in usage, configuration or data,
    and 130 when interrupted.
    """
    started = launched()
    if started is None:
        _main(arguments)
    else:
        from nnplug.cli.ranks import run_together

        run_together(lambda: _main(arguments), started[0])


def _main(arguments: list[str] | None) -> None:
    from nnplug.errors import NnplugError

    arguments = sys.argv[1:] if arguments is None else arguments
    forgive_encoding()
    if COMPLETING:
        # The line that is being typed is on the screen: no plugin may write over it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        with _plain_warnings():
            status: Any = cli.main(arguments, prog_name="nnplug", standalone_mode=False)
    except NnplugError as error:
        if "--debug" in arguments:
            raise
        _complain(str(error))
        sys.exit(error.exit_code)
    except click.ClickException as error:
        # From click 8.2 on a group without a command raises its help as an error.
        if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
            error.show()
        else:
            _complain(f"{error.format_message()}{_where_to_look(error)}")
        sys.exit(error.exit_code)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _complain("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; that is not an error.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)


def _where_to_look(error: click.ClickException) -> str:
    """Name the command whose help explains its usage."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"\nFor usage, see: {context.command_path} --help" if context else ""


def _complain(message: str) -> None:
    echo(f"{style('error:', fg='red', bold=True)} {message}", err=True)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Write nnplug's own warnings as the commands write theirs, without a line of source."""
    from nnplug.errors import NnplugWarning

    def show(message: Any, category: Any, *place: Any, **more: Any) -> None:
        if issubclass(category, NnplugWarning):
            echo(f"Warning: {message}", err=True)
        else:
            as_python_does(message, category, *place, **more)

    with warnings.catch_warnings():
        as_python_does, warnings.showwarning = warnings.showwarning, show
        yield
