"""Finding plugins: reads the metadata of installed packages and imports none of them."""

from __future__ import annotations

import importlib
import re
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pkgutil import iter_modules
from types import FrameType
from typing import Any, Literal

import nnplug
from nnplug.builtin import MODULES
from nnplug.errors import PartError, PluginError
from nnplug.hookspecs import HOOKS, TOOL_HOOKS
from nnplug.parts import Part
from nnplug.tool import Tool

__all__ = [
    "GROUP",
    "LOCAL",
    "Provider",
    "State",
    "builtin_providers",
    "describe_failure",
    "find_installed",
    "local_provider",
    "normalise_package",
    "page_of",
]

GROUP = "nnplug"
"""The group of the entry points."""

LOCAL = "local"
"""Stands for the package of what no package provides."""

State = Literal["built-in", "available", "loaded", "blocked", "failed"]


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
    parts, tools : list
        What it registered: parts, and engines and exporters; empty until it
        is loaded.
    declared : list of tuple of str
        The (kind, name) of all that it tried to register, also when it failed.
    error : BaseException or None
        What made it fail.
    cause : str
        The same on one line, with the author's file and line; for a blocked
        one, what blocks it.
    notes : list of str
        Parts, aliases or tools that were refused, each with the reason.
    """

    package: str
    version: str
    entry_point: str
    module: str
    state: State
    parts: list[Part] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)
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
    def provided(self) -> list[Part | Tool]:
        """All that it registered."""
        return [*self.parts, *self.tools]

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


# --- finding -----------------------------------------------------------------


def builtin_providers() -> dict[str, list[Provider]]:
    """Make the providers of what is built in, by kind, importing none.

    The parts of a kind are a module of `nnplug.builtin`; an engine is a
    folder of `nnplug/engines`.
    """
    modules = {HOOKS[f"register_{name}"]: [f"nnplug.builtin.{name}"] for name in MODULES}
    engines = iter_modules([str(Path(nnplug.__file__).parent / "engines")])
    modules["engine"] = [f"nnplug.engines.{each.name}" for each in engines if each.ispkg]
    kinds = (*HOOKS.values(), *TOOL_HOOKS.values())
    return {kind: [_builtin_provider(each) for each in modules.get(kind, ())] for kind in kinds}


def _builtin_provider(module: str) -> Provider:
    name, load = module.rpartition(".")[2], partial(importlib.import_module, module)
    return Provider("nnplug", nnplug.__version__, name, module, "built-in", load=load)


def local_provider(text: str, module: str, load: Callable[[], Any]) -> Provider:
    """Make the provider of what no package provides."""
    return Provider(LOCAL, "", text, module, "available", load=load)


def find_installed() -> list[Provider]:
    """Read the entry points of every installed package, importing none.

    Package by package, since `importlib.metadata.entry_points()` fails as a
    whole when one package's file is malformed.
    """
    from importlib.metadata import distributions  # noqa: PLC0415  # 15 ms, not for built-in parts

    found: dict[tuple[str, str], Provider] = {}
    seen: set[str] = set()
    for distribution in distributions():
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
            provider.cause = describe_failure(error, provider)
            found[package, ""] = provider
    return sorted(
        found.values(), key=lambda each: (normalise_package(each.package), each.entry_point)
    )


def page_of(provider: Provider) -> str:
    """Give the address of a package's page, as its metadata has it; empty if it has none."""
    from importlib.metadata import metadata as metadata_of  # noqa: PLC0415  # 15 ms, rarely used

    try:
        metadata = metadata_of(provider.package)
    except Exception:  # no package, or one whose metadata is unreadable
        return ""
    listed = (text.partition(",") for text in metadata.get_all("Project-URL") or ())
    pages = {label.strip().lower(): address.strip() for label, _, address in listed}
    if "Home-page" in metadata:
        pages.setdefault("homepage", metadata["Home-page"])
    known = ("homepage", "documentation", "repository", "source", *pages)
    return next((pages[label] for label in known if label in pages), "")


# --- describing a failure ----------------------------------------------------


def describe_failure(error: BaseException, provider: Provider) -> str:
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
    return name == "nnplug.plugins.manager" or name.partition(".")[0] == "importlib"


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
