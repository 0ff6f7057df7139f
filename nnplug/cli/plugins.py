"""`nnplug plugins`: the group of the commands about plugins."""

from __future__ import annotations

import click

from nnplug.cli.command import LazyGroup
from nnplug.cli.options import plugin_options

__all__ = ["plugins"]

_COMMANDS = {
    "list": ("nnplug.cli.listing:list_", "List the installed plugins, or every part."),
    "show": ("nnplug.cli.show:show", "Show everything about a part or a package."),
    "doctor": ("nnplug.cli.doctor:doctor", "Load each plugin separately and report what is wrong."),
    "check": ("nnplug.cli.check:check", "Run the conformance checks on parts."),
    "report": ("nnplug.cli.report:report", "Check parts and write a page about them."),
    "new": ("nnplug.cli.new:new", "Write a working plugin package to start from."),
}

_EPILOG = """\b
Examples:
  nnplug plugins list
  nnplug plugins show tanh
  nnplug plugins doctor
"""


@click.group(cls=LazyGroup, table=_COMMANDS, epilog=_EPILOG)
@plugin_options
def plugins() -> None:
    """List, show, check and write plugins.

    -p and --strict-plugins may also be given after the command.
    """
