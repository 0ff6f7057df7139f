"""Whole commands: what a user waits for, from the shell's prompt to the next."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

NNPLUG = str(Path(sys.executable).parent / "nnplug")
PYTHON = sys.executable


@dataclass(frozen=True)
class Pair:
    """A command of ours beside what it is measured against.

    Attributes
    ----------
    most : float or None
        The ratio that must not be exceeded.
    """

    title: str
    ours: tuple[str, ...]
    against: str
    theirs: tuple[str, ...]
    most: float | None = None


PAIRS = (
    Pair(
        "`nnplug --version`",
        (NNPLUG, "--version"),
        '`python -c "import click"`',
        (PYTHON, "-c", "import click"),
        most=1.5,
    ),
    Pair(
        '`python -c "import nnplug"`',
        (PYTHON, "-c", "import nnplug"),
        '`python -c "import numpy"`',
        (PYTHON, "-c", "import numpy"),
    ),
    Pair(
        "`nnplug train` (XOR)",
        (NNPLUG, "train", "xor"),
        "the notebook as a script",
        (PYTHON, "-m", "tests.benchmarks.notebook_script"),
    ),
)
