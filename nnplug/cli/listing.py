"""`nnplug plugins list`: what is installed, without importing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from nnplug.cli.command import Command
from nnplug.cli.options import kind_option, plugin_options, registry_of, warn
from nnplug.cli.terminal import echo, print_json, safe, style, width
from nnplug.layout import columns

if TYPE_CHECKING:
    from nnplug.parts import Part
    from nnplug.plugins.loading import Plugins
    from nnplug.plugins.plugin import Plugin
    from nnplug.tool import Tool

__all__ = ["list_"]

_EPILOG = """\b
States:
  built-in   part of nnplug
  available  installed; imported when one of its parts is used
  ambiguous  the same, but another package has an entry point of this name
  blocked    never imported: -p no:NAME or NNPLUG_PLUGINS leaves it out
  loaded     imported, because -p names it
  failed     its metadata cannot be read, so it cannot be imported

\b
Examples:
  nnplug plugins list
  nnplug plugins list --parts
  nnplug plugins list --kind optimizer --json
"""


@click.command("list", cls=Command, epilog=_EPILOG)
@click.option("--parts", is_flag=True, help="List every part and engine, which loads the plugins.")
@kind_option("List the parts of one kind")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@plugin_options
@click.pass_context
def list_(context: click.Context, parts: bool, kind: str | None, as_json: bool) -> None:
    """List the plugins, or with --parts or --kind the parts.

    Without these two options no plugin is imported, so a broken one does no
    harm. A part that two packages have is listed as PACKAGE/NAME.
    """
    from nnplug.hookspecs import TOOL_HOOKS

    registry = registry_of(context)
    if parts or kind is not None:
        found = registry.parts(kind, load_all=True)
        warn(registry)
        records = [
            _part_record(part, provider, registry.is_ambiguous(part, provider))
            for part, provider in found
        ]
        kinds = TOOL_HOOKS.values() if kind is None else ()
        records += [_tool_record(*each) for every in kinds for each in registry.tools(every)]
        if as_json:
            print_json({"parts": records})
            return
        rows = [
            (
                each["kind"],
                f"{each['package']}/{each['name']}" if each["ambiguous"] else each["name"],
                ", ".join(each["aliases"]),
                each["package"],
                each["version"],
            )
            for each in records
        ]
        _print_table(("Kind", "Name", "Aliases", "Package", "Version"), rows)
        return
    manager = registry.plugins
    records = [_provider_record(manager, provider) for provider in manager.all]
    if as_json:
        print_json({"plugins": records})
        return
    groups: dict[tuple[str, str, str], list[str]] = {}
    for each in records:
        key = (each["package"], each["version"], each["state"])
        groups.setdefault(key, []).extend(each["parts"] or [each["entry_point"]])
    _print_table(
        ("Package", "Version", "State", "Provides"),
        [(*group, ", ".join(names)) for group, names in groups.items()],
    )
    for line in manager.unmatched:
        echo(f"Warning: {line}", err=True)


def _provider_record(manager: Plugins, provider: Plugin) -> dict[str, Any]:
    keys = ("package", "version", "entry_point", "module", "state", "cause")
    record: dict[str, Any] = {key: getattr(provider, key) for key in keys}
    loaded = provider.provided if provider.state == "loaded" else []
    record["parts"] = [f"{part.kind} {part.name}" for part in loaded]
    others = manager.namesakes(provider)
    if others and provider.state == "available":
        labels = ", ".join(each.label for each in others)
        record |= {"state": "ambiguous", "cause": f"{labels}: an entry point of the same name"}
    return record


def _part_record(part: Part, provider: Plugin, is_ambiguous: bool) -> dict[str, Any]:
    return {
        "kind": part.kind,
        "name": part.name,
        "aliases": list(part.aliases),
        "options": dict(part.defaults),
        "summary": part.summary,
        "package": provider.package,
        "version": provider.version,
        "ambiguous": is_ambiguous,
        "place": part.place,
    }


def _tool_record(tool: Tool, provider: Plugin) -> dict[str, Any]:
    return {
        "kind": tool.kind,
        "name": tool.name,
        "aliases": [],
        "options": {},
        "summary": tool.about,
        "package": provider.package,
        "version": provider.version,
        "ambiguous": False,
        "place": tool.place,
    }


def _print_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    for number, line in enumerate(
        columns([head, *(tuple(map(safe, row)) for row in rows)], width())
    ):
        echo(style(line, bold=True) if number == 0 else line)
