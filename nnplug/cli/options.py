"""Options of more than one command: those about plugins, and types of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from nnplug.cli.completion import complete_plugin
from nnplug.cli.terminal import echo

if TYPE_CHECKING:
    from nnplug.plugins.plugin import Plugin
    from nnplug.plugins.registry import Registry

__all__ = [
    "Seconds",
    "WholeNumber",
    "add_plugins",
    "kind_option",
    "on_option",
    "plugin_options",
    "plugins_given",
    "registry_of",
    "warn",
]

# --- plugins ---------------------------------------------------------------------------

_Command = TypeVar("_Command", bound=Callable[..., Any])
_GIVEN = "nnplug.plugins.plugin"
_STRICT = "nnplug.strict"


def plugin_options(command: _Command) -> _Command:
    """Add `-p` and `--strict-plugins` to a command; `registry_of` reads them.

    They may follow any command on the line: what a group is given also holds
    for its commands.
    """
    for option in (
        click.option(
            "--strict-plugins",
            is_flag=True,
            expose_value=False,
            callback=_remember_strict,
            help="Treat the failure of any plugin as an error.",
        ),
        click.option(
            "-p",
            "plugin",
            metavar="NAME",
            multiple=True,
            expose_value=False,
            callback=_remember_given,
            shell_complete=complete_plugin,
            help="Load a plugin: ./file.py, a package or a module. no:NAME leaves one out.",
        ),
    ):
        command = option(command)
    return command


def _remember_given(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> None:
    ctx.meta[_GIVEN] = (*ctx.meta.get(_GIVEN, ()), *value)


def _remember_strict(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    ctx.meta[_STRICT] = ctx.meta.get(_STRICT, False) or value


def plugins_given(ctx: click.Context) -> tuple[tuple[str, ...], bool]:
    """Return all values of `-p` on the line, and whether `--strict-plugins` is given."""
    return ctx.meta.get(_GIVEN, ()), ctx.meta.get(_STRICT, False)


def add_plugins(ctx: click.Context, plugins: Iterable[str]) -> None:
    """Add to the plugins that `-p` names, before the registry is made."""
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


def warn(registry: Registry, besides: Iterable[Plugin] = ()) -> None:
    """Warn once on stderr about plugins that failed unasked, except those already shown."""
    shown = tuple(f"plugin {plugin.label}:" for plugin in besides)
    for line in registry.take_warnings():
        if not line.startswith(shown):
            echo(f"Warning: {line}", err=True)


def kind_option(about: str, *names: str, **more: Any) -> Callable[[_Command], _Command]:
    """Add `--kind` to a command; its help ends with a list of the kinds."""
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


def on_option(about: str) -> Callable[[_Command], _Command]:
    """Add `--on`, which says where many runs are trained."""
    return click.option(
        "--on",
        default="1",
        show_default=True,
        metavar="WHERE",
        help=f"{about}: a number of processes, dask://HOST:PORT, ray://HOST:PORT, or the name of "
        "a joblib backend.",
    )


# --- types -----------------------------------------------------------------------------


class WholeNumber(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """A whole number with a minimum."""

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
