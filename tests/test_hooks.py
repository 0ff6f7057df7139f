"""Registration hooks, each with a test named after it; test_callbacks.py has the training hooks."""

from __future__ import annotations

import pytest

import nnplug
from nnplug.hookspecs import HOOKS
from nnplug.parts import KINDS
from nnplug.plugins import PluginManager
from nnplug.registry import Registry

FORM = """
import nnplug

{part}

@nnplug.hookimpl
def register_{plural}(register):
    register(own)
"""


@pytest.fixture
def load(tmp_path):
    """Give a function that puts a part into a plugin, and looks it up by its name."""

    def _load(kind: str, part: str) -> nnplug.parts.Part:
        file = tmp_path / "plugin.py"
        file.write_text(FORM.format(part=part, plural=KINDS[kind].plural), encoding="utf-8")
        registry = Registry(PluginManager(local=[str(file)]))
        found = registry.get(kind, "own")
        provider = registry.provider(found)
        assert (provider.package, provider.entry_point) == ("local", str(file))
        assert [each.name for each in provider.parts] == ["own"]
        assert provider.label == f"local ({file})"
        assert found.place.startswith(f"{file}:")
        for other in set(HOOKS.values()) - {kind}:
            assert "own" not in registry.names(other)
        return found

    return _load


def test_register_activations(load):
    own = load("activation", "@nnplug.activation\ndef own(x):\n    return 3 * x")
    assert own(2.0) == 6.0


def test_register_layers(load):
    own = load(
        "layer",
        "@nnplug.layer\ndef own(x, factor=nnplug.parameter('D', start=2)):\n    return factor * x",
    )
    assert own(2.0, 3.0) == 6.0
    run = nnplug.train("xor", layers=["dense:3", own], epochs=1)
    assert run.network["own1.factor"].shape == (3,)


def test_register_losses(load):
    own = load("loss", "@nnplug.loss\ndef own(prediction, target):\n    return prediction - target")
    assert own(5.0, 3.0) == 2.0


def test_register_optimizers(load):
    own = load(
        "optimizer",
        "@nnplug.optimizer\ndef own(param, grad, *, learning_rate=0.5):\n"
        "    return param - learning_rate * grad",
    )
    assert own(3.0, 2.0) == 2.0


def test_register_initializers(load):
    own = load(
        "initializer",
        "@nnplug.initializer\ndef own(generator, fan_in, fan_out):\n"
        "    return generator.normal(size=(fan_in, fan_out))",
    )
    run = nnplug.train("xor", initializer=own, epochs=1)
    assert run.settings.initializer == "own"


def test_register_schedules(load):
    own = load("schedule", "@nnplug.schedule\ndef own(epoch, epochs):\n    return epoch / epochs")
    assert own(1, 4) == 0.25


def test_register_metrics(load):
    own = load(
        "metric",
        "@nnplug.metric(goal='minimize')\ndef own(classes, labels):\n"
        "    return (classes != labels).mean()",
    )
    run = nnplug.train("xor", metrics=[own], epochs=1)
    assert run.final.metrics == {"own": 0.5}  # one of two classes for every row of XOR


def test_register_datasets(load):
    own = load(
        "dataset",
        "import numpy as np\n@nnplug.dataset\ndef own():\n"
        "    x = np.array([[0.0], [1.0]])\n"
        "    return nnplug.Data(inputs=x, targets=1 + x, task='regression')",
    )
    run = nnplug.train(own, epochs=1, validation=0)
    assert len(run.train_rows) == 2
