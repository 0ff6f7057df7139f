"""Parts that are not installed, but are in a package that nnplug's developers publish."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from nnplug.plugins.loading import Plugins
from nnplug.plugins.plugin import normalise_package

__all__ = ["ADAPTER", "FILE", "how_to_get"]

FILE = Path(__file__).with_name("elsewhere.json")
"""The package of each name, by kind. It is generated, and read only for an unknown name."""

ADAPTER = "adapter"
"""Among the kinds: by what stands before the slash, packages that make parts when asked for."""


@cache
def _packages(path: Path) -> dict[str, dict[str, str]]:
    """Read the file; it is part of nnplug and does not change."""
    found: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def how_to_get(
    name: str, kinds: Iterable[str], plugins: Plugins, package: str | None = None
) -> str:
    """Say which package has a part, and what to do.

    Parameters
    ----------
    name : str
        The part's name, without options, in snake_case.
    kinds : iterable of str
        The kinds that may be meant.
    package : str, optional
        The package or adapter that it is asked for from.

    Returns
    -------
    str
        A sentence; empty if no such package has the part, or it is installed
        and not loaded, which has a reason of its own.
    """
    by_kind = _packages(FILE)
    found = next((by_kind[kind][name] for kind in kinds if name in by_kind.get(kind, {})), None)
    if package is not None and package in by_kind.get(ADAPTER, {}):
        found, name = by_kind[ADAPTER][package], f"{package}/{name}"
    elif found is None or (package is not None and normalise_package(package) != found):
        return ""
    installed = [plugin for plugin in plugins.installed if plugin.is_of(found)]
    if not installed:
        return f"{name!r} is in {found}, which is not installed: pip install {found}"
    if "/" in name or any(plugin.state in ("failed", "blocked") for plugin in installed):
        return ""
    return (
        f"{name!r} is in a newer {found} than {installed[0].version}: pip install --upgrade {found}"
    )
