"""A part that calls sys.exit, wherever its code runs: an error that names it, and no end."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import nnplug
from nnplug.errors import PartError, PluginError
from nnplug.plugins.registry import Registry
from tests.cli.models import nnplug_here

WAY_OUT = "and a part may not end the program.\nWay out: raise an error in its place."


def leave(code=0):
    sys.exit(code)


@nnplug.activation
def exits(x):
    leave()


@nnplug.activation(derivative=lambda x, y: 1.0)
def exits_untraced(x):
    leave() if isinstance(x, np.ndarray) else float(x)


@nnplug.activation(derivative=lambda x, y: leave())
def exits_in_derivative(x):
    return x


@nnplug.loss
def exits_in_loss(prediction, target):
    leave()


@nnplug.optimizer
def exits_in_step(param, grad, *, learning_rate=0.1):
    leave()


@nnplug.initializer
def exits_in_weights(generator, fan_in, fan_out):
    leave()


@nnplug.schedule
def exits_in_rate(epoch, epochs):
    return 1.0 if epoch < 2 else leave()


@nnplug.metric
def exits_in_metric(prediction, target):
    leave()


@nnplug.dataset
def exits_in_data():
    leave()


PLACES = {
    "activation": exits,
    "output_activation": exits_untraced,
    "loss": exits_in_loss,
    "optimizer": exits_in_step,
    "initializer": exits_in_weights,
    "schedule": exits_in_rate,
    "metrics": exits_in_metric,
}
LINE = f"{__file__}:{leave.__code__.co_firstlineno + 1}: it calls sys.exit(0), "


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("place", PLACES)
def test_in_training(place, engine):
    part = PLACES[place]
    given = {place: [part] if place == "metrics" else part}
    with pytest.raises(PartError) as caught:
        nnplug.train("xor", epochs=3, engine=engine, **given)
    assert str(caught.value) == f"{part.kind} {part.name!r}: {LINE}{WAY_OUT}"
    assert caught.value.exit_code == 2


def test_in_a_derivative_and_in_a_dataset():
    with pytest.raises(
        PartError, match=r"^derivative of activation 'exits_in_derivative': .*sys.exit"
    ):
        nnplug.train("xor", epochs=3, activation=exits_in_derivative)
    with pytest.raises(PartError, match=r"^dataset 'exits_in_data': .*sys.exit"):
        nnplug.train(exits_in_data)


def test_at_prediction_and_evaluation():
    state = {"leaves": False}

    @nnplug.activation(derivative=lambda x, y: 1.0)
    def later(x):
        return leave(3) if state["leaves"] else 1.0 * np.asarray(x)

    run = nnplug.train("xor", epochs=2, activation=later)
    model, state["leaves"] = run.model, True
    for way in (model.predict, model.probabilities, lambda x: model.evaluate((x, [0, 1]))):
        with pytest.raises(PartError, match=r"activation 'later': .*it calls sys\.exit\(3\), and"):
            way([[0.0, 1.0], [1.0, 1.0]])


def test_in_a_hook():
    class Ends:
        def on_epoch_end(self, run, record):
            leave()

    with pytest.raises(PluginError, match=r"callback Ends: on_epoch_end after epoch 0 failed: "):
        nnplug.train("xor", epochs=3, callbacks=[Ends()])


def test_in_a_plain_call_and_on_what_a_plugin_shows(nnplug_registry):
    with pytest.raises(PartError, match=r"^activation 'exits': "):
        exits(np.zeros((1, 1)))
    nnplug_registry.register(exits)
    with pytest.raises(PartError, match=r"^activation 'exits': "):
        exits.value(nnplug.formulas.primitives.new_graph().input("x", ("N", "C")))


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, GeneratorExit])
def test_what_is_no_exit_passes(error):
    @nnplug.schedule
    def raises(epoch, epochs):
        raise error

    with pytest.raises(error):
        raises(0.0, 1)
    with pytest.raises(error):
        nnplug.train("xor", epochs=2, schedule=raises, registry=Registry())


PART = """
import os, sys
import numpy as np
import nnplug

@nnplug.activation(derivative=lambda x, y: 1 - y * y)
def odd(x):
    if "NNPLUG_TEST_LEAVE" in os.environ:
        sys.exit(0)
    return np.tanh(np.array(x))
"""


def test_the_command_line_exits_with_2_and_leaves_files_as_they_are(tmp_path, monkeypatch):
    (tmp_path / "part.py").write_text(PART)
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{k % 7},{k % 2}\n" for k in range(30)))
    train = ["train", "t.csv", "--target", "y", "--activation", "odd", "-p", "./part.py"]
    done = nnplug_here(*train, "--epochs", "2", "--output", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "out.csv").write_text("old\n")
    monkeypatch.setenv("NNPLUG_TEST_LEAVE", "1")
    said = f"error: activation 'odd': {tmp_path}/part.py:9: it calls sys.exit(0), {WAY_OUT}\n"
    to_file = ["-o", "out.csv", "--overwrite"]
    for command in (["predict", "run", "t.csv"], ["predict", "run", "t.csv", *to_file],
                    ["evaluate", "run", "t.csv"]):  # fmt: skip
        done = nnplug_here(*command, "-p", "./part.py", folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), command
        assert said in done.stderr
    assert (tmp_path / "out.csv").read_text() == "old\n"
    assert not [*tmp_path.glob(".nnplug-*")]
    done = nnplug_here(*train, "--no-output", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "activation 'odd' is from local (./part.py)" in done.stderr
