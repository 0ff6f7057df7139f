"""Installs every package under plugins/ for real: each trains by name, and is missed when gone."""

from __future__ import annotations

import json
import sys

import pytest

from nnplug.plugins.elsewhere import FILE
from plugins.packages import packages
from tests.plugins.environments import Environment, run

PACKAGES = packages()
OPTIONS = {"activation": "--activation", "loss": "--loss", "optimizer": "--optimizer"}
LOADED = """
import json, sys
from nnplug.cli import main
try:
    main(["train", "--epochs", "3"])
except SystemExit as end:
    assert not end.code
print("\\nimported:", json.dumps([name for name in sys.modules if name.startswith("nnplug_")]))
"""


@pytest.fixture(scope="module")
def everything(tmp_path_factory, wheels):
    """Give an environment in which all of them are installed."""
    folder = tmp_path_factory.mktemp("ours")
    for package in PACKAGES:
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir",
            folder / "wheels", package.folder)  # fmt: skip
    return Environment(folder, wheels, *sorted((folder / "wheels").glob("*.whl")))


def test_training_with_built_in_parts_imports_none_of_them(everything):
    written = everything.python("-c", LOADED)
    assert "Epoch 0, Loss: 0.286300" in written
    assert "imported: []" in written


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_part_trains_by_name_and_is_missed_when_uninstalled(package, everything):
    known = json.loads(FILE.read_text(encoding="utf-8"))
    # A part of the example may be another package's too, and that one is then named.
    found = [
        part
        for part, _ in package.parts()
        if part.kind in OPTIONS and known[part.kind][part.name] == package.name
    ]
    if not found:
        pytest.skip("it has no activation, loss or optimizer")
    part = found[0]
    asked = ("train", "xor", OPTIONS[part.kind], f"{package.name}/{part.name}", "--epochs", "2")
    assert "Final Predictions" in everything.nnplug(*asked)
    everything.uninstall(package.name)
    try:
        said = everything.nnplug(*asked, fails=2)
    finally:
        everything.install(*(everything.folder / "wheels").glob(f"{package.module}-*.whl"))
    assert said.startswith(f"error: There is no {part.kind} '{package.name}/{part.name}' here.\n")
    way = f"'{part.name}' is in {package.name}, which is not installed: pip install {package.name}"
    assert way in said
