"""`nnplug plugins check`: parts put through the conformance kit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

import click

from nnplug.cli.command import Command
from nnplug.cli.options import Seconds, kind_option, plugin_options, plugins_given
from nnplug.cli.part_names import ToolType, complete_shown
from nnplug.cli.terminal import echo, print_json, safe, style, width
from nnplug.layout import fold

__all__ = ["check", "check_events", "failed_checks", "record", "summary"]

_EPILOG = """\b
Examples:
  nnplug plugins check mish
  nnplug plugins check nnplug-example
  nnplug plugins check ./my_part.py --kind activation
"""

_INDENT = " " * 10
DESCRIPTION = ("about", "source", "formula", "mathml", "curve")
"""What a part's event has besides, if the request says `describe`."""


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("target", metavar="NAME|PACKAGE|FILE", shell_complete=complete_shown)
@kind_option("Check only parts of this kind")
@click.option(
    "--timeout", type=Seconds(above=True), default=30.0, show_default=True,
    help="Time limit for loading, and for each check.",
)  # fmt: skip
@click.option(
    "--engine",
    type=ToolType("engine"),
    help="Check only in this engine; by default in each of nnplug's own that can run here.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@plugin_options
@click.pass_context
def check(
    context: click.Context,
    target: str,
    kind: str | None,
    timeout: float,
    engine: str | None,
    as_json: bool,
) -> None:
    """Run the conformance checks on parts.

    NAME is a part, with options if needed (mish, package/mish, elu:alpha=0.5).
    For a PACKAGE or a FILE, all of its parts are checked. The checks run in a
    process of their own, with a time limit, and in each of nnplug's engines
    that can run here; --engine names another. A wrong derivative is plotted
    with its function.

    A part may declare that it fails a check, and why; this is shown and does
    not count as a failure.

    The exit code is 0 if every check passes, 1 if one does not, and 2 if
    there is no such part or its plugin cannot be loaded.
    """
    from nnplug.errors import PluginError

    plugins, strict = plugins_given(context)
    request = {
        "target": target, "kind": kind, "engine": engine, "plugins": plugins, "strict": strict,
    }  # fmt: skip
    parts: list[dict[str, Any]] = []
    for event in check_events(request, timeout):
        if event["event"] == "error":
            raise PluginError(event["message"])
        if event["event"] == "note":
            echo(f"Warning: {event['message']}", err=True)
        if not as_json:
            _print(event, parts)
        record(event, parts)
    if as_json:
        ok = not any(failed_checks(part) for part in parts)
        print_json({"ok": ok, "parts": parts})
    else:
        echo(f"\n{fold(summary(parts), width())}")
    if any(failed_checks(part) for part in parts):
        context.exit(1)


def check_events(request: Mapping[str, Any], limit: float) -> Iterator[dict[str, Any]]:
    """Check the parts one after the other; a check that hangs or ends Python stops only its part.

    Yields
    ------
    dict
        The events of `nnplug.testing.checking`, or `"stopped"` (with
        `message`) in place of a result; then the part's other checks are not run.
    """
    from nnplug.plugins.isolated import Stopped, run_isolated

    first, finished = 0, False
    while not finished:
        part, doing = None, "loading it"
        try:
            task = "nnplug.testing.checking:check_target"
            with closing(run_isolated(task, {**request, "first": first}, limit)) as events:
                for event in events:
                    if event["event"] == "part":
                        part, doing = event["number"], "its start"
                    elif event["event"] == "start":
                        doing = "the check"
                    if event["event"] != "note" or not first:
                        yield event
            finished = True
        except Stopped as stopped:
            message = f"{doing} {stopped}"
            if part is None:
                yield {"event": "error", "message": f"{request['target']}: {message}"}
                return
            yield {"event": "stopped", "message": message}
            first = part + 1


def record(event: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    """Write an event into the report: a record for each part, with one for each check."""
    if event["event"] == "part":
        known = ("kind", "name", "package", "version", "place", "engines")
        checks = [
            {"name": name, "about": about, "outcome": "not run", "message": ""}
            for name, about in event["checks"].items()
        ]
        shown = {key: event[key] for key in (*known, *DESCRIPTION) if key in event}
        parts.append({**shown, "checks": checks})
    elif event["event"] in ("result", "stopped"):
        current = _current(parts)
        current |= {"outcome": event.get("outcome", "failed"), "message": event["message"]}
        if event.get("only_in"):
            current["only_in"] = event["only_in"]
        if event.get("curve"):
            # JSON has no NaN: what could not be measured is null.
            current["curve"] = {
                key: [number if math.isfinite(number) else None for number in value]
                if isinstance(value, list)
                else value
                for key, value in event["curve"].items()
            }


def _current(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the record of the running check: the first without a result."""
    record: dict[str, Any] = next(
        check for check in parts[-1]["checks"] if check["outcome"] == "not run"
    )
    return record


def failed_checks(part: dict[str, Any]) -> list[str]:
    """Name the checks of a part whose outcome is not as expected."""
    failures = ("failed", "unexpected pass")
    return [check["name"] for check in part["checks"] if check["outcome"] in failures]


def _print(event: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    """Print an event as it comes."""
    if event["event"] == "part":
        if parts:
            echo()
        title = style(f"{event['kind']} {event['name']}", bold=True)
        echo(f"{title} ({event['provider']})\n  {event['place']}")
    elif event["event"] == "result" and event["outcome"] == "passed":
        echo(f"  {style('ok', fg='green')}      {event['name']}")
    elif event["event"] == "result" and event["outcome"] == "expected failure":
        lines = f"{event['name']} fails, as declared: {event['message']}".splitlines()
        echo(f"  {style('known', fg='yellow')}   {_fill(lines)}")
    elif event["event"] in ("result", "stopped"):
        name = _current(parts)["name"]
        message = event["message"]
        if not message.startswith(name):
            message = f"{name}: {message}"
        echo(f"  {style('FAILED', fg='red')}  {_fill(message.splitlines())}")
        if event.get("curve"):
            from nnplug.testing.failure import Curve
            from nnplug.testing.plot import draw

            echo(f"\n{draw(Curve(**event['curve']))}\n")


def _fill(lines: Iterable[str]) -> str:
    """Fold lines that follow a mark as wide as the indent; paths stay whole."""
    return "\n".join(fold(safe(line), width(), indent=_INDENT) for line in lines).lstrip()


def summary(parts: list[dict[str, Any]]) -> str:
    """Say in a sentence how many checks of how many parts have passed, and which have not."""
    outcomes = [check["outcome"] for part in parts for check in part["checks"]]
    engines = sorted({name for part in parts for name in part["engines"]}, reverse=True)
    said = f"{_count(len(parts), 'part')}, {_count(len(outcomes), 'check')}"
    said += f" in the {' and '.join(engines)} engine{'s' * (len(engines) > 1)}" * bool(engines)
    declared = outcomes.count("expected failure")
    known = f", {declared} known to fail" if declared else ""
    passed = outcomes.count("passed")
    if passed + declared == len(outcomes):
        shown = "all" if passed == len(outcomes) else passed
        return f"{said}: {shown} passed{known}."
    said += f": {sum(len(failed_checks(part)) for part in parts)} failed{known}"
    if "not run" in outcomes:
        said += f", {outcomes.count('not run')} not run"
    named = "; ".join(
        f"{part['kind']} {part['name']}: {', '.join(failed_checks(part))}"
        for part in parts
        if failed_checks(part)
    )
    return f"{said} ({named})."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
