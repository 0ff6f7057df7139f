"""`nnplug info`: what a model file says, on a screen and for a program."""

import json

import nnplug
from nnplug.models import ModelInfo
from tests.cli.models import make_models, nnplug_here
from tests.reliability.hostile import Sample


def test_a_screen_of_lines(tmp_path):
    make_models(tmp_path)
    done = nnplug_here("info", "species.safetensors", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    # Of how sure it is, see tests/test_calibration.py.
    sure = ("  sets  ", "  calibration ", " " * 15)
    lines = [line for line in done.stdout.splitlines(keepends=True) if not line.startswith(sure)]
    assert "".join(lines) == (
        "species.safetensors\n"
        "  task         multiclass: setosa, versicolor, virginica\n"
        "  predicts     species\n"
        "  from         sepal_length, sepal_width, petal_length, petal_width\n"
        "  network      4-6-3, 51 parameters, float32\n"
        "  activation   relu\n"
        "  output       identity\n"
        "  loss         cross_entropy:smoothing=0.0\n"
        "  metrics      accuracy\n"
        "  optimizer    adam:beta1=0.9,beta2=0.999,epsilon=1e-08,learning_rate=0.001\n"
        "  schedule     constant:warmup=0.0\n"
        "  initializer  glorot_uniform\n"
        "  trained      data iris.csv, epochs 20, batch size 32, validation 0.2, seed 0\n"
        f"  made with    nnplug {nnplug.__version__}\n"
    )


def test_json_has_all_that_the_file_says(tmp_path):
    make_models(tmp_path)
    path = tmp_path / "petals.safetensors"
    said = json.loads(nnplug_here("info", path, "--json").stdout)
    assert said.pop("file") == str(path)
    assert said.pop("bytes") == path.stat().st_size
    info = ModelInfo.from_dict(said)
    assert info.target == ("petal_length", "petal_width")


def test_packages_that_are_not_here_are_shown_and_not_needed(tmp_path):
    make_models(tmp_path)
    path = tmp_path / "species.safetensors"
    sample = Sample.of(path.read_bytes())
    parts = sample.document["content"]["parts"]
    parts["layers"][1] |= {"package": "nnplug-mish", "version": "1.2.3", "name": "mish"}
    parts["optimizer"][0] |= {"package": "nnplug-lion", "version": "0.4", "name": "lion"}
    path.write_bytes(sample.bytes())
    lines = nnplug_here("info", path).stdout.splitlines()
    assert lines[-3:] == [
        f"  made with    nnplug {nnplug.__version__}",
        "  used         nnplug-lion 0.4: optimizer lion",
        "  needs        nnplug-mish 1.2.3: activation mish",
    ]


def test_nothing_in_a_file_reaches_the_terminal_as_a_command(tmp_path):
    make_models(tmp_path)
    path = tmp_path / "species.safetensors"
    sample = Sample.of(path.read_bytes())
    content = sample.document["content"]
    evil = "\x1b]0;owned\x07\x1b[2J\r\n\u202ebackwards\u2066"
    content["classes"][0] = content["features"][0] = content["settings"]["data"] = evil
    content["encoder"]["target"] = [evil]
    content["parts"]["optimizer"][0]["options"]["beta1"] = evil
    path.write_bytes(sample.bytes())
    done = nnplug_here("info", path)
    assert done.returncode == 0
    assert done.stdout.replace("\n", "").isprintable()
    assert r"\x1b]0;owned\x07\x1b[2J\r\n\u202ebackwards" in done.stdout


def test_a_damaged_file(tmp_path):
    (tmp_path / "m.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    done = nnplug_here("info", "m.safetensors", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: m.safetensors: this model file cannot be used: it ends after 9 bytes, before its "
        "header does.\nCopy it again from where it was made, or make it anew.\n"
    )
