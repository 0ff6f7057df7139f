"""A network of any layers on the command line: what is printed, kept, offered and refused."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.models import IRIS, nnplug_here

LAYERS = (
    "dense:32 batch_norm gelu dropout:0.2 residual[dense:32 relu dense:32] swiglu:16 layer_norm"
)
TRAIN = ("train", IRIS, "--target", "species", "--epochs", "2")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run, in a folder that it is named for by the command."""
    folder = tmp_path_factory.mktemp("layers")
    done = nnplug_here(*TRAIN, "--layers", LAYERS, folder=folder)
    assert done.returncode == 0, done.stderr
    (run,) = (folder / "runs").iterdir()
    return run, done


@pytest.fixture
def command(tmp_path):
    """Run the command in a folder of its own."""

    def run(*arguments, code=0):
        done = nnplug_here(*arguments, folder=tmp_path)
        assert done.returncode == code, done.stderr
        return done

    return run


def test_the_lines_before_the_first_epoch_name_the_layers(kept):
    run, done = kept
    assert done.stderr.splitlines()[2] == (
        f"network {LAYERS}; 4 inputs, 3 outputs (output identity), 3,475 parameters, float32"
    )
    assert run.name.endswith("-iris-gelu-adam")


def test_hidden_layers_are_told_as_ever(command, tmp_path):
    done = command(
        *TRAIN, "--hidden", "6,5", "--activation", "tanh", "--activation", "relu",
        "--dropout", "0.1,0",
    )  # fmt: skip
    assert done.stderr.splitlines()[2:-1] == [
        "network 4-6-5-3 (tanh, relu; output identity), 83 parameters, float32",
        "loss cross_entropy; optimizer adam at learning rate 0.001; 2 epochs, batches of 32; "
        "seed 0",
        "dropout 0.1, 0",
    ]
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.endswith("-iris-tanh-adam")
    lines = command("info", run).stdout.splitlines()
    assert lines[4:8] == [
        "  network      4-6-5-3, 83 parameters, float32",
        "  activation   tanh, relu",
        "  dropout      0.1",
        "  output       identity",
    ]
    settings = (run / "report.html").read_text().partition("<h2>Settings</h2>")[2]
    assert "<td>activation</td><td>tanh, relu</td>" in settings
    assert "<td>layers</td>" not in settings


def test_info_says_the_layers_as_the_option_takes_them(kept, command):
    run, _ = kept
    lines = command("info", run).stdout.splitlines()
    assert lines[4:10] == [
        "  network      4 inputs, 3 outputs, 3,475 parameters and 64 numbers of state,",
        "               float32",
        "  layers       dense:units=32 batch_norm:epsilon=1e-05,momentum=0.1 gelu",
        "               dropout:rate=0.2 residual[dense:units=32 relu dense:units=32]",
        "               swiglu:units=16 layer_norm:epsilon=1e-05",
        "  output       identity",
    ]
    said = json.loads(command("info", run, "--json").stdout)["network"]
    assert (said["parameters"], said["states"]) == (3475, 64)
    assert said["layers"] == [-1, -1, -1, -1, -1, 4, 4, 4, -1, -1]


def test_the_numbers_of_a_run_as_json(command):
    done = command(*TRAIN, "--layers", LAYERS, "--json")
    found = json.loads(done.stdout)
    assert found["network"] == {
        "parameters": 3475, "states": 64, "layers": [32, 32, 32, 16, 16, 3]
    }  # fmt: skip
    assert found["settings"]["layers"] == LAYERS


def test_runs_are_compared_by_their_layers(kept, command):
    run, _ = kept
    command(*TRAIN, "--layers", "swiglu:8", "--output", "other")
    lines = command("runs", "compare", run, "other").stdout.splitlines()
    (line,) = (line for line in lines if line.startswith("layers"))
    assert re.fullmatch(r"layers +dense:units=32 .*  swiglu:units=8", line)
    assert not any(line.startswith(("hidden", "activation")) for line in lines)
    shown = command("runs", "show", run).stdout
    assert "\nparameters            3,475\n" in shown


def test_a_run_of_other_layers_is_not_resumed(kept, command):
    run, _ = kept
    done = command("train", "--resume", run, "--layers", LAYERS.replace("16", "8"), code=2)
    before = (
        "dense:units=32 batch_norm:momentum=0.1,epsilon=1e-05 gelu dropout:rate=0.2 "
        "residual[dense:units=32 relu dense:units=32] swiglu:units=16 layer_norm:epsilon=1e-05"
    )
    assert f'  layers was "{before}" and is "{before.replace("16", "8")}"\n' in done.stderr
    done = command("train", "--resume", run, "--hidden", "8", code=2)
    assert "  hidden was not set and is [8]\n" in done.stderr
    assert f'  layers was "{before}" and is not set\n' in done.stderr
    same = command("train", "--resume", run, "--layers", LAYERS)
    assert "Final, Loss" in same.stdout


def test_layers_in_one_form_stand_in_place_of_a_files_in_the_other(kept, command, tmp_path):
    run, _ = kept
    config = run / "config.toml"
    done = command("train", "--config", config, "--hidden", "8", "--output", "short")
    assert "network 4-8-3 (relu; output identity), 67 parameters" in done.stderr
    done = command("train", "--config", "short/config.toml", "--layers", "glu:4")
    assert "network glu:4; 4 inputs, 3 outputs (output identity), 55 parameters" in done.stderr
    done = command(*TRAIN, "--layers", "glu:4", "--dropout", "0.1", code=2)
    assert "layers and dropout: both say what the network's layers are." in done.stderr


@pytest.mark.parametrize("written", ['"dense:8 relu"', '["dense:8", "relu"]'])
def test_a_configuration_has_layers_as_text_or_as_a_list(written, command, tmp_path):
    wanted = "network dense:8 relu; 2 inputs, 1 output (output sigmoid), 33 parameters, float64"
    (tmp_path / "c.toml").write_text(f'data = "xor"\nepochs = 1\nlayers = {written}\n')
    assert wanted in command("train", "--config", "c.toml").stderr
    done = command("train", "--set", f"layers={written}", "--epochs", "1")
    assert wanted in done.stderr


def test_what_is_not_finite_is_named_by_its_layer(command, tmp_path):
    (tmp_path / "rooted.py").write_text(
        "import numpy as np\nimport nnplug\nfrom nnplug.parts import parameter\n\n\n"
        "@nnplug.layer\n"
        "def rooted(x, gain=parameter('D', start=0)):\n"
        '    """No derivative where the gain starts."""\n'
        "    return x + np.sqrt(np.abs(gain))\n"
    )
    done = command(*TRAIN, "-p", "rooted.py", "--layers", "dense:4 residual[rooted]", code=1)
    assert "step 1: the gradient of residual1.rooted1.gain is not finite." in done.stderr
    done = command(
        *TRAIN, "--layers", LAYERS, "--optimizer", "sgd", "--learning-rate", "1e30", code=1,
    )  # fmt: skip
    assert "step 2: the outputs of layer 'batch_norm1' are not finite." in done.stderr
