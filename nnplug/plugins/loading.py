"""The plugins of this environment: blocked or loaded, each isolated from the others.

Loading a plugin imports it, checks its hooks and calls them. Whatever fails on
the way is rolled back and noted at that plugin; the others are not affected.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

import pluggy

from nnplug import hookspecs
from nnplug.errors import PluginError, suggest
from nnplug.parts import Part
from nnplug.plugins.hooks import check_hooks, collect, find_part, hooks_of, share_a_name
from nnplug.plugins.plugin import (
    GROUP,
    LOCAL,
    Plugin,
    builtin_plugins,
    find_installed,
    local_file,
    local_plugin,
    normalise_package,
)
from nnplug.tool import Tool

__all__ = ["Plugins"]


class Plugins:
    """Every plugin of this environment, loaded when it is asked for.

    Construction scans and imports nothing except what `local` names.

    Parameters
    ----------
    blocked : collection of str, optional
        Packages or entry points that are never imported.
    allowed : collection of str, optional
        If given, every other package and entry point is blocked; if empty,
        only the built-in plugins are left.
    strict : bool, optional
        Make the first failure of any plugin an error, with its traceback.
    local : collection of str, optional
        What to load at once: a file (`./my_part.py`), a module
        (`package.module`) or an installed plugin. It is an error if one is broken.
    installed : sequence of Plugin, optional
        The installed plugins; by default they are looked for.

    Raises
    ------
    PluginError
        If something in `local` cannot be loaded.
    """

    def __init__(
        self,
        *,
        blocked: Collection[str] = (),
        allowed: Collection[str] | None = None,
        strict: bool = False,
        local: Collection[str] = (),
        installed: Sequence[Plugin] | None = None,
    ) -> None:
        self.strict = strict
        self._blocked = tuple(blocked)
        self._allowed = None if allowed is None else tuple(allowed)
        self._pluggy = pluggy.PluginManager(GROUP)
        self._pluggy.add_hookspecs(hookspecs)
        self._builtin = builtin_plugins()
        self._local: list[Plugin] = []
        self._named: list[Plugin] = []
        self._installed: list[Plugin] | None = None
        if installed is not None:
            self._take_installed(installed)
        for text in dict.fromkeys(local):
            self.load_named(text)

    @classmethod
    def from_environment(
        cls,
        options: Sequence[str] = (),
        *,
        strict: bool = False,
        environment: Mapping[str, str] = os.environ,
    ) -> Self:
        """Read `-p` options and environment variables.

        Parameters
        ----------
        options : sequence of str, optional
            The values of `-p`: `no:NAME` blocks, anything else is `local`.
        strict : bool, optional
            The same as `NNPLUG_STRICT_PLUGINS=1`.
        environment : mapping, optional
            `NNPLUG_PLUGINS=a,b` allows only these; if it is empty, none.
        """
        listed = environment.get("NNPLUG_PLUGINS")
        truth = environment.get("NNPLUG_STRICT_PLUGINS", "").strip().lower()
        return cls(
            blocked=[text.removeprefix("no:") for text in options if text.startswith("no:")],
            allowed=None
            if listed is None
            else [name for name in listed.split(",") if name.strip()],
            strict=strict or truth not in ("", "0", "false", "no"),
            local=[text for text in options if not text.startswith("no:")],
        )

    # --- which there are -----------------------------------------------------

    @property
    def all(self) -> list[Plugin]:
        """Every plugin: the built-in ones, the local ones, the installed ones by name."""
        return [*self._built_in(), *self._local, *self.installed]

    @property
    def known(self) -> list[Plugin]:
        """The plugins that are known so far, without looking for installed ones."""
        return [*self._built_in(), *self._local, *(self._installed or ())]

    def _built_in(self) -> list[Plugin]:
        return [plugin for plugins in self._builtin.values() for plugin in plugins]

    @property
    def is_scanned(self) -> bool:
        """Whether the installed plugins have been looked for."""
        return self._installed is not None

    @property
    def installed(self) -> list[Plugin]:
        """The plugins of installed packages; reads metadata, imports nothing."""
        if self._installed is None:
            return self._take_installed(find_installed())
        return self._installed

    def _take_installed(self, plugins: Sequence[Plugin]) -> list[Plugin]:
        """Remember the installed plugins, and block those that are not to be loaded."""
        self._installed = list(plugins)
        for plugin in self._installed:
            by = [name for name in self._blocked if plugin.is_called(name)]
            if by:
                plugin.state, plugin.cause = "blocked", f"blocked by -p no:{by[0]}"
            elif self._allowed is not None and not any(map(plugin.is_called, self._allowed)):
                plugin.state, plugin.cause = "blocked", "not named in NNPLUG_PLUGINS"
        return self._installed

    @property
    def unmatched(self) -> list[str]:
        """A sentence for each blocked or allowed name that no installed plugin has."""
        given = [(f"-p no:{name}", name) for name in self._blocked]
        given += [(f"NNPLUG_PLUGINS: {name.strip()!r}", name) for name in self._allowed or ()]
        names = {name for plugin in self.installed for name in (plugin.package, plugin.entry_point)}
        return [
            f"{text} matches no installed package or entry point.{suggest(name.strip(), names)}"
            for text, name in given
            if not any(plugin.is_called(name) for plugin in self.installed)
        ]

    def namesakes(self, plugin: Plugin) -> list[Plugin]:
        """List other packages' plugins whose entry point has the same name, except blocked ones."""
        name = normalise_package(plugin.entry_point)
        return [
            other
            for other in self.installed
            if normalise_package(other.entry_point) == name
            and other.package != plugin.package
            and "blocked" not in (other.state, plugin.state)
        ]

    @property
    def named(self) -> list[Plugin]:
        """The plugins that `-p` asked for by name."""
        return list(self._named)

    def implementations(self, hook: str) -> list[tuple[Plugin, Callable[..., object]]]:
        """List the loaded plugins' functions for a hook, in the order of their registration.

        The caller calls them one by one, so that a failure has one culprit.
        """
        names = {plugin.plugin_name: plugin for plugin in self.known}
        return [
            (names[implementation.plugin_name], implementation.function)
            for implementation in getattr(self._pluggy.hook, hook).get_hookimpls()
        ]

    # --- loading -------------------------------------------------------------

    def builtin(self, kind: str) -> list[Plugin]:
        """Return the built-in plugins of a kind, imported on first use."""
        for plugin in self._builtin[kind]:
            if not self._pluggy.has_plugin(plugin.plugin_name):
                self._register(plugin, plugin.load())
        return self._builtin[kind]

    def load(self, name: str) -> list[Plugin]:
        """Load the plugins whose package or entry point has this name.

        Returns
        -------
        list of Plugin
            Those that have the name, whatever state they are in now.
        """
        called = (p for p in self.installed if p.is_called(name) or p.is_before_slash(name))
        return self._load([*called])

    def load_entry_point(self, name: str) -> list[Plugin]:
        """Load the plugins whose entry point has this name, whatever their package."""
        wanted = normalise_package(name)
        return self._load(
            [plugin for plugin in self.installed if normalise_package(plugin.entry_point) == wanted]
        )

    def load_all(self) -> list[Plugin]:
        """Load every installed plugin that is not blocked."""
        return self._load(self.installed)

    def load_named(self, text: str) -> None:
        """Load what `-p` names. It was asked for, so a failure is an error.

        Parameters
        ----------
        text : str
            As in `local`.

        Raises
        ------
        PluginError
            If there is no such plugin, or it cannot be loaded.
        """
        if text.endswith(".py") or "/" in text or os.sep in text:
            path = Path(text).resolve()
            if not path.is_file():
                raise PluginError(f"-p {text}: there is no file {path}.")
            found = [local_file(text, path)]
        else:
            found = self.asked_for(text)
            blocked = [plugin for plugin in found if plugin.state == "blocked"]
            if blocked:
                raise PluginError(f"-p {text}: plugin {blocked[0].label} is {blocked[0].cause}.")
        if not found:
            if not _exists(text):
                raise PluginError(
                    f"-p {text}: there is no module, installed plugin or entry point with "
                    "this name.\nA file is written with its ending: -p ./my_part.py."
                )
            found = [local_plugin(text, text, partial(importlib.import_module, text))]
        self._local += [plugin for plugin in found if plugin.package == LOCAL]
        self._named += found
        self._load(found, asked_by=f"-p {text}")

    def asked_for(self, text: str) -> list[Plugin]:
        """Find the installed plugins that `-p` names; NNPLUG_PLUGINS blocks them no longer."""
        found = [
            plugin for plugin in self.installed if text == plugin.module or plugin.is_called(text)
        ]
        for plugin in found:
            if plugin.state == "blocked" and not plugin.cause.startswith("blocked by"):
                plugin.state, plugin.cause = "available", ""
        return found

    def _load(self, plugins: list[Plugin], asked_by: str = "") -> list[Plugin]:
        for plugin in plugins:
            if plugin.state == "available":
                self._load_one(plugin)
            if self.strict or asked_by:
                self._refuse_failure(plugin, asked_by)
        return plugins

    def _load_one(self, plugin: Plugin) -> None:
        try:
            with redirect_stdout(sys.stderr):  # stdout belongs to the command that runs
                self._register(plugin, plugin.load())
            plugin.state = "loaded"
        except (Exception, SystemExit) as error:  # a plugin may call sys.exit
            if self._pluggy.has_plugin(plugin.plugin_name):
                self._pluggy.unregister(name=plugin.plugin_name)
            plugin.fail(error)

    def _refuse_failure(self, plugin: Plugin, asked_by: str) -> None:
        """Raise an error for a failure, since `-p` asked for the plugin or all must load."""
        if plugin.state == "failed":
            end = (
                plugin.traceback
                if self.strict
                else f"{asked_by} asks for it; nnplug --debug shows a traceback."
            )
            raise PluginError(
                f"Plugin {plugin.label} cannot be loaded:\n{plugin.cause}\n{end}".rstrip()
            ) from plugin.error
        if plugin.notes:
            raise PluginError(f"Plugin {plugin.label}: {plugin.notes[0]}")

    def _register(self, plugin: Plugin, module: object) -> None:
        """Register a plugin and collect its parts: all of them, or an exception."""
        twin = self._pluggy.get_name(module)
        if twin is not None:  # two entry points may name one module
            first = next(known for known in self.known if known.plugin_name == twin)
            plugin.provided = first.provided
            return
        # A one-off local file may leave out the hooks.
        is_bare = plugin.package == LOCAL and not hooks_of(self._pluggy, module)
        check_hooks(self._pluggy, module, may_be_empty=is_bare)
        self._pluggy.register(module, plugin.plugin_name)
        plugin.provided = collect(self._pluggy, plugin, module, is_bare=is_bare)
        if plugin.state != "built-in":
            self._refuse_builtin_names(plugin)

    def add_local(self, part: Part) -> Plugin:
        """Add a part from Python code, until the end of this process.

        A part that is defined again (in a notebook's cell that runs again)
        replaces the older one.

        Raises
        ------
        PluginError
            If the name is built in, or another local part has it.
        """
        plugin = local_plugin("", part.function.__module__, lambda: None)
        plugin.state, plugin.provided = "loaded", [part]
        self._refuse_builtin_names(plugin)
        if plugin.notes:
            raise PluginError(f"{part.place}: {plugin.notes[0]}")
        for other in list(self._local):
            clash = [old for old in other.provided if share_a_name(part, old)]
            if clash and not _is_redefinition(clash[0], part):
                raise PluginError(
                    f"{part.place}: {part.kind} {part.name!r}: another local {part.kind} has this "
                    f"name or alias, at {clash[0].place}.\nGive one of them another name."
                )
            other.provided = [old for old in other.provided if old not in clash]
            if clash and not other.provided:
                self._local.remove(other)
        self._local.append(plugin)
        return plugin

    def find_part(
        self, kind: str, name: str, plugins: Sequence[Plugin]
    ) -> list[tuple[Part, Plugin]]:
        """Ask the hook `find_part` of some plugins for a part; see `hooks.find_part`."""
        asked = {plugin.plugin_name: plugin for plugin in plugins if plugin.state == "loaded"}
        return [
            (part, asked[implementation.plugin_name])
            for implementation in self._pluggy.hook.find_part.get_hookimpls()
            if implementation.plugin_name in asked
            and (part := find_part(asked[implementation.plugin_name], implementation, kind, name))
        ]

    def _refuse_builtin_names(self, plugin: Plugin) -> None:
        """Refuse names of built-in parts: drop the alias, or the part if it is its name."""
        kept: list[Part | Tool] = []
        for part in plugin.provided:
            reserved = {
                name
                for builtin in self.builtin(part.kind)
                for own in builtin.provided
                for name in (own.name, *own.aliases)
            }
            for name in (part.name, *part.aliases):
                if name in reserved:
                    what = "" if name == part.name else f"the alias {name!r} of "
                    plugin.notes.append(
                        f"{what}its {part.kind} {part.name!r} is refused: "
                        f"{name!r} is a built-in {part.kind}'s name ({part.place})"
                    )
            if part.name not in reserved:
                free = tuple(name for name in part.aliases if name not in reserved)
                if isinstance(part, Tool) or free == part.aliases:
                    kept.append(part)
                else:
                    kept.append(replace(part, aliases=free))
        plugin.provided = kept


def _is_redefinition(old: Part | Tool, new: Part) -> bool:
    return all(
        getattr(old.function, key) == getattr(new.function, key)
        for key in ("__module__", "__qualname__")
    )


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError as error:  # of a parent package
        return not module.startswith(f"{error.name}")
    except (Exception, SystemExit):  # a parent that fails: importing it will say how
        return True
