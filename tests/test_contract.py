"""What parts may ask for: curvature, another point, other weights to predict with, state of any
shape, another part to hold, all rows of a batch, several outputs for each target.
"""

from __future__ import annotations

import numpy as np
import pytest

import nnplug
from nnplug.engines import NUMPY
from nnplug.errors import FormulaError, PartError, ShapeError
from nnplug.network.network import Network
from nnplug.parts import Loss
from nnplug.randomness import derive_generator
from nnplug.testing.engine import reveal
from nnplug.training import RowsInMemory, Steps, Stopping, Trainer
from tests.plugins.parts_of import registry_of_published

REGISTRY = registry_of_published()
RNG = np.random.default_rng(5)
X = RNG.normal(size=(20, 3))
LABELS = RNG.integers(0, 3, (20, 1))
WEIGHTS = RNG.uniform(size=(20, 1))
IDENTITY = REGISTRY.get("activation", "identity")


def network(layers="dense:5 tanh", outputs=3):
    from nnplug.network.layers import find_layers

    made = Network.of(
        3, find_layers(layers, REGISTRY), outputs, output_activation=IDENTITY, dtype=np.float64
    )
    made.initialize(REGISTRY.get("initializer", "glorot_uniform"), 0)
    return made


def gradient_of(net, loss, targets, weights, at=None):
    """Give the gradient that a step takes, and the states after it."""
    steps = Steps(net, loss, reveal, X, targets, None, weights)
    if at is not None:
        net.parameters[:] = at
    steps.run(None)
    return steps.parameters[: net.learned].copy(), steps.parameters[net.learned :].copy()


# --- curvature ----------------------------------------------------------------------------


@nnplug.optimizer
def curved(param, grad, *, curvature, learning_rate=1.0):
    """Put the estimate where the parameters were."""
    return curvature


@pytest.mark.parametrize(
    "layers",
    [
        "dense:5 tanh",
        "dense:4 batch_norm softmax residual[dense:4 silu]",
        "dense:4 layer_norm gelu swiglu:3",
    ],
)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alone", "weighted"])
def test_curvature_is_signs_times_the_difference_of_gradients_along_them(layers, weights):
    loss = REGISTRY.get("loss", "cross_entropy")
    net = network(layers)
    begin, size = net.parameters.copy(), net.learned
    steps = Steps(net, loss, curved, X, LABELS, None, weights, seed=5)
    steps.run(None)
    drawn = derive_generator(5, "curvature", step=1).random(size)
    signs = np.where(drawn < 0.5, -1.0, 1.0)
    moved = np.zeros_like(begin)
    moved[:size] = 1e-5 * signs
    ahead, behind = (
        gradient_of(network(layers), loss, LABELS, weights, begin + side * moved)[0]
        for side in (1, -1)
    )
    np.testing.assert_allclose(steps.parameters[:size], signs * (ahead - behind) / 2e-5, atol=2e-8)


def test_signs_are_others_in_each_step_and_the_same_for_a_seed():
    found = []
    for seed in (1, 1, 2):
        optimizer = REGISTRY.get("optimizer", "adahessian")
        loss = REGISTRY.get("loss", "cross_entropy")
        steps = Steps(network(), loss, optimizer, X, LABELS, None, seed=seed)
        for _ in range(2):
            steps.run(None)
        found.append(steps.parameters.copy())
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


# --- another point --------------------------------------------------------------------------


def test_the_states_of_layers_are_of_the_parameters_and_not_of_the_point():
    layers = "dense:5 batch_norm tanh"
    loss = REGISTRY.get("loss", "cross_entropy")
    optimizer = REGISTRY.get("optimizer", "sam:rho=0.5[sgd:learning_rate=0.1]")
    steps = Steps(network(layers), loss, optimizer, X, LABELS, None)
    expected = network(layers).parameters.copy()
    size = network(layers).learned
    for _ in range(3):
        steps.run(None)
        first, states = gradient_of(network(layers), loss, LABELS, None, expected)
        there = expected.copy()
        there[:size] += 0.5 * first / np.linalg.norm(first)
        second, _ = gradient_of(network(layers), loss, LABELS, None, there)
        expected = np.concatenate([expected[:size] - 0.1 * second, states])
    np.testing.assert_allclose(steps.parameters, expected, rtol=1e-10, atol=1e-12)


def test_an_optimizer_does_what_the_one_asks_for_that_it_holds():
    wrapped = REGISTRY.get("optimizer", "lookahead:k=100[sam:rho=0.5[sgd:learning_rate=0.1]]")
    alone = REGISTRY.get("optimizer", "sam:rho=0.5[sgd:learning_rate=0.1]")
    loss, found = REGISTRY.get("loss", "cross_entropy"), []
    for optimizer in (wrapped, alone):
        steps = Steps(network(), loss, optimizer, X, LABELS, None)
        for _ in range(3):
            steps.run(None)
        found.append(steps.parameters.copy())
    np.testing.assert_allclose(*found, rtol=1e-13)
    assert REGISTRY.get("optimizer", "lookahead[ema[adam]]").shown == "ema.average"


def test_two_optimizers_that_ask_for_other_points_are_refused():
    with pytest.raises(PartError) as caught:
        REGISTRY.get("optimizer", "sam[lookahead[sam[sgd]]]")
    assert str(caught.value) == (
        "optimizer 'sam' and optimizer 'sam', which it holds, both ask for the gradient at "
        "another point, and a step has only one.\nLeave out one of the two."
    )


# --- other weights to predict with -----------------------------------------------------------


def trainer(optimizer, epochs=12, batch_size=5, **more):
    batches = RowsInMemory(
        X,
        X[:, :2] ** 2,
        batch_size=batch_size,
        seed=3,
        rows=np.arange(6, 20),
        held_out=np.arange(6),
    )
    return Trainer(
        network(outputs=2), REGISTRY.get("loss", "mse"), REGISTRY.get("optimizer", optimizer),
        batches, epochs=epochs, seed=3, **more,
    )  # fmt: skip


@pytest.mark.parametrize("batch_size", [5, None])
def test_what_is_validated_and_kept_are_the_averaged_weights(batch_size):
    decay, rate, every = 0.7, 0.1, 14 if batch_size is None else 5
    made = trainer(f"ema:decay={decay}[sgd:learning_rate={rate}]", batch_size=batch_size)
    made.run()
    plain = trainer(f"sgd:learning_rate={rate}", batch_size=batch_size)
    average, losses = None, []
    per_epoch = -(-14 // every)

    # By hand: the same steps of SGD one by one, and the average of all of them.
    steps, net = plain.steps, plain.network
    for epoch in range(12):
        for order, _ in plain.batches.loads(epoch):
            for first in range(per_epoch):
                rows = None if order is None else order[first * every : (first + 1) * every]
                steps.run(rows)
                now = steps.parameters.copy()
                average = now if average is None else decay * average + (1 - decay) * now
        net.parameters = average
        outputs = list(net.forward(X[:6]))[-1][1]
        losses.append(np.mean((outputs - X[:6, :2] ** 2) ** 2))
        steps.hide()
    np.testing.assert_allclose(made.network.parameters, average, rtol=1e-12)
    np.testing.assert_allclose(made.history["validation_loss"], losses, rtol=1e-12)
    # Training goes on from the parameters.
    np.testing.assert_allclose(made.steps.parameters, steps.parameters, rtol=1e-12)


def test_the_best_epoch_is_that_of_the_averaged_weights():
    made = trainer("ema:decay=0.9[sgd:learning_rate=0.2]", epochs=30, stopping=Stopping(patience=3))
    made.run()
    best = made.history.best
    again = trainer("ema:decay=0.9[sgd:learning_rate=0.2]", epochs=best + 1)
    again.run()
    np.testing.assert_array_equal(made.network.parameters, again.network.parameters)


@pytest.mark.parametrize(
    "optimizer", ["ema[adam]", "schedule_free", "shampoo", "lookahead:k=3[adafactor]", "sophia:k=2"]
)
def test_a_run_that_is_left_goes_on_to_the_same_bits(optimizer, monkeypatch):
    monkeypatch.setattr("nnplug.training.loop.PORTION_SECONDS", 0.0)
    whole = trainer(optimizer, epochs=4, stopping=Stopping(patience=9))
    whole.run()
    left, asked = trainer(optimizer, epochs=4, stopping=Stopping(patience=9)), iter(range(100))
    left.run(should_stop=lambda: next(asked) == 5)
    arrays, numbers = left.state()
    other = trainer(optimizer, epochs=4, stopping=Stopping(patience=9))
    other.restore(arrays, numbers)
    other.run()
    np.testing.assert_array_equal(other.network.parameters, whole.network.parameters)
    for name, array in whole.state()[0].items():
        np.testing.assert_array_equal(other.state()[0][name], array, err_msg=name)


def test_a_checkpoint_holds_state_in_the_size_that_is_declared():
    arrays, _ = trainer("shampoo").state()
    # weight 3 x 5, bias 5 x 1, weight 5 x 2, bias 2 x 1
    assert arrays["slot.left"].size == 9 + 25 + 25 + 4
    assert arrays["slot.right"].size == 25 + 1 + 4 + 1
    np.testing.assert_array_equal(arrays["slot.left"][:9].reshape(3, 3), np.eye(3))
    with pytest.raises(nnplug.errors.SettingError, match=r"slot\.row has shape none"):
        trainer("adafactor").restore(*trainer("shampoo").state())


# --- learning rates and decays of some arrays -------------------------------------------------


def test_a_rate_of_0_freezes_an_array_and_one_of_2_doubles_its_steps():
    loss, before = REGISTRY.get("loss", "cross_entropy"), network().parameters.copy()
    found = []
    for rate in ({}, {"hidden1.*": 0.0, "output.weight": 2.0}):
        net = network()
        net.group(rate=rate, decay={})
        steps = Steps(
            net, loss, REGISTRY.get("optimizer", "sgd:learning_rate=0.1"), X, LABELS, None
        )
        steps.run(None)
        found.append({span.name: span.view(steps.parameters - before).copy() for span in net.spans})
    plain, grouped = found
    assert not grouped["hidden1.weight"].any()
    assert not grouped["hidden1.bias"].any()
    np.testing.assert_allclose(grouped["output.weight"], 2 * plain["output.weight"], rtol=1e-9)
    np.testing.assert_allclose(grouped["output.bias"], plain["output.bias"], rtol=1e-9)


@pytest.mark.parametrize("optimizer", ["adamw", "lookahead:k=9[adamw]"])
def test_a_decay_is_a_factor_on_the_weight_decay(optimizer):
    loss, found = REGISTRY.get("loss", "cross_entropy"), {}
    for decay in (None, 0.0, 0.5):
        net = network()
        if decay is not None:
            net.group(rate={}, decay={"*.weight": decay})
        begin = net.parameters.copy()
        text = optimizer.replace("adamw", "adamw:weight_decay=0.3,learning_rate=0.1")
        steps = Steps(net, loss, REGISTRY.get("optimizer", text), X, LABELS, None)
        steps.run(None)
        span = net.span("output.weight")
        found[decay] = span.view(steps.parameters).copy(), span.view(begin).copy()
    full, begin = found[None]
    np.testing.assert_allclose(found[0.0][0] - full, 0.1 * 0.3 * begin, rtol=1e-9)
    np.testing.assert_allclose(found[0.5][0] - full, 0.1 * 0.15 * begin, rtol=1e-9)


def test_a_pattern_that_fits_no_array_is_refused_with_the_names_there_are():
    with pytest.raises(nnplug.errors.SettingError) as caught:
        network().group(rate={"*.biass": 0.1}, decay={})
    assert str(caught.value) == (
        "rate='*.biass': no array has such a name. There are hidden1.weight, hidden1.bias, "
        "output.weight, output.bias."
    )


# --- losses -------------------------------------------------------------------------------


def test_several_outputs_are_blocks_of_columns_for_all_targets():
    loss = REGISTRY.get("loss", "gaussian_nll")
    assert isinstance(loss, Loss)
    outputs = np.array([[1.0, 2.0, 0.0, np.log(4.0)]])  # two means, two logarithms of variances
    errors = loss(outputs, np.array([[3.0, 4.0]]))
    np.testing.assert_allclose(errors, [[0.5 * 4, 0.5 * (np.log(4) + 1)]])
    np.testing.assert_array_equal(loss.predicted(outputs), [[1.0, 2.0]])


def test_several_outputs_are_never_broadcast_against_the_target():
    loss = REGISTRY.get("loss", "gaussian_nll")
    with pytest.raises(ShapeError) as caught:
        loss(np.zeros((3, 2)), np.zeros(3))
    assert str(caught.value) == (
        "loss 'gaussian_nll': its arguments differ in shape: mean (3, 1), log_variance (3, 1), "
        "target (3,).\nNothing is broadcast; reshape some of them."
    )


def test_the_link_of_an_interval_is_inverted_as_the_predictions_is(nnplug_registry):
    @nnplug.loss(
        link="log", interval=lambda middle, spread, level: (middle - level, middle + level)
    )
    def of_logarithms(middle, spread, target):
        """Squared error of a logarithm, and a spread that is drawn to 0."""
        return (middle - target) ** 2 + spread**2

    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 1))
    run = nnplug.train((x, np.exp(x)), loss=of_logarithms, epochs=2, seed=0, validation=0)
    lower, upper = run.predict_interval(x, 0.5)
    np.testing.assert_allclose(lower, run.predict(x) * np.exp(-0.5), rtol=1e-6)
    np.testing.assert_allclose(upper, run.predict(x) * np.exp(0.5), rtol=1e-6)


def test_a_loss_without_intervals_says_so():
    with pytest.raises(PartError, match=r"^loss 'mse' gives no intervals\.\n"):
        REGISTRY.get("loss", "mse").bounds(np.zeros((1, 1)), 0.9)


def test_intervals_are_in_the_units_of_the_target(tmp_path):
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, size=200)
    y = 1000 + 500 * x + 100 * rng.normal(size=200)
    table = tmp_path / "rows.csv"
    lines = [f"{a!r},{b!r}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    table.write_text("\n".join(["x,y", *lines]), encoding="utf-8")
    run = nnplug.train(
        table, target="y", loss="gaussian_nll", epochs=150, learning_rate=0.02, seed=0,
        registry=REGISTRY,
    )  # fmt: skip
    lower, upper = run.predict_interval(table, 0.8)
    assert lower.shape == upper.shape == (200, 1)
    assert 0.7 < np.mean((lower[:, 0] < y) & (y < upper[:, 0])) < 0.9
    np.testing.assert_allclose((lower + upper) / 2, run.predict(table), rtol=1e-4)
    run.save(tmp_path / "m.safetensors")
    again = nnplug.load(tmp_path / "m.safetensors", registry=REGISTRY).predict_interval(table, 0.8)
    np.testing.assert_array_equal(again, (lower, upper))
    with pytest.raises(
        nnplug.errors.SettingError, match=r"^interval=1.5: it must be above 0 and below 1"
    ):
        run.predict_interval(table, 1.5)


def test_a_loss_of_several_outputs_has_one_prediction_for_each_target(tmp_path):
    x = np.linspace(-1, 1, 24).reshape(12, 2)
    run = nnplug.train((x, x.sum(1)), loss="gaussian_nll", epochs=1, registry=REGISTRY)
    assert run.network.outputs == 2
    assert run.predict(x).shape == (12, 1)
    assert run.model.targets == ("prediction",)
    run = nnplug.train((x, x), loss="gaussian_nll", epochs=1, registry=REGISTRY)
    assert run.network.outputs == 4
    assert run.predict(x).shape == (12, 2)
    assert run.model.targets == ("prediction1", "prediction2")


def test_a_loss_over_a_batch_is_over_the_rows_of_each_batch():
    loss = REGISTRY.get("loss", "batch_dice")
    target = (X[:, :2] > 0) * 1.0
    net = Network.of(3, [], 2, output_activation=REGISTRY.get("activation", "sigmoid"),
                     dtype=np.float64)  # fmt: skip
    net.parameters[:] = np.linspace(-1, 1, net.size)
    steps = Steps(net, loss, REGISTRY.get("optimizer", "sgd"), X, target, 8)
    rows = np.arange(3, 11)
    outputs = list(net.forward(X[rows]))[-1][1]
    assert steps.run(rows) == pytest.approx(8 * loss(outputs, target[rows]), rel=1e-12)


# --- what is refused --------------------------------------------------------------------------


def refused(make, *parts):
    with pytest.raises((PartError, FormulaError)) as caught:
        make()
    for part in parts:
        assert part in str(caught.value), str(caught.value)


def traced(part):
    from nnplug.formulas.primitives import new_graph

    return part.update(new_graph(), ("R", "C"))


def test_state_that_is_returned_in_another_shape_is_refused():
    @nnplug.optimizer
    def wide(param, grad, row=nnplug.state("R", 1), *, learning_rate=0.1):
        return param - learning_rate * grad, row + grad**2

    refused(
        lambda: traced(wide),
        "optimizer 'wide'",
        "the new row has shape ('R', 'C'), the old ('R', 1)",
    )


def test_an_optimizer_around_another_that_does_not_call_it_is_refused():
    @nnplug.optimizer
    def idle(param, grad, *, base):
        return param

    refused(
        lambda: traced(idle.around(REGISTRY.get("optimizer", "sgd"))),
        "optimizer 'idle'", "it does not call base.\nWay out: new = base(param, grad).",
    )  # fmt: skip
    refused(
        lambda: traced(idle),
        "optimizer 'idle' holds another: write it in brackets, as in idle[adam]",
    )


@pytest.mark.parametrize("given", [{}, {"learning_rate": 0.1}])
def test_a_run_with_an_optimizer_that_holds_none_is_refused(given):
    with pytest.raises(PartError) as caught:
        nnplug.train("xor", optimizer="lookahead", registry=REGISTRY, epochs=1, **given)
    says = "optimizer 'lookahead' holds another: write it in brackets, as in lookahead[adam]."
    assert str(caught.value).splitlines()[0] == says


def test_an_optimizer_around_another_may_have_a_learning_rate_of_its_own():
    @nnplug.optimizer
    def relative(param, grad, *, base, learning_rate=0.25):
        new = base(param, grad)
        return param + learning_rate * (new - param)

    registry = nnplug.Registry()
    registry.register(relative)
    run = nnplug.train(
        "xor", optimizer="relative:learning_rate=0.5[sgd]", registry=registry, epochs=1, seed=1
    )
    assert run.optimizer.text == "relative:learning_rate=0.5[sgd]"
    # The held optimizer takes the same rate: a step is 0.5·0.5 of the gradient.
    plain = nnplug.train("xor", optimizer="sgd", learning_rate=0.25, epochs=1, seed=1)
    np.testing.assert_allclose(run.network.parameters, plain.network.parameters, rtol=1e-12)
    assert nnplug.testing.run(relative, engine="numpy").passed


def test_a_held_optimizer_over_all_parameters_gets_them_all():
    @nnplug.optimizer(over="vector")
    def unit_step(param, grad, *, learning_rate=0.1):
        return param - learning_rate * grad / np.linalg.norm(grad)

    @nnplug.optimizer
    def by_array(param, grad, *, base):
        return base(param, grad / (np.linalg.norm(grad) + 1e-12))

    registry = registry_of_published()
    registry.register(unit_step)
    registry.register(by_array)
    ran = [
        nnplug.train("xor", optimizer=text, registry=registry, epochs=3, seed=1).network.parameters
        for text in ("unit_step", "lookahead:k=100[lookahead:k=50[unit_step]]")
    ]
    np.testing.assert_allclose(ran[1], ran[0], rtol=1e-12)
    for text in ("by_array[unit_step]", "lookahead[by_array[unit_step]]"):
        refused(
            lambda text=text: registry.get("optimizer", text),
            "optimizer 'by_array' takes each weight matrix and each bias by itself, and optimizer "
            "'unit_step' all parameters at once",
            "Leave out one of the two.",
        )


def test_a_held_optimizer_may_be_called_once():
    @nnplug.optimizer
    def twice(param, grad, *, base):
        return base(base(param, grad), grad)

    refused(
        lambda: traced(twice.around(REGISTRY.get("optimizer", "adam"))),
        "base is called a second time",
    )


def test_brackets_after_an_optimizer_that_holds_none_are_refused():
    refused(
        lambda: REGISTRY.get("optimizer", "adam[sgd]"),
        "optimizer 'adam' holds no other; leave out the brackets.",
    )


def test_a_point_of_another_shape_is_refused():
    @nnplug.optimizer(point=lambda param, grad: np.sum(grad))
    def summed(param, grad, *, learning_rate=0.1):
        return param - learning_rate * grad

    refused(
        lambda: Steps(network(), REGISTRY.get("loss", "cross_entropy"), summed, X, LABELS, None),
        "optimizer 'summed', its point",
        "Way out: return the parameters to go to, as param + grad.",
    )


def test_a_point_that_takes_what_is_no_option_is_refused():
    def far(param, grad, reach):
        return param + reach * grad

    def make():
        @nnplug.optimizer(point=far)
        def reaching(param, grad, *, learning_rate=0.1):
            return param - learning_rate * grad

    refused(
        make, "optimizer 'reaching'", "its point takes 'reach', which is not one of its options"
    )


def test_weights_to_predict_with_are_a_slot_of_the_parameters_shape():
    def make():
        @nnplug.optimizer(evaluate="mean")
        def averaged(param, grad, average, *, learning_rate=0.1):
            return param, average

    refused(
        make,
        "optimizer 'averaged': evaluate='mean' is not one of its slots of the parameter's shape.",
    )


@pytest.mark.parametrize("dim", ["D", "N", 3])
def test_state_of_an_optimizer_has_rows_and_columns_of_a_parameter(dim):
    def make():
        @nnplug.optimizer
        def odd(param, grad, row=nnplug.state(dim, 1), *, learning_rate=0.1):
            return param, row

    refused(make, repr(dim))


def test_state_of_its_own_shape_goes_with_no_norm_over_all_parameters():
    def make():
        @nnplug.optimizer(over="vector")
        def everything(param, grad, row=nnplug.state("R", 1), *, learning_rate=0.1):
            return param, row

    refused(make, "optimizer 'everything'", "over='vector'", "row")


def test_noise_and_parameters_in_an_optimizer_are_refused():
    for declared in (nnplug.uniform("R", "C"), nnplug.parameter("R", start=0)):

        def make(declared=declared):
            @nnplug.optimizer
            def langevin(param, grad, noise=declared, *, learning_rate=0.1):
                return param - learning_rate * grad + noise

        refused(make, "langevin", "noise")


def test_an_initializer_that_looks_at_data_needs_some():
    with pytest.raises(nnplug.errors.SettingError) as caught:
        network().initialize(REGISTRY.get("initializer", "lsuv"), 0)
    assert str(caught.value) == (
        "initializer 'lsuv' looks at rows of the data, and none are given."
    )


def test_a_loss_of_other_arguments_is_refused():
    def make():
        @nnplug.loss
        def mixed(mean, prediction, target):
            return mean

    refused(make, "mixed", "or be several outputs by names of their own, then target")

    def second():
        @nnplug.loss(predict=lambda prediction: prediction)
        def alone(prediction, target):
            return (prediction - target) ** 2

    refused(second, "loss 'alone': predict and interval are for a loss that takes several outputs")


def test_numpy_is_the_engine_of_these_tests():
    assert (
        Steps(network(), REGISTRY.get("loss", "cross_entropy"), reveal, X, LABELS, None).engine
        is NUMPY
    )


# --- rates and decays on the command line ---------------------------------------------------------


def command(*words):
    """Run a command; give its exit code."""
    from nnplug.cli import main

    with pytest.raises(SystemExit) as ended:
        main([*map(str, words)])
    return ended.value.code or 0


XOR = ("train", "xor", "--hidden", "3", "--epochs", "20", "--learning-rate", "0.5", "--seed", "3")


def test_rate_and_decay_on_the_command_line_are_recorded_and_repeated(tmp_path, capsys):
    whole = tmp_path / "whole"
    given = ("--rate", "*.bias=0,output.weight=0.5", "--decay", "hidden1.*=0", "--l2", "0.01")
    assert command(*XOR, *given, "--output", whole) == 0
    config = (whole / "config.toml").read_text("utf-8")
    assert '"*.bias" = 0.0' in config
    assert '"output.weight" = 0.5' in config
    assert '"hidden1.*" = 0.0' in config
    assert command("train", "--config", whole / "config.toml", "--output", tmp_path / "again") == 0
    first, second = (nnplug.load(tmp_path / name / "model.safetensors").network
                     for name in ("whole", "again"))  # fmt: skip
    assert first.parameters.tobytes() == second.parameters.tobytes()
    assert not first["hidden1.bias"].any()  # they began at 0, and never moved
    assert not first["output.bias"].any()
    assert first["output.weight"].any()
    capsys.readouterr()


def test_rate_and_decay_of_a_run_are_those_of_python(tmp_path, capsys):
    assert command(*XOR, "--rate", "*.bias=0.1", "--output", tmp_path / "line") == 0
    run = nnplug.train("xor", hidden=3, epochs=20, learning_rate=0.5, seed=3, rate={"*.bias": 0.1})
    line = nnplug.load(tmp_path / "line" / "model.safetensors").network
    assert line.parameters.tobytes() == run.network.parameters.tobytes()
    without = nnplug.train("xor", hidden=3, epochs=20, learning_rate=0.5, seed=3)
    assert without.network.parameters.tobytes() != run.network.parameters.tobytes()
    capsys.readouterr()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            ("--rate", "*.wieght=2"),
            "rate='*.wieght': no array has such a name. There are hidden1.w",
        ),
        (
            ("--decay", "*.bias"),
            "it must be factors, at least 0 or a power of an array's inputs, by names of arrays, "
            "as '*.bias=0.1' or '*.weight=fan_in^-0.5'",
        ),
        (("--rate", "*.bias=-1"), "it must be factors, at least 0"),
        (("--rate", "*.bias=much"), "it must be factors, at least 0"),
    ],
)
def test_factors_that_are_none_are_refused(given, says, capsys):
    assert command(*XOR, *given) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_a_decay_is_a_factor_on_penalties(capsys):
    runs = [
        nnplug.train("xor", hidden=3, epochs=1, learning_rate=1e-9, seed=3, l2=0.1, decay=decay)
        for decay in ({}, {"*.weight": 0.5}, {"*.weight": 0.0})
    ]
    full, half, none = (run.history["penalty"][0] for run in runs)
    assert half == pytest.approx(full / 2, rel=1e-6)
    assert none == 0
