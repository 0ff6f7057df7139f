"""`nnplug plugins doctor`: reports what is wrong with the installed plugins."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from nnplug.cli.command import Command
from nnplug.cli.options import Seconds, plugin_options, plugins_given
from nnplug.cli.terminal import echo, print_json, safe, style, width
from nnplug.layout import fold

if TYPE_CHECKING:
    from nnplug.plugins.loading import Plugins
    from nnplug.plugins.plugin import Plugin

__all__ = ["doctor"]

_EPILOG = """\b
What it reports:
  - an import, a registration or a hook that fails
  - a hook that is misspelt, not decorated, or takes other arguments
  - a registered object that is not a part, or is of another kind
  - a part whose name is built in or used by another package
  - a large package that is imported before it is needed, a slow import
  - a name in -p no:NAME or NNPLUG_PLUGINS that no plugin has

\b
Examples:
  nnplug plugins doctor
  nnplug plugins doctor -p ./my_part.py --json
"""


@dataclass
class Finding:
    """A plugin and what was found about it.

    Attributes
    ----------
    state : str
        `"loaded"`, `"failed"` or `"blocked"`; a blocked one is not examined.
    seconds : float or None
        How long it took to load.
    parts : list of dict
        The `kind`, `name` and `aliases` of each part.
    problems : list of str
    notes : list of str
        Not faults, but good to know.
    also : list of str
        The package's other entry points that name the same module.
    """

    package: str
    version: str
    entry_point: str
    module: str
    state: str
    seconds: float | None = None
    parts: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Package and version, as the report shows them."""
        return f"{self.package} {self.version}".rstrip()


@click.command(cls=Command, epilog=_EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--time-limit", type=Seconds(above=True), default=30.0, show_default=True,
    help="Time limit for loading one plugin.",
)  # fmt: skip
@click.option(
    "--slow", type=Seconds(), default=1.0, show_default=True,
    help="Report a plugin that takes longer to load.",
)  # fmt: skip
@plugin_options
@click.pass_context
def doctor(context: click.Context, as_json: bool, time_limit: float, slow: float) -> None:
    """Load each plugin separately and report what is wrong with it.

    Each plugin is loaded in a process of its own, with a time limit, so one
    that hangs or ends Python does no harm. The exit code is 1 if there is a
    problem, and 0 if there is none.
    """
    plugins, requests = _what_to_examine(context)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        coming = pool.map(lambda request: _examine(request, time_limit), requests)
        if sys.stderr.isatty():
            title = "Loading each plugin"
            with click.progressbar(coming, len(requests), title, file=sys.stderr) as bar:
                findings = list(bar)
        else:
            findings = list(coming)
    for finding, request in zip(findings, requests, strict=True):
        if finding.seconds is not None and finding.seconds > slow:
            again = _examine(request, time_limit).seconds  # alone: others slow it down
            finding.seconds = min(finding.seconds, again if again is not None else time_limit)
            if finding.seconds > slow:
                finding.problems.append(
                    f"loading it takes {finding.seconds:.1f} s; more than {slow:g} s is slow. "
                    "Import what only a function needs inside that function."
                )
    _find_clashes(findings, plugins)
    settings = plugins.unmatched
    ok = not settings and not any(finding.problems for finding in findings)
    if as_json:
        listed = [vars(finding) for finding in findings]
        print_json({"ok": ok, "plugins": listed, "settings": settings})
    else:
        _print(findings, settings)
    if not ok:
        context.exit(1)


def _what_to_examine(context: click.Context) -> tuple[Plugins, list[dict[str, Any]]]:
    """List the plugins: the installed ones, and those that only `-p` names."""
    from nnplug.plugins.loading import Plugins
    from nnplug.plugins.registry import Registry

    given = context.find_object(Registry)
    options, _ = plugins_given(context)
    blocking = [text for text in options if text.startswith("no:")]
    plugins = given.plugins if given is not None else Plugins.from_environment(blocking)
    asked = dict.fromkeys(text for text in options if text not in blocking)
    local = [{"local": text} for text in asked if not plugins.asked_for(text)]
    return plugins, [*_requests(plugins.installed), *local]


def _requests(plugins: Iterable[Plugin]) -> list[dict[str, Any]]:
    """Ask once for all entry points of a package that name one module: it is loaded as a whole."""
    requests: dict[tuple[str, ...], dict[str, Any]] = {}
    for plugin in plugins:
        if plugin.module_key in requests:
            requests[plugin.module_key]["also"].append(plugin.entry_point)
        else:
            keys = ("package", "version", "entry_point", "module", "state", "cause")
            requests[plugin.module_key] = {key: getattr(plugin, key) for key in keys} | {"also": []}
    return list(requests.values())


def _examine(request: dict[str, Any], limit: float) -> Finding:
    from nnplug.plugins.isolated import Stopped, run_isolated
    from nnplug.plugins.plugin import LOCAL

    if "local" in request:
        finding = Finding(LOCAL, "", request["local"], request["local"], "available")
    else:
        finding = Finding(**{key: value for key, value in request.items() if key != "cause"})
    if finding.state == "blocked":
        finding.notes.append(request["cause"])
        return finding
    if finding.state == "failed":  # its metadata cannot be read
        finding.problems.append(request["cause"])
        return finding
    try:
        (result,) = run_isolated("nnplug.plugins.examination:examine", request, limit, quiet=True)
    except Stopped as stopped:
        finding.state = "failed"
        finding.problems.append(f"loading it {stopped}. {stopped.last_line}".strip())
        return finding
    finding.state = result["state"]
    finding.seconds = result["seconds"]
    finding.parts = result["parts"]
    if result["state"] == "failed":
        finding.problems.append(result["cause"])
    finding.problems += result["notes"] + result["near_misses"]
    finding.problems += [
        f"{heavy['place'] + ': ' if heavy['place'] else ''}it imports {heavy['module']} when it is "
        "loaded; import it in the function that uses it."
        for heavy in result["heavy"]
    ]
    return finding


def _find_clashes(findings: list[Finding], plugins: Plugins) -> None:
    """Report the names of parts and of entry points that two packages share."""
    owners: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        for part in finding.parts:
            for name in (part["name"], *part["aliases"]):
                owners.setdefault((part["kind"], name), []).append(finding)
    for (kind, name), sharing in owners.items():
        for finding in sharing:
            others = dict.fromkeys(
                other.label for other in sharing if other.package != finding.package
            )
            if others:
                finding.problems.append(
                    f"{kind} {name!r} is also in {', '.join(others)}; "
                    f"write {finding.package}/{name} for this one."
                )
    by_point = {
        (finding.package, name): finding
        for finding in findings
        for name in (finding.entry_point, *finding.also)
    }
    for plugin in plugins.installed:
        others = dict.fromkeys(other.label for other in plugins.namesakes(plugin))
        if others:
            by_point[plugin.package, plugin.entry_point].notes.append(
                f"entry point {plugin.entry_point!r} is also in {', '.join(others)}; "
                f"load or block it as {plugin.package}."
            )


def _print(findings: list[Finding], settings: list[str]) -> None:
    for line in settings:
        echo(_mark("problem", "red") + _fill(line, " " * 9))
    for finding in findings:
        took = f", {finding.seconds * 1000:.0f} ms" if finding.seconds is not None else ""
        where = f" ({finding.entry_point})" if finding.entry_point else ""
        if finding.also:  # many points of one module: the module says more than their names
            where = f" ({finding.module})"
        state = finding.state if finding.state != "loaded" or finding.problems else "ok"
        echo(f"{style(finding.label, bold=True)}{where}: {state}{took}")
        parts = ", ".join(f"{part['kind']} {part['name']}" for part in finding.parts)
        for title, color, texts in (
            ("problem", "red", finding.problems),
            ("note", "yellow", finding.notes),
            ("parts", None, [parts] if parts else []),
        ):
            for text in texts:
                echo(f"  {_mark(title, color)}{_fill(text, ' ' * 11)}")
        if finding.state == "failed" and finding.version:
            echo(f"           traceback: nnplug plugins show {finding.package}")
    wrong = sum(bool(finding.problems) for finding in findings)
    if findings:
        echo()
    echo(
        f"{_count(len(findings), 'plugin')}: "
        + (f"{wrong} with problems" if wrong else "no problem")
        + (f"; {_count(len(settings), 'problem')} in the settings" if settings else "")
        + "."
    )


def _mark(title: str, color: str | None) -> str:
    return style(f"{title:7}", fg=color) + "  "


def _fill(text: str, indent: str) -> str:
    """Fold a text whose first line is already indented; paths stay whole."""
    return "\n".join(fold(line, width(), indent=indent) for line in safe(text).split("\n")).lstrip()


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
