"""A plugin's hooks: checked against their specifications, then called to collect its parts."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import partial
from typing import NoReturn

import pluggy

from nnplug import hookspecs
from nnplug.errors import PartError, PluginError, suggest
from nnplug.hookspecs import REGISTER_HOOKS
from nnplug.parts import KINDS, Part
from nnplug.plugins.plugin import Plugin
from nnplug.tool import Tool

__all__ = [
    "SPECIFICATIONS",
    "accept",
    "check_hooks",
    "collect",
    "find_part",
    "hooks_of",
    "place_of",
    "share_a_name",
]

SPECIFICATIONS = {
    name: tuple(inspect.signature(function).parameters)
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if function.__module__ == hookspecs.__name__
}
"""Every hook, with the names of its arguments."""


def hooks_of(manager: pluggy.PluginManager, plugin: object) -> dict[str, Callable[..., object]]:
    """Find the functions that a plugin's module or object marks as implementations, by hook."""
    found: dict[str, Callable[..., object]] = {}
    for name in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is not None:
            found[options.get("specname") or name] = getattr(plugin, name)
    return found


def check_hooks(manager: pluggy.PluginManager, plugin: object, *, may_be_empty: bool) -> None:
    """Refuse the mistakes that pluggy passes over in silence.

    Raises
    ------
    PluginError
        With the author's file and line, and the right form.
    """

    def wrong(function: object, reason: str) -> NoReturn:
        raise PluginError(f"{place_of(function)}: {reason}")

    if inspect.isclass(plugin):
        wrong(plugin, f"{plugin.__name__} is a class; let the entry point name an instance of it.")
    marked = hooks_of(manager, plugin)
    for hook in SPECIFICATIONS:
        plain = getattr(plugin, hook, None)
        if inspect.isroutine(plain) and hook not in marked:
            wrong(plain, f"{hook} is not decorated: put @nnplug.hookimpl above it.")
    for hook, function in marked.items():
        if hook not in SPECIFICATIONS:
            wrong(function, f"there is no hook {hook!r}.{suggest(hook, SPECIFICATIONS)}")
        wanted = SPECIFICATIONS[hook]
        arguments = inspect.signature(function).parameters.values()
        form = f"def {hook}({', '.join(wanted)})"
        for argument in arguments:
            if argument.name not in wanted:
                wrong(function, f"{hook} is not given {argument.name!r}; write {form}.")
            if argument.default is not argument.empty:
                # pluggy passes only what has no default
                wrong(function, f"{hook}: {argument.name!r} must have no default; write {form}.")
        if hook in REGISTER_HOOKS and len(arguments) != len(wanted):
            wrong(function, f"{hook} does not take 'register'; write {form}.")
        if inspect.isgeneratorfunction(function):
            wrong(function, f"{hook} yields; it must be a plain function.")
    if not marked and not may_be_empty:
        raise PluginError(
            "it implements no hook of nnplug. Write for example\n"
            "@nnplug.hookimpl\ndef register_activations(register): register(my_activation)"
        )


def collect(
    manager: pluggy.PluginManager, plugin: Plugin, module: object, *, is_bare: bool
) -> list[Part | Tool]:
    """Call a plugin's registration hooks, and return what they register.

    Parameters
    ----------
    module : object
        The plugin's module or object, registered with `manager`.
    is_bare : bool
        Whether it is a local file without hooks, whose parts are taken as they stand.

    Raises
    ------
    PartError, PluginError
        If a hook registers something it does not take, or returns something.
    """
    taken: list[Part | Tool] = []
    for hook, kind in REGISTER_HOOKS.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            if implementation.plugin_name != plugin.plugin_name:
                continue
            result = implementation.function(partial(_take, plugin, kind, hook, taken))
            if result is not None:
                what = "part" if kind in KINDS else kind
                raise PluginError(
                    f"{place_of(implementation.function)}: {hook} returns a "
                    f"{type(result).__name__}; it must call register({what}) for each {what} "
                    "and return nothing."
                )
    if is_bare:
        for value in vars(module).values():
            # What it imported from elsewhere is not its own.
            if (
                isinstance(value, Part | Tool)
                and value.function.__module__ == getattr(module, "__name__", None)
            ):  # fmt: skip
                _take(plugin, value.kind, "", taken, value)
        if not taken:
            raise PluginError("it has neither a part nor a hook.")
    return taken


def _take(plugin: Plugin, kind: str, hook: str, taken: list[Part | Tool], given: object) -> None:
    """Accept one part or tool; a hook gets this function as `register`."""
    if isinstance(given, Part | Tool):
        plugin.declared.append((given.kind, given.name))
    taken.append(accept(kind, hook, given, taken))


def find_part(plugin: Plugin, implementation: pluggy.HookImpl, kind: str, name: str) -> Part | None:
    """Ask a plugin's hook `find_part` for a part, and remember what it gives.

    Raises
    ------
    PartError
        If it gives something else.
    """
    if kind not in KINDS:
        return None
    if (kind, name) not in plugin.found:
        given = {"kind": kind, "name": name}
        with redirect_stdout(sys.stderr):  # stdout belongs to the command that runs
            part = implementation.function(*map(given.get, implementation.argnames))
        if part is None:
            return None
        accepted = accept(kind, "find_part", part, [])
        if accepted.name != name:
            raise PartError(
                f"{place_of(implementation.function)}: find_part is asked for the {kind} {name!r}, "
                f"and returns one that is called {accepted.name!r}; give it that name."
            )
        assert isinstance(accepted, Part)
        plugin.found[kind, name] = accepted
    return plugin.found[kind, name]


def accept(kind: str, hook: str, given: object, taken: Sequence[Part | Tool]) -> Part | Tool:
    """Return what a hook of this kind is given, or refuse it.

    Parameters
    ----------
    taken : sequence of Part or Tool
        What the same plugin has registered already.

    Raises
    ------
    PartError
        If it is not of the kind, or a name is given twice.
    """
    wanted = KINDS.get(kind, Tool)
    if not isinstance(given, wanted) or given.kind != kind:
        made = (
            f"a part made with @nnplug.{kind}"
            if kind in KINDS
            else f"an nnplug.{kind.capitalize()}"
        )
        raise PartError(f"{hook} takes {made}, {_instead(given, kind)}")
    for other in taken:
        if share_a_name(given, other):
            raise PartError(
                f"{kind} {given.name!r} has a name or alias that this plugin has already given "
                f"to {other.name!r} ({other.place})."
            )
    return given


def _instead(given: object, kind: str) -> str:
    """Describe what was given in place of a part or tool of a kind, and what to do."""
    if isinstance(given, Part | Tool):
        hook = next(hook for hook, takes in REGISTER_HOOKS.items() if takes == given.kind)
        return f"not the {given.kind} {given.name!r}; register that in {hook}."
    if inspect.isroutine(given):
        way = (
            f"decorate it with @nnplug.{kind}"
            if kind in KINDS
            else f'write nnplug.{kind.capitalize()}("name", {given.__name__}, ...)'
        )
        return f"not the plain function {given.__name__!r}; {way}."
    return f"not {given!r}."


def share_a_name(one: Part | Tool, other: Part | Tool) -> bool:
    """Whether one look-up would find both."""
    shared = {one.name, *one.aliases} & {other.name, *other.aliases}
    return one.kind == other.kind and bool(shared)


def place_of(thing: object) -> str:
    """Return where a function or class is defined: `file.py:12`."""
    try:
        line = inspect.getsourcelines(thing)[1]  # type: ignore[arg-type]  # a TypeError says that it has none
        return f"{inspect.getsourcefile(thing)}:{line}"  # type: ignore[arg-type]  # as above
    except (OSError, TypeError):
        return repr(thing)
