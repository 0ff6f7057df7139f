"""Types of command-line options that more than one command takes."""

from __future__ import annotations

from typing import Any, cast

import click
from click.shell_completion import CompletionItem

__all__ = ["BatchSizeType", "HiddenType", "PartType"]


class PartType(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """The text form of a part; its names complete in the shell."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.name = kind

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Name the value in the help, shortly; the epilog says its form."""
        return "PART"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[Any]]:
        """Offer the names of this kind, of installed plugins too."""
        from nnplug.registry import Registry

        found = Registry.from_environment().parts(self.kind, load_all=True)
        names = {part.name: part.summary for part, _ in found}
        wanted = incomplete.lower().replace("-", "_")
        return [
            CompletionItem(name, help=about)
            for name, about in sorted(names.items())
            if name.startswith(wanted)
        ]


class HiddenType(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """Units of the hidden layers: `64,32`, or `none`."""

    name = "units"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Read the widths."""
        if isinstance(value, tuple):
            return value
        if value.strip().lower() == "none":
            return ()
        try:
            widths = tuple(int(each) for each in value.split(","))
        except ValueError:
            widths = (0,)
        if min(widths) < 1:
            self.fail(
                f"{value!r} is not a list of layer widths. Write 64 for one hidden layer, "
                "64,32 for two, none for no hidden layer.",
                param,
                ctx,
            )
        return widths


class BatchSizeType(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """A number of rows, or `full`."""

    name = "rows"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Read the number of rows."""
        if value == "full" or isinstance(value, int):
            return cast("int | str", value)
        try:
            rows = int(value)
        except ValueError:
            rows = 0
        if rows < 1:
            self.fail(f"{value!r} is neither a number of rows, at least 1, nor full.", param, ctx)
        return rows
