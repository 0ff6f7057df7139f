"""How a command's help is laid out: its options in groups, in columns of one width."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["Command", "option_group", "option_groups"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Decorator = Callable[[_Command], _Command]

_OTHERS = "Options"
_COLUMN = 24
"""The widest first column; a longer option has a line of its own."""


def option_group(title: str, *options: Callable[[Any], Any]) -> Callable[[_Command], _Command]:
    """Add several options under one heading of the help; see `Command`."""

    def add(command: _Command) -> _Command:
        known = len(_options(command))
        for option in reversed(options):
            command = option(command)
        for each in _options(command)[known:]:
            vars(each).setdefault("group", title)
        return command

    return add


def _options(command: Callable[..., Any]) -> list[click.Parameter]:
    """Give what click has collected so far on a function that becomes a command."""
    found: list[click.Parameter] = getattr(command, "__click_params__", [])
    return found


def option_groups(
    command: click.Command, context: click.Context
) -> dict[str, list[tuple[str, str]]]:
    """Give each group's options with their help, in the order in which they were declared."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for each in command.get_params(context):
        record = each.get_help_record(context)
        if record is not None and not isinstance(each, click.Argument):
            groups.setdefault(vars(each).get("group", _OTHERS), []).append(record)
    if len(groups) > 1:  # those without a group come last
        groups["Other"] = groups.pop(_OTHERS)
    return groups


class Command(click.Command):
    """A command whose help has its options in groups."""

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
