"""Registration hooks, each with a test named after it; test_callbacks.py has the training hooks."""

from __future__ import annotations

import pytest

import nnplug
from nnplug.errors import PartError, PluginError, UnknownPartError
from nnplug.hookspecs import HOOKS
from nnplug.parts import KINDS
from nnplug.plugins.registry import Registry
from tests.plugins.packages import isolated_site  # noqa: F401  # the fixture `site`

TOOL = """
import nnplug
from nnplug.engines import NUMPY


@nnplug.hookimpl
def {hook}(register):
    register({given})
"""

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
        registry = Registry(local=[str(file)])
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


@pytest.fixture
def register(tmp_path):
    """Give a function that lets a plugin register what an expression gives."""

    def _register(hook: str, given: str) -> Registry:
        file = tmp_path / "plugin.py"
        file.write_text(TOOL.format(hook=hook, given=given), encoding="utf-8")
        return Registry(local=[str(file)])

    return _register


def test_register_engines(register):
    registry = register("register_engines", "nnplug.Engine('own', NUMPY.bind)")
    engine = registry.tool("engine", "own")
    assert registry.provider(engine).package == "local"
    assert registry.tool("engine", "local/own") is engine
    assert [tool.name for tool, _ in registry.tools("engine")] == ["numba", "numpy", "own"]
    run = nnplug.train("xor", epochs=3, engine="own", registry=registry)
    assert run.settings.engine == "own"
    assert run.history["loss"] == nnplug.train("xor", epochs=3, engine="numpy").history["loss"]


def test_register_exporters(register):
    registry = register(
        "register_exporters",
        "nnplug.Exporter('own', lambda model, name, *, twice=False: {'.own': name, '.more': b'1'},"
        " '.own', about='A file.')",
    )
    exporter = registry.tool("exporter", "own")
    assert (exporter.suffix, exporter.about) == (".own", "A file.")
    assert exporter.files(None, "it") == {".own": b"it", ".more": b"1"}
    with pytest.raises(UnknownPartError) as caught:
        registry.tool("exporter", "owm")
    said = str(caught.value)
    assert said.startswith(
        "There is no exporter 'owm'. Did you mean 'own'?\nInstalled exporters:\n"
    )


@pytest.mark.parametrize(
    ("hook", "given", "reason"),
    [
        ("register_engines", "NUMPY.bind",
         "register_engines takes an nnplug.Engine, not the plain function 'bind'; write "
         'nnplug.Engine("name", bind, ...).'),
        ("register_engines", "nnplug.Exporter('own', print, '.own')",
         "register_engines takes an nnplug.Engine, not the exporter 'own'; register that in "
         "register_exporters."),
        ("register_activations", "NUMPY",
         "register_activations takes a part made with @nnplug.activation, not the engine 'numpy'; "
         "register that in register_engines."),
        ("register_engines", "nnplug.Engine('Own engine', NUMPY.bind)",
         "engine 'Own engine': a name is in snake_case"),
        ("register_engines", "nnplug.Engine('auto', NUMPY.bind)",
         "engine 'auto': 'auto' already means something else on the command line."),
        ("register_engines", "nnplug.Engine('own', lambda program, arrays: None)",
         "engine 'own': its function takes other arguments (too many positional arguments); write "
         "def own(program, arrays, memory, *, many, like)."),
        ("register_engines", "nnplug.Engine('own', 3)", "engine 'own': 3 is not a function"),
        ("register_engines", "nnplug.Engine('own', NUMPY.bind, saves=3)",
         "engine 'own': saves=3: it must be a function."),
        ("register_engines", "NUMPY",
         "its engine 'numpy' is refused: 'numpy' is a built-in engine's name"),
        ("register_exporters", "nnplug.Exporter('own', lambda model, name: '', 'own')",
         "exporter 'own': suffix='own' must be the ending of a file's name with its dot"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_tool_is_said(register, hook, given, reason):
    with pytest.raises(PluginError) as caught:
        register(hook, given)
    assert reason in str(caught.value)
    assert "plugin.py" in str(caught.value)


def test_a_tool_of_a_file_without_hooks_is_taken_as_it_stands(tmp_path):
    file = tmp_path / "bare.py"
    file.write_text(
        "import nnplug\nfrom nnplug.engines import NUMPY\n"
        "def own(program, arrays, memory, *, many=False, like=None):\n"
        "    return NUMPY.bind(program, arrays, memory)\n"
        "engine = nnplug.Engine('own', own)\n"
    )
    registry = Registry(local=[str(file)])
    assert [tool.name for tool in registry.provider(registry.tool("engine", "own")).provided] == [
        "own"
    ]


def test_an_engine_that_fails_is_named_with_its_line(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text(
        "import nnplug\n"
        "def broken(program, arrays, memory, *, many=False, like=None):\n"
        "    raise RuntimeError('no device')\n"
        "engine = nnplug.Engine('broken', broken)\n"
    )
    registry = Registry(local=[str(file)])
    with pytest.raises(PartError) as caught:
        nnplug.train("xor", epochs=1, engine="broken", registry=registry)
    assert str(caught.value) == (
        f"engine 'broken' of local ({file}) failed:\n{file}:3: RuntimeError: no device\n"
        "Try another engine."
    )


def test_a_broken_engine_plugin_is_an_error_only_for_who_asks_for_it(site):
    site.install("nnplug-broken", "import nnplug\n1 / 0\n", entry_points={"fast": "nnplug_broken"})
    site.install(
        "nnplug-good",
        "import nnplug\nfrom nnplug.engines import NUMPY\n"
        "@nnplug.hookimpl\n"
        "def register_engines(register):\n"
        "    register(nnplug.Engine('good', NUMPY.bind))\n",
    )
    registry = Registry()
    assert registry.tool("engine", "good").name == "good"
    with pytest.raises(PluginError, match=r"engine 'fast' is asked for, and plugin nnplug-broken"):
        registry.tool("engine", "fast")


def test_register_datasets(load):
    own = load(
        "dataset",
        "import numpy as np\n@nnplug.dataset\ndef own():\n"
        "    x = np.array([[0.0], [1.0]])\n"
        "    return nnplug.Data(inputs=x, targets=1 + x, task='regression')",
    )
    run = nnplug.train(own, epochs=1, validation=0)
    assert len(run.train_rows) == 2


def test_register_recipes(load):
    own = load(
        "recipe",
        "@nnplug.recipe\ndef own(facts):\n    return {'hidden': (facts.rows, facts.inputs)}",
    )
    run = nnplug.train("xor", recipe=own, epochs=1)
    assert run.settings.hidden == (4, 2)


def test_register_encodings(load):
    own = load("encoding", "@nnplug.encoding\ndef own(x, maximum):\n    return x / maximum, x / 2")
    table = {"a": [1.0, 2.0, 4.0], "y": [0.5, 0.1, 0.2]}
    run = nnplug.train(table, target="y", encoding=own, epochs=1, validation=0)
    assert run.rows.inputs.tolist() == [[0.25, 0.5], [0.5, 1.0], [1.0, 2.0]]
    assert run.rows.features == ("a.own1", "a.own2")
