"""What more than one command takes: the options about plugins, and types of options."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem

from nnplug.cli.completion import complete_part, complete_plugin, complete_tool
from nnplug.cli.terminal import echo

if TYPE_CHECKING:
    from nnplug.plugins.manager import Provider
    from nnplug.plugins.registry import Registry

__all__ = [
    "PartType",
    "Seconds",
    "ToolType",
    "WholeNumber",
    "add_plugins",
    "kind_option",
    "plugin_options",
    "plugins_given",
    "registry_of",
    "warn",
]

# --- plugins ---------------------------------------------------------------------------

_Command = TypeVar("_Command", bound=Callable[..., Any])
_GIVEN = "nnplug.plugins.manager"
_STRICT = "nnplug.strict"


def plugin_options(command: _Command) -> _Command:
    """Add `-p` and `--strict-plugins` to a command; `registry_of` reads them.

    They may stand at any command of a line: what a group was given holds for
    its commands too.
    """
    for option in (
        click.option(
            "--strict-plugins",
            is_flag=True,
            expose_value=False,
            callback=_remember_strict,
            help="Make any plugin's failure an error.",
        ),
        click.option(
            "-p",
            "plugin",
            metavar="NAME",
            multiple=True,
            expose_value=False,
            callback=_remember_given,
            shell_complete=complete_plugin,
            help="Load a plugin: ./file.py, a package or a module; no:NAME leaves one out.",
        ),
    ):
        command = option(command)
    return command


def _remember_given(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> None:
    ctx.meta[_GIVEN] = (*ctx.meta.get(_GIVEN, ()), *value)


def _remember_strict(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    ctx.meta[_STRICT] = ctx.meta.get(_STRICT, False) or value


def plugins_given(ctx: click.Context) -> tuple[tuple[str, ...], bool]:
    """Give the values of `-p` on the whole line, and whether `--strict-plugins` is there."""
    return ctx.meta.get(_GIVEN, ()), ctx.meta.get(_STRICT, False)


def add_plugins(ctx: click.Context, plugins: Iterable[str]) -> None:
    """Add to what `-p` names, before the registry is made."""
    _remember_given(ctx, click.Option(["-p"]), tuple(plugins))


def registry_of(ctx: click.Context) -> Registry:
    """Make the registry that the options and the environment ask for.

    Raises
    ------
    PluginError
        If a plugin that `-p` names cannot be loaded.
    """
    from nnplug.plugins.registry import Registry

    if ctx.find_object(Registry) is None:
        options, strict = plugins_given(ctx)
        ctx.obj = Registry.from_environment(options, strict=strict)
    return cast("Registry", ctx.find_object(Registry))


def warn(registry: Registry, besides: Iterable[Provider] = ()) -> None:
    """Say on stderr what failed unasked, once, but for what is on the screen already."""
    shown = tuple(f"plugin {provider.label}:" for provider in besides)
    for line in registry.take_warnings():
        if not line.startswith(shown):
            echo(f"Warning: {line}", err=True)


def kind_option(about: str, *names: str, **more: Any) -> Callable[[_Command], _Command]:
    """Add `--kind` to a command; its help ends with the kinds that there are."""
    from nnplug.hookspecs import HOOKS

    *kinds, last = HOOKS.values()
    return click.option(
        "--kind",
        *names,
        type=click.Choice([*kinds, last], case_sensitive=False),
        metavar="KIND",
        help=f"{about}: {', '.join(kinds)} or {last}.",
        **more,
    )


# --- types -----------------------------------------------------------------------------


class PartType(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """The text form of a part; its names complete in the shell."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.name = kind

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Name the value in the help, shortly; the epilog says its form.

        click before 8.2 gives no context.
        """
        return "PART"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[Any]]:
        """Offer the names of this kind, of installed plugins too."""
        return complete_part(ctx, self.kind, incomplete)


class ToolType(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """The name of a tool, or a word in its place; names complete in the shell."""

    def __init__(self, kind: str, *words: str) -> None:
        self.kind, self.name = kind, kind
        self.words = words

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[Any]]:
        """Offer the names of this kind, of installed plugins too."""
        return complete_tool(ctx, self.kind, incomplete, self.words)


class WholeNumber(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """A whole number that is large enough."""

    name = "N"

    def __init__(self, least: int) -> None:
        self._range = click.IntRange(min=least)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number."""
        number: int = self._range.convert(value, param, ctx)
        return number


class Seconds(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """A length of time."""

    name = "seconds"

    def __init__(self, *, above: bool = False) -> None:
        self._range = click.FloatRange(min=0, min_open=above)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the seconds."""
        seconds: float = self._range.convert(value, param, ctx)
        return seconds
