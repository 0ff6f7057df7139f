"""nnplug.train: the best epoch, penalties, dropout and metrics, as settings of a run."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nnplug
from nnplug.errors import DivergedError, SettingError
from nnplug.runs.fitting import Callbacks, fit
from nnplug.runs.preparing import prepare

IRIS = Path(__file__).parents[1] / "examples" / "iris.csv"


def iris(**settings):
    settings = {
        "target": "species",
        "hidden": (8,),
        "epochs": 40,
        "learning_rate": 0.05,
        **settings,
    }
    return nnplug.train(IRIS, **settings)


def test_a_run_ends_with_the_weights_of_its_best_epoch():
    kept = []

    class Keep:
        def on_epoch_end(self, run, record):
            kept.append(run.network.parameters.copy())

    run = iris(callbacks=[Keep()], epochs=60)
    losses = run.history["validation_loss"]
    best = int(np.argmin(losses))
    assert len(kept) == len(losses) == 60
    assert best < 59
    assert run.history.best == run.final.epoch == best
    assert run.ended == "epochs"
    assert run.network.parameters.tobytes() == kept[best].tobytes()
    assert run.final.validation_loss == losses[best]


def test_on_train_end_sees_the_best_weights():
    seen = []

    class Look:
        def on_train_end(self, run):
            seen.append(run.network.parameters.tobytes())

    run = iris(callbacks=[Look()])
    assert seen == [run.network.parameters.tobytes()]


def test_patience_and_a_metric_to_follow():
    run = iris(metrics=["accuracy", "log_loss"], monitor="accuracy", patience=5, epochs=200)
    column = run.history["accuracy"]
    assert run.ended == "patience"
    assert run.history.best == column.index(max(column)) == len(column) - 6
    run = iris(metrics=["log_loss"], monitor="log_loss", patience=5, epochs=200)
    column = run.history["log_loss"]
    assert run.history.best == column.index(min(column))


def test_what_is_asked_for_stands_in_the_settings():
    said = prepare("xor", hidden=(3, 4), dropout=(0.5, 0), l2=1, l1=1e-3, clip_global_norm=2,
                   patience=np.int64(3), class_weight={1: 2}).settings  # fmt: skip
    assert json.loads(json.dumps(said.to_dict())) == {
        **json.loads(json.dumps(said.to_dict())),
        "l2": 1.0, "l1": 0.001, "dropout": [0.5, 0.0], "clip_global_norm": 2.0,
        "class_weight": {"1": 2.0}, "monitor": "loss", "patience": 3, "min_delta": 0.0,
    }  # fmt: skip
    assert prepare("xor", hidden=()).settings.dropout == ()
    assert prepare("xor", hidden=(), dropout=0.5).settings.dropout == ()


def test_settings_reach_the_steps():
    # By hand, XOR's first step with a penalty: the notebook's weights, a rate of 1.
    plain = nnplug.train("xor", epochs=1)
    run = nnplug.train("xor", epochs=1, l2=0.1)
    start = prepare("xor").network
    for name in ("hidden1.weight", "output.weight"):
        moved = plain.network[name] - run.network[name]
        np.testing.assert_allclose(moved, 0.1 * start[name], rtol=1e-12)
    for name in ("hidden1.bias", "output.bias"):
        assert (plain.network[name] == run.network[name]).all()
    weights = np.concatenate([start[f"{name}.weight"].ravel() for name in ("hidden1", "output")])
    assert run.final.penalty == pytest.approx(0.05 * (weights**2).sum())
    assert run.final.loss == plain.final.loss
    assert plain.final.penalty is None

    clipped = nnplug.train("xor", epochs=1, clip_global_norm=1e-3)
    length = np.linalg.norm(clipped.network.parameters - start.parameters)
    assert length == pytest.approx(1e-3)
    dropped = nnplug.train("xor", epochs=1, dropout=0.5)
    assert dropped.final.loss != plain.final.loss


def test_one_metric_with_two_options_is_two_columns():
    run = iris(epochs=2, metrics=["f1:average=macro", "f1:average=micro", "accuracy"])
    assert set(run.final.metrics) == {"f1:average=macro", "f1:average=micro", "accuracy"}
    # Each row has one class and one answer, so hits, said and actual are counted alike.
    assert run.final.metrics["f1:average=micro"] == run.final.metrics["accuracy"]


@pytest.mark.parametrize("name", ["loss", "penalty", "validation_loss", "learning_rate"])
def test_a_metric_cannot_have_the_name_of_another_column(name):
    @nnplug.metric(name=name)
    def confusing(classes, labels):
        """The number of classes."""
        return 1.0

    with pytest.raises(SettingError, match=f"metric '{name}' .* has the name of a column"):
        prepare("xor", metrics=[confusing])


def test_a_run_that_diverges_keeps_its_last_finite_weights_and_no_best():
    data = (np.linspace(-1, 1, 50).reshape(-1, 1), np.linspace(-1, 1, 50))
    run = prepare(data, hidden=(), optimizer="sgd", learning_rate=20.0, epochs=500)
    with pytest.raises(DivergedError):
        run.trainer().run()
    assert np.isfinite(run.network.parameters).all()
    assert run.history.best is None


def test_a_trainer_of_a_run_goes_on_where_another_was(monkeypatch):
    monkeypatch.setattr("nnplug.training.loop.PORTION_SECONDS", 0.0)
    settings = {
        "target": "species", "hidden": (8,), "epochs": 6, "dropout": 0.2, "l2": 1e-3,
        "schedule": "one_cycle", "metrics": ["roc_auc"], "class_weight": "balanced",
    }  # fmt: skip
    whole = nnplug.train(IRIS, **settings)
    first, second = prepare(IRIS, **settings), prepare(IRIS, **settings)
    asked = iter(range(1000))
    left = first.trainer()
    left.run(should_stop=lambda: next(asked) == 13)
    assert left.ended is None
    taken_up = second.trainer()
    taken_up.restore(*left.state())
    taken_up.run()
    assert second.network.parameters.tobytes() == whole.network.parameters.tobytes()
    assert second.history.columns == whole.history.columns
    assert second.final == whole.final


def test_fit_can_be_left_between_steps(monkeypatch):
    monkeypatch.setattr("nnplug.training.loop.PORTION_SECONDS", 0.0)
    run, asked, seen = prepare("xor"), iter(range(1, 1000)), []
    callbacks = Callbacks(run.model.registry.plugins, run.parts)
    fit(run, callbacks, lambda _, epoch: seen.append(epoch), should_stop=lambda: next(asked) == 30)
    assert (run.ended, len(run.history)) == (None, 30)
    assert seen == list(range(30))


def test_one_call_of_many_steps_does_not_keep_an_interrupt_waiting():
    # 100 million epochs between two lines; a compiled engine takes many in one call.
    program = (
        "import nnplug, os, signal, threading, time\n"
        "threading.Timer(3.0, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "begin = time.monotonic()\n"
        "try:\n"
        "    nnplug.train('xor', epochs=10**8, log_every=10**8, engine='numba')\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', time.monotonic() - begin < 6)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "interrupted True\n"
