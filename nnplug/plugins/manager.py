"""Plugins: blocking and loading them, each isolated from the others.

A plugin is what an entry point of the group `nnplug` names. Loading one
imports it, checks its hooks and calls them; whatever fails on the way is
rolled back and noted at its provider, and the other plugins never hear of it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import pluggy

from nnplug import hookspecs
from nnplug.errors import PluginError, suggest
from nnplug.hookspecs import HOOKS, TOOL_HOOKS
from nnplug.parts import Part
from nnplug.plugins.checks import accept, check_hooks, hooks_of, place_of, share_a_name
from nnplug.plugins.discovery import (
    GROUP,
    LOCAL,
    Provider,
    builtin_providers,
    describe_failure,
    find_installed,
    local_provider,
    normalise_package,
)
from nnplug.tool import Tool

__all__ = ["GROUP", "LOCAL", "PluginManager", "Provider", "normalise_package"]


class PluginManager:
    """Knows the plugins of this environment and loads them when asked.

    Nothing is scanned or imported on construction but what `local` names.

    Parameters
    ----------
    blocked : collection of str, optional
        Packages or entry points that are never imported.
    allowed : collection of str, optional
        If given, every other package and entry point is blocked; empty
        leaves the built-ins only.
    strict : bool, optional
        Make the first failure of any plugin an error, with its traceback.
    local : collection of str, optional
        What to load at once: a file (`./my_part.py`), a module
        (`package.module`) or an installed plugin. Always an error if broken.
    installed : sequence of Provider, optional
        What to take as installed, instead of looking.

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
        installed: Sequence[Provider] | None = None,
    ) -> None:
        self.strict = strict
        self._blocked = tuple(blocked)
        self._allowed = None if allowed is None else tuple(allowed)
        self._pluggy = pluggy.PluginManager(GROUP)
        self._pluggy.add_hookspecs(hookspecs)
        self._builtin = builtin_providers()
        self._local: list[Provider] = []
        self._named: list[Provider] = []
        self._installed: list[Provider] | None = None
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
        """Make a manager from `-p` options and environment variables.

        Parameters
        ----------
        options : sequence of str, optional
            The values of `-p`: `no:NAME` blocks, anything else is `local`.
        strict : bool, optional
            As `NNPLUG_STRICT_PLUGINS=1`.
        environment : mapping, optional
            `NNPLUG_PLUGINS=a,b` allows these alone; empty, none.
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

    # --- what there is -------------------------------------------------------

    @property
    def providers(self) -> list[Provider]:
        """Every provider: the built-ins, the local ones, the installed by name."""
        return [*self._built_in(), *self._local, *self.installed]

    @property
    def is_scanned(self) -> bool:
        """Whether the installed plugins have been looked for."""
        return self._installed is not None

    @property
    def known(self) -> list[Provider]:
        """The providers that are known so far, without looking for others."""
        return [*self._built_in(), *self._local, *(self._installed or ())]

    def _built_in(self) -> list[Provider]:
        return [provider for several in self._builtin.values() for provider in several]

    @property
    def installed(self) -> list[Provider]:
        """The providers of installed packages; reads metadata, imports nothing."""
        return (
            self._take_installed(find_installed()) if self._installed is None else self._installed
        )

    def _take_installed(self, providers: Sequence[Provider]) -> list[Provider]:
        self._installed = list(providers)
        for provider in self._installed:
            by = [name for name in self._blocked if provider.is_called(name)]
            if by:
                provider.state, provider.cause = "blocked", f"blocked by -p no:{by[0]}"
            elif self._allowed is not None and not any(map(provider.is_called, self._allowed)):
                provider.state, provider.cause = "blocked", "not named in NNPLUG_PLUGINS"
        return self._installed

    @property
    def unmatched(self) -> list[str]:
        """A sentence for each blocked or allowed name that no installed plugin has."""
        given = [(f"-p no:{name}", name) for name in self._blocked]
        given += [(f"NNPLUG_PLUGINS: {name.strip()!r}", name) for name in self._allowed or ()]
        names = {name for each in self.installed for name in (each.package, each.entry_point)}
        return [
            f"{text} matches no installed package or entry point.{suggest(name.strip(), names)}"
            for text, name in given
            if not any(each.is_called(name) for each in self.installed)
        ]

    def namesakes(self, provider: Provider) -> list[Provider]:
        """List other packages' plugins whose entry point has the same name, blocked ones aside."""
        name = normalise_package(provider.entry_point)
        return [
            each
            for each in self.installed
            if normalise_package(each.entry_point) == name
            and each.package != provider.package
            and "blocked" not in (each.state, provider.state)
        ]

    @property
    def named(self) -> list[Provider]:
        """The providers that were asked for by name, with `-p`."""
        return list(self._named)

    def implementations(self, hook: str) -> list[tuple[Provider, Callable[..., Any]]]:
        """List what the loaded plugins do at a hook, first registered first.

        Each is called by itself, so that a failure has one culprit.
        """
        names = {provider.plugin_name: provider for provider in self.known}
        return [
            (names[implementation.plugin_name], implementation.function)
            for implementation in getattr(self._pluggy.hook, hook).get_hookimpls()
        ]

    # --- loading -------------------------------------------------------------

    def builtin(self, kind: str) -> list[Provider]:
        """Give the providers of what is built in of a kind, imported on first use."""
        for provider in self._builtin[kind]:
            if not self._pluggy.has_plugin(provider.plugin_name):
                self._register(provider, provider.load())
        return self._builtin[kind]

    def load(self, name: str) -> list[Provider]:
        """Load the plugins whose package or entry point has this name.

        Returns
        -------
        list of Provider
            Those that have the name, in whatever state they are now.
        """
        return self._load([each for each in self.installed if each.is_called(name)])

    def load_entry_point(self, name: str) -> list[Provider]:
        """Load the plugins whose entry point has this name, whatever their package."""
        wanted = normalise_package(name)
        return self._load(
            [each for each in self.installed if normalise_package(each.entry_point) == wanted]
        )

    def load_all(self) -> list[Provider]:
        """Load every installed plugin that is not blocked."""
        return self._load(self.installed)

    def _load(self, providers: list[Provider], asked_by: str = "") -> list[Provider]:
        for provider in providers:
            if provider.state == "available":
                self._load_one(provider)
            if self.strict or asked_by:
                self._refuse_failure(provider, asked_by)
        return providers

    def _load_one(self, provider: Provider) -> None:
        try:
            with redirect_stdout(sys.stderr):  # stdout belongs to the command that runs
                self._register(provider, provider.load())
            provider.state = "loaded"
        except (Exception, SystemExit) as error:
            self._roll_back(provider, error)

    def _refuse_failure(self, provider: Provider, asked_by: str) -> None:
        """Make a failure an error: `-p` asked for the plugin, or all are to be strict."""
        if provider.state == "failed":
            end = (
                "" if self.strict else f"{asked_by} asks for it; nnplug --debug shows a traceback."
            )
            raise PluginError(
                f"Plugin {provider.label} cannot be loaded:\n{provider.cause}\n"
                f"{end or provider.traceback}".rstrip()
            ) from provider.error
        if provider.notes:
            raise PluginError(f"Plugin {provider.label}: {provider.notes[0]}")

    def load_named(self, text: str) -> None:
        """Load what `-p` names; it was asked for, so a failure is an error.

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
            stem = re.sub(r"[^a-zA-Z0-9]", "_", path.stem)
            module = f"nnplug_local_{stem}_{zlib.crc32(str(path).encode()):08x}"
            found = [local_provider(text, module, partial(_import_file, module, path))]
        else:
            found = [each for each in self.installed if text == each.module or each.is_called(text)]
            for provider in found:
                if provider.cause.startswith("blocked by"):
                    raise PluginError(f"-p {text}: plugin {provider.label} is {provider.cause}.")
                provider.state = "available" if provider.state == "blocked" else provider.state
        if not found:
            if not _exists(text):
                raise PluginError(
                    f"-p {text}: there is no module, no installed plugin and no entry point of "
                    "this name.\nA file is written with its ending: -p ./my_part.py."
                )
            found = [local_provider(text, text, partial(importlib.import_module, text))]
        self._local += [each for each in found if each.package == LOCAL]
        self._named += found
        self._load(found, asked_by=f"-p {text}")

    def add_local(self, part: Part) -> Provider:
        """Take a part from Python code, until the end of this process.

        A part that is defined anew (a notebook's cell that runs again)
        replaces the older one.

        Raises
        ------
        PluginError
            If the name is built in, or another local part has it.
        """
        provider = local_provider("", part.function.__module__, lambda: None)
        provider.state = "loaded"
        provider.parts = [part]
        self._refuse_builtin_names(provider)
        if provider.notes:
            raise PluginError(f"{part.place}: {provider.notes[0]}")
        for other in list(self._local):
            clash = [each for each in other.parts if share_a_name(part, each)]
            if clash and not _is_redefinition(clash[0], part):
                raise PluginError(
                    f"{part.place}: {part.kind} {part.name!r}: another local {part.kind} has this "
                    f"name or alias, at {clash[0].place}.\nGive one of them another name."
                )
            other.parts = [each for each in other.parts if each not in clash]
            if clash and not other.parts:
                self._local.remove(other)
        self._local.append(provider)
        return provider

    def _register(self, provider: Provider, plugin: Any) -> None:
        """Register a plugin and collect its parts: all of them, or an exception."""
        twin = self._pluggy.get_name(plugin)
        if twin is not None:  # two entry points may name one module
            first = next(each for each in self.known if each.plugin_name == twin)
            provider.parts, provider.tools = first.parts, first.tools
            return
        is_bare = provider.package == LOCAL and not hooks_of(self._pluggy, plugin)
        check_hooks(self._pluggy, plugin, may_be_empty=is_bare)
        self._pluggy.register(plugin, provider.plugin_name)
        parts: list[Part] = []
        tools: list[Tool] = []
        for hook, kind in {**HOOKS, **TOOL_HOOKS}.items():
            taken: list[Any] = parts if hook in HOOKS else tools
            take = partial(_take, provider, kind, hook, taken)
            for implementation in getattr(self._pluggy.hook, hook).get_hookimpls():
                if implementation.plugin_name == provider.plugin_name:
                    result = implementation.function(take)
                    if result is not None:
                        what = "part" if hook in HOOKS else kind
                        raise PluginError(
                            f"{place_of(implementation.function)}: {hook} returns a "
                            f"{type(result).__name__}; it calls register({what}) for each {what} "
                            "and returns nothing."
                        )
        if is_bare:  # a one-off file may leave out the hooks: its parts are taken as they stand
            for each in vars(plugin).values():
                own = isinstance(each, Part | Tool)
                if own and each.function.__module__ == plugin.__name__:
                    _take(provider, each.kind, "", parts if isinstance(each, Part) else tools, each)
        if is_bare and not parts and not tools:
            raise PluginError("it has neither a part nor a hook.")
        provider.parts, provider.tools = parts, tools
        if provider.state != "built-in":
            self._refuse_builtin_names(provider)

    def _refuse_builtin_names(self, provider: Provider) -> None:
        """Take away the names that are reserved; a part or tool without a name goes."""
        for tool in list(provider.tools):
            if tool.name in self._reserved(tool.kind):
                provider.tools.remove(tool)
                provider.notes.append(
                    f"its {tool.kind} {tool.name!r} is refused: it is the name of a built-in "
                    f"{tool.kind} ({tool.place})"
                )
        kept: list[Part] = []
        for part in provider.parts:
            reserved = self._reserved(part.kind)
            for name in (part.name, *part.aliases):
                if name in reserved:
                    what = "" if name == part.name else f"the alias {name!r} of "
                    provider.notes.append(
                        f"{what}its {part.kind} {part.name!r} is refused: "
                        f"{name!r} is a built-in {part.kind}'s name ({part.place})"
                    )
            if part.name not in reserved:
                free = tuple(name for name in part.aliases if name not in reserved)
                kept.append(part if free == part.aliases else replace(part, aliases=free))
        provider.parts = kept

    def _reserved(self, kind: str) -> set[str]:
        """List the names of what is built in of a kind."""
        return {
            name
            for provider in self.builtin(kind)
            for each in provider.provided
            for name in (each.name, *each.aliases)
        }

    def _roll_back(self, provider: Provider, error: BaseException) -> None:
        """Leave nothing behind of a plugin that failed but the reason."""
        if self._pluggy.has_plugin(provider.plugin_name):
            self._pluggy.unregister(name=provider.plugin_name)
        provider.state = "failed"
        provider.parts, provider.tools, provider.notes = [], [], []
        provider.error = error
        provider.cause = describe_failure(error, provider)


# --- one plugin --------------------------------------------------------------


def _take(provider: Provider, kind: str, hook: str, taken: list[Any], given: Any) -> None:
    """Take one part or tool of a kind: what a hook is given as `register`."""
    if isinstance(given, Part | Tool):
        provider.declared.append((given.kind, given.name))
    accept(kind, hook, given, taken)
    taken.append(given)


def _is_redefinition(old: Part, new: Part) -> bool:
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


def _import_file(name: str, path: Path) -> Any:
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
