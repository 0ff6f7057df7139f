"""The options about tables, which more than one command takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["column_options", "read_options", "split_option", "table_arguments"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_LISTS = ("columns", "drop", "categorical", "numeric")


def read_options(command: _Command) -> _Command:
    """Add `--read` and `--sql`: how a file is read."""
    return _with(
        command,
        click.option(
            "--read",
            metavar="KEY=VALUE",
            multiple=True,
            help="How the file is read: delimiter, quote, header, encoding, decimal, dates "
            "or dates.COLUMN (how dates are written), na or na.COLUMN (a mark of missing "
            "values), table.",
        ),
        click.option("--sql", metavar="QUERY", help="A query over the file, which it calls data."),
    )


def column_options(command: _Command) -> _Command:
    """Add the options about a table's columns, each a list with commas or repeated."""
    return _with(
        command,
        click.option("--columns", metavar="A,B", multiple=True, help="Predict from these alone."),
        click.option("--drop", metavar="A,B", multiple=True, help="Columns that are not used."),
        click.option(
            "--categorical", metavar="A,B", multiple=True, help="Columns that are categories."
        ),
        click.option("--numeric", metavar="A,B", multiple=True, help="Columns that are numbers."),
        click.option(
            "--missing",
            type=click.Choice(["mean", "median", "drop", "refuse"]),
            help="Where an input lacks a value; mean is the default.",
        ),
        click.option(
            "--drop-missing-targets", is_flag=True, help="Leave rows without a target out."
        ),
        click.option("--weights", metavar="COLUMN", help="What each row counts for in the loss."),
    )


def split_option(command: _Command) -> _Command:
    """Add `--split`."""
    return _with(
        command,
        click.option(
            "--split",
            metavar="HOW",
            help="Which rows are held out: random, stratified, time:COLUMN, group:COLUMN, "
            "column:COLUMN or file:PATH.",
        ),
    )


def _with(command: _Command, *options: Callable[[_Command], _Command]) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command


def table_arguments(given: dict[str, Any]) -> dict[str, Any]:
    """Bring what the options gave to the arguments of `nnplug.train`."""
    from nnplug.tables import ReadOptions

    for name in _LISTS:
        if name in given:
            # A comma in a name is written with a backslash before it.
            parts = [part for text in given[name] for part in re.split(r"(?<!\\),", text)]
            listed = [part.replace("\\,", ",").strip() for part in parts]
            given[name] = tuple(part for part in listed if part) or None
    if "read" in given:
        given["read"] = ReadOptions.parse(given["read"]).to_dict() or None
    return given
