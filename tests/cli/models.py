"""Model files and the command, for the tests of the commands that take a model."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import unittest.mock
from dataclasses import dataclass
from pathlib import Path

import pytest

import nnplug
from nnplug.cli import main

IRIS = Path(__file__).parents[2] / "examples" / "iris.csv"


def nnplug_command(*arguments, folder=None, **environment):
    """Run the command in a process of its own, as a user does."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "nnplug", *map(str, arguments)],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd=folder,
        env={**os.environ, "COLUMNS": "80", **environment},
    )  # fmt: skip


@dataclass(frozen=True)
class Done:
    """What a command wrote, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def nnplug_here(*arguments, folder=".", **environment) -> Done:
    """Run the command in this process, which takes a tenth of the time."""
    output, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "12")
    with (
        unittest.mock.patch.dict(os.environ, environment),
        contextlib.chdir(folder), contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors), pytest.raises(SystemExit) as ended,
    ):  # fmt: skip
        main(list(map(str, arguments)))
    return Done(
        ended.value.code, *(each.buffer.getvalue().decode("utf-8") for each in (output, errors))
    )


def make_models(folder: Path) -> Path:
    """Write a model of each kind, and the table that they are of."""
    few = {"epochs": 20, "hidden": 6}
    nnplug.train(IRIS, target="species", **few).save(folder / "species.safetensors")
    nnplug.train(IRIS, target=["petal_length", "petal_width"], **few).save(
        folder / "petals.safetensors"
    )
    nnplug.train("xor").save(folder / "xor.safetensors")
    lines = IRIS.read_text().splitlines()
    named = [f"plant,{lines[0]}", *(f"p{k:03},{line}" for k, line in enumerate(lines[1:]))]
    (folder / "iris.csv").write_text("\n".join(named) + "\n")
    return folder
