"""Whether another process would train the same run: packages, formulas, settings and data."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnplug.errors import NnplugError
from nnplug.formulas.digest import differ
from nnplug.runs.run import Run

__all__ = ["Likeness", "identity"]


def identity(run: Run, data: str, budget: str | None = None) -> dict[str, Any]:
    """Return what the numbers of a run depend on, but for its seed, as plain values.

    Parameters
    ----------
    data : str
        The fingerprint of all rows.
    budget : str, optional
        The most epochs or seconds.
    """
    configuration = run.configuration()
    return {
        "settings": {
            name: value
            for name, value in configuration.settings.items()
            if name not in ("data", "folds", "log_every", "seed")
        },
        "packages": dict(configuration.packages),
        "formulas": dict(configuration.formulas),
        "data": data,
        "budget": budget,
    }


def _versions() -> dict[str, str]:
    return {"Python": ".".join(platform.python_version_tuple()[:2]), "NumPy": np.__version__}


@dataclass(frozen=True)
class Likeness:
    """Examines the process that it is sent to.

    Attributes
    ----------
    compute : callable
        Returns identities by what they are of; computed here, and again in the other process.
    expected : dict
        What it returned here.
    versions : dict of str to str
        Those that the numbers of any run depend on.
    """

    compute: Callable[[], dict[str, dict[str, Any]]]
    expected: Mapping[str, Mapping[str, Any]]
    versions: Mapping[str, str] = field(default_factory=_versions)

    def __call__(self) -> list[str]:
        """Write, a line each, what differs in this process."""
        now = _versions()
        lines = [
            f"{name} is {now[name]} there and {version} here"
            for name, version in self.versions.items()
            if now[name] != version
        ]
        try:
            found = self.compute()
        except NnplugError as error:
            return [*lines, *str(error).split("\n")[:2]]
        for name, expected in self.expected.items():
            lines += _differences(name, expected, found[name])
        return list(dict.fromkeys(lines))


def _differences(name: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    lines = []
    for package in sorted({*here["packages"], *there["packages"]}):
        one, other = (each["packages"].get(package, "not used") for each in (there, here))
        if one != other:
            lines.append(f"{package} is {one} there and {other} here")
    for part in sorted({*here["formulas"], *there["formulas"]}):
        one, other = (each["formulas"].get(part, "") for each in (there, here))
        if differ(one, other):
            lines.append(f"{part}: its formula differs")
    for key in sorted({*here["settings"], *there["settings"]}):
        one, other = (each["settings"].get(key) for each in (there, here))
        if one != other:
            lines.append(f"{name}: {key} is {one} there and {other} here")
    if here["data"] != there["data"]:
        lines.append(f"{name}: the rows differ")
    return lines
