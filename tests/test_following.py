"""Options that follow a schedule, and factors by the inputs of an array."""

import math
import pickle

import numpy as np
import pytest

import nnplug
from nnplug.errors import NnplugError
from nnplug.network.layers import find_layers
from nnplug.network.network import Network
from nnplug.parts.following import Following
from nnplug.plugins.registry import Registry
from nnplug.runs.preparing import prepare
from nnplug.runs.settings import ROWS
from nnplug.training import Steps

REGISTRY = Registry(allowed=())
RNG = np.random.default_rng(3)
X = RNG.standard_normal((24, 3))
Y = X @ RNG.standard_normal((3, 1))


def train(**given):
    usual = {"epochs": 6, "batch_size": 8, "validation": 0, "dtype": "float64"}
    if "layers" not in given:
        usual["hidden"] = ()
    return nnplug.train((X, Y), **{**usual, **given})


@pytest.mark.parametrize("engine", ["numpy", pytest.param("numba", marks=pytest.mark.slow)])
def test_the_weight_decay_of_each_step_is_the_schedules(engine):
    """Adam by hand, with the decay of the step."""
    run = train(
        optimizer="adamw:learning_rate=0.01,weight_decay=20*linear", engine=engine, epochs=4,
        initializer="ones", decay={"*.bias": 0.5}, rate={"*.weight": 2.0},
    )  # fmt: skip
    assert run.settings.optimizer == "adamw:learning_rate=0.01,weight_decay=20.0*linear"
    weight, bias, steps = np.ones((3, 1)), np.zeros(1), 12
    m, v = [np.zeros((3, 1)), np.zeros(1)], [np.zeros((3, 1)), np.zeros(1)]
    orders = [order for epoch in range(4) for order, _ in run.batches().loads(epoch)]
    rows = np.concatenate(orders)
    for step in range(1, steps + 1):
        chosen = rows[(step - 1) * 8 : step * 8]
        wrong = X[chosen] @ weight + bias - Y[chosen]
        grads = [2 * X[chosen].T @ wrong / 8, 2 * wrong.mean(0)]
        decay = 20 * (1 - (step - 1) / steps)
        for place, (grad, rate, share) in enumerate(
            zip(grads, (0.02, 0.01), (1, 0.5), strict=True)
        ):
            m[place] = 0.9 * m[place] + 0.1 * grad
            v[place] = 0.999 * v[place] + 0.001 * grad**2
            moved = m[place] / (1 - 0.9**step) / (np.sqrt(v[place] / (1 - 0.999**step)) + 1e-8)
            old = (weight, bias)[place]
            new = old * (1 - rate * decay * share) - rate * moved
            weight, bias = (new, bias) if place == 0 else (weight, new)
    assert run.network["output.weight"] == pytest.approx(weight, rel=1e-9)
    assert run.network["output.bias"] == pytest.approx(bias, rel=1e-9)


def test_a_layers_option_is_its_value_times_the_factor_of_the_step():
    made = Network.of(
        3, find_layers("dense:50 dropout:0.8*linear", REGISTRY), 1, dtype=np.float64,
        output_activation=REGISTRY.get("activation", "identity"),
    )  # fmt: skip
    made.initialize(REGISTRY.get("initializer", "glorot_uniform"), 0)
    steps = Steps(made, REGISTRY.get("loss", "mse"), REGISTRY.get("optimizer", "sgd"), X, Y, 8)
    seen = []
    steps.follows = {"hidden1.rate": lambda count: seen.append(count) or 0.5**count}
    for number in (1, 2, 3):
        steps.run(np.arange(8))
        assert steps.noise["hidden1.rate"] == 0.8 * 0.5**number
    assert seen == [1, 2, 3]
    assert made.placed[1].part.text == "dropout:0.8*linear"
    assert made.placed[1].part(X, X, training=True).dtype == np.float64


def test_it_is_written_read_and_kept(tmp_path):
    layers = "dense:8 tanh residual[dense:8 dropout:rate=0.5*flat_cos:flat=0.25]"
    whole = train(layers=layers, optimizer="adamw:weight_decay=0.5*flat_cos:flat=0.25")
    assert whole.settings.layers == layers
    again = train(layers=whole.settings.layers, optimizer=whole.settings.optimizer)
    assert again.network.parameters.tobytes() == whole.network.parameters.tobytes()
    whole.save(tmp_path / "m.nnplug")
    model = nnplug.load(tmp_path / "m.nnplug")
    assert (
        model.network.placed[2].part.text
        == layers.rpartition(" residual")[1].strip() + (layers.rpartition("residual")[2])
    )
    assert np.array_equal(model.predict(X), whole.predict(X))
    value = pickle.loads(pickle.dumps(Following(0.5, "linear")))
    assert (value, str(value)) == (0.5, "0.5*linear")


def test_the_configuration_of_a_run_has_it(tmp_path):
    given = {"layers": "dense:8 tanh dropout:0.5*linear", "epochs": 2, "engine": "numpy",
             "optimizer": "adamw:weight_decay=0.25*linear"}  # fmt: skip
    run = nnplug.train("moons", **given, output=tmp_path / "run")
    text = (tmp_path / "run" / "config.toml").read_text("utf-8")
    assert "dropout:rate=0.5*linear" in text
    assert "weight_decay=0.25*linear" in text
    again = nnplug.resume(tmp_path / "run", epochs=3)
    assert again.optimizer.text == run.optimizer.text


def test_a_paused_run_goes_on_with_the_factor_of_its_step():
    given = {"layers": "dense:8 tanh dropout:0.5*linear", "epochs": 5}
    whole = train(**given)
    first, second = (prepare((X, Y), batch_size=8, validation=0, dtype="float64", **given)
                     for _ in range(2))  # fmt: skip
    trainer = first.trainer()
    asked = iter([False] * 3 + [True] * 99)
    trainer.run(should_stop=lambda: next(asked))
    assert 0 < trainer.steps.count < 15
    other = second.trainer()
    other.restore(*trainer.state())
    other.run()
    assert second.network.parameters.tobytes() == whole.network.parameters.tobytes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"layers": "dense:4 dropout:0.5*flatcos"}, "hidden1.rate = ...*flatcos: There is no "),
        ({"layers": "dropout:0.5*"}, "name it, as in dropout:rate=0.15*flat_cos."),
        ({"layers": "dropout:5*linear"}, "rate=5: it must be at least 0 and below 1."),
        ({"layers": "layer_norm:epsilon=0.5*linear"}, "outside training too, where there is no"),
        ({"layers": "dense:4*linear"}, "units=4*linear is not a whole number."),
        ({"loss": "huber:delta=2*linear"}, "options of layers and optimizers may follow one."),
        ({"optimizer": "adam:learning_rate=1*linear"}, "give --schedule."),
        (
            {"layers": "dense:4 dropout:rate=0.5*linear:end=3"},
            "hidden1.rate = 0.5*linear:end=3: at epoch 3 of 6 that is 1, and it must be at least 0 "
            "and below 1.",
        ),
        (
            {"optimizer": "sgdw:momentum=0.9*linear:end=2"},
            "optimizer.momentum = 0.9*linear:end=2: at epoch 0.69 of 6 that is 1.0035, and it must",
        ),
        ({"optimizer": "ema[adamw:weight_decay=1*linear]"}, "since 'ema' holds it."),
    ],
)
def test_what_cannot_follow_a_schedule(given, message):
    with pytest.raises(NnplugError) as caught:
        train(**given)
    assert message in str(caught.value)


@pytest.mark.parametrize("state", ["trained", "new"])
def test_a_trace_has_the_factor_of_its_step(state):
    given = {
        "layers": "dense:2 dropout:0.5*linear", "epochs": 4, "batch_size": 5, "validation": 0,
        "optimizer": "adamw:weight_decay=0.5*linear", "rate": {"*.bias": 0.1},
    }  # fmt: skip
    run = (nnplug.train if state == "trained" else prepare)((X[:20], Y[:20]), **given)
    trace = run.trace(0)
    factor = 1 - 15 / 16 if state == "trained" else 1.0  # after the last step, that step again
    assert trace["weight_decay_factor"] == factor
    assert trace["hidden1.rate"] == 0.5 * factor
    text = str(trace)
    assert f"weight_decay_factor·0.5     {0.5 * factor:9g}  = {factor:g} * 0.5" in text
    assert "b1 * (1 - learning_rate·0.1 *" in text


def test_the_trace_of_a_member_has_the_time_of_the_member():
    """Each of two members trains on half of the rows, so that an epoch is one batch of 12."""
    run = nnplug.train((X, Y), hidden=(), epochs=4, batch_size=12, members=2, schedule="linear")
    assert run.trace(0)["learning_rate"] == run.optimizer.learning_rate / 4


# --- factors by the inputs of an array ----------------------------------------------------


def test_a_power_of_the_inputs_is_a_factor_of_each_array():
    run = prepare((X, Y), hidden=(16,), rate={"*": "fan_in^-0.5"}, decay={"*.weight": "fan_in^1"})
    by_name = {span.name: span for span in run.network.spans}
    rates = {name: span.rate for name, span in by_name.items()}
    assert rates == pytest.approx(
        {"hidden1.weight": 3**-0.5, "hidden1.bias": 1, "output.weight": 0.25, "output.bias": 1}
    )
    assert by_name["output.weight"].decays == by_name["output.weight"].penalised == 16
    assert run.settings.rate == {"*": "fan_in^-0.5"}


def test_factors_are_read_and_refused():
    row = ROWS["rate"]
    assert row.parse("*.weight=fan_in^-0.5,*.bias=0.1") == {
        "*.weight": "fan_in^-0.5", "*.bias": 0.1
    }  # fmt: skip
    for wrong in ("*.bias=fan_out^1", "*.bias", "=2", "*.bias=-1", "*.bias=fan_in^", "*=nan"):
        with pytest.raises(ValueError, match=r"^it must be factors, at least 0 or a power of"):
            row.parse(wrong)
    assert math.isfinite(row.check({"a": 1})["a"])
