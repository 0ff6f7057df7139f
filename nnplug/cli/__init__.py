"""The command line. Each command is a module of this package, imported when it runs."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from nnplug import __version__

__all__ = ["main"]

# Name of the command, where it lives, and what --help says of it, so that
# --help imports no command.
_COMMANDS = {
    "train": ("nnplug.cli.train", "Train a network on a dataset or a table."),
    "plugins": ("nnplug.cli.plugins", "List the installed plugins and look at their parts."),
}

_EPILOG = """\b
Examples:
  nnplug train                                   the XOR network, as the notebook has it
  nnplug train --activation tanh --loss mse      the same with another activation
  nnplug train iris.csv --target species         a table
  nnplug train iris.csv --target species --hidden 64,32 --optimizer adamw:weight_decay=0.1
  nnplug plugins list --parts                    every part there is
"""


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from nnplug.errors import suggest

            if "Did you mean" in error.message:  # click from 8.2 on suggests by itself
                raise
            raise click.UsageError(error.message + suggest(args[0], _COMMANDS), ctx) from None


@click.group(
    cls=_LazyGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="nnplug")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Train neural networks whose activations, losses and optimizers are plugins.

    Install a package and name its parts: no code, no configuration.
    """
    ctx.meta["nnplug.debug"] = debug


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    Exits with 0 when all is done, 1 when the answer is no (a run diverged, a
    check failed), 2 for an error in usage, configuration or data, and 130
    when interrupted.
    """
    from nnplug.errors import NnplugError

    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        status: Any = cli.main(arguments, prog_name="nnplug", standalone_mode=False)
    except NnplugError as error:
        if "--debug" in arguments:
            raise
        _complain(str(error))
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _complain("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does: not an error.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)


def _complain(message: str) -> None:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
