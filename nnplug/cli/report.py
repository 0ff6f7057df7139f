"""`nnplug plugins report`: a page on parts, and on what the checks find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nnplug.cli.check import check_events, failed_checks, record, summary
from nnplug.cli.command import Command
from nnplug.cli.options import Seconds, plugin_options, plugins_given
from nnplug.cli.part_names import ToolType, complete_shown
from nnplug.cli.terminal import binary_stdout, echo, safe, style, width
from nnplug.layout import fold

__all__ = ["report"]

_EPILOG = """\b
Examples:
  nnplug plugins report nnplug-example
  nnplug plugins report -p ./my_part.py --format markdown -o PARTS.md
  nnplug plugins report --speed
"""
_SUFFIXES = {"html": "html", "markdown": "md", "json": "json"}
_INDENT = " " * 10


@click.command(cls=Command, epilog=_EPILOG)
@click.argument(
    "targets", metavar="[PACKAGE|NAME|FILE]...", nargs=-1, shell_complete=complete_shown
)
@click.option(
    "--format", "form", type=click.Choice(list(_SUFFIXES)), default="html", show_default=True,
    help="What to write; only HTML has curves.",
)  # fmt: skip
@click.option(
    "-o", "--output", metavar="FILE",
    help="Write to this file, by default nnplug-parts.html, .md or .json; - is stdout.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@click.option(
    "--speed", is_flag=True,
    help="Also time activations, losses and optimizers beside the built-in part whose formula "
    "costs about the same.",
)  # fmt: skip
@click.option(
    "--timeout", type=Seconds(above=True), default=30.0, show_default=True,
    help="Time limit for loading, and for each check.",
)  # fmt: skip
@click.option(
    "--engine", type=ToolType("engine"),
    help="Check only in this engine; by default in each of nnplug's own that can run here.",
)  # fmt: skip
@plugin_options
@click.pass_context
def report(
    context: click.Context,
    targets: tuple[str, ...],
    form: str,
    output: str | None,
    overwrite: bool,
    speed: bool,
    timeout: float,
    engine: str | None,
) -> None:
    """Check parts and write a page about them.

    Without a PACKAGE, the page is about what -p names, or else about all
    installed packages. For each part it shows the formula with its derivative,
    a curve, the source and the outcome of the checks. The page is one file that
    loads nothing.

    The exit code is 0 if every check passes, 1 if one does not or a package
    cannot be loaded, and 2 if there is no such part or package.
    """
    from nnplug.durable import write_file
    from nnplug.testing.report import passed_in, write_html, write_markdown

    plugins, strict = plugins_given(context)
    chosen = list(targets) or _what_to_report(plugins)
    parts: list[dict[str, Any]] = []
    problems: list[str] = []
    out_of_the_way = output == "-"
    path = Path(output or f"nnplug-parts.{_SUFFIXES[form]}")
    if not out_of_the_way and path.exists() and not overwrite:
        raise click.UsageError(f"{path} exists; --overwrite replaces it, -o names another file")
    for target in chosen:
        request = {
            "target": target, "kind": None, "engine": engine, "plugins": plugins,
            "strict": strict, "describe": True,
        }  # fmt: skip
        found = _check(request, timeout, problems, err=out_of_the_way)
        if speed and found:
            _measure(request, found, problems)
        parts += found
    if not parts:
        from nnplug.errors import PluginError

        raise PluginError("\n".join(problems) or "There is nothing to report.")
    failed = bool(problems) or any(failed_checks(part) for part in parts)
    title = f"Parts of {', '.join(dict.fromkeys(part['package'] for part in parts))}"
    if form == "json":
        import json

        for part in parts:
            part["passed_in"] = passed_in(part)
        text = json.dumps({"ok": not failed, "problems": problems, "parts": parts}, indent=1)
    else:
        write = write_html if form == "html" else write_markdown
        text = write(title, summary(parts), parts, problems)
    if out_of_the_way:
        binary_stdout().write(text.encode())
    else:
        write_file(path, text.encode(), overwrite=overwrite)
        echo(f"\n{fold(summary(parts), width())}")
        echo(f"{path}: {len(text.encode()):,} bytes written")
    if failed:
        context.exit(1)


def _what_to_report(plugins: tuple[str, ...]) -> list[str]:
    """List what `-p` names, or else every installed package; imports none."""
    from nnplug.errors import PluginError
    from nnplug.plugins.loading import Plugins

    named = [text for text in plugins if not text.startswith("no:")]
    if named:
        return named
    installed = Plugins.from_environment(plugins).installed
    found = dict.fromkeys(plugin.package for plugin in installed if plugin.state != "blocked")
    if not found:
        raise PluginError(
            "No plugin package is installed to report on.\n"
            "Name built-in parts or a file: nnplug plugins report gelu ./my_part.py"
        )
    return list(found)


def _check(
    request: dict[str, Any], timeout: float, problems: list[str], *, err: bool
) -> list[dict[str, Any]]:
    """Check the parts of one target, writing a line for each."""
    parts: list[dict[str, Any]] = []
    for event in check_events(request, timeout):
        if event["event"] == "error":
            problems.append(event["message"])
            echo(_line("FAILED", "red", event["message"]), err=err)
        elif event["event"] == "note":
            problems.append(event["message"])
            echo(f"Warning: {event['message']}", err=True)
        elif event["event"] == "part" and parts:
            _show(parts[-1], err=err)
        record(event, parts)
    if parts:
        _show(parts[-1], err=err)
    return parts


def _show(part: dict[str, Any], *, err: bool) -> None:
    failed = failed_checks(part)
    said = f"{part['kind']} {part['name']}"
    if not failed:
        echo(_line("ok", "green", f"{said}: {len(part['checks'])} checks"), err=err)
        return
    messages = {check["name"]: check["message"] for check in part["checks"]}
    for name in failed:
        message = messages[name]
        what = message if message.startswith(name) else f"{name}: {message}"
        echo(_line("FAILED", "red", f"{said}: {what}"), err=err)


def _line(mark: str, colour: str, text: str) -> str:
    lines = [fold(line, width(), indent=_INDENT) for line in safe(text).splitlines()]
    return f"  {style(f'{mark:6}', fg=colour)}  " + "\n".join(lines).lstrip()


def _measure(request: dict[str, Any], parts: list[dict[str, Any]], problems: list[str]) -> None:
    """Add to each part its times beside a built-in part's, measured in another process."""
    from contextlib import closing

    from nnplug.plugins.isolated import Stopped, run_isolated

    for part in parts:
        part["speed"] = []
    try:
        with closing(run_isolated("nnplug.testing.speed:measure_target", request, 120.0)) as events:
            for event in events:
                if event["number"] >= len(parts):  # the checks did not come so far
                    break
                parts[event["number"]]["speed"].append(
                    {key: event[key] for key in ("engine", "beside", "ratio")}
                )
    except Stopped as stopped:
        problems.append(f"{request['target']}: timing it {stopped}")
