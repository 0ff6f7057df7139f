"""What `nnplug plugins check` runs in a process of its own: the checks of what a text names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nnplug.errors import NnplugError, OptionError, PluginError, UnknownPartError, suggest
from nnplug.network.layers import find_layers
from nnplug.parts import KINDS, Part, parse_name, parse_part
from nnplug.plugins.elsewhere import how_to_get
from nnplug.plugins.isolated import Event
from nnplug.plugins.plugin import Plugin, normalise_package
from nnplug.plugins.registry import FoundPart, Registry
from nnplug.testing.kit import checks, run_check
from nnplug.testing.report import describe

__all__ = ["check_target", "find_parts"]


def check_target(request: Mapping[str, Any]) -> Iterator[Event]:
    """Load what is asked for and check it.

    Parameters
    ----------
    request : mapping
        `target`: a part, a package or a file; `kind` or None; `engine` or
        None; `plugins` and `strict`, as the command line gives them; `first`,
        the number of the first part to check; `describe`, whether a part's
        event also has what a report shows of it.

    Yields
    ------
    dict
        By its `event`: `"error"` (with `message`; nothing can be checked),
        `"note"`, `"part"` (what it is and the names of its checks), `"start"`
        of a check, and its `"result"`.
    """
    try:
        registry, is_file = _registry(request)
        found, notes = _find(registry, request, is_file=is_file)
    except NnplugError as error:
        yield {"event": "error", "message": str(error)}
        return
    yield from ({"event": "note", "message": note} for note in notes)
    for number, (part, plugin) in enumerate(found):
        if number < request["first"]:
            continue
        try:
            suite = checks(part, engine=request["engine"], provider=plugin.label, registry=registry)
        except NnplugError as error:
            yield {"event": "error", "message": f"{part.kind} {part.text!r}: {error}"}
            return
        described = describe(part) if request.get("describe") else {}
        yield {
            **described,
            "event": "part",
            "number": number,
            "kind": part.kind,
            "name": part.text,
            "package": plugin.package,
            "version": plugin.version,
            "provider": plugin.label,
            "place": part.place,
            "engines": sorted({engine.name for check in suite for engine in check.engines}),
            "checks": {check.name: check.about for check in suite},
        }
        for check in suite:
            yield {"event": "start", "name": check.name}
            result = run_check(check)
            curve = None if result.curve is None else asdict(result.curve)
            yield {
                "event": "result",
                "name": check.name,
                "outcome": result.outcome,
                "message": result.message,
                "seconds": result.seconds,
                "curve": curve,
                "only_in": result.only_in,
            }


def find_parts(request: Mapping[str, Any]) -> tuple[list[FoundPart], Registry]:
    """Find the parts that `check_target` would check, and the registry that they are from.

    Raises
    ------
    NnplugError
        If they cannot be found or loaded.
    """
    registry, is_file = _registry(request)
    return _find(registry, request, is_file=is_file)[0], registry


def _registry(request: Mapping[str, Any]) -> tuple[Registry, bool]:
    """Make the registry of a request, and say whether its target is a file."""
    target, options = request["target"], request["plugins"]
    is_file = target.endswith(".py") or Path(target).is_file()
    named = [*options, target] if is_file else options
    return Registry.from_environment(named, strict=request["strict"]), is_file


def _find(
    registry: Registry, request: Mapping[str, Any], *, is_file: bool
) -> tuple[list[FoundPart], list[str]]:
    """Find the parts that are meant, and the notes about their plugins."""
    target, kind = request["target"], request["kind"]
    if is_file:
        plugins = [plugin for plugin in registry.plugins.known if plugin.entry_point == target]
        return _parts_of(plugins, kind, target)
    found, plugins = _look_up(registry, target.partition("[")[0], kind)
    if not found:
        return _parts_of(plugins, kind, target)
    return [(_as_asked(part, target, registry), plugin) for part, plugin in found], []


def _as_asked(part: Part, target: str, registry: Registry) -> Part:
    """Apply the options after a part's name, and the layers in a layer's brackets."""
    if "[" in target and part.kind == "layer":
        (layer,) = find_layers(target, registry)
        return layer
    values = parse_part(target, part.bare_option).options
    return part.with_options(**values) if values else part


def _look_up(
    registry: Registry, target: str, kind: str | None
) -> tuple[list[FoundPart], list[Plugin]]:
    """Find parts by their name, or else the plugins of a package or entry point."""
    try:
        own = registry.find(target, kind, load=False)
    except OptionError:  # not the name of a part, but it may be a package's
        if ":" in target:
            raise
        own, is_part_name = [], False
    else:
        is_part_name = True
    if own or normalise_package(target) == "nnplug":
        return own or registry.parts(kind), []
    called = registry.plugins.load(target)
    packaged = [plugin for plugin in called if plugin.is_of(target)]
    if packaged:
        return [], packaged
    found = registry.find(target, kind) if is_part_name else []
    if found or called:
        return found, called
    for wanted in ([kind] if kind is not None else KINDS) if is_part_name else ():
        try:
            registry.get(wanted, target)  # says which broken plugin declares it
        except UnknownPartError:
            if kind is not None:
                raise
    known = {name for part, _ in registry.parts() for name in (part.name, *part.aliases)}
    known |= {plugin.package for plugin in registry.plugins.all}
    asked = parse_name(target) if is_part_name else None
    way = asked and how_to_get(asked.name, KINDS, registry.plugins, asked.package)
    raise UnknownPartError(
        f"There is no part, package, entry point or file {target!r}."
        f"{f'{chr(10)}{way}' if way else suggest(target, known)}\n"
        "nnplug plugins list --parts lists every part; a file is written with its ending, .py."
    )


def _parts_of(
    plugins: Sequence[Plugin], kind: str | None, target: str
) -> tuple[list[FoundPart], list[str]]:
    """Return the parts of plugins; refuse a plugin that is not loaded."""
    for plugin in plugins:
        if plugin.state in ("failed", "blocked"):
            raise PluginError(
                f"Plugin {plugin.label} (entry point {plugin.entry_point}) cannot be loaded:\n"
                f"{plugin.cause}"
            )
    found = {
        id(part): (part, plugin)
        for plugin in plugins
        for part in plugin.parts
        if kind in (None, part.kind)
    }
    notes = [f"plugin {plugin.label}: {note}" for plugin in plugins for note in plugin.notes]
    if not found:
        reasons = "".join(f"\n{note}" for note in notes)
        engines = [
            tool.name for plugin in plugins for tool in plugin.provided if tool.kind == "engine"
        ]
        if engines:
            reasons += (
                f"\nCheck a part in its engine: nnplug plugins check NAME --engine {engines[0]}"
            )
        raise PluginError(f"{target} has no {kind or 'part'} to check.{reasons}")
    return list(found.values()), notes
