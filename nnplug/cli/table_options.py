"""The options about tables, which more than one command takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from nnplug.cli.help import option_group
from nnplug.cli.setting_options import setting_option

__all__ = ["column_options", "read_options", "split_options", "table_arguments", "target_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_LISTS = ("columns", "drop", "categorical", "numeric")


target_options = option_group("Data", *map(setting_option, ("target", "task", "target_transform")))
"""Add `--target`, `--task` and `--target-transform`."""

read_options = option_group("Data", *map(setting_option, ("read", "sql")))
"""Add `--read` and `--sql`: how a file is read."""

column_options = option_group(
    "Data", *map(setting_option, (*_LISTS, "missing", "drop_missing_targets", "weights"))
)
"""Add the options about a table's columns, each a list with commas or repeated."""


def split_options(validation: float | None = None) -> Callable[[_Command], _Command]:
    """Add `--validation`, with a default or none, and `--split`."""
    shown = {} if validation is None else {"default": validation, "show_default": True}
    return option_group("Data", setting_option("validation", **shown), setting_option("split"))


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
