"""The options of the command line that come from the table of settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from nnplug.cli.command import option_group
from nnplug.cli.part_names import PartType, ToolType, complete_layers
from nnplug.runs.setting import Setting
from nnplug.runs.setting_kinds import LayerTexts, PartName, ToolName, Truth, Words
from nnplug.runs.settings import ROWS

__all__ = [
    "SettingType",
    "column_options",
    "read_options",
    "setting_option",
    "setting_options",
    "split_options",
    "table_arguments",
    "target_options",
]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_LISTS = ("columns", "drop", "categorical", "numeric")


class SettingType(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """The value of a setting, read from text."""

    def __init__(self, row: Setting) -> None:
        self.row = row
        self.name = row.takes.metavar.lower()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a value."""
        if not isinstance(value, str):
            return value
        try:
            return self.row.parse(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Offer the words that the setting takes, or the names of layers."""
        takes = self.row.takes
        if isinstance(takes, LayerTexts):
            return complete_layers(ctx, incomplete)
        words = takes.words if isinstance(takes, Words) else ()
        return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def setting_option(name: str, **more: Any) -> Callable[[Any], Any]:
    """Make the option of a setting.

    Parameters
    ----------
    name : str
        Its name in `nnplug.runs.settings.ROWS`.
    **more
        For `click.option`, such as a command's own default.
    """
    row: Setting = ROWS[name]
    assert row.option, f"{name} has no option"
    if isinstance(row.takes, Truth):
        pair = {"default": None} if "/" in row.option else {"is_flag": True}
        return click.option(row.option, name, help=row.help, **pair, **more)
    if isinstance(row.takes, PartName):
        kind: PartType | ToolType | SettingType = PartType(row.takes.kind)
    elif isinstance(row.takes, ToolName):
        kind = ToolType(row.takes.kind, row.takes.word)
    else:
        kind = SettingType(row)
    return click.option(
        row.option,
        name,
        type=kind,
        metavar=row.takes.metavar,
        multiple=row.takes.repeated,
        help=row.help,
        **more,
    )


def setting_options(group: str) -> list[Callable[[Any], Any]]:
    """Make the options of a group, in the table's order."""
    return [setting_option(row.name) for row in ROWS.values() if row.group == group and row.option]


# --- of more than one command -------------------------------------------------------------

target_options = option_group("Data", *map(setting_option, ("target", "task", "target_transform")))
"""Add `--target`, `--task` and `--target-transform`."""

read_options = option_group("Data", *map(setting_option, ("read", "sql")))
"""Add `--read` and `--sql`: how a file is read."""

column_options = option_group(
    "Data",
    *map(setting_option, (*_LISTS, "missing", "encoding", "drop_missing_targets", "weights")),
)
"""Add the options about a table's columns."""


split_options = option_group("Data", *map(setting_option, ("validation", "split")))
"""Add `--validation` and `--split`."""


def table_arguments(given: dict[str, Any]) -> dict[str, Any]:
    """Turn the values of options into arguments of `nnplug.train`."""
    from nnplug.tables import ReadOptions

    for name in (*_LISTS, "increasing", "decreasing"):
        if name in given:
            # A comma inside a name is written after a backslash.
            parts = [part for text in given[name] for part in re.split(r"(?<!\\),", text)]
            listed = [part.replace("\\,", ",").strip() for part in parts]
            given[name] = tuple(part for part in listed if part) or None
    if "encoding" in given:
        given["encoding"] = given["encoding"] or None
    if "read" in given:
        given["read"] = ReadOptions.parse(given["read"]).to_dict() or None
    return given
