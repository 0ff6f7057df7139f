"""What `nnplug.testing.isolated` runs in a process of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nnplug.errors import NnplugError, OptionError, PluginError, UnknownPartError, suggest
from nnplug.hookspecs import HOOKS
from nnplug.network.layers import find_layers
from nnplug.parts import Part, parse_part
from nnplug.plugins.manager import Provider, normalise_package
from nnplug.plugins.registry import Found, Registry
from nnplug.testing.kit import checks, run_check

__all__ = ["main"]


def main(request: Mapping[str, Any]) -> None:
    """Load what is asked for, check it, and write the events to stdout."""
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever a plugin prints, by whatever way, is no event
    with os.fdopen(answer, "w", encoding="utf-8") as stream:
        for event in _events(request):
            stream.write(json.dumps(event) + "\n")
            stream.flush()


def _events(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    target, options = request["target"], request["plugins"]
    is_file = target.endswith(".py") or Path(target).is_file()
    try:
        named = [*options, target] if is_file else options
        registry = Registry.from_environment(named, strict=request["strict"])
        found, notes = _find(registry, request, is_file=is_file)
    except NnplugError as error:
        yield {"event": "error", "message": str(error)}
        return
    yield from ({"event": "note", "message": note} for note in notes)
    for number, (part, provider) in enumerate(found):
        if number < request["first"]:
            continue
        try:
            suite = checks(
                part, engine=request["engine"], provider=provider.label, registry=registry
            )
        except NnplugError as error:
            yield {"event": "error", "message": f"{part.kind} {part.text!r}: {error}"}
            return
        yield {
            "event": "part",
            "number": number,
            "kind": part.kind,
            "name": part.text,
            "package": provider.package,
            "version": provider.version,
            "provider": provider.label,
            "place": part.place,
            "engines": sorted({each.name for check in suite for each in check.engines}),
            "checks": {each.name: each.about for each in suite},
        }
        for each in suite:
            yield {"event": "start", "name": each.name}
            result = run_check(each)
            curve = None if result.curve is None else asdict(result.curve)
            yield {
                "event": "result",
                "name": each.name,
                "outcome": result.outcome,
                "message": result.message,
                "seconds": result.seconds,
                "curve": curve,
            }
    yield {"event": "end"}


def _find(
    registry: Registry, request: Mapping[str, Any], *, is_file: bool
) -> tuple[list[Found], list[str]]:
    """Find the parts that are meant, and what is to be known of their plugins."""
    target, kind = request["target"], request["kind"]
    if is_file:
        providers = [each for each in registry.plugins.known if each.entry_point == target]
        return _parts_of(providers, kind, target)
    found, providers = _look_up(registry, target.partition("[")[0], kind)
    if not found:
        return _parts_of(providers, kind, target)
    return [(_as_asked(part, target, registry), provider) for part, provider in found], []


def _as_asked(part: Part, target: str, registry: Registry) -> Part:
    """Give a part the options that stand after its name, and the layers that it is to hold."""
    if "[" in target and part.kind == "layer":
        (layer,) = find_layers(target, registry)
        return layer
    values = parse_part(target, part.bare_option).options
    return part.with_options(**values) if values else part


def _look_up(
    registry: Registry, target: str, kind: str | None
) -> tuple[list[Found], list[Provider]]:
    """Find parts by their name, or else the plugins of a package or entry point."""
    try:
        own = registry.find(target, kind, load=False)
    except OptionError:  # not the name of a part, but it may be a package's
        if ":" in target:
            raise
        own, is_part_name = [], False
    else:
        is_part_name = True
    package = normalise_package(target)
    if own or package == "nnplug":
        return own or registry.parts(kind), []
    called = registry.plugins.load(target)
    packaged = [each for each in called if normalise_package(each.package) == package]
    if packaged:
        return [], packaged
    found = registry.find(target, kind) if is_part_name else []
    if found or called:
        return found, called
    for each in ([kind] if kind is not None else HOOKS.values()) if is_part_name else ():
        try:
            registry.get(each, target)  # says which broken plugin declares it
        except UnknownPartError:
            if kind is not None:
                raise
    known = {name for part, _ in registry.parts() for name in (part.name, *part.aliases)}
    known |= {each.package for each in registry.plugins.providers}
    raise UnknownPartError(
        f"There is no part, package, entry point or file {target!r}.{suggest(target, known)}\n"
        "nnplug plugins list --parts lists every part; a file is written with its ending, .py."
    )


def _parts_of(
    providers: Sequence[Provider], kind: str | None, target: str
) -> tuple[list[Found], list[str]]:
    """Take the parts of plugins, each of which must have been loaded."""
    for provider in providers:
        if provider.state in ("failed", "blocked"):
            raise PluginError(
                f"Plugin {provider.label} (entry point {provider.entry_point}) cannot be loaded:\n"
                f"{provider.cause}"
            )
    found = {
        id(part): (part, provider)
        for provider in providers
        for part in provider.parts
        if kind in (None, part.kind)
    }
    notes = [f"plugin {each.label}: {note}" for each in providers for note in each.notes]
    if not found:
        reasons = "".join(f"\n{note}" for note in notes)
        engines = [tool.name for own in providers for tool in own.tools if tool.kind == "engine"]
        if engines:
            reasons += (
                f"\nCheck a part in its engine: nnplug plugins check NAME --engine {engines[0]}"
            )
        raise PluginError(f"{target} has no {kind or 'part'} to check.{reasons}")
    return list(found.values()), notes
