"""The rules of a plugin's hooks: mistakes that pluggy passes over without a word."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, NoReturn

import pluggy

from nnplug import hookspecs
from nnplug.errors import PartError, PluginError, suggest
from nnplug.hookspecs import HOOKS, TOOL_HOOKS
from nnplug.parts import KINDS, Part
from nnplug.tool import Tool

__all__ = ["accept", "check_hooks", "hooks_of", "near_misses", "place_of", "share_a_name"]

SPECIFICATIONS = {
    name: tuple(inspect.signature(function).parameters)
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if function.__module__ == hookspecs.__name__
}
"""Every hook with the names of its arguments."""


def hooks_of(manager: pluggy.PluginManager, plugin: Any) -> dict[str, Any]:
    """Find what a plugin marks as an implementation, by the hook's name."""
    found = {}
    for name in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is not None:
            found[options.get("specname") or name] = getattr(plugin, name)
    return found


def check_hooks(manager: pluggy.PluginManager, plugin: Any, *, may_be_empty: bool) -> None:
    """Refuse what pluggy would pass over without a word.

    Raises
    ------
    PluginError
        With the author's file and line, and the form that is right.
    """

    def wrong(function: Any, reason: str) -> NoReturn:
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
        if hook in (HOOKS | TOOL_HOOKS) and len(arguments) != len(wanted):
            wrong(function, f"{hook} does not take 'register'; write {form}.")
        if inspect.isgeneratorfunction(function):
            wrong(function, f"{hook} yields; it must be a plain function.")
    if not marked and not may_be_empty:
        raise PluginError(
            "it implements no hook of nnplug. Write for example\n"
            "@nnplug.hookimpl\ndef register_activations(register): register(my_activation)"
        )


def near_misses(plugin: Any) -> list[str]:
    """Find plain functions whose name is nearly that of a hook, which nobody will call."""
    found = []
    for name, function in sorted(vars(plugin).items()) if hasattr(plugin, "__dict__") else ():
        near = suggest(name, SPECIFICATIONS)
        if (
            name.startswith(("register", "on_"))
            and "_" in name
            and near
            and name not in SPECIFICATIONS
            and inspect.isfunction(function)
            and not hasattr(function, "nnplug_impl")  # an unknown hook is an error by itself
        ):
            found.append(
                f"{place_of(function)}: nobody calls {name!r}: there is no such hook.{near}"
            )
    return found


def accept(kind: str, hook: str, given: Any, taken: Sequence[Part | Tool]) -> None:
    """Refuse what a hook of this kind does not take.

    Parameters
    ----------
    taken : sequence of Part or Tool
        What the same plugin has registered already.

    Raises
    ------
    PartError
        If it is nothing of the kind, or a name is given twice.
    """
    is_part = kind in KINDS
    if not isinstance(given, KINDS[kind] if is_part else Tool) or given.kind != kind:
        made = f"a part made with @nnplug.{kind}" if is_part else f"an nnplug.{kind.capitalize()}"
        raise PartError(f"{hook} takes {made}, {_what(given, kind)}")
    for other in taken:
        if share_a_name(given, other):
            raise PartError(
                f"{kind} {given.name!r} has a name or alias that this plugin gave already, "
                f"to {other.name!r} ({other.place})."
            )


def _what(given: Any, kind: str) -> str:
    if isinstance(given, Part | Tool):
        hooks = (HOOKS | TOOL_HOOKS).items()
        hook = next(hook for hook, takes in hooks if takes == given.kind)
        return f"not the {given.kind} {given.name!r}; register that in {hook}."
    if inspect.isroutine(given):
        way = (
            f"decorate it with @nnplug.{kind}"
            if kind in KINDS
            else (f'write nnplug.{kind.capitalize()}("name", {given.__name__}, ...)')
        )
        return f"not the plain function {given.__name__!r}; {way}."
    return f"not {given!r}."


def share_a_name(one: Part | Tool, other: Part | Tool) -> bool:
    """Whether one look-up would find both."""
    names = {one.name, *one.aliases} & {other.name, *other.aliases}
    return one.kind == other.kind and bool(names)


def place_of(thing: Any) -> str:
    """Say where something is defined: `file.py:12`."""
    try:
        line = inspect.getsourcelines(thing)[1]
        return f"{inspect.getsourcefile(thing)}:{line}"
    except (OSError, TypeError):
        return repr(thing)
