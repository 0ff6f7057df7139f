"""A training run that can be left and taken up: stopping, the best weights, state, portions."""

import math

import numpy as np
import pytest

import nnplug
from nnplug.errors import SettingError
from nnplug.network.network import Network
from nnplug.plans import Regularization
from nnplug.plugins.registry import Registry
from nnplug.training import Evaluator, RowsInMemory, Stopping, Trainer
from tests.engines import ENGINES

REGISTRY = Registry()
MSE = REGISTRY.get("loss", "mse")
ADAM = REGISTRY.get("optimizer", "adam:learning_rate=0.05")


def network(seed=0, dtype=np.float64, hidden=(5,), dropout=()):
    made = Network(
        3, hidden, 2, activations=[REGISTRY.get("activation", "tanh")] * len(hidden),
        output_activation=REGISTRY.get("activation", "identity"), dropout=dropout, dtype=dtype,
    )  # fmt: skip
    made.initialize(REGISTRY.get("initializer", "glorot_uniform"), seed)
    return made


def data(rows=23, dtype=np.float64):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((rows, 3)).astype(dtype)
    return x, (np.sin(x[:, :2]) + 0.3 * rng.standard_normal((rows, 2))).astype(dtype)


def trainer(
    net=None, *, epochs=6, batch_size=5, held=6, optimizer=ADAM, rows=23, dropout=(), **options
):
    x, y = data(rows)
    net = network(dropout=dropout) if net is None else net
    batches = RowsInMemory(
        x, y, batch_size=batch_size, seed=4,
        rows=np.arange(held, rows) if held else None,
        held_out=np.arange(held) if held else None,
    )  # fmt: skip
    return Trainer(net, options.pop("loss", MSE), optimizer, batches, epochs=epochs, **options)


def everything(of):
    """Give all that a run leaves behind, to the bit."""
    arrays, numbers = of.state()
    return {name: array.tobytes() for name, array in arrays.items()}, numbers, of.network.parameters


def after(steps):
    """Make a question that says yes when it is asked this often."""
    asked = iter(range(1, 10**6))
    return lambda: next(asked) == steps


@pytest.fixture
def step_by_step(monkeypatch):
    """Let the question whether to stop come after every step."""
    monkeypatch.setattr("nnplug.training.loop.PORTION_SECONDS", 0.0)


# --- the best weights ---------------------------------------------------------------


def scripted(values):
    """Give metrics that are written beforehand."""
    given = iter(values)
    return lambda outputs, targets: {"score": next(given)}


def test_patience_ends_the_run_with_the_best_weights_and_their_optimizer():
    # Best after epoch 1; epochs 2, 3 and 4 are the three without improvement.
    run = trainer(
        epochs=9,
        measure=scripted([0.1, 0.5, 0.4, 0.5, 0.3]),
        stopping=Stopping("score", "maximize", patience=3),
    )
    seen = []
    history = run.run(on_epoch=lambda epoch: seen.append(run.steps.copy_state()))
    assert run.ended == "patience"
    assert len(history) == len(seen) == 5
    assert history.best == 1
    best, last = seen[1], run.steps.copy_state()
    assert set(best) == {"parameters", "count", "slot.m", "slot.v"}
    for name, array in best.items():
        assert last[name].tobytes() == array.tobytes()
        assert last[name].tobytes() != seen[4][name].tobytes()
    assert float(last["count"]) == 2 * 4  # two epochs of 17 rows in batches of 5
    assert history.final.metrics == {"score": 0.5}
    assert run.network.parameters.tobytes() == best["parameters"].tobytes()


def test_the_best_weights_come_back_where_patience_never_ran_out():
    run = trainer(epochs=4, measure=scripted([1.0, 3.0, 2.0, 2.5]),
                  stopping=Stopping("score", "maximize"))  # fmt: skip
    seen = []
    run.run(on_epoch=lambda epoch: seen.append(run.network.parameters.copy()))
    assert (run.ended, run.history.best, len(run.history)) == ("epochs", 1, 4)
    assert run.network.parameters.tobytes() == seen[1].tobytes()


def test_a_callback_that_ends_the_run_leaves_the_best_weights_too():
    run = trainer(epochs=9, measure=scripted([1.0, 3.0, 2.0]),
                  stopping=Stopping("score", "maximize"))  # fmt: skip
    run.run(on_epoch=lambda epoch: epoch == 2)
    assert (run.ended, run.history.best, len(run.history)) == ("asked", 1, 3)


def test_the_validation_loss_is_that_of_the_weights_that_are_left():
    fast = REGISTRY.get("optimizer", "adam:learning_rate=0.3")
    run = trainer(epochs=60, stopping=Stopping(), optimizer=fast)
    run.run()
    x, y = data()
    _, loss = Evaluator(run.network, MSE).run(x[:6], y[:6])
    losses = run.history["validation_loss"]
    assert run.history.best == int(np.argmin(losses)) < 59
    assert loss == min(losses) == run.history.final.validation_loss


def test_a_full_batchs_loss_belongs_to_the_weights_before_its_step():
    # So large a rate that the loss falls once and then rises.
    sgd = REGISTRY.get("optimizer", "momentum:learning_rate=1.2")
    run = trainer(epochs=12, batch_size=None, held=0, optimizer=sgd, stopping=Stopping("loss"))
    run.run()
    best = int(np.argmin(run.history["loss"]))
    assert 0 < best < 11
    x, y = data()
    _, loss = Evaluator(run.network, MSE).run(x, y)
    assert loss == pytest.approx(run.history["loss"][best], rel=1e-13)
    assert float(run.steps.count) == best


def test_nothing_to_follow_keeps_the_last_weights():
    run = trainer(epochs=3)
    last = []
    run.run(on_epoch=lambda epoch: last.append(run.network.parameters.copy()))
    assert run.history.best is None
    assert run.history.final.epoch == 2
    assert run.network.parameters.tobytes() == last[2].tobytes()


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(SettingError, match=r"monitor='acuracy': the history has loss, .*valid"):
        trainer(stopping=Stopping("acuracy")).run()


# --- the history --------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 5])
def test_the_penalty_stands_beside_the_loss(batch_size, step_by_step):
    run = trainer(epochs=2, batch_size=batch_size, held=0, regularization=Regularization(0.2, 0.1))
    weights = []

    def note():
        weights.append([run.network[name].copy() for name in ("hidden1.weight", "output.weight")])

    note()
    run.run(should_stop=note)
    penalties = [sum(0.1 * (w**2).sum() + 0.1 * abs(w).sum() for w in each) for each in weights]
    rows = [23] if batch_size is None else [5, 5, 5, 5, 3]
    steps = len(rows)
    expected = [np.average(penalties[e * steps : (e + 1) * steps], weights=rows) for e in (0, 1)]
    assert run.history["penalty"] == pytest.approx(expected, rel=1e-13)
    assert run.history.record(1).penalty == run.history["penalty"][1]


def test_the_learning_rate_is_that_of_the_last_step_of_each_epoch():
    schedule = REGISTRY.get("schedule", "exponential:decay=0.5")
    run = trainer(epochs=3, schedule=schedule, held=0)
    run.run()
    expected = [0.05 * 0.5 ** (epoch + 4 / 5) for epoch in range(3)]
    assert run.history["learning_rate"] == pytest.approx(expected, rel=1e-14)
    full = trainer(epochs=3, schedule=schedule, held=0, batch_size=None)
    full.run()
    assert full.history["learning_rate"] == pytest.approx([0.05, 0.025, 0.0125], rel=1e-14)


def test_time_is_apart_from_the_columns():
    run = trainer()
    run.run()
    assert 0 < run.history.seconds < 60
    assert list(run.history.columns) == ["loss", "learning_rate", "validation_loss"]


# --- portions -----------------------------------------------------------------------

REGULARIZED = Regularization(0.01, 0.01, 0.5)


# With dropout a compiled engine takes each step by itself; without, many at a call.
@pytest.mark.parametrize("regularization", [REGULARIZED, Regularization(0.01)])
@pytest.mark.parametrize("batch_size", [None, 5])
@pytest.mark.parametrize("held", [0, 6])
@pytest.mark.parametrize("engine", ENGINES)
def test_how_often_somebody_asks_changes_no_bit(
    engine, batch_size, held, regularization, monkeypatch
):
    options = {
        "engine": ENGINES[engine], "batch_size": batch_size, "held": held,
        "regularization": regularization,
        "dropout": (0.3,) if regularization is REGULARIZED else (),
    }  # fmt: skip
    alone = trainer(**options)
    alone.run()
    for seconds in (0.0, 1e-4, 1.0):
        monkeypatch.setattr("nnplug.training.loop.PORTION_SECONDS", seconds)
        asked = trainer(**options)
        asked.run(should_stop=lambda: False)
        assert everything(asked)[:2] == everything(alone)[:2]


def test_portions_grow_until_they_take_a_tenth_of_a_second():
    run = trainer(epochs=20_000, batch_size=None, held=0)
    asked = []
    run.run(every=20_000, should_stop=lambda: asked.append(run.epoch))
    # 1, 9, 73, ... eight times more each, then as many as fit: far fewer than the epochs.
    assert asked[:3] == [1, 9, 73]
    assert len(asked) < 100


def test_full_batches_that_nobody_watches_are_handed_over_together(monkeypatch):
    run = trainer(epochs=1000, batch_size=None, held=0)
    calls, run_many = [], run.steps.run_many
    monkeypatch.setattr(
        run.steps, "run_many", lambda *arrays: (calls.append(len(arrays[1])), run_many(*arrays))[1]
    )
    seen = []
    run.run(on_epoch=seen.append, every=250)
    assert calls == [1, 250, 250, 250, 249]
    assert seen == [0, 250, 500, 750, 999]


# --- leaving and going on -----------------------------------------------------------


def resumed(stop_at, **options):
    """Leave a run after some steps, and let another one go on from its state."""
    first = trainer(**options)
    first.run(should_stop=after(stop_at))
    assert first.ended is None
    other = network(seed=99, dropout=options.get("dropout", ()))
    second = trainer(other, **options)  # other weights: the state brings its own
    second.restore(*first.state())
    second.run()
    return second


@pytest.mark.parametrize("stop_at", [1, 3, 4, 5, 11, 23])
@pytest.mark.parametrize("regularization", [REGULARIZED, Regularization(0.01)])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_was_left_ends_as_the_one_that_was_not(
    engine, regularization, stop_at, step_by_step
):
    options = {
        "engine": ENGINES[engine],
        "regularization": regularization,
        "dropout": (0.3,) if regularization is REGULARIZED else (),
        "schedule": REGISTRY.get("schedule", "cosine:warmup=1"),
        "stopping": Stopping(patience=50),
    }
    whole = trainer(**options)
    whole.run()
    options["stopping"] = Stopping(patience=50)
    assert everything(resumed(stop_at, **options))[:2] == everything(whole)[:2]


@pytest.mark.parametrize("stop_at", [1, 4])
def test_a_full_batch_run_can_be_left_too(stop_at, step_by_step):
    options = {"batch_size": None, "held": 0, "optimizer": REGISTRY.get("optimizer", "momentum")}
    for monitor in (None, "loss"):
        whole = trainer(**options, stopping=monitor and Stopping(monitor))
        whole.run()
        other = resumed(stop_at, **options, stopping=monitor and Stopping(monitor))
        assert everything(other)[:2] == everything(whole)[:2]


def test_the_same_trainer_may_go_on_after_a_break(step_by_step):
    whole, broken = trainer(), trainer()
    whole.run()
    while broken.ended is None:
        broken.run(should_stop=after(2))
    assert everything(broken)[:2] == everything(whole)[:2]


def test_nobody_is_asked_when_there_is_nothing_left_to_do(step_by_step):
    run = trainer(epochs=2, held=0)
    asked = []
    run.run(should_stop=lambda: asked.append((run.epoch, run.step)))
    assert asked == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]
    assert run.ended == "epochs"


def test_patience_goes_on_where_it_was(step_by_step):
    def make(values, net=None):
        return trainer(net, epochs=9, measure=scripted(values), held=0,
                       stopping=Stopping("score", "maximize", patience=3))  # fmt: skip

    values = [0.1, 0.5, 0.4, 0.5, 0.3]
    whole = make(values)
    whole.run()
    first = make(values)
    first.run(should_stop=after(5 * 3 + 2))  # in the fourth epoch, two of three waited
    second = make(values[3:], network(seed=9))
    second.restore(*first.state())
    second.run()
    assert second.ended == "patience"
    assert everything(second)[:2] == everything(whole)[:2]


def test_a_run_that_is_over_stays_over():
    first, second = trainer(stopping=Stopping()), trainer(stopping=Stopping())
    first.run()
    second.restore(*first.state())
    before = everything(second)[0]
    second.run()
    assert second.ended == "epochs"
    assert everything(second)[0] == before


def test_a_state_is_a_copy():
    run = trainer()
    arrays, numbers = run.state()
    kept = {name: array.copy() for name, array in arrays.items()}
    run.run()
    assert all((arrays[name] == array).all() for name, array in kept.items())
    assert numbers["epoch"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": REGISTRY.get("optimizer", "rmsprop")}, "slot.square has shape none"),
        ({"net": network(hidden=(7,))}, "parameters has shape (32,), here it is (44,)"),
        ({"batch_size": 23}, "it stopped at step 2 of an epoch, which has 1 here"),
        ({"stopping": Stopping()}, "one of the two looks for the best epoch"),
    ],
)
def test_the_state_of_another_run_is_refused(options, message, step_by_step):
    first = trainer()
    first.run(should_stop=after(2))
    other = trainer(**options)
    before = everything(other)
    with pytest.raises(SettingError) as caught:
        other.restore(*first.state())
    assert "This state is of another run" in str(caught.value)
    assert message in str(caught.value)
    assert everything(other)[:2] == before[:2]


def test_a_refused_step_leaves_the_last_finite_weights_of_any_epoch():
    @nnplug.loss
    def breaking(prediction, target):
        """A loss that is infinite once the weights have grown."""
        return (prediction - target) ** 2 / np.where(abs(prediction) > 30, 0.0, 1.0)

    sgd = REGISTRY.get("optimizer", "sgd:learning_rate=30")
    run = trainer(epochs=50, loss=breaking, optimizer=sgd, stopping=Stopping())
    with pytest.raises(nnplug.errors.DivergedError) as caught:
        run.run()
    assert np.isfinite(run.network.parameters).all()
    assert caught.value.step == run.epoch * 4 + run.step + 1
    assert math.isfinite(sum(run.history["loss"]))


# --- metrics without validation rows --------------------------------------------------


def keep_pairs(kept):
    """Give a measure that remembers what it was given."""

    def measure(outputs, targets):
        kept.append((outputs.copy(), targets.copy()))
        return {"rows": float(len(outputs))}

    return measure


def plainly(net, x):
    """Run the network of this file's tests in plain NumPy."""
    hidden = np.tanh(x @ net["hidden1.weight"] + net["hidden1.bias"])
    return hidden @ net["output.weight"] + net["output.bias"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_size", [1, 5, 23, None])
@pytest.mark.parametrize("portion", ["whole", "step by step"])
def test_metrics_see_the_outputs_of_each_step_before_it(engine, batch_size, portion, monkeypatch):
    if portion == "step by step":
        monkeypatch.setattr("nnplug.training.loop.PORTION_SECONDS", 0.0)
    kept = []
    run = trainer(
        epochs=3, batch_size=batch_size, held=0, measure=keep_pairs(kept), engine=ENGINES[engine]
    )
    twin = trainer(epochs=3, batch_size=batch_size, held=0)  # taken one step at a time, by hand
    x, y = data()
    run.run(should_stop=lambda: False)
    for epoch, (outputs, targets) in enumerate(kept):
        ((order, _),) = twin.batches.loads(epoch)
        order = np.arange(23) if order is None else order
        np.testing.assert_array_equal(targets, y[order])
        size = batch_size or 23
        for start in range(0, 23, size):
            rows = order[start : start + size]
            expected = plainly(twin.network, x[rows])
            np.testing.assert_allclose(outputs[start : start + size], expected, rtol=1e-9)
            twin.steps.run(None if batch_size is None else rows)
    assert len(kept) == 3
    assert run.history["rows"] == [23.0] * 3
    # They were never computed by a pass of their own.
    np.testing.assert_allclose(run.network.parameters, twin.network.parameters, rtol=1e-9)


@pytest.mark.parametrize("leave_after", [1, 3, 6, 9])
@pytest.mark.usefixtures("step_by_step")
def test_metrics_of_a_run_that_was_left_within_an_epoch_are_those_of_the_whole(leave_after):
    kept, again = [], []
    whole = trainer(epochs=3, held=0, measure=keep_pairs(kept))
    whole.run()
    left = trainer(epochs=3, held=0, measure=keep_pairs(again))
    left.run(should_stop=after(leave_after))
    arrays, numbers = left.state()
    taken_up = trainer(epochs=3, held=0, measure=keep_pairs(again))
    taken_up.restore(arrays, numbers)
    taken_up.run()
    assert taken_up.network.parameters.tobytes() == whole.network.parameters.tobytes()
    for (one, targets), (two, others) in zip(kept, again, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(targets, others)


def test_the_best_full_batch_by_a_training_metric_is_the_one_it_was_taken_of():
    # The metric belongs to the weights before the step: the best are the first, untouched.
    run = trainer(
        epochs=3, batch_size=None, held=0, measure=scripted([9.0, 2.0, 3.0]),
        stopping=Stopping("score", "maximize"),
    )  # fmt: skip
    start = run.network.parameters.copy()
    run.run()
    assert run.history.best == 0
    np.testing.assert_array_equal(run.network.parameters, start)


# --- rows that weigh nothing ----------------------------------------------------------


def test_validation_rows_that_weigh_nothing_have_no_mean_and_are_never_the_best():
    x, y = data()
    weights = np.ones((23, 1))
    weights[:6] = 0
    batches = RowsInMemory(x, y, batch_size=5, seed=4, weights=weights,
                           rows=np.arange(6, 23), held_out=np.arange(6))  # fmt: skip
    run = Trainer(network(), MSE, ADAM, batches, epochs=2, stopping=Stopping())
    run.run()
    assert np.isnan(run.history["validation_loss"]).all()
    assert run.history.best is None
    assert np.isfinite(run.history["loss"]).all()


def test_a_mean_over_chunks_counts_each_row_by_its_weight():
    x, y = data()
    weights = np.r_[np.zeros(5), np.arange(18.0)].reshape(-1, 1)
    chunks = [
        (x[part], y[part], weights[part]) for part in (slice(0, 5), slice(5, 6), slice(6, 23))
    ]
    net = network()
    outputs, targets, loss = Evaluator(net, MSE).over(chunks)
    errors = ((plainly(net, x) - y) ** 2).mean(axis=1)
    assert loss == pytest.approx(np.average(errors, weights=weights[:, 0]), rel=1e-12)
    np.testing.assert_allclose(outputs, plainly(net, x), rtol=1e-12)
    np.testing.assert_array_equal(targets, y)
    assert Evaluator(net, MSE).over([]) is None


# --- names of slots -------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["rows", "input", "target", "parameters", "outputs"])
def test_a_slot_may_have_any_name(engine, name):
    source = (
        f"def heavy_ball(param, grad, {name}, *, learning_rate=0.05):\n"
        f"    {name} = 0.9 * {name} + grad\n"
        f"    return param - learning_rate * {name}, {name}\n"
    )
    namespace = {}
    exec(source, namespace)
    part = nnplug.optimizer(namespace["heavy_ball"])
    momentum = REGISTRY.get("optimizer", "momentum:learning_rate=0.05,momentum=0.9")
    found, expected = (trainer(optimizer=each, engine=ENGINES[engine]) for each in (part, momentum))
    found.run()
    expected.run()
    np.testing.assert_allclose(found.network.parameters, expected.network.parameters, rtol=1e-12)
