"""The options of the command line that stand in the table of settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from nnplug.cli.completion import complete_layers
from nnplug.cli.options import PartType, ToolType
from nnplug.runs.setting_kinds import LayerTexts, PartName, ToolName, Truth, Words
from nnplug.runs.settings import ROWS, Setting

__all__ = ["SettingType", "setting_option", "setting_options"]


class SettingType(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """What a setting takes, read from text."""

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
        """Offer the words that there are, or the names of layers."""
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
        Of the row in `nnplug.runs.settings.ROWS`.
    **more
        For `click.option`, such as a default that a command has.
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
