"""A plugin, and finding the installed ones: package metadata is read, nothing is imported."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import textwrap
import traceback
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pkgutil import iter_modules
from types import FrameType, ModuleType
from typing import Literal

import nnplug
from nnplug.builtin import MODULES
from nnplug.errors import PartError, PluginError
from nnplug.hookspecs import HOOKS, REGISTER_HOOKS
from nnplug.parts import Part
from nnplug.tool import Tool

__all__ = [
    "GROUP",
    "LOCAL",
    "Plugin",
    "State",
    "builtin_plugins",
    "describe_failure",
    "find_installed",
    "local_file",
    "local_plugin",
    "normalise_package",
]

GROUP = "nnplug"
"""The entry-point group of plugins."""

LOCAL = "local"
"""Stands in for the package of files and of Python code."""

State = Literal["built-in", "available", "loaded", "blocked", "failed"]


def normalise_package(name: str) -> str:
    """Normalise a package's name, as names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


@dataclass(eq=False)
class Plugin:
    """What one entry point of one package names, or one local file or module.

    Attributes
    ----------
    package, version : str
        The distribution; `"local"` and `""` for a file or for Python code.
    entry_point : str
        The entry point's name; for a built-in plugin the module's name, for
        one that `-p` loaded the text as given.
    module : str
        What is imported: `"package.module"` or `"package.module:attribute"`.
    state : str
        `"built-in"`, `"available"` (found, not imported), `"loaded"`,
        `"blocked"` (never imported) or `"failed"`.
    provided : list of Part or Tool
        What it registered; empty until it is loaded.
    found : dict of tuple of str to Part
        What its hook `find_part` gave, by kind and name.
    declared : list of tuple of str
        The (kind, name) of everything it tried to register, even if it failed.
    error : BaseException or None
        What made it fail.
    cause : str
        The same on one line, with the author's file and line; for a blocked
        plugin, what blocks it.
    notes : list of str
        Parts, aliases or tools that were refused, each with the reason.
    load : callable
        Imports it and returns its module or object.
    """

    package: str
    version: str
    entry_point: str
    module: str
    state: State
    provided: list[Part | Tool] = field(default_factory=list)
    found: dict[tuple[str, str], Part] = field(default_factory=dict)
    declared: list[tuple[str, str]] = field(default_factory=list)
    error: BaseException | None = None
    cause: str = ""
    notes: list[str] = field(default_factory=list)
    load: Callable[[], object] = field(default=lambda: None, repr=False)

    @property
    def parts(self) -> list[Part]:
        """The parts that it registered, without its engines and exporters."""
        return [part for part in self.provided if isinstance(part, Part)]

    @property
    def plugin_name(self) -> str:
        """Its name in pluggy, which no two plugins share."""
        return f"{self.package}:{self.entry_point}"

    @property
    def label(self) -> str:
        """Package and version, as messages show them."""
        if self.package == LOCAL and self.entry_point:
            return f"{LOCAL} ({self.entry_point})"
        return f"{self.package} {self.version}".rstrip()

    @property
    def module_key(self) -> tuple[str, ...]:
        """What the entry points of one module share: they are loaded once, with one outcome."""
        return self.package, self.version, self.module, self.state, self.cause

    def is_called(self, name: str) -> bool:
        """Whether its package or its entry point has this name, compared as PEP 503 says."""
        return self.is_of(name) or normalise_package(name) == normalise_package(self.entry_point)

    def is_of(self, package: str) -> bool:
        """Whether its package has this name, compared as PEP 503 says."""
        return normalise_package(package) == normalise_package(self.package)

    def is_before_slash(self, package: str) -> bool:
        """Whether `package/name` may mean a part of it: `nnplug-NAME` may be called NAME there."""
        own = normalise_package(self.package)
        return normalise_package(package) in (own, own.removeprefix(f"{GROUP}-"))

    def provides(self, part: Part | Tool) -> bool:
        """Whether it registered or found this part, whatever the part's options are now."""
        return any(
            own.function is part.function and own.kind == part.kind and own.name == part.name
            for own in (*self.provided, *self.found.values())
        )

    def fail(self, error: BaseException) -> None:
        """Mark it as failed and forget everything it registered."""
        self.state, self.error, self.cause = "failed", error, describe_failure(error, self)
        self.provided, self.notes, self.found = [], [], {}

    @property
    def traceback(self) -> str:
        """The traceback of what made it fail, without nnplug's own frames.

        Empty where `cause` says everything: for an error of nnplug about the plugin.
        """
        if self.error is None or isinstance(self.error, PartError | PluginError):
            return ""
        frames = self.error.__traceback__
        while frames is not None and _is_machinery(frames.tb_frame):
            frames = frames.tb_next
        lines = traceback.format_exception(type(self.error), self.error, frames)
        return "".join(lines).rstrip()

    @property
    def page(self) -> str:
        """The address of its package's page, from the metadata; empty if there is none."""
        from importlib.metadata import metadata as metadata_of  # noqa: PLC0415  # 15 ms, rarely used

        try:
            metadata = metadata_of(self.package)
        except Exception:  # no package, or one with unreadable metadata
            return ""
        listed = (text.partition(",") for text in metadata.get_all("Project-URL") or ())
        pages = {label.strip().lower(): address.strip() for label, _, address in listed}
        if "Home-page" in metadata:
            pages.setdefault("homepage", metadata["Home-page"])
        known = ("homepage", "documentation", "repository", "source", *pages)
        return next((pages[label] for label in known if label in pages), "")


# --- finding -----------------------------------------------------------------


def builtin_plugins() -> dict[str, list[Plugin]]:
    """Make the plugins of what is built in, by kind, importing none of them.

    The parts of a kind are a module of `nnplug.builtin`; an engine is a
    folder of `nnplug/engines`; the exporters are those of `nnplug.exporters`.
    """
    modules = {HOOKS[f"register_{name}"]: [f"nnplug.builtin.{name}"] for name in MODULES}
    folders = iter_modules([str(Path(nnplug.__file__).parent / "engines")])
    modules["engine"] = [f"nnplug.engines.{folder.name}" for folder in folders if folder.ispkg]
    modules["exporter"] = ["nnplug.exporters"]
    return {
        kind: [_builtin_plugin(module) for module in modules.get(kind, ())]
        for kind in REGISTER_HOOKS.values()
    }


def _builtin_plugin(module: str) -> Plugin:
    name, load = module.rpartition(".")[2], partial(importlib.import_module, module)
    return Plugin("nnplug", nnplug.__version__, name, module, "built-in", load=load)


def local_plugin(text: str, module: str, load: Callable[[], object]) -> Plugin:
    """Make the plugin of a file or of Python code, which no package provides."""
    return Plugin(LOCAL, "", text, module, "available", load=load)


def local_file(text: str, path: Path) -> Plugin:
    """Make the plugin of a file; its module gets a name that no other file's has."""
    stem = re.sub(r"[^a-zA-Z0-9]", "_", path.stem)
    module = f"nnplug_local_{stem}_{zlib.crc32(str(path).encode()):08x}"
    return local_plugin(text, module, partial(_import_file, module, path))


def _import_file(name: str, path: Path) -> ModuleType:
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


def find_installed() -> list[Plugin]:
    """Read the entry points of every installed package, importing none.

    Package by package, since `importlib.metadata.entry_points()` fails as a
    whole when one package's file is malformed.
    """
    from importlib.metadata import distributions  # noqa: PLC0415  # 15 ms, not for built-in parts

    found: dict[tuple[str, str], Plugin] = {}
    seen: set[str] = set()
    for distribution in distributions():
        try:
            if f"[{GROUP}]" not in (distribution.read_text("entry_points.txt") or ""):
                continue
            package, version = distribution.name, distribution.version
            key = normalise_package(package)
        except Exception:  # unreadable metadata: there is no name to report it by
            continue
        if key in seen:  # in a later folder of sys.path: Python would import the earlier
            continue
        seen.add(key)
        try:
            for point in distribution.entry_points.select(group=GROUP):
                found[package, point.name] = Plugin(
                    package, version, point.name, point.value, "available", load=point.load
                )
        except Exception as error:
            broken = Plugin(package, version, "", "entry_points.txt", "available")
            broken.fail(error)
            found[package, ""] = broken
    return sorted(
        found.values(), key=lambda plugin: (normalise_package(plugin.package), plugin.entry_point)
    )


# --- describing a failure ----------------------------------------------------


def describe_failure(error: BaseException, plugin: Plugin) -> str:
    """Describe a failure on one line: the author's file and line, type and message."""
    message = " ".join(str(error).split())
    own = isinstance(error, PartError | PluginError)
    if isinstance(error, SystemExit):
        message = f"it calls sys.exit({error.code!r})"
    elif not own:
        message = f"{type(error).__name__}: {message}".rstrip(": ")
    if not (own and ".py:" in message):  # nnplug's own errors often name the place
        place = _author_place(error, plugin.module)
        where = f"entry point {plugin.entry_point!r} ({plugin.module})"
        message = f"{place or where}: {message}"
    return textwrap.shorten(message, 500)


def _is_machinery(frame: FrameType) -> bool:
    """Whether a frame belongs to nnplug's loading or to Python's import system."""
    name = str(frame.f_globals.get("__name__", ""))
    return name.startswith("nnplug.plugins.") or name.partition(".")[0] == "importlib"


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
