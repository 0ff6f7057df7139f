"""The name of a new plugin, and the names of everything in it."""

from __future__ import annotations

import builtins
import importlib.util
import keyword
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from nnplug.errors import PluginError
from nnplug.hookspecs import HOOKS
from nnplug.parts import KINDS, normalise_name
from nnplug.plugins.plugin import normalise_package
from nnplug.plugins.registry import Registry

__all__ = ["Names", "choose_names"]

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

# The files of a new package use these names, so a part may not hide them.
_IN_USE = frozenset({"nnplug", "np", "numpy", "pytest", "capsys", "names", "register", *HOOKS})


@dataclass(frozen=True)
class Names:
    """The names in a plugin package.

    Attributes
    ----------
    name : str
        The name that all others are derived from, in snake_case.
    parts : dict of str to str
        By kind, the part's name: with one kind `name` itself, with several
        `name_kind`. Its module and its entry point have the same name.
    """

    name: str
    parts: dict[str, str]

    @property
    def package(self) -> str:
        """What pip installs, in its normal form (PEP 503)."""
        return normalise_package(f"nnplug-{self.name}")

    @property
    def module(self) -> str:
        """What Python imports."""
        return f"nnplug_{self.name}"


def choose_names(text: str, kinds: Sequence[str], registry: Registry) -> Names:
    """Derive every name in a new plugin package, and check that it is free.

    No plugin is imported: names are compared with those of the built-in parts
    and with the packages and entry points that are installed.

    Parameters
    ----------
    text : str
        As the user wrote it; case is ignored, `-` is `_`, and a leading
        `nnplug-` is optional.
    kinds : sequence of str
        The kinds of the parts; repetitions are ignored.

    Raises
    ------
    PluginError
        If the name is malformed or already has another meaning.

    Examples
    --------
    >>> names = choose_names("Soft-Wave", ["activation"], Registry())
    >>> names.package, names.module, names.parts
    ('nnplug-soft-wave', 'nnplug_soft_wave', {'activation': 'soft_wave'})
    >>> choose_names("wavy", ["loss", "metric"], Registry()).parts
    {'loss': 'wavy_loss', 'metric': 'wavy_metric'}
    """
    name = normalise_name(text).removeprefix("nnplug_")
    if not _NAME.fullmatch(name):
        raise PluginError(
            f"{text!r} cannot be the name of a plugin: it becomes the name of a part, of a module "
            "and of a package.\nUse the letters a to z, digits, and single - or _ between them; "
            "begin with a letter, as in soft-wave."
        )
    chosen = dict.fromkeys(kinds)
    for kind in chosen:
        if kind not in KINDS:
            raise PluginError(
                f"There is no kind of part {kind!r}. The kinds are {', '.join(KINDS)}."
            )
    parts = {kind: name if len(chosen) == 1 else f"{name}_{kind}" for kind in chosen}
    names = Names(name, parts)
    for own in dict.fromkeys((name, *parts.values())):
        reason = _taken(own, names, registry)
        if reason:
            raise PluginError(
                f"{text!r} cannot be the name of a plugin: {reason}.\n"
                f"Choose another, for example my-{name.replace('_', '-')}."
            )
    return names


def _taken(name: str, names: Names, registry: Registry) -> str:
    """Describe what a name already means; empty if nothing."""
    for part, plugin in registry.find(name, load=False):
        whose = "built-in" if plugin.state == "built-in" else "local"
        return f"{name!r} is a name of the {whose} {part.kind} {part.name!r}"
    if keyword.iskeyword(name):
        return f"{name!r} is a Python keyword"
    if name in sys.stdlib_module_names:
        return f"{name!r} is a module of Python's standard library"
    if hasattr(builtins, name):
        return f"{name!r} is a built-in name of Python"
    if name.startswith("test"):
        return f"pytest would take {name!r} for a test"
    if name in _IN_USE:
        return f"nnplug uses {name!r} itself in every plugin"
    for plugin in registry.plugins.installed:
        if plugin.is_called(name) or plugin.is_called(names.package):
            return (
                f"{plugin.label} is installed, with the entry point {plugin.entry_point!r}"
                f" (pip uninstall {plugin.package} removes it)"
            )
    if importlib.util.find_spec(names.module) is not None:
        return f"there is already a module {names.module!r}"
    return ""
