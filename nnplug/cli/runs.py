"""`nnplug runs`: lists, shows and compares the runs that were kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnplug.cli.command import Command
from nnplug.cli.completion import complete_run
from nnplug.cli.find_run import RUNS, find_run, record_of, runs_in
from nnplug.cli.terminal import echo, field, print_json, style, width
from nnplug.layout import columns

if TYPE_CHECKING:
    from nnplug.runs.folder import RunFolder

__all__ = ["runs"]

_OWN = ("loss", "validation_loss", "penalty", "learning_rate")


@click.group(
    epilog="\b\nExamples:\n  nnplug runs list\n  nnplug runs show latest\n"
    "  nnplug runs compare latest 20260131-154500-iris-gelu-adamw"
)
def runs() -> None:
    """List, show and compare the runs that were kept.

    RUN is the folder of a run, its name in the folder runs, the beginning of
    its name, or latest.
    """


@runs.command(
    "list",
    cls=Command,
    epilog="\b\nExamples:\n  nnplug runs list\n  nnplug runs list experiments --json",
)
@click.argument("folder", default=RUNS, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print everything known as JSON.")
def list_runs(folder: Path, as_json: bool) -> None:
    """List the runs in FOLDER (runs by default), the latest first.

    The loss is the validation loss, if there are validation rows.
    """
    found = [_facts(run) for run in runs_in(folder)]
    if as_json:
        print_json(found)
        return
    if not found:
        echo(f"no runs in {folder}; nnplug train on a table keeps its run there", err=True)
        return
    rows = [("run", "status", "epochs", "loss", "metric")]
    rows += [
        (
            facts["name"],
            facts["status"],
            f"{facts['epochs']:,}",
            *_scores(facts["final"] or {}),
        )
        for facts in found
    ]
    for place, line in enumerate(columns(rows, width(), right=(2, 3))):
        echo(style(line, bold=True) if place == 0 else line)


@runs.command(
    cls=Command, epilog="\b\nExamples:\n  nnplug runs show latest\n  nnplug runs show 2026 --json"
)
@click.argument("run", shell_complete=complete_run)
@click.option("--json", "as_json", is_flag=True, help="Print everything known as JSON.")
def show(run: str, as_json: bool) -> None:
    """Show how a RUN ended, its results, its settings and its files."""
    from nnplug.untrusted import printable

    folder = find_run(run)
    facts = _facts(folder)
    if as_json:
        print_json({**facts, "history": folder.history()})
        return
    echo(style(str(folder.path), bold=True))
    for name, text in _described(folder, facts):
        field(name, printable(text, 2000), room=20, indent="")
    echo()
    for name, value in facts["settings"].items():
        field(name, printable(_written(value), 2000), room=20, indent="")


@runs.command(
    cls=Command,
    epilog="\b\nExamples:\n  nnplug runs compare latest 2026013\n"
    "  nnplug runs compare first second --json",
)
@click.argument("run", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--json", "as_json", is_flag=True, help="Print everything known as JSON.")
def compare(run: tuple[str, ...], as_json: bool) -> None:
    """Compare several RUNs: the settings that differ, and the results."""
    from nnplug.untrusted import printable

    if len(run) < 2:
        raise click.UsageError("Name at least two runs.")
    found = [_facts(find_run(text)) for text in run]
    if as_json:
        print_json(found)
        return
    for number, facts in enumerate(found, 1):
        echo(f"{number}  {facts['name']}")
    echo()
    rows = [("", *map(str, range(1, len(found) + 1)))]
    for key in dict.fromkeys(key for facts in found for key in facts["settings"]):
        values = [_written(facts["settings"].get(key)) for facts in found]
        if len(set(values)) > 1:
            rows.append((key, *values))
    rows.append(("",) * (len(found) + 1))
    rows.append(("status", *(facts["status"] for facts in found)))
    rows.append(("epochs", *(f"{facts['epochs']:,}" for facts in found)))
    rows.append(("seconds", *(_number(facts["seconds"]) for facts in found)))
    rows += [
        (key.replace("_", " "), *(_number((facts["final"] or {}).get(key)) for facts in found))
        for key in dict.fromkeys(key for facts in found for key in facts["final"] or {})
    ]
    for line in columns([[printable(cell, 2000) for cell in row] for row in rows], width()):
        echo(line)


# --- what is known about a run ----------------------------------------------------------


def _facts(folder: RunFolder) -> dict[str, Any]:
    """Collect what is known about a run, whatever state it is in."""
    from nnplug.errors import NnplugError
    from nnplug.runs.configuration import Configuration
    from nnplug.runs.folder import CONFIG
    from nnplug.training.history import is_of_member

    record = record_of(folder)
    status = record.get("status", "unknown")
    if status == "running" and not folder.is_running:
        status = "killed"
    try:
        settings = dict(Configuration.read(folder.path / CONFIG).settings)
    except NnplugError:
        settings = {}
    try:
        epochs, last = folder.last_epoch() if record.get("final") is None else (0, {})
    except NnplugError as error:
        epochs, last, record = 0, {}, {**record, "status": "damaged", "error": str(error)}
        status = "damaged"
    last = {key: v for key, v in last.items() if key != "epoch" and not is_of_member(key)}
    return {
        "name": folder.path.name,
        "folder": str(folder.path),
        "status": status,
        "ended": record.get("ended"),
        "error": record.get("error"),
        "started": record.get("started"),
        "resumed": record.get("resumed", []),
        "changes": record.get("changes", []),
        "command": record.get("command"),
        "data": record.get("data"),
        "task": record.get("task"),
        "epochs": record.get("epochs") or epochs,
        "best_epoch": record.get("best_epoch"),
        "parameters": record.get("parameters"),
        "seconds": record.get("seconds"),
        "final": record.get("final") or last or None,
        "cross_validation": record.get("cross_validation"),
        "packages": record.get("identity", {}).get("packages", {}),
        "versions": record.get("versions", {}),
        "settings": settings,
    }


# --- writing it ------------------------------------------------------------------------


def _described(folder: RunFolder, facts: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    from nnplug.runs.fold_scores import CrossValidation

    status = facts["status"]
    if facts["ended"] == "patience":
        status += ", patience ran out"
    if status in ("killed", "interrupted", "failed"):
        status += f"; continue with: nnplug train --resume {folder.path}"
    yield "status", status
    yield "error", facts["error"] or ""
    yield "started", _time(facts["started"])
    yield "resumed", ", ".join(map(_time, facts["resumed"]))
    yield "changed", "; ".join(facts["changes"])
    yield "command", facts["command"] or ""
    data = facts["data"] or {}
    if {"name", "training", "validation"} <= data.keys():
        rows = f"{data['training']:,} rows and {data['validation']:,} for validation"
        if "folds" in data:
            rows = f"{data['training']:,} rows, each held out by one of {data['folds']} members"
        yield "data", f"{data['name']}: {rows}; {facts['task']}"
    if facts["parameters"]:
        yield "parameters", f"{facts['parameters']:,}"
    best = facts["best_epoch"]
    kept = f", with the weights of epoch {best}" if best is not None else ""
    yield "epochs", f"{facts['epochs']:,}{kept}"
    for name, value in (facts["final"] or {}).items():
        yield name.replace("_", " "), _number(value)
    if (folds := CrossValidation.from_dict(facts["cross_validation"])) is not None:
        yield f"{len(folds)} folds", folds.described()
    packages = facts["packages"].items()
    yield "packages", ", ".join(f"{name} {version}" for name, version in packages)
    files = [path.name for path in folder.path.iterdir() if not path.name.startswith(".")]
    yield "files", ", ".join(sorted(files))


def _scores(final: Mapping[str, Any]) -> tuple[str, str]:
    """Return the loss, and the first metric with its name, briefly for a list."""
    loss = final.get("validation_loss", final.get("loss"))
    metrics = [(name, score) for name, score in final.items() if name not in _OWN]
    metric = f"{metrics[0][0]} {_number(metrics[0][1], 4)}" if metrics else ""
    return _number(loss, 4), metric


def _number(value: Any, digits: int = 5) -> str:
    return "" if value is None else f"{value:.{digits}g}"


def _written(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={own}" for key, own in value.items()) or "by default"
    return str(value)


def _time(text: str | None) -> str:
    """Convert a time to the reader's time zone."""
    try:
        return datetime.fromisoformat(text or "").astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return ""
