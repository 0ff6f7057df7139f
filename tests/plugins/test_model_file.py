"""A model with a plugin's parts goes to a machine without the plugin, and then gets it."""

from __future__ import annotations

import shutil

import pytest

from tests.plugins.environments import ROOT, Environment

TRAIN = """
import nnplug
run = nnplug.train("iris.csv", target="petal_length", recipe="none", activation="squareplus:b=2",
                   loss="pinball:quantile=0.5", optimizer="tiger", epochs=5)
run.save("petals.safetensors")
run.outputs("iris.csv").tofile("here.bin")
"""

OUTPUTS = """
import sys, nnplug
nnplug.load("petals.safetensors").outputs("iris.csv").tofile(sys.argv[1])
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory, environment, wheels):
    """Give an environment without the plugin, with the model that was trained with it."""
    made = Environment(tmp_path_factory.mktemp("elsewhere"), wheels)
    shutil.copy(ROOT / "examples" / "iris.csv", environment.folder)
    environment.python("-c", TRAIN)
    for name in ("petals.safetensors", "iris.csv"):
        shutil.copy(environment.folder / name, made.folder)
    environment.nnplug("predict", "petals.safetensors", "iris.csv", "-o", "here.csv")
    return made


def test_a_model_names_what_to_install_and_then_predicts_the_same_bits(
    elsewhere, environment, wheels
):
    refusal = (
        "error: petals.safetensors: this model file cannot be used: a plugin that it needs is not "
        "installed.\n"
        "activation squareplus and loss pinball are from nnplug-example 0.1.0.\n"
        "Install it, if you trust it: pip install nnplug-example==0.1.0\n"
    )
    for command in ("predict", "evaluate"):
        assert elsewhere.nnplug(command, "petals.safetensors", "iris.csv", fails=2) == refusal
    # What it is can be seen all the same.
    shown = elsewhere.nnplug("info", "petals.safetensors").splitlines()
    assert "  activation   squareplus:b=2.0" in shown
    assert shown[-2:] == [
        "  needs        nnplug-example 0.1.0: activation squareplus, loss pinball,",
        "               optimizer tiger",
    ]

    elsewhere.install(wheels.of("nnplug-example"))
    elsewhere.nnplug("predict", "petals.safetensors", "iris.csv", "-o", "there.csv")
    elsewhere.python("-c", OUTPUTS, "there.bin")
    for name in ("csv", "bin"):
        here = (environment.folder / f"here.{name}").read_bytes()
        assert (elsewhere.folder / f"there.{name}").read_bytes() == here
        assert len(here) >= 150 * 4
