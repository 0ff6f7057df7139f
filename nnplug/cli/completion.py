"""What a shell offers when TAB is pressed: parts, plugins, runs, models and files."""

from __future__ import annotations

import atexit
import os
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from nnplug.cli.terminal import safe

if TYPE_CHECKING:
    from nnplug.parts import Part
    from nnplug.plugins.manager import Provider
    from nnplug.plugins.registry import Registry
    from nnplug.tool import Tool

__all__ = [
    "COMPLETING",
    "complete_data",
    "complete_file",
    "complete_layers",
    "complete_model",
    "complete_part",
    "complete_plugin",
    "complete_run",
    "complete_shown",
    "complete_tool",
]

COMPLETING = os.environ.get("_NNPLUG_COMPLETE", "").endswith("_complete")
"""Whether a shell asks for completions; nothing may then be written besides them."""

_PATIENCE = 1.0
"""Seconds that plugins have to load, together: somebody waits with a finger on TAB."""

_PLAIN = re.compile(r"[\w./+-]+")
"""What a shell takes as it stands. Other names are not offered, so that none is ever run."""

_LAST_LAYER = re.compile(r"((?:.*[\s\[\]])?)([^\s\[\]]*)", re.DOTALL)
"""What stands before the last layer of a text, and that layer's."""

Items = list[CompletionItem[Any]]


def _items(names: Iterable[str] | dict[str, str], incomplete: str) -> Items:
    """Offer the names that begin as what was typed, with what is said of them."""
    about = names if isinstance(names, dict) else dict.fromkeys(names)
    return [
        CompletionItem(name, help=safe(" ".join(text.split())) if text else None)
        for name, text in about.items()
        if name.startswith(incomplete) and _PLAIN.fullmatch(name)
    ]


def _files(incomplete: str, kind: str = "file") -> Items:
    """Let the shell look for files."""
    return [CompletionItem(incomplete, type=kind)]


# --- files, runs, models -----------------------------------------------------------------


def complete_file(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer files."""
    return _files(incomplete)


def complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer the runs in `runs`, the latest first, and then folders."""
    return _items(_runs(), incomplete) or _files(incomplete, "dir")


def complete_model(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer the model files that are here, runs, and then files of any name."""
    from pathlib import Path

    here = sorted(each.name for each in Path().glob("*.safetensors"))
    return _items([*_runs(), *here], incomplete) or _files(incomplete)


def _runs() -> list[str]:
    """List the runs by their names, which begin with the time; importing what reads them is slow.

    `find_run` decides what such a name means.
    """
    from pathlib import Path

    from nnplug.cli.find_run import RUNS

    try:
        names = [each.parent.name for each in Path(RUNS).glob("*/config.toml")]
    except OSError:
        names = []
    return ["latest", *sorted(names, reverse=True)] if names else []


def complete_data(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer files, and a dataset's name where no file begins so."""
    if not incomplete or _begins_a_file(incomplete):
        return _files(incomplete)
    return _items(_named(ctx, ["dataset"], incomplete), incomplete) or _files(incomplete)


def _begins_a_file(incomplete: str) -> bool:
    from pathlib import Path

    path = Path(incomplete).expanduser()
    folder, start = (path, "") if incomplete.endswith("/") else (path.parent, path.name)
    try:
        with os.scandir(folder) as found:
            return any(each.name.startswith(start) for each in found)
    except OSError:
        return False


# --- parts and plugins -------------------------------------------------------------------


def complete_part(ctx: click.Context, kind: str, incomplete: str) -> Items:
    """Offer the names of a kind's parts, of installed plugins too."""
    wanted = incomplete.lower().replace("-", "_") if "/" not in incomplete else incomplete
    return _items(_named(ctx, [kind], wanted), wanted)


def complete_tool(ctx: click.Context, kind: str, incomplete: str, words: Iterable[str]) -> Items:
    """Offer words, and the names of a kind's tools, of installed plugins too."""
    return _items({**dict.fromkeys(words, ""), **_named(ctx, [kind], incomplete)}, incomplete)


def complete_layers(ctx: click.Context, incomplete: str) -> Items:
    """Offer layers and activations for the last word of a network's text."""
    before, last = _LAST_LAYER.fullmatch(incomplete).groups()  # type: ignore[union-attr]  # both may be empty, so that all text matches
    if before.endswith("]"):  # a layer ends here
        return []
    wanted = last.lower().replace("-", "_") if "/" not in last else last
    found = _items(_named(ctx, ["layer", "activation"], wanted), wanted)
    for each in found:
        each.value = f"{before}{each.value}"
    return found


def complete_plugin(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer the installed packages, importing none, and then files."""
    block = "no:" if incomplete.startswith("no:") else ""
    typed = incomplete.removeprefix(block)
    found = _items(sorted(_packages()), typed)
    for each in found:
        each.value = f"{block}{each.value}"
    return found or _files(incomplete)


def complete_shown(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer what can be shown or checked: parts of every kind, packages, and then files."""
    from nnplug.hookspecs import HOOKS

    if incomplete.startswith((".", "/", "~")):
        return _files(incomplete)
    found = {**_named(ctx, HOOKS.values(), incomplete), **_packages()}
    return _items(dict(sorted(found.items())), incomplete) or _files(incomplete)


def _packages() -> dict[str, str]:
    """Give the packages that have plugins, from their metadata."""
    from nnplug.plugins.discovery import find_installed

    return {each.package: "package" for each in find_installed()}


def _named(ctx: click.Context, kinds: Iterable[str], incomplete: str) -> dict[str, str]:
    """Give what parts or tools are called, and what they are; of `package/name` the package's."""
    from nnplug.plugins.manager import normalise_package

    package, slash, start = incomplete.rpartition("/")

    def is_of(provider: Provider) -> bool:
        return not slash or normalise_package(package) == normalise_package(provider.package)

    found = {
        f"{package}{slash}{part.name}": part.summary
        for part, provider in _loaded(ctx, list(kinds), package or start)
        if is_of(provider)
    }
    return dict(sorted(found.items()))


def _loaded(
    ctx: click.Context, kinds: list[str], wanted: str
) -> list[tuple[Part | Tool, Provider]]:
    """List the parts or tools, of those plugins too that load in time.

    Whatever they hold is only known once they are imported, and one may take
    long or never end. So they are loaded beside, first those whose name
    begins as what was typed, and what is not there in time is not offered.
    """
    import threading

    from nnplug.plugins.manager import PluginManager
    from nnplug.plugins.registry import Registry

    builtin = Registry(PluginManager(allowed=()))
    registries = [builtin]
    for kind in kinds:
        builtin.plugins.builtin(kind)
    stdout = sys.stdout

    def load() -> None:
        registry = _registry(ctx)
        for kind in kinds:
            registry.plugins.builtin(kind)
        registries.append(registry)
        for each in registry.plugins.installed:
            if each.entry_point.startswith(wanted) or each.is_called(wanted):
                registry.plugins.load(each.package)
        registry.plugins.load_all()

    loading = threading.Thread(target=load, daemon=True)
    loading.start()
    loading.join(_PATIENCE)
    if loading.is_alive():
        sys.stdout = stdout  # while a plugin is loaded, what it prints goes to stderr
        atexit.register(_leave)
    return [
        (each, provider)
        for provider in registries[-1].plugins.known
        for each in provider.provided
        if each.kind in kinds and provider.state in ("built-in", "loaded")
    ]


def _leave() -> None:
    """End at once, whatever a plugin still does."""
    sys.stdout.flush()
    os._exit(0)


def _registry(ctx: click.Context) -> Registry:
    """Make a registry that no broken plugin and no strictness can keep from answering."""
    from nnplug.cli.options import plugins_given
    from nnplug.errors import NnplugError
    from nnplug.plugins.manager import PluginManager
    from nnplug.plugins.registry import Registry

    lenient = {key: value for key, value in os.environ.items() if key != "NNPLUG_STRICT_PLUGINS"}
    options, _ = plugins_given(ctx)
    try:
        return Registry(PluginManager.from_environment(options, environment=lenient))
    except NnplugError:  # what -p names is broken: the rest can still be offered
        blocked = [text for text in options if text.startswith("no:")]
        return Registry(PluginManager.from_environment(blocked, environment=lenient))
