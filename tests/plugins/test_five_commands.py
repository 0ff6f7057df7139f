"""From nothing to a trained network: the tutorial's commands, typed by a new user.

The commands are those of docs/tutorial/first-plugin.md and stand nowhere
else. Each is run in a fresh virtual environment, whose pip knows no index but
a folder with the wheel of nnplug.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from nnplug.hookspecs import HOOKS
from nnplug.scaffold import HOW_TO_USE
from tests.plugins.environments import ROOT, Environment, borrow, run
from tests.project.test_docs import assert_shown, blocks, commands

PAGE = "tutorial/first-plugin.md"
FIVE = ("pip install ./nnplug", "nnplug plugins new ", "pip install ./", "nnplug plugins check ",
        "nnplug train --activation ")  # fmt: skip
MODULE = "nnplug-wavy/nnplug_wavy/wavy.py"

pytestmark = pytest.mark.slow


class Typed(NamedTuple):
    """A command of the page, what the page shows below it, and what it printed."""

    command: str
    shown: str
    printed: str


class Newcomer:
    """Someone with a fresh environment, an empty folder, and the tutorial."""

    def __init__(self, folder: Path, wheels) -> None:
        run(sys.executable, "-m", "venv", folder / "venv")
        borrow("hatchling", into=folder / "borrowed")
        (packages,) = (folder / "venv").rglob("site-packages")
        (packages / "borrowed.pth").write_text(f"{wheels.borrowed}\n{folder / 'borrowed'}\n")
        self.folder = folder / "home"
        self.folder.mkdir()
        (self.folder / "nnplug").symlink_to(ROOT)
        scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        self.variables = {
            "PATH": os.pathsep.join([str(scripts), os.environ["PATH"]]),
            "COLUMNS": "80",
            "NO_COLOR": "1",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels.folder),
            # pip reads this variable the other way round: 0 switches isolation off.
            "PIP_NO_BUILD_ISOLATION": "0",
        }

    def type(self, command: str) -> str:
        done = run("bash", "-c", f"{{ {command}\n}} 2>&1", cwd=self.folder, **self.variables)
        return re.sub(r"[ \t]+$", "", done.stdout, flags=re.MULTILINE).rstrip("\n")


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory, wheels):
    return Newcomer(tmp_path_factory.mktemp("newcomer"), wheels)


@pytest.fixture(scope="module")
def typed(newcomer):
    """Work through the whole page, in its order."""
    found = []
    for block in blocks(PAGE):
        if block.caption:
            path = newcomer.folder / block.caption
            if MODULE not in {each.command for each in found}:
                # The first listing is no edit: it shows what the scaffold wrote.
                written = path.read_text(encoding="utf-8").rstrip("\n")
                found.append(Typed(MODULE, block.text, written))
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            for command, shown in commands(block):
                found.append(Typed(command, shown, newcomer.type(command)))
    return found


def printed(typed, start):
    """Give what the last command that starts so printed."""
    return next(each.printed for each in reversed(typed) if each.command.startswith(start))


def test_five_commands_lead_from_nothing_to_a_trained_network(typed):
    for each, start in zip(typed, FIVE, strict=False):
        assert each.command.startswith(start)
    trained = typed[len(FIVE) - 1]
    assert trained.command == "nnplug train --activation wavy"
    lines = trained.printed.splitlines()
    assert "(wavy; output sigmoid)" in lines[1]
    losses = [float(line.partition("Loss: ")[2]) for line in lines if line.startswith("Epoch ")]
    assert len(losses) == 10
    assert losses[0] > 0.25
    assert losses[-1] < 0.001
    assert " ".join(lines[-4:]) == "Final Predictions: [[0.]  [1.]  [1.]  [0.]]"


def test_every_command_prints_what_the_page_shows(typed):
    for each in typed:
        if each.shown.strip():
            assert_shown(each.shown, each.printed, rounded=".csv" in each.command)


def test_the_new_package_says_the_commands_that_the_page_types_next(typed):
    said = printed(typed, "nnplug plugins new ").partition("Next:\n")[2]
    assert [line.strip() for line in said.splitlines()] == [
        each.command for each in typed[2 : len(FIVE)]
    ]


def test_its_tests_ran_the_kit(typed):
    last = printed(typed, "python -m pytest").splitlines()[-1]
    assert re.search(r"\b(1\d|[2-9]\d) passed\b", last)
    assert "failed" not in last


def test_the_wheel_holds_the_module_and_its_licence_and_nothing_else(typed, newcomer):
    (wheel,) = (newcomer.folder / "dist").iterdir()
    names = newcomer.type(f"python -m zipfile -l dist/{wheel.name}")
    assert re.findall(r"^(\S+) +\d{4}-", names, flags=re.MULTILINE) == [
        "nnplug_wavy/__init__.py",
        "nnplug_wavy/wavy.py",
        *(
            f"nnplug_wavy-0.1.0.dist-info/{name}"
            for name in ("METADATA", "WHEEL", "entry_points.txt", "licenses/LICENSE", "RECORD")
        ),
    ]


def test_from_the_wheel_a_table_is_trained(typed, newcomer):
    listed = json.loads(newcomer.type("nnplug plugins list --json"))["plugins"]
    assert "nnplug-wavy" in {each["package"] for each in listed}
    where = newcomer.type("python -c 'import nnplug_wavy.wavy as m; print(m.__file__)'")
    assert "site-packages" in where
    lines = printed(typed, "nnplug train waves.csv").splitlines()
    final = next(line for line in lines if line.startswith("Final, "))
    assert float(final.rpartition("R2: ")[2]) > 0.999


# --- every kind -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory, wheels):
    """Install a package with a part of each kind, as the scaffold writes it."""
    environment = Environment(tmp_path_factory.mktemp("kinds"), wheels)
    kinds = [each for kind in HOOKS.values() for each in ("--kind", kind)]
    environment.nnplug("plugins", "new", "sample", *kinds)
    source = environment.folder / "nnplug-sample"
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", source)
    environment.install(*(source / "dist").iterdir())
    rows = "".join(f"{x},{2 * x - 3}\n" for x in range(60))
    (environment.folder / "data.csv").write_text(f"x,y\n{rows}")
    return environment


def test_a_part_of_every_kind_passes_its_own_tests(every_kind):
    said = every_kind.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "nnplug-sample")
    assert re.search(r"\b\d{2} passed\b", said)
    assert "failed" not in said
    assert "xfailed" not in said


def test_a_part_of_every_kind_passes_the_check_and_the_doctor(every_kind):
    every_kind.nnplug("plugins", "check", "nnplug-sample")
    every_kind.nnplug("plugins", "doctor")


@pytest.mark.parametrize("kind", HOOKS.values())
def test_a_part_of_every_kind_trains_by_name(every_kind, kind):
    part = f"sample_{kind}"
    command = shlex.split(HOW_TO_USE[kind].format(part=part))[1:]
    command = [str(every_kind.folder / word) if word == "data.csv" else word for word in command]
    epochs = () if kind == "dataset" else ("--epochs", 4000)
    result = json.loads(run(every_kind.bin / "nnplug", *command, *epochs, "--json").stdout)
    settings = result["settings"]
    used = {"dataset": settings["data"], "metric": settings["metrics"]}
    used |= {"layer": settings["layers"], "recipe": settings["recipe"]}
    used |= {"encoding": (settings["table"] or {}).get("encoding", {}).get("*")}
    assert part in used.get(kind, settings.get(kind))
    losses = result["history"]["loss"]
    assert losses[-1] < 0.4 * losses[0]
    if kind == "metric":
        assert result["final"][part] < 0.1
