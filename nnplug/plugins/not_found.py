"""What is said of a name that nothing has, or that two packages have."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from nnplug.errors import PluginError, UnknownPartError, suggest
from nnplug.parts import KINDS, Part, PartText
from nnplug.plugins.manager import LOCAL, PluginManager, Provider, normalise_package
from nnplug.tool import Tool

__all__ = ["FoundEither", "ambiguous", "called", "unknown", "way_out", "with_article"]

FoundEither = tuple[Part | Tool, Provider]
"""A part or a tool, and who provides it."""


def unknown(
    kind: str,
    asked: PartText,
    known: Sequence[tuple[Part, Provider]] | Sequence[tuple[Tool, Provider]],
    others: Sequence[str],
    plugins: PluginManager,
    also: Sequence[str],
) -> UnknownPartError:
    """Say what was asked, what is near, what there is and what failed.

    Parameters
    ----------
    known : sequence
        What there is of the kind.
    others : sequence of str
        The other kinds in which the name is there.
    also : sequence of str
        Words that may stand in a name's place.
    """
    package = asked.package
    if package is not None:
        wanted = normalise_package(package)
        known = [each for each in known if normalise_package(each[1].package) == wanted]  # type: ignore[assignment]  # of one of the two types
    names = {name for each, _ in known for name in (each.name, *each.aliases)} | {*also}
    prefix = f"{package}/" if package is not None else ""
    lines = [f"There is no {kind} {prefix + asked.name!r}.{suggest(asked.name, names)}"]
    if others:
        lines.append(f"{asked.name!r} is the name of {with_article(others[0])}.")
    groups: dict[str, list[str]] = {}
    for each, provider in known:
        groups.setdefault(provider.label, []).append(each.name)
    if groups:
        lines.append(f"Installed {KINDS[kind].plural if kind in KINDS else f'{kind}s'}:")
        lines += [_fill(f"{label}: {', '.join(sorted(group))}") for label, group in groups.items()]
    elif package is not None:
        lines.append(_about_package(kind, package, plugins))
    troubled = [
        each
        for each in plugins.installed
        if each.state in ("failed", "blocked") and (package is None or each.is_called(package))
    ]
    if troubled:
        lines += ["Not loaded, and may hold it:", *_not_loaded(troubled)]
    refused = [
        f"plugin {each.label}: {note}"
        for each in plugins.installed
        for note in each.notes
        if (kind, asked.name) in each.declared and repr(asked.name) in note
    ]
    return UnknownPartError("\n".join([*lines, *refused, *plugins.unmatched]))


def _about_package(kind: str, package: str, plugins: PluginManager) -> str:
    labels = {each.package: each.label for each in plugins.installed}
    if any(normalise_package(each) == normalise_package(package) for each in labels):
        return f"Package {package!r} has no {kind}; see: nnplug plugins show {package}"
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


def _not_loaded(providers: Iterable[Provider]) -> list[str]:
    """Write one line for each failed plugin, and one for all that are blocked alike."""
    blocked: dict[str, list[str]] = {}
    lines = []
    for each in providers:
        if each.state == "blocked":
            blocked.setdefault(each.cause, []).append(each.label)
        else:
            lines.append(f"  {each.label} (entry point {each.entry_point}): {each.cause}")
    return [
        *lines,
        *(_fill(f"{cause}: {', '.join(dict.fromkeys(each))}") for cause, each in blocked.items()),
    ]


def ambiguous(kind: str, asked: PartText, found: Sequence[FoundEither]) -> PluginError:
    """Say in which packages a name is, and how each is written."""
    packages = {normalise_package(provider.package) for _, provider in found}
    if len(packages) == 1:
        lines = [
            f"{kind} {asked.name!r} is defined more than once by {found[0][1].label}:",
            *(f"  {part.place}" for part, _ in found),
            "Way out: give one of them another name.",
        ]
        return PluginError("\n".join(lines))
    options = ",".join(f"{key}={value}" for key, value in asked.options.items())
    spellings = [
        f"{provider.package}/{asked.name}{':' + options if options else ''}"
        for _, provider in found
    ]
    width = max(map(len, spellings))
    lines = [
        f"{kind} {asked.name!r} is in {len(packages)} packages; say which:",
        *(
            f"  {spelling:{width}}  from {provider.label}"
            for spelling, (_, provider) in zip(spellings, found, strict=True)
        ),
    ]
    return PluginError("\n".join(lines))


def called(part: Part | Tool) -> str:
    """Write a part's kind and name, as messages have them."""
    return f"{part.kind} {part.name!r}"


def way_out(part: Part | Tool, provider: Provider) -> str:
    """Say what to do about a plugin's part or tool that may be at fault."""
    if isinstance(part, Tool):
        return f"try another {part.kind}."
    return f"check it with: nnplug plugins check {_spelling(part, provider)}"


def _spelling(part: Part, provider: Provider) -> str:
    """Write what the command line may call a part, whoever else has its name."""
    if provider.package == LOCAL:
        return provider.entry_point or part.name
    return f"{provider.package}/{part.name}"


def with_article(kind: str) -> str:
    """Write a kind after its article."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
