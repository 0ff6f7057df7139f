"""The options about tables, which more than one command takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from nnplug.cli.help import option_group
from nnplug.cli.options import Share

__all__ = ["column_options", "read_options", "split_options", "table_arguments", "target_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_LISTS = ("columns", "drop", "categorical", "numeric")


target_options = option_group(
    "Data",
    click.option(
        "--target", multiple=True, metavar="COLUMN", help="Column to predict; may be repeated."
    ),
    click.option(
        "--task",
        type=click.Choice(["regression", "binary", "multiclass", "multilabel"]),
        metavar="TASK",
        help="regression, binary, multiclass or multilabel; by default what the target suggests.",
    ),
    click.option(
        "--target-transform",
        type=click.Choice(["none", "log", "asinh"]),
        metavar="NAME",
        help="Learn the log of the target, or its asinh where it is not always above 0; "
        "predictions are brought back.",
    ),
)
"""Add `--target`, `--task` and `--target-transform`."""

read_options = option_group(
    "Data",
    click.option(
        "--read",
        metavar="KEY=VALUE",
        multiple=True,
        help="How to read the file: delimiter, quote, header, skip (lines before the names), "
        "comment, encoding, decimal, thousands, unit (a sign beside numbers, such as $ or %), "
        "negative, dates (how they are written), na (a mark of missing values), table, sheet, "
        "trusted (lifts the limits). thousands.COLUMN and so on are of one column; may be "
        "repeated.",
    ),
    click.option(
        "--sql", metavar="QUERY", help="Rows to take: an SQL query over the file, called data."
    ),
)
"""Add `--read` and `--sql`: how a file is read."""

column_options = option_group(
    "Data",
    click.option("--columns", metavar="A,B", multiple=True, help="Predict from these columns."),
    click.option("--drop", metavar="A,B", multiple=True, help="Leave these columns out."),
    click.option(
        "--categorical", metavar="A,B", multiple=True, help="Take these columns as categories."
    ),
    click.option("--numeric", metavar="A,B", multiple=True, help="Take these columns as numbers."),
    click.option(
        "--missing",
        type=click.Choice(["mean", "median", "drop", "refuse"]),
        metavar="HOW",
        help="What to do where an input has no value: use the mean (by default) or the median, "
        "drop the row, or refuse the table.",
    ),
    click.option(
        "--drop-missing-targets", is_flag=True, help="Leave out the rows without a target."
    ),
    click.option(
        "--weights", metavar="COLUMN", help="Column that holds each row's weight in the loss."
    ),
)
"""Add the options about a table's columns, each a list with commas or repeated."""


def split_options(validation: float | None = None) -> Callable[[_Command], _Command]:
    """Add `--validation`, with a default or none, and `--split`."""
    return option_group(
        "Data",
        click.option(
            "--validation",
            type=Share(),
            default=validation,
            show_default=True,
            help="Share of the rows to hold out for validation.",
        ),
        click.option(
            "--split",
            metavar="HOW",
            help="How to choose those rows: random, stratified, time:COLUMN, group:COLUMN, "
            "column:COLUMN or file:PATH.",
        ),
    )


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
