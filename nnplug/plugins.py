"""Plugins: finding, blocking and loading them, each isolated from the others.

A plugin is what an entry point of the group `nnplug` names. Finding plugins
reads metadata and imports nothing. Loading one imports it, checks its hooks
and calls them; whatever fails on the way is rolled back and noted at its
provider, and the other plugins never hear of it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import re
import sys
import textwrap
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Literal, NoReturn, Self

import pluggy

import nnplug
from nnplug import hookspecs
from nnplug.builtin import MODULES
from nnplug.errors import PartError, PluginError, suggest
from nnplug.hookspecs import HOOKS
from nnplug.parts import KINDS, Part

__all__ = ["GROUP", "LOCAL", "PluginManager", "Provider", "normalise_package"]

GROUP = "nnplug"
"""The group of the entry points."""

LOCAL = "local"
"""Stands for the package of what no package provides."""

State = Literal["built-in", "available", "loaded", "blocked", "failed"]

_SPECIFICATIONS = {
    name: tuple(inspect.signature(function).parameters)
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if function.__module__ == hookspecs.__name__
}
"""Every hook with the names of its arguments."""


def normalise_package(name: str) -> str:
    """Bring a package's name to the one spelling by which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


@dataclass(eq=False)
class Provider:
    """Where parts come from: one entry point of one package.

    Attributes
    ----------
    package, version : str
        The distribution; `"local"` and `""` for a file or for Python code.
    entry_point : str
        The entry point's name; the module's for a built-in, the text as given
        for what `-p` loaded.
    module : str
        What is imported: `"package.module"` or `"package.module:attribute"`.
    state : str
        `"built-in"`, `"available"` (found, not imported), `"loaded"`,
        `"blocked"` (never imported) or `"failed"`.
    parts : list of Part
        What it registered; empty until it is loaded.
    declared : list of tuple of str
        The (kind, name) of all that it tried to register, also when it failed.
    error : BaseException or None
        What made it fail.
    cause : str
        The same on one line, with the author's file and line; for a blocked
        one, what blocks it.
    notes : list of str
        Parts or aliases that were refused, each with the reason.
    """

    package: str
    version: str
    entry_point: str
    module: str
    state: State
    parts: list[Part] = field(default_factory=list)
    declared: list[tuple[str, str]] = field(default_factory=list)
    error: BaseException | None = None
    cause: str = ""
    notes: list[str] = field(default_factory=list)
    load: Callable[[], Any] = field(default=lambda: None, repr=False)

    @property
    def plugin_name(self) -> str:
        """Its name in pluggy, which two packages cannot share."""
        return f"{self.package}:{self.entry_point}"

    @property
    def label(self) -> str:
        """Package and version, for a person."""
        if self.package == LOCAL and self.entry_point:
            return f"{LOCAL} ({self.entry_point})"
        return f"{self.package} {self.version}".rstrip()

    @property
    def traceback(self) -> str:
        """The traceback of what made it fail, without nnplug's own frames.

        Empty where `cause` says all: an error of nnplug about the plugin.
        """
        if self.error is None or isinstance(self.error, PartError | PluginError):
            return ""
        frames = self.error.__traceback__
        while frames is not None and _is_machinery(frames.tb_frame):
            frames = frames.tb_next
        lines = traceback.format_exception(type(self.error), self.error, frames)
        return "".join(lines).rstrip()

    def is_called(self, name: str) -> bool:
        """Whether its package or its entry point has this name, by PEP 503."""
        wanted = normalise_package(name)
        return wanted in (normalise_package(self.package), normalise_package(self.entry_point))


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
    ) -> None:
        self.strict = strict
        self._blocked = tuple(blocked)
        self._allowed = None if allowed is None else tuple(allowed)
        self._pluggy = pluggy.PluginManager(GROUP)
        self._pluggy.add_hookspecs(hookspecs)
        self._builtin = [_builtin_provider(name) for name in MODULES]
        self._local: list[Provider] = []
        self._installed: list[Provider] | None = None
        for text in dict.fromkeys(local):
            self._load_local(text)

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
        return [*self._builtin, *self._local, *self.installed]

    @property
    def known(self) -> list[Provider]:
        """The providers that are known so far, without looking for others."""
        return [*self._builtin, *self._local, *(self._installed or ())]

    @property
    def installed(self) -> list[Provider]:
        """The providers of installed packages; reads metadata, imports nothing."""
        if self._installed is None:
            self._installed = _find_installed()
            for provider in self._installed:
                self._block(provider)
        return self._installed

    def _block(self, provider: Provider) -> None:
        """Mark a provider that must not be imported."""
        by = [name for name in self._blocked if provider.is_called(name)]
        if by:
            provider.state, provider.cause = "blocked", f"blocked by no:{by[0]}"
        elif self._allowed is not None and not any(map(provider.is_called, self._allowed)):
            provider.state, provider.cause = "blocked", "not among the plugins that are allowed"

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

    def builtin(self, kind: str) -> Provider:
        """Give the built-in parts of a kind, imported on first use."""
        provider = next(
            each for each in self._builtin if HOOKS[f"register_{each.entry_point}"] == kind
        )
        if not self._pluggy.has_plugin(provider.plugin_name):
            self._register(provider, provider.load())
        return provider

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

    def _load(self, providers: list[Provider]) -> list[Provider]:
        for provider in providers:
            self._load_one(provider, fatal=self.strict)
        return providers

    def _load_one(self, provider: Provider, *, fatal: bool) -> None:
        if provider.state == "available":
            try:
                self._register(provider, provider.load())
                provider.state = "loaded"
            except (Exception, SystemExit) as error:
                self._roll_back(provider, error)
        if fatal and provider.state == "failed":
            raise PluginError(
                f"Plugin {provider.label} cannot be loaded:\n{provider.cause}\n{provider.traceback}"
            ) from provider.error
        if fatal and provider.notes:
            raise PluginError(f"Plugin {provider.label}: {provider.notes[0]}")

    def _load_local(self, text: str) -> None:
        """Load what `-p` names; it was asked for, so a failure is an error."""
        if text.endswith(".py") or "/" in text or os.sep in text:
            path = Path(text).resolve()
            if not path.is_file():
                raise PluginError(f"-p {text}: there is no file {path}.")
            module = f"nnplug_local_{re.sub(r'[^a-zA-Z0-9]', '_', path.stem)}"
            found = [_local_provider(text, module, partial(_import_file, module, path))]
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
            found = [_local_provider(text, text, partial(importlib.import_module, text))]
        self._local += [each for each in found if each.package == LOCAL]
        for provider in found:
            self._load_one(provider, fatal=True)

    def add_local(self, part: Part) -> Provider:
        """Take a part from Python code, until the end of this process.

        A part that is defined anew (a notebook's cell that runs again)
        replaces the older one.

        Raises
        ------
        PluginError
            If the name is built in, or another local part has it.
        """
        provider = _local_provider("", part.function.__module__, lambda: None)
        provider.state = "loaded"
        provider.parts = [part]
        self._refuse_builtin_names(provider)
        if provider.notes:
            raise PluginError(f"{part.place}: {provider.notes[0]}")
        for other in list(self._local):
            clash = [each for each in other.parts if _share_a_name(part, each)]
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
            provider.parts = next(each.parts for each in self.known if each.plugin_name == twin)
            return
        is_bare = provider.package == LOCAL and not _hooks_of(self._pluggy, plugin)
        _check_hooks(self._pluggy, plugin, may_be_empty=is_bare)
        self._pluggy.register(plugin, provider.plugin_name)
        parts: list[Part] = []
        for hook, kind in HOOKS.items():
            take = partial(_take, kind, hook, parts, provider.declared)
            for implementation in getattr(self._pluggy.hook, hook).get_hookimpls():
                if implementation.plugin_name == provider.plugin_name:
                    result = implementation.function(take)
                    if result is not None:
                        raise PluginError(
                            f"{_place_of(implementation.function)}: {hook} returns a "
                            f"{type(result).__name__}; it calls register(part) for each part and "
                            "returns nothing."
                        )
        if is_bare:  # a one-off file may leave out the hooks: its parts are taken as they stand
            for part in vars(plugin).values():
                if isinstance(part, Part) and part.function.__module__ == plugin.__name__:
                    _take(part.kind, "", parts, provider.declared, part)
        if is_bare and not parts:
            raise PluginError("it has neither a part nor a hook.")
        provider.parts = parts
        if provider.state != "built-in":
            self._refuse_builtin_names(provider)

    def _refuse_builtin_names(self, provider: Provider) -> None:
        """Take away the names that are reserved; a part without a name goes."""
        kept: list[Part] = []
        for part in provider.parts:
            reserved = {
                name: each
                for each in self.builtin(part.kind).parts
                for name in (each.name, *each.aliases)
            }
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

    def _roll_back(self, provider: Provider, error: BaseException) -> None:
        """Leave nothing behind of a plugin that failed but the reason."""
        if self._pluggy.has_plugin(provider.plugin_name):
            self._pluggy.unregister(name=provider.plugin_name)
        provider.state = "failed"
        provider.parts, provider.notes = [], []
        provider.error = error
        provider.cause = _describe(error, provider)


# --- finding -----------------------------------------------------------------


def _builtin_provider(name: str) -> Provider:
    module = f"nnplug.builtin.{name}"
    load = partial(importlib.import_module, module)
    return Provider("nnplug", nnplug.__version__, name, module, "built-in", load=load)


def _local_provider(text: str, module: str, load: Callable[[], Any]) -> Provider:
    return Provider(LOCAL, "", text, module, "available", load=load)


def _find_installed() -> list[Provider]:
    """Read the entry points of every installed package, importing none.

    Package by package, since `importlib.metadata.entry_points()` fails as a
    whole when one package's file is malformed.
    """
    found: dict[tuple[str, str], Provider] = {}
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        try:
            if f"[{GROUP}]" not in (distribution.read_text("entry_points.txt") or ""):
                continue
            package, version = distribution.name, distribution.version
            key = normalise_package(package)
        except Exception:  # its metadata is unreadable: there is no name to report it by
            continue
        if key in seen:  # in a later folder of sys.path: Python would import the earlier
            continue
        seen.add(key)
        try:
            for point in distribution.entry_points.select(group=GROUP):
                found[package, point.name] = Provider(
                    package, version, point.name, point.value, "available", load=point.load
                )
        except Exception as error:
            provider = Provider(package, version, "", "entry_points.txt", "failed", error=error)
            provider.cause = _describe(error, provider)
            found[package, ""] = provider
    return sorted(
        found.values(), key=lambda each: (normalise_package(each.package), each.entry_point)
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


# --- checking ----------------------------------------------------------------


def _hooks_of(manager: pluggy.PluginManager, plugin: Any) -> dict[str, Any]:
    """Find what a plugin marks as an implementation, by the hook's name."""
    found = {}
    for name in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is not None:
            found[options.get("specname") or name] = getattr(plugin, name)
    return found


def _check_hooks(manager: pluggy.PluginManager, plugin: Any, *, may_be_empty: bool) -> None:
    """Refuse what pluggy would pass over without a word."""

    def wrong(function: Any, reason: str) -> NoReturn:
        raise PluginError(f"{_place_of(function)}: {reason}")

    if inspect.isclass(plugin):
        wrong(plugin, f"{plugin.__name__} is a class; let the entry point name an instance of it.")
    marked = _hooks_of(manager, plugin)
    for hook in _SPECIFICATIONS:
        plain = getattr(plugin, hook, None)
        if inspect.isroutine(plain) and hook not in marked:
            wrong(plain, f"{hook} is not decorated: put @nnplug.hookimpl above it.")
    for hook, function in marked.items():
        if hook not in _SPECIFICATIONS:
            wrong(function, f"there is no hook {hook!r}.{suggest(hook, _SPECIFICATIONS)}")
        wanted = _SPECIFICATIONS[hook]
        arguments = inspect.signature(function).parameters.values()
        form = f"def {hook}({', '.join(wanted)})"
        for argument in arguments:
            if argument.name not in wanted:
                wrong(function, f"{hook} is not given {argument.name!r}; write {form}.")
            if argument.default is not argument.empty:
                # pluggy passes only what has no default
                wrong(function, f"{hook}: {argument.name!r} must have no default; write {form}.")
        if hook in HOOKS and len(arguments) != len(wanted):
            wrong(function, f"{hook} does not take 'register'; write {form}.")
        if inspect.isgeneratorfunction(function):
            wrong(function, f"{hook} yields; it must be a plain function.")
    if not marked and not may_be_empty:
        raise PluginError(
            "it implements no hook of nnplug. Write for example\n"
            "@nnplug.hookimpl\ndef register_activations(register): register(my_activation)"
        )


def _take(
    kind: str, hook: str, parts: list[Part], declared: list[tuple[str, str]], part: Any
) -> None:
    """Take one part of a kind: what a hook is given as `register`."""
    if isinstance(part, Part):
        declared.append((part.kind, part.name))
    if not isinstance(part, KINDS[kind]):
        raise PartError(f"{hook} takes a part made with @nnplug.{kind}, {_what(part, kind)}")
    for other in parts:
        if _share_a_name(part, other):
            raise PartError(
                f"{kind} {part.name!r} has a name or alias that this plugin gave already, "
                f"to {other.name!r} ({other.place})."
            )
    parts.append(part)


def _what(given: Any, kind: str) -> str:
    if isinstance(given, Part):
        hook = next(hook for hook, takes in HOOKS.items() if takes == given.kind)
        return f"not the {given.kind} {given.name!r}; register that in {hook}."
    if inspect.isroutine(given):
        return f"not the plain function {given.__name__!r}; decorate it with @nnplug.{kind}."
    return f"not {given!r}."


def _share_a_name(one: Part, other: Part) -> bool:
    names = {one.name, *one.aliases} & {other.name, *other.aliases}
    return one.kind == other.kind and bool(names)


def _is_redefinition(old: Part, new: Part) -> bool:
    return all(
        getattr(old.function, key) == getattr(new.function, key)
        for key in ("__module__", "__qualname__")
    )


# --- describing a failure ----------------------------------------------------


def _place_of(thing: Any) -> str:
    """Say where something is defined: `file.py:12`."""
    try:
        line = inspect.getsourcelines(thing)[1]
        return f"{inspect.getsourcefile(thing)}:{line}"
    except (OSError, TypeError):
        return repr(thing)


def _describe(error: BaseException, provider: Provider) -> str:
    """Put a failure on one line: the author's file and line, type and message."""
    message = " ".join(str(error).split())
    own = isinstance(error, PartError | PluginError)
    if isinstance(error, SystemExit):
        message = f"it calls sys.exit({error.code!r})"
    elif not own:
        message = f"{type(error).__name__}: {message}".rstrip(": ")
    if not (own and ".py:" in message):  # nnplug's own errors may name the place
        place = _author_place(error, provider.module)
        where = f"entry point {provider.entry_point!r} ({provider.module})"
        message = f"{place or where}: {message}"
    return textwrap.shorten(message, 500)


def _is_machinery(frame: FrameType) -> bool:
    """Whether a frame is of nnplug's loading or of Python's importing."""
    name = str(frame.f_globals.get("__name__", ""))
    return name == __name__ or name.partition(".")[0] == "importlib"


def _author_place(error: BaseException, module: str) -> str:
    """Find the innermost line of the plugin's own code in a traceback."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    top = module.partition(":")[0].partition(".")[0]
    places = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == top
    ]
    return places[-1] if places else ""
