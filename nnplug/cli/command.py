"""The classes of commands and of groups: options under headings, commands imported lazily."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

import click

__all__ = ["Command", "LazyGroup", "option_group", "option_groups"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Decorator = Callable[[_Command], _Command]

_OTHERS = "Options"
_COLUMN = 24
"""The widest first column; a longer option gets a line of its own."""


def option_group(title: str, *options: Callable[[Any], Any]) -> Callable[[_Command], _Command]:
    """Add several options under one heading of the help; see `Command`."""

    def add(command: _Command) -> _Command:
        known = len(_options(command))
        for option in reversed(options):
            command = option(command)
        for option in _options(command)[known:]:
            vars(option).setdefault("group", title)
        return command

    return add


def _options(command: Callable[..., Any]) -> list[click.Parameter]:
    """Return what click has collected so far for a function that becomes a command."""
    found: list[click.Parameter] = getattr(command, "__click_params__", [])
    return found


def option_groups(
    command: click.Command, context: click.Context
) -> dict[str, list[tuple[str, str]]]:
    """Return each group's options with their help, in the order of their declaration."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for option in command.get_params(context):
        record = option.get_help_record(context)
        if record is not None and not isinstance(option, click.Argument):
            groups.setdefault(vars(option).get("group", _OTHERS), []).append(record)
    if len(groups) > 1:  # those without a group come last
        groups["Other"] = groups.pop(_OTHERS)
    return groups


class Command(click.Command):
    """A command whose help shows its options in groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group."""
        groups = option_groups(self, ctx)
        names = [name for records in groups.values() for name, _ in records]
        width = max(len(name) for name in names if len(name) <= _COLUMN)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), about) for name, about in records], col_max=width
                )


class LazyGroup(click.Group):
    """A group that imports a command only when it runs, so that `--help` costs next to nothing.

    Parameters
    ----------
    table : mapping
        By each command's name, `"module:attribute"` and the line that `--help` shows.
    """

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in self.table.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant, or suggest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from nnplug.errors import suggest

            if "Did you mean" in error.message:  # click suggests one itself from 8.2 on
                raise
            raise click.UsageError(error.message + suggest(args[0], self.table), ctx) from None
