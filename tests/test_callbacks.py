"""Training hooks, each with a test named after it."""

from pathlib import Path

import numpy as np
import pytest

import nnplug
import nnplug.errors
import nnplug.training
from nnplug.errors import PluginError
from nnplug.plugins.registry import Registry
from nnplug.runs.api import train
from tests.engines import ENGINES


class Diary:
    """Notes what it sees; ends the run after an epoch, if told to."""

    def __init__(self, stop_after=None):
        self.seen = []
        self.stop_after = stop_after

    def on_train_start(self, run):
        self.seen.append(("start", len(run.history), run.settings.epochs))

    def on_epoch_end(self, run, record):
        self.seen.append((record.epoch, record.loss, run.history["loss"][-1]))
        return record.epoch == self.stop_after

    def on_train_end(self, run):
        self.seen.append(("end", len(run.history)))


def test_on_train_start():
    diary = Diary()
    train("xor", epochs=3, callbacks=[diary])
    assert diary.seen[0] == ("start", 0, 3)


def test_the_first_hook_knows_the_folder_and_what_a_resumed_run_has(tmp_path):
    seen = []

    class Look:
        def on_train_start(self, run):
            seen.append((run.folder, len(run.history)))

    train("xor", epochs=3, output=tmp_path / "run", callbacks=[Look()])
    nnplug.resume(tmp_path / "run", epochs=5, callbacks=[Look()])
    assert [(Path(folder).name, epochs) for folder, epochs in seen] == [("run", 0), ("run", 3)]


def test_on_epoch_end():
    diary = Diary()
    run = train("xor", epochs=3, callbacks=[diary])
    epochs = diary.seen[1:-1]
    assert [epoch for epoch, _, _ in epochs] == [0, 1, 2]
    assert [loss for _, loss, _ in epochs] == run.history["loss"]
    assert all(loss == last for _, loss, last in epochs)


def test_on_train_end():
    diary = Diary()
    train("xor", epochs=3, callbacks=[diary])
    assert diary.seen[-1] == ("end", 3)


def test_a_hook_that_returns_true_ends_the_run_cleanly():
    first, second = Diary(stop_after=4), Diary()
    run = train("xor", epochs=50, callbacks=[first, second])
    assert len(run.history) == 5
    # Everyone sees the last epoch and the end, in whatever order they stand.
    assert first.seen[-1] == second.seen[-1] == ("end", 5)
    assert [each[0] for each in second.seen] == ["start", 0, 1, 2, 3, 4, "end"]


def test_only_true_stops():
    class Truthy:
        def on_epoch_end(self, record):
            return "yes"

    assert len(train("xor", epochs=3, callbacks=[Truthy()]).history) == 3


def test_hooks_see_metrics_and_validation():
    import numpy as np

    x = np.random.default_rng(0).standard_normal((40, 3))
    diary = []

    class Look:
        def on_epoch_end(self, record):
            diary.append(record)

    train((x, x[:, 0] > 0), epochs=2, callbacks=[Look()])
    assert set(diary[0].metrics) == {"accuracy"}
    assert diary[0].validation_loss is not None


@pytest.mark.parametrize(
    ("hook", "when"),
    [("on_train_start", ""), ("on_epoch_end", " after epoch 0"), ("on_train_end", "")],
)
@pytest.mark.parametrize("raised", [ValueError("no disk"), SystemExit("no disk")])
def test_a_raising_hook_is_fatal_and_named(hook, when, raised):
    def fail(self, run):
        raise raised

    broken = type("Broken", (), {hook: fail})()
    with pytest.raises(PluginError) as caught:
        train("xor", epochs=2, callbacks=[broken])
    message = str(caught.value)
    assert message.startswith(f"callback Broken: {hook}{when} failed: {__file__}:")
    assert f"{type(raised).__name__}: no disk" in message


def test_an_interrupt_in_a_hook_is_not_swallowed():
    class Stop:
        def on_epoch_end(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train("xor", epochs=2, callbacks=[Stop()])


def test_a_plugins_hooks_are_called_and_named(tmp_path):
    file = tmp_path / "diary.py"
    file.write_text(
        "import nnplug\n"
        "@nnplug.hookimpl\n"
        "def on_epoch_end(run, record):\n"
        "    if record.epoch == 2:\n"
        "        raise RuntimeError('full')\n"
    )
    registry = Registry(local=[str(file)])
    with pytest.raises(PluginError, match=r"diary.*on_epoch_end after epoch 2 failed.*full"):
        nnplug.train("xor", epochs=9, registry=registry)


def test_a_misspelt_method_is_not_passed_over():
    class Misspelt:
        def on_epoch_ended(self, record):
            """Never called, if nobody looked."""

    with pytest.raises(nnplug.errors.SettingError, match="Did you mean 'on_epoch_end'"):
        train("xor", epochs=1, callbacks=[Misspelt()])
    with pytest.raises(nnplug.errors.SettingError, match="has none of the methods on_train_start"):
        train("xor", epochs=1, callbacks=[print])


def test_numpys_true_stops_too():
    import numpy as np

    class Enough:
        def on_epoch_end(self, record):
            return np.float64(record.loss) < 1

    assert len(train("xor", epochs=9, callbacks=[Enough()]).history) == 1


class Steps:
    """Notes each step; ends the run after an epoch, if told to."""

    def __init__(self, stop_at=None):
        self.seen, self.weights, self.stop_at = [], [], stop_at

    def on_batch_end(self, run, record):
        self.seen.append(record)
        self.weights.append(run.network.parameters.copy())
        return self.stop_at == (record.epoch, record.batch)


def learned(engine="numpy", callbacks=(), **options):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((50, 3))
    settings = {"epochs": 2, "batch_size": 16, "validation": 0.2, "optimizer": "sgd"} | options
    return train((x, x[:, :1] * 2), engine=engine, callbacks=callbacks, **settings)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_size", [16, "full"])
def test_on_batch_end(engine, batch_size):
    steps = Steps()
    run = learned(engine, [steps], batch_size=batch_size, dtype="float64", patience="none")
    per_epoch = 3 if batch_size == 16 else 1
    assert [(each.epoch, each.batch) for each in steps.seen] == [
        (epoch, batch) for epoch in range(2) for batch in range(per_epoch)
    ]
    # A batch's loss is the mean over its rows: 16, 16 and 8 of 40, or all of them.
    rows = np.array([16, 16, 8] if per_epoch == 3 else [40])
    losses = np.array([each.loss for each in steps.seen]).reshape(2, -1)
    np.testing.assert_allclose(losses @ rows / 40, run.history["loss"], rtol=1e-12)
    assert {each.learning_rate for each in steps.seen} == set(run.history["learning_rate"])
    # It sees the weights after the step.
    assert len({each.tobytes() for each in steps.weights}) == 2 * per_epoch
    # A run that is looked at step by step is the same run, to the bit.
    alone = learned(engine, batch_size=batch_size, dtype="float64", patience="none")
    assert alone.network.parameters.tobytes() == run.network.parameters.tobytes()
    assert alone.history.columns == run.history.columns


def test_a_batchs_loss_counts_rows_by_their_weights():
    generator, steps = np.random.default_rng(0), Steps()
    x, weights = generator.standard_normal((40, 2)), np.repeat([1.0, 3.0], 20)
    run = train(
        (x, x[:, 0]), sample_weight=weights, epochs=1, batch_size=40, validation=0, hidden=(),
        callbacks=[steps], dtype="float64", seed=3,
    )  # fmt: skip
    (seen,) = steps.seen
    assert seen.loss == pytest.approx(run.history["loss"][0], rel=1e-12)


def test_a_step_may_end_the_run_after_its_epoch():
    steps = Steps(stop_at=(1, 0))
    run = learned(callbacks=[steps], epochs=9)
    assert (len(run.history), run.ended, len(steps.seen)) == (2, "asked", 6)


def test_without_a_listener_the_engine_takes_many_steps_at_a_call(monkeypatch):
    counts = []
    run_many = nnplug.training.Steps.run_many

    def counted(self, order, rates, *more):
        counts.append(len(rates))
        return run_many(self, order, rates, *more)

    monkeypatch.setattr(nnplug.training.Steps, "run_many", counted)
    train("xor", epochs=2000)
    assert max(counts) > 100
    counts.clear()
    train("xor", epochs=20, callbacks=[Steps()])
    assert counts == [1] * 20


def test_a_step_hook_that_raises_is_named_with_its_batch():
    class Broken:
        def on_batch_end(self, record):
            if record.batch == 2:
                raise OSError("full")

    with pytest.raises(PluginError) as caught:
        learned(callbacks=[Broken()])
    assert str(caught.value).startswith(
        "callback Broken: on_batch_end after batch 2 of epoch 0 failed: "
    )


def test_estimators_tell_of_steps_too():
    from nnplug.sklearn import MLPRegressor

    generator, steps = np.random.default_rng(0), Steps()
    x = generator.standard_normal((40, 2))
    model = MLPRegressor(
        max_iter=9, batch_size=16, hidden_layer_sizes=(3,), callbacks=[Steps(stop_at=(1, 2)), steps]
    ).fit(x, x[:, 0])
    assert [(each.epoch, each.batch) for each in steps.seen] == [
        (epoch, batch) for epoch in range(2) for batch in range(3)
    ]
    assert model.n_iter_ == 2
