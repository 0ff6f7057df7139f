"""Names of parts and tools on the command line: the types of options, and what TAB offers."""

from __future__ import annotations

import atexit
import os
import re
import sys
import threading
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import click

from nnplug.cli.completion import Items, offer, offer_files, packages
from nnplug.cli.options import plugins_given

if TYPE_CHECKING:
    from nnplug.plugins.registry import Found, Registry

__all__ = ["PartType", "ToolType", "complete_data", "complete_layers", "complete_shown"]

_PATIENCE = 1.0
"""Seconds that all plugins together have to load: a person is waiting."""

_LAST_LAYER = re.compile(r"((?:.*[\s\[\]])?)([^\s\[\]]*)", re.DOTALL)
"""What stands before the last layer of a text, and that layer."""


class PartType(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """The text form of a part; its names complete in the shell."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.name = kind

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Name the value in the help, briefly; the epilog explains its form.

        click before 8.2 gives no context.
        """
        return "PART"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
        """Offer the names of this kind, including those of installed plugins."""
        wanted = _as_name(incomplete)
        return offer(_names(ctx, [self.kind], wanted), wanted)


class ToolType(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """The name of a tool, or a word in its place; names complete in the shell."""

    def __init__(self, kind: str, *words: str) -> None:
        self.kind, self.name = kind, kind
        self.words = words

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
        """Offer the words and the names of this kind, including those of installed plugins."""
        names = {**dict.fromkeys(self.words, ""), **_names(ctx, [self.kind], incomplete)}
        return offer(names, incomplete)


def complete_data(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer files; where no file begins like this, the names of datasets."""
    if not incomplete or _begins_a_file(incomplete):
        return offer_files(incomplete)
    return offer(_names(ctx, ["dataset"], incomplete), incomplete) or offer_files(incomplete)


def _begins_a_file(incomplete: str) -> bool:
    from pathlib import Path

    path = Path(incomplete).expanduser()
    folder, start = (path, "") if incomplete.endswith("/") else (path.parent, path.name)
    try:
        with os.scandir(folder) as found:
            return any(entry.name.startswith(start) for entry in found)
    except OSError:
        return False


def complete_layers(ctx: click.Context, incomplete: str) -> Items:
    """Offer layers and activations for the last word of a network's text."""
    before, last = _LAST_LAYER.fullmatch(incomplete).groups()  # type: ignore[union-attr]  # both may be empty, so that all text matches
    if before.endswith("]"):  # a layer ends here
        return []
    wanted = _as_name(last)
    found = offer(_names(ctx, ["layer", "activation"], wanted), wanted)
    for item in found:
        item.value = f"{before}{item.value}"
    return found


def complete_shown(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer what can be shown or checked: parts of every kind and packages, or else files."""
    from nnplug.hookspecs import HOOKS

    if incomplete.startswith((".", "/", "~")):
        return offer_files(incomplete)
    found = {**_names(ctx, HOOKS.values(), incomplete), **packages()}
    return offer(dict(sorted(found.items())), incomplete) or offer_files(incomplete)


def _as_name(text: str) -> str:
    """Write a part's name as it is registered; after a package it must already be so."""
    return text if "/" in text else text.lower().replace("-", "_")


def _names(ctx: click.Context, kinds: Collection[str], incomplete: str) -> dict[str, str]:
    """Return names of parts or tools with a summary of each; after `package/`, that package's."""
    package, slash, start = incomplete.rpartition("/")
    found = {
        f"{package}{slash}{part.name}": part.summary
        for part, plugin in _loaded(ctx, kinds, package or start)
        if not slash or plugin.is_before_slash(package)
    }
    return dict(sorted(found.items()))


def _loaded(ctx: click.Context, kinds: Iterable[str], wanted: str) -> list[Found]:
    """List the built-in parts or tools, and those of the plugins that load in time.

    A plugin's parts are known only once it is imported, and that may take
    long or never end. So plugins are loaded in a thread, first those whose
    name begins with what was typed; what has not loaded in time is not offered.
    """
    from nnplug.plugins.registry import Registry

    kinds = list(kinds)
    builtin = Registry(allowed=())
    registries = [builtin]
    for kind in kinds:
        builtin.plugins.builtin(kind)
    stdout = sys.stdout

    def load() -> None:
        registry = _lenient_registry(ctx)
        for kind in kinds:
            registry.plugins.builtin(kind)
        registries.append(registry)
        for plugin in registry.plugins.installed:
            if plugin.entry_point.startswith(wanted) or plugin.is_called(wanted):
                registry.plugins.load(plugin.package)
        registry.plugins.load_all()

    loading = threading.Thread(target=load, daemon=True)
    loading.start()
    loading.join(_PATIENCE)
    if loading.is_alive():
        sys.stdout = stdout  # while a plugin loads, stdout goes to stderr
        atexit.register(_leave)
    return [
        (part, plugin)
        for plugin in registries[-1].plugins.known
        for part in plugin.provided
        if part.kind in kinds and plugin.state in ("built-in", "loaded")
    ]


def _leave() -> None:
    """End at once, whatever a plugin is still doing."""
    sys.stdout.flush()
    os._exit(0)


def _lenient_registry(ctx: click.Context) -> Registry:
    """Make a registry that answers even if a plugin is broken and all are to be strict."""
    from nnplug.errors import NnplugError
    from nnplug.plugins.loading import Plugins
    from nnplug.plugins.registry import Registry

    lenient = {key: value for key, value in os.environ.items() if key != "NNPLUG_STRICT_PLUGINS"}
    options, _ = plugins_given(ctx)
    try:
        return Registry(plugins=Plugins.from_environment(options, environment=lenient))
    except NnplugError:  # what -p names is broken: the rest can still be offered
        blocked = [text for text in options if text.startswith("no:")]
        return Registry(plugins=Plugins.from_environment(blocked, environment=lenient))
