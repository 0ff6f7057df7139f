"""Installs nnplug and the example package for real, in a virtual environment of their own."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil

import pytest

from tests.plugins.environments import EXAMPLE


@pytest.fixture
def without_example(environment):
    environment.uninstall("nnplug-example")
    yield environment
    environment.install(environment.wheels.of("nnplug-example"))


def test_the_package_holds_what_it_should(environment):
    files = importlib.metadata.Distribution.discover(
        name="nnplug-example",
        path=[str(environment.packages)],
    )
    names = {str(file).replace("\\", "/") for file in next(iter(files)).files}
    assert {
        f"nnplug_example/{name}.py"
        for name in ("__init__", "squareplus", "l1_batch_norm", "pinball", "tiger")
    } < names
    assert "nnplug_example-0.1.0.dist-info/licenses/LICENSE" in names
    assert not any(name.startswith("tests") for name in names)


def test_list_names_the_package_without_importing_it(environment):
    lines = environment.nnplug("plugins", "list").splitlines()
    assert lines[0].split() == ["Package", "Version", "State", "Provides"]
    assert lines[-1].split(maxsplit=3)[:3] == ["nnplug-example", "0.1.0", "available"]
    assert lines[-1].rstrip().endswith("l1_batch_norm, pinball, squareplus, tiger")


def test_list_parts_shows_each_part_with_its_package(environment):
    rows = [line.split() for line in environment.nnplug("plugins", "list", "--parts").splitlines()]
    assert ["activation", "squareplus", "nnplug-example", "0.1.0"] in rows
    assert ["layer", "l1_batch_norm", "nnplug-example", "0.1.0"] in rows
    assert ["loss", "pinball", "quantile", "nnplug-example", "0.1.0"] in rows
    assert ["optimizer", "tiger", "nnplug-example", "0.1.0"] in rows


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "squareplus",
            [
                "activation squareplus",
                "  from         nnplug-example 0.1.0, loaded",
                "  text form    squareplus:b=4.0",
                "  t2 = hypot(x, sqrt(b))",
                "  dy/dx = ",
                "  def squareplus(x: Any, *, b: float = 4.0) -> Any:",
            ],
        ),
        (
            "nnplug-example/pinball",
            [
                "loss pinball",
                "  aliases      quantile",
                "  loss = maximum(",
                "  dloss/dprediction = ",
            ],
        ),
        (
            "l1_batch_norm",
            [
                "layer l1_batch_norm",
                "               deviation: state (D), starts at 1",
                "  y outside training = gain * (x - mean) / (deviation + epsilon) + shift",
                "  dL/dgain = ",
            ],
        ),
        ("nnplug-example/tiger", ["optimizer tiger", "  m' = beta * m + (1 - beta) * grad"]),
    ],
)
def test_show_prints_formula_and_derivative(environment, name, lines):
    shown = environment.nnplug("plugins", "show", name).splitlines()
    for line in lines:
        assert any(each.startswith(line) for each in shown), (line, shown)


LOADED = """
import json, sys
from nnplug.plugins.registry import Registry
registry = Registry()
for kind, text in {parts}:
    registry.get(kind, text)
print(json.dumps(sorted(name for name in sys.modules if name.startswith("nnplug_"))))
"""


@pytest.mark.parametrize(
    ("parts", "imported"),
    [
        ([("activation", "sigmoid"), ("loss", "mse"), ("optimizer", "adam")], []),
        ([("activation", "squareplus:b=1")], ["nnplug_example", "nnplug_example.squareplus"]),
    ],
)
def test_only_what_is_asked_for_is_imported(environment, parts, imported):
    assert json.loads(environment.python("-c", LOADED.format(parts=parts))) == imported


def test_a_command_with_builtin_parts_imports_no_plugin(environment):
    code = (
        "import sys\nfrom nnplug.cli import main\n"
        "sys.argv = ['nnplug', 'plugins', 'show', 'relu']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert not [name for name in sys.modules if name.startswith('nnplug_')]\n"
    )
    assert "activation relu" in environment.python("-c", code)


@pytest.mark.parametrize(
    "parts",
    [
        ("--activation", "squareplus"),
        ("--loss", "pinball:quantile=0.5", "--learning-rate", "0.5"),
        ("--optimizer", "nnplug-example/tiger", "--learning-rate", "0.01"),
        ("--activation", "squareplus", "--loss", "quantile", "--optimizer", "Tiger"),
    ],
)
def test_its_parts_train_xor_by_name(environment, parts):
    written = environment.nnplug("train", *parts, "--epochs", "2001", "--log-every", "2000")
    losses = re.findall(r"^Epoch (\d+), Loss: (\S+)$", written, re.MULTILINE)
    assert [epoch for epoch, _ in losses] == ["0", "2000"]
    assert float(losses[1][1]) < float(losses[0][1])
    assert "Final Predictions: [[" in written


def test_training_with_builtin_parts_imports_no_plugin(environment):
    code = (
        "import sys\nfrom nnplug.cli import main\n"
        "try:\n    main(['train', '--epochs', '3'])\nexcept SystemExit as end:\n"
        "    assert not end.code\n"
        "foreign = {name.partition('.')[0] for name in sys.modules}\n"
        "assert 'nnplug' in foreign and 'nnplug_example' not in foreign, foreign\n"
    )
    assert "Epoch 0, Loss: 0.286300" in environment.python("-c", code)


def test_its_layer_is_trained_saved_loaded_and_resumed_with_its_state(environment):
    folder = environment.folder / "layers"
    folder.mkdir()
    table = folder / "table.csv"
    rows = [f"{n % 7},{n % 5},{(n % 7) * 2 - (n % 5) ** 2}\n" for n in range(60)]
    table.write_text("".join(["a,b,y\n", *rows]), encoding="utf-8")
    layers = "dense:8 nnplug-example/l1_batch_norm:0.2 relu residual[l1_batch_norm dense:8]"
    asked = (
        "train",
        table,
        "--target",
        "y",
        "--recipe",
        "none",
        "--layers",
        layers,
        "--batch-size",
        "20",
    )
    asked = (*asked, "--validation", "0", "--learning-rate", "0.01")
    environment.nnplug(*asked, "--epochs", "6", "--output", folder / "whole")
    environment.nnplug(*asked, "--epochs", "4", "--output", folder / "half")
    environment.nnplug("train", "--resume", folder / "half", "--epochs", "6")
    shown = " ".join(environment.nnplug("info", folder / "whole").split())
    wanted = "l1_batch_norm:epsilon=1e-05,momentum=0.2 relu residual[l1_batch_norm:"
    assert wanted in shown
    assert "nnplug-example 0.1.0: layer l1_batch_norm" in shown
    code = (
        "import json, sys, nnplug\n"
        "first, second = (nnplug.load(f'{path}/model.safetensors') for path in sys.argv[1:])\n"
        "mine, other = first.network, second.network\n"
        "assert mine.parameters.tobytes() == other.parameters.tobytes()\n"
        "names = [span.name for span in mine.spans if span.is_state]\n"
        "print(json.dumps({name: mine[name].tolist() for name in names}))\n"
    )
    runs = [folder / name for name in ("whole", "half")]
    states = json.loads(environment.python("-c", code, *runs))
    assert list(states) == [
        "l1_batch_norm1.mean", "l1_batch_norm1.deviation",
        "residual1.l1_batch_norm1.mean", "residual1.l1_batch_norm1.deviation",
    ]  # fmt: skip
    # 18 steps have left where they started, 0 and 1.
    assert all(0 not in states[name] for name in states if name.endswith("1.mean"))
    assert all(1 not in states[name] for name in states if name.endswith("deviation"))
    predicted = environment.nnplug("predict", folder / "half", table)
    assert len(predicted.splitlines()) == 61


def test_its_own_tests_pass_where_it_is_installed(environment):
    copy = environment.folder / "copy"
    shutil.copytree(EXAMPLE / "tests", copy / "tests")
    environment.python("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", copy)


def test_after_uninstalling_it_the_error_says_what_to_install(without_example):
    # Of two packages that have a part of one name, the example is never the one to install.
    for kind, name, package in (
        ("activation", "squareplus", "nnplug-activations"),
        ("layer", "l1_batch_norm", "nnplug-example"),
        ("loss", "pinball", "nnplug-losses"),
        ("optimizer", "tiger", "nnplug-example"),
    ):
        code = f"from nnplug.plugins.registry import Registry; Registry().get({kind!r}, {name!r})"
        written = without_example.python("-c", code, fails=1)
        assert f"UnknownPartError: There is no {kind} {name!r} here." in written
        assert f"{name!r} is in {package}, which is not installed: pip install" in written
    written = without_example.nnplug("train", "--activation", "squareplus", fails=2)
    assert written == (
        "error: There is no activation 'squareplus' here.\n"
        "'squareplus' is in nnplug-activations, which is not installed: pip install "
        "nnplug-activations\n"
    )
    written = without_example.nnplug("train", "--activation", "squareminus", fails=2)
    assert "error: There is no activation 'squareminus'.\n" in written
    assert "Installed activations:\n  nnplug 0.1.0: celu, elu" in written
    assert "nnplug-example" not in written
    for command in ("show", "check"):
        written = without_example.nnplug("plugins", command, "tiger", fails=2)
        assert "There is no part, package" in written
        assert "'tiger' is in nnplug-example, which is not installed: pip install" in written
    assert "nnplug-example" not in without_example.nnplug("plugins", "list")
