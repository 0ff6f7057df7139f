"""The messages about a part that is not found, is in two packages, or fails."""

from __future__ import annotations

import textwrap
import traceback
from collections.abc import Iterable, Sequence

from nnplug.errors import (
    DivergedError,
    NnplugError,
    PartError,
    PluginError,
    UnknownPartError,
    suggest,
)
from nnplug.parts import KINDS, Part, PartText
from nnplug.plugins.elsewhere import how_to_get
from nnplug.plugins.loading import Plugins
from nnplug.plugins.plugin import LOCAL, Plugin, normalise_package
from nnplug.tool import Tool

__all__ = [
    "Found",
    "ambiguous",
    "broken",
    "name_culprits",
    "not_of_kind",
    "unknown",
    "unknown_kind",
    "with_article",
]

MOST_LISTED = 30
"""Names of one package that a message lists."""

Found = tuple[Part | Tool, Plugin]
"""A part or a tool, and the plugin that it comes from."""


def unknown_kind(kind: str) -> PartError:
    """Make the error for a kind of part that does not exist."""
    return PartError(
        f"There is no kind of part {kind!r}.{suggest(kind, KINDS)} "
        f"The kinds are {', '.join(KINDS)}."
    )


def not_of_kind(kind: str, given: object) -> PartError:
    """Make the error for something that is neither a part of this kind nor text."""
    if isinstance(given, Part):
        return PartError(f"{given.text!r} is {with_article(given.kind)}, not {with_article(kind)}.")
    return PartError(
        f"{given!r} is not {with_article(kind)}. Give its name, or a part made with @nnplug.{kind}."
    )


def unknown(
    kind: str,
    asked: PartText,
    known: Sequence[Found],
    others: Sequence[str],
    plugins: Plugins,
    also: Sequence[str],
) -> UnknownPartError:
    """Make the error for an unknown name: what is near, what there is, what was not loaded.

    Parameters
    ----------
    known : sequence
        The known parts or tools of the kind.
    others : sequence of str
        The other kinds that have a part with this name.
    also : sequence of str
        Words that are accepted in place of a name.
    """
    package = asked.package
    if package is not None:
        known = [found for found in known if found[1].is_before_slash(package)]
    names = {name for part, _ in known for name in (part.name, *part.aliases)} | {*also}
    prefix = f"{package}/" if package is not None else ""
    # An activation may stand where a layer does.
    kinds = [kind, "activation"] if kind == "layer" else [kind]
    way = how_to_get(asked.name, kinds, plugins, package)
    if way:
        near = suggest(asked.name, names)
        return UnknownPartError(f"There is no {kind} {prefix + asked.name!r} here.{near}\n{way}")
    lines = [f"There is no {kind} {prefix + asked.name!r}.{suggest(asked.name, names)}"]
    if others:
        lines.append(f"{asked.name!r} is the name of {with_article(others[0])}.")
    groups: dict[str, list[str]] = {}
    for part, plugin in known:
        groups.setdefault(plugin.label, []).append(part.name)
    if groups:
        lines.append(f"Installed {KINDS[kind].plural if kind in KINDS else f'{kind}s'}:")
        lines += [_fill(f"{label}: {_listed(group, label)}") for label, group in groups.items()]
    elif package is not None:
        lines.append(_about_package(kind, package, plugins))
    troubled = [
        plugin
        for plugin in plugins.installed
        if plugin.state in ("failed", "blocked") and (package is None or plugin.is_called(package))
    ]
    if troubled:
        lines += ["Not loaded, and may hold it:", *_not_loaded(troubled)]
    refused = [
        f"plugin {plugin.label}: {note}"
        for plugin in plugins.installed
        for note in plugin.notes
        if (kind, asked.name) in plugin.declared and repr(asked.name) in note
    ]
    return UnknownPartError("\n".join([*lines, *refused, *plugins.unmatched]))


def _listed(names: Sequence[str], label: str) -> str:
    """List names, or only count them if they would fill the screen."""
    if len(names) <= MOST_LISTED:
        return ", ".join(sorted(names))
    return f"{len(names)}; nnplug plugins show {label.partition(' ')[0]} lists them"


def _about_package(kind: str, package: str, plugins: Plugins) -> str:
    if any(plugin.is_before_slash(package) for plugin in plugins.installed):
        return f"Package {package!r} has no {kind}; see: nnplug plugins show {package}"
    labels = {plugin.package: plugin.label for plugin in plugins.installed}
    listed = ", ".join(labels.values()) or "none"
    return f"No plugin package {package!r} is installed. Installed: {listed}."


def _fill(text: str) -> str:
    return textwrap.fill(
        text,
        width=79,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _not_loaded(plugins: Iterable[Plugin]) -> list[str]:
    """Write one line for each failed plugin, and one for all that are blocked alike."""
    blocked: dict[str, list[str]] = {}
    lines = []
    for plugin in plugins:
        if plugin.state == "blocked":
            blocked.setdefault(plugin.cause, []).append(plugin.label)
        else:
            lines.append(f"  {plugin.label} (entry point {plugin.entry_point}): {plugin.cause}")
    return [
        *lines,
        *(_fill(f"{cause}: {', '.join(dict.fromkeys(own))}") for cause, own in blocked.items()),
    ]


def broken(kind: str, name: str, plugin: Plugin) -> PluginError:
    """Make the error for a part whose plugin cannot be loaded."""
    return PluginError(
        f"{kind} {name!r} is asked for, and plugin {plugin.label} (entry point "
        f"{plugin.entry_point}) cannot be loaded:\n{plugin.cause}\n"
        f"Way out: pip install --upgrade {plugin.package}, or leave it out with "
        f"-p no:{plugin.package}.\n"
        f"The traceback: nnplug plugins show {plugin.package}"
    )


def ambiguous(kind: str, asked: PartText, found: Sequence[Found]) -> PluginError:
    """Make the error for a name that several packages have: how to write the part of each."""
    packages = {normalise_package(plugin.package) for _, plugin in found}
    if len(packages) == 1:
        lines = [
            f"{kind} {asked.name!r} is defined more than once by {found[0][1].label}:",
            *(f"  {part.place}" for part, _ in found),
            "Way out: give one of them another name.",
        ]
        return PluginError("\n".join(lines))
    options = ",".join(f"{key}={value}" for key, value in asked.options.items())
    spellings = [
        f"{plugin.package}/{asked.name}{':' + options if options else ''}" for _, plugin in found
    ]
    width = max(map(len, spellings))
    lines = [
        f"{kind} {asked.name!r} is in {len(packages)} packages; say which:",
        *(
            f"  {spelling:{width}}  from {plugin.label}"
            for spelling, (_, plugin) in zip(spellings, found, strict=True)
        ),
    ]
    return PluginError("\n".join(lines))


def name_culprits(error: Exception, given: Sequence[Found]) -> None:
    """Add to an error which plugins' parts it comes from, and what to do about them.

    Parameters
    ----------
    given : sequence
        The parts of plugins that are in use.

    Raises
    ------
    PartError
        In place of an error that is not nnplug's and arose in a part's own file.
    """
    if isinstance(error, NnplugError):
        message = str(error)
        lines = [
            f"{_called(part)} is from {plugin.label}; {_way_out(part, plugin)}"
            for part, plugin in given
            if (isinstance(error, DivergedError) or _called(part) in message)
            and plugin.label not in message
        ]
        error.args = ("\n".join([message, *lines]), *error.args[1:])
        return
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        for part, plugin in given:
            if part.place.rpartition(":")[0] == frame.filename:
                advice = _way_out(part, plugin)
                raise PartError(
                    f"{_called(part)} of {plugin.label} failed:\n"
                    f"{frame.filename}:{frame.lineno}: {type(error).__name__}: {error}\n"
                    f"{advice[0].upper()}{advice[1:]}"
                ) from error


def _called(part: Part | Tool) -> str:
    return f"{part.kind} {part.name!r}"


def _way_out(part: Part | Tool, plugin: Plugin) -> str:
    """Describe what to do about a plugin's part or tool that may be at fault."""
    if isinstance(part, Tool):
        return f"try another {part.kind}."
    name = f"{plugin.package}/{part.name}"  # right even if another package has the name too
    if plugin.package == LOCAL:
        name = plugin.entry_point or part.name
    return f"check it with: nnplug plugins check {name}"


def with_article(kind: str) -> str:
    """Write a kind after its article."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
