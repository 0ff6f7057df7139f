"""What a shell offers when TAB is pressed: files, runs, models and packages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from nnplug.cli.find_run import RUNS
from nnplug.cli.terminal import safe

__all__ = [
    "COMPLETING",
    "Items",
    "complete_file",
    "complete_model",
    "complete_plugin",
    "complete_run",
    "offer",
    "offer_files",
    "packages",
]

COMPLETING = os.environ.get("_NNPLUG_COMPLETE", "").endswith("_complete")
"""Whether a shell asks for completions; then nothing else may be written."""

_PLAIN = re.compile(r"[\w./+-]+")
"""What a shell takes literally. Other names are not offered, so that none is ever executed."""

Items = list[CompletionItem[Any]]


def offer(names: Iterable[str] | dict[str, str], incomplete: str) -> Items:
    """Offer the names that begin with what was typed, each with its description."""
    about = names if isinstance(names, dict) else dict.fromkeys(names)
    return [
        CompletionItem(name, help=safe(" ".join(text.split())) if text else None)
        for name, text in about.items()
        if name.startswith(incomplete) and _PLAIN.fullmatch(name)
    ]


def offer_files(incomplete: str, kind: str = "file") -> Items:
    """Let the shell look for files."""
    return [CompletionItem(incomplete, type=kind)]


def complete_file(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer files."""
    return offer_files(incomplete)


def complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer the runs in `runs`, the latest first, or else folders."""
    return offer(_runs(), incomplete) or offer_files(incomplete, "dir")


def complete_model(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer runs and the model files in this folder, or else files of any name."""
    from pathlib import Path

    here = sorted(path.name for path in Path().glob("*.safetensors"))
    return offer([*_runs(), *here], incomplete) or offer_files(incomplete)


def _runs() -> list[str]:
    """List the runs by name, which begins with the time; importing what reads them is slow.

    `find_run` decides what such a name means.
    """
    from pathlib import Path

    try:
        names = [path.parent.name for path in Path(RUNS).glob("*/config.toml")]
    except OSError:
        names = []
    return ["latest", *sorted(names, reverse=True)] if names else []


def complete_plugin(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer the installed packages, importing none, or else files."""
    block = "no:" if incomplete.startswith("no:") else ""
    found = offer(sorted(packages()), incomplete.removeprefix(block))
    for item in found:
        item.value = f"{block}{item.value}"
    return found or offer_files(incomplete)


def packages() -> dict[str, str]:
    """List the packages that have plugins, from their metadata."""
    from nnplug.plugins.plugin import find_installed

    return {plugin.package: "package" for plugin in find_installed()}
