"""The blocks of whole commands and of imports: from the shell's prompt to the next."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks import report
from tests.benchmarks.processes import Command, Settings, in_turns, run
from tests.benchmarks.report import Block, Figures

NNPLUG = str(Path(sys.executable).parent / "nnplug")
PYTHON = sys.executable
ENGINES = ("auto", "numpy", "numba")


@dataclass(frozen=True)
class Measured:
    """A command, and that which it is measured against.

    Attributes
    ----------
    title : str
    command : tuple of str
    against : str or None
        The name of another one.
    """

    title: str
    command: Command
    against: str | None = None


def _python(name: str, code: str, against: str | None = None) -> tuple[str, Measured]:
    return name, Measured(f'`python -c "{code}"`', (PYTHON, "-c", code), against)


def _nnplug(name: str, arguments: str, against: str | None = None) -> tuple[str, Measured]:
    command = (NNPLUG, *arguments.split())
    return name, Measured(f"`nnplug {arguments}`", command, against)


IMPORTS = dict(
    [
        _python("nothing", "pass"),
        _python("numpy", "import numpy"),
        _python("nnplug", "import nnplug", "numpy"),
        _python("nnplug.train", "import nnplug; nnplug.train", "numpy"),
        _python("numba", "import numba", "numpy"),
        _python("sklearn", "import sklearn.neural_network", "numpy"),
        _python("jax", "import jax.numpy", "numpy"),
        _python("torch", "import torch", "numpy"),
    ]
)

PACKAGES = {
    "nnplug": "nnplug", "numpy": "numpy", "numba": "numba", "sklearn": "scikit-learn",
    "jax": "jax", "torch": "torch",
}  # fmt: skip
"""The distribution of each library."""


def commands() -> dict[str, Measured]:
    """Give the commands, and the training of XOR with each engine that can be chosen."""
    found = dict(
        [
            _python("click", "import click"),
            _nnplug("version", "--version", "click"),
            _nnplug("help", "--help", "click"),
            _nnplug("train help", "train --help", "click"),
            _nnplug("plugins list", "plugins list", "click"),
            (
                "notebook",
                Measured(
                    "the notebook as a script",
                    (PYTHON, "-m", "tests.benchmarks.notebook_script"),
                ),
            ),
        ]
    )
    shown = subprocess.run([NNPLUG, "train", "--help"], capture_output=True, check=True, text=True)
    if "--engine" not in shown.stdout:
        return found | dict([_nnplug("train numpy", "train xor", "notebook")])
    return found | dict(
        _nnplug(f"train {engine}", f"train xor --engine {engine}", "notebook") for engine in ENGINES
    )


def measure_commands(settings: Settings) -> Block:
    """Measure nnplug's commands."""
    return _measure(commands(), settings, ("nnplug", "numpy", "click"), 2 * settings.runs)


def measure_imports(settings: Settings) -> Block:
    """Measure what importing a library takes, of those that are installed."""
    there = {
        name: one
        for name, one in IMPORTS.items()
        if name not in PACKAGES or importlib.util.find_spec(name) is not None
    }
    packages = tuple(package for name, package in PACKAGES.items() if name in there)
    return _measure(there, settings, packages, settings.runs)


def _measure(
    measured: dict[str, Measured], settings: Settings, packages: tuple[str, ...], runs: int
) -> Block:
    asked = {name: one.command for name, one in measured.items()}
    for command in asked.values():
        run(command, settings)  # what is compiled once is there from now on
    finished = in_turns(asked, settings, runs=runs)
    figures: Figures = {
        name: {
            "seconds": [each.seconds for each in several],
            "peak": [float(each.peak) for each in several],
        }
        for name, several in finished.items()
    }
    rows = []
    for name, one in measured.items():
        ratio = ""
        if one.against is not None:
            share = report.ratio(figures[name]["seconds"], figures[one.against]["seconds"])
            ratio = f"{share:.2f} of {measured[one.against].title}"
        rows.append(
            [
                one.title,
                f"{median(figures[name]['seconds']) * 1000:.0f}",
                f"{min(figures[name]['seconds']) * 1000:.0f} to "
                f"{max(figures[name]['seconds']) * 1000:.0f}",
                ratio,
                report.mib(median(figures[name]["peak"])),
            ]
        )
    head = ["command", "ms", "fastest to slowest", "ratio", "peak memory, MiB"]
    everyone = [each for several in finished.values() for each in several]
    return Block(
        report.table(head, rows) + "\n\n" + report.conditions(settings, packages, everyone, runs),
        figures,
    )
