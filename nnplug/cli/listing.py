"""`nnplug plugins list`: the installed plugins, without importing them."""

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

MOST_SHOWN = 20
"""Names of one package in its row; `--parts`, `--json` and `show` have all."""

_EPILOG = """\b
States:
  built-in   part of nnplug
  available  installed; imported when one of its parts is used
  ambiguous  the same, but another package has an entry point with this name
  blocked    never imported: -p no:NAME or NNPLUG_PLUGINS leaves it out
  loaded     imported because -p names it
  failed     cannot be imported, since its metadata cannot be read

\b
Examples:
  nnplug plugins list
  nnplug plugins list --parts
  nnplug plugins list --kind optimizer --json
"""


@click.command("list", cls=Command, epilog=_EPILOG)
@click.option("--parts", is_flag=True, help="List every part and engine; this loads the plugins.")
@kind_option("List only the parts of this kind")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@plugin_options
@click.pass_context
def list_(context: click.Context, parts: bool, kind: str | None, as_json: bool) -> None:
    """List the installed plugins; with --parts or --kind, the parts.

    Without these two options no plugin is imported, so a broken one does no
    harm. A part that two packages have is listed as PACKAGE/NAME.
    """
    from nnplug.hookspecs import TOOL_HOOKS

    registry = registry_of(context)
    if parts or kind is not None:
        found = registry.parts(kind, load_all=True)
        warn(registry)
        records = [
            _part_record(part, plugin, is_ambiguous=registry.is_ambiguous(part, plugin))
            for part, plugin in found
        ]
        kinds = TOOL_HOOKS.values() if kind is None else ()
        records += [
            _part_record(tool, plugin) for tools in kinds for tool, plugin in registry.tools(tools)
        ]
        if as_json:
            print_json({"parts": records})
            return
        rows = [
            (
                record["kind"],
                f"{record['package']}/{record['name']}" if record["ambiguous"] else record["name"],
                ", ".join(record["aliases"]),
                record["package"],
                record["version"],
            )
            for record in records
        ]
        _print_table(("Kind", "Name", "Aliases", "Package", "Version"), rows)
        return
    plugins = registry.plugins
    records = [_plugin_record(plugins, plugin) for plugin in plugins.all]
    if as_json:
        print_json({"plugins": records})
        return
    groups: dict[tuple[str, str, str], list[str]] = {}
    for record in records:
        key = (record["package"], record["version"], record["state"])
        groups.setdefault(key, []).extend(record["parts"] or [record["entry_point"]])
    _print_table(
        ("Package", "Version", "State", "Provides"),
        [(*group, _some(names)) for group, names in groups.items()],
    )
    for line in plugins.unmatched:
        echo(f"Warning: {line}", err=True)


def _some(names: list[str]) -> str:
    """List the names of a package, the first ones only if there are many."""
    more = len(names) - MOST_SHOWN
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:MOST_SHOWN])} and {more} more"


def _plugin_record(plugins: Plugins, plugin: Plugin) -> dict[str, Any]:
    keys = ("package", "version", "entry_point", "module", "state", "cause")
    record: dict[str, Any] = {key: getattr(plugin, key) for key in keys}
    loaded = plugin.provided if plugin.state == "loaded" else []
    record["parts"] = [f"{part.kind} {part.name}" for part in loaded]
    others = plugins.namesakes(plugin)
    if others and plugin.state == "available":
        labels = ", ".join(other.label for other in others)
        record |= {"state": "ambiguous", "cause": f"{labels}: an entry point with the same name"}
    return record


def _part_record(
    part: Part | Tool, plugin: Plugin, *, is_ambiguous: bool = False
) -> dict[str, Any]:
    return {
        "kind": part.kind,
        "name": part.name,
        "aliases": list(part.aliases),
        "options": dict(getattr(part, "defaults", {})),  # a tool has no options
        "summary": part.summary,
        "package": plugin.package,
        "version": plugin.version,
        "ambiguous": is_ambiguous,
        "place": part.place,
    }


def _print_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    for number, line in enumerate(
        columns([head, *(tuple(map(safe, row)) for row in rows)], width())
    ):
        echo(style(line, bold=True) if number == 0 else line)
