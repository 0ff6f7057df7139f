"""Penalties, dropout and clipping, against the same step worked out by hand."""

import re
import tracemalloc

import numpy as np
import pytest

import nnplug
from nnplug.errors import DivergedError
from nnplug.network.network import Network
from nnplug.plans import Regularization, StepPlanner, plan_step
from nnplug.plans.display import describe
from nnplug.plugins.registry import Registry
from nnplug.randomness import derive_generator
from nnplug.training import Evaluator, Steps, train_network
from tests.engines import ENGINES

REGISTRY = Registry()
SGD = REGISTRY.get("optimizer", "sgd:learning_rate=1.0")
WEIGHTS = ("hidden1.weight", "hidden2.weight", "output.weight")


def part(kind, text):
    return REGISTRY.get(kind, text)


def network(
    activation="tanh", dtype=np.float64, output="identity", hidden=(5, 4), outputs=2, dropout=()
):
    made = Network(
        3, hidden, outputs, activations=[part("activation", activation)] * len(hidden),
        output_activation=part("activation", output), dropout=dropout, dtype=dtype,
    )  # fmt: skip
    made.parameters[:] = 0.7 * np.random.default_rng(3).standard_normal(made.size)
    return made


def data(rows=7, dtype=np.float64, outputs=2):
    rng = np.random.default_rng(1)
    return (
        rng.standard_normal((rows, 3)).astype(dtype),
        rng.standard_normal((rows, outputs)).astype(dtype),
    )


def gradient(net, loss, x, y, weights=None, **options):
    """Take one step of plain gradient descent at rate 1: it moves by the gradient."""
    steps = Steps(
        net, loss, SGD, x, y, None, weights, regularization=Regularization(**options), seed=11
    )
    before = net.parameters.copy()
    with np.errstate(all="ignore"):
        total = steps.run(None)
    return before - net.parameters, total, steps


def complex_gradient(function, at):
    """Differentiate by complex steps, which share nothing with the plan."""
    found = np.empty_like(at)
    for number in range(at.size):
        moved = at.astype(complex)
        moved[number] += 1e-30j
        found[number] = function(moved).imag / 1e-30
    return found


def forward(net, parameters, x, masks=(1, 1)):
    """Compute the outputs of a tanh network from any parameters, complex ones too."""
    for layer, mask in zip(net.layers, (*masks, None), strict=True):
        weight = net.span(f"{layer.name}.weight").view(parameters)
        bias = net.span(f"{layer.name}.bias").view(parameters)
        x = x @ weight + bias
        if mask is not None:
            x = np.tanh(x) * mask
    return x


# --- penalties ------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize(("l2", "l1"), [(0.3, 0.0), (2.0, 0.0), (0.0, 0.2), (0.3, 0.2)])
def test_the_gradient_is_that_of_loss_and_penalty(rows, l2, l1):
    net, (x, y) = network(), data(rows)
    at = net.parameters.copy()

    def penalty(parameters):
        weights = [net.span(name).view(parameters) for name in WEIGHTS]
        # |w| is w times its sign: the complex step sees the derivative off the corner.
        return sum(l2 / 2 * (w**2).sum() + l1 * (w * np.sign(w.real)).sum() for w in weights)

    def objective(parameters):
        return ((forward(net, parameters, x) - y) ** 2).mean() + penalty(parameters)

    found, _, steps = gradient(net, part("loss", "mse"), x, y, l2=l2, l1=l1)
    np.testing.assert_allclose(found, complex_gradient(objective, at), rtol=1e-10, atol=1e-13)
    assert float(steps.penalty) == pytest.approx(penalty(at).real, rel=1e-13)


def test_the_printed_loss_has_no_penalty_in_it():
    net, (x, y) = network(), data()
    _, plain, _ = gradient(network(), part("loss", "mse"), x, y)
    _, total, _ = gradient(net, part("loss", "mse"), x, y, l2=5.0)
    assert total == plain


def test_biases_are_not_penalised():
    net, (x, y) = network(), data()
    found, _, _ = gradient(net, part("loss", "mse"), x, y, l2=0.5, l1=0.5)
    plain, _, _ = gradient(network(), part("loss", "mse"), x, y)
    for span in net.spans:
        moved = span.view(found) != span.view(plain)
        assert moved.all() if span.name in WEIGHTS else not moved.any()


@pytest.mark.parametrize("weighted", [False, True])
def test_a_summed_loss_takes_the_penalty_once_for_each_row(weighted):
    # So that two halves of a batch move the weights as far as the whole.
    (x, y), weights = data(6), np.linspace(0.5, 2, 6).reshape(-1, 1) if weighted else None
    loss = part("loss", "half_sse")
    options = {"l2": 0.3, "l1": 0.1}
    whole, _, steps = gradient(network(), loss, x, y, weights, **options)
    halves = [
        gradient(network(), loss, x[cut], y[cut], None if weights is None else weights[cut],
                 **options)
        for cut in (slice(0, 3), slice(3, 6))
    ]  # fmt: skip
    np.testing.assert_allclose(halves[0][0] + halves[1][0], whole, rtol=1e-12, atol=1e-13)
    assert float(steps.penalty) == pytest.approx(sum(float(h[2].penalty) for h in halves))
    plain, _, _ = gradient(network(), loss, x, y, weights)
    w = network()["output.weight"]
    added = network().span("output.weight").view(whole - plain)
    count = 6 if weights is None else weights.sum()
    np.testing.assert_allclose(added, count * (0.3 * w + 0.1 * np.sign(w)), rtol=1e-10)


def test_a_summed_loss_of_weighted_rows_in_float32():
    # The number of rows is computed in float64 and rounded where it meets the arrays.
    weights = np.linspace(0.5, 2, 6).reshape(-1, 1)
    options = {"l2": 0.3, "l1": 0.1, "clip_global_norm": 3.0}
    found = [
        gradient(network(dtype=dtype), part("loss", "half_sse"), *data(6, dtype),
                 weights.astype(dtype), **options)
        for dtype in (np.float32, np.float64)
    ]  # fmt: skip
    assert np.linalg.norm(found[1][0]) == pytest.approx(3.0)
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-4, atol=1e-6)
    assert float(found[0][2].penalty) == pytest.approx(float(found[1][2].penalty), rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiles_change_no_penalty_and_no_clipping(dtype, monkeypatch):
    def moved():
        net, (x, y) = network(dtype=dtype, dropout=(0.5, 0.2)), data(dtype=dtype)
        found, _, steps = gradient(
            net, part("loss", "mse"), x, y, l2=0.1, l1=0.1, clip_global_norm=0.5
        )  # fmt: skip
        return found.tobytes(), float(steps.penalty)

    whole = moved()
    monkeypatch.setattr("nnplug.plans.program.TILE", 6)
    assert moved() == whole


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("loss", "alone"), [("mse", False), ("mse", True), ("half_sse", False)])
def test_alpha_counts_once_beside_the_sum_of_a_batch(loss, alone, weighted, dtype):
    net, (x, y) = network(dtype=dtype), data(6, dtype)
    at, rows = net.parameters.astype(np.float64), 6.0
    weights = None
    if weighted:
        weights = np.array([0, 0.5, 1, 1.5, 2, 0.25], dtype).reshape(-1, 1)
        rows = float(weights.sum())
    by_row = np.ones((6, 1)) if weights is None else weights
    l2, l1, alpha = (0.0, 0.0, 0.3) if alone else (0.2, 0.1, 0.3)

    def penalty(parameters):
        matrices = [net.span(name).view(parameters) for name in WEIGHTS]
        squares = sum((w**2).sum() for w in matrices) / 2
        magnitudes = sum((w * np.sign(w.real)).sum() for w in matrices)
        once = l2 * squares + l1 * magnitudes
        return once + alpha * squares / rows if loss == "mse" else rows * once + alpha * squares

    def objective(parameters):
        squares = by_row * (forward(net, parameters, x) - y) ** 2
        return penalty(parameters) + squares.sum() / (2 * rows if loss == "mse" else 2)

    options = {"l2": l2, "l1": l1, "alpha": alpha}
    found, _, steps = gradient(net, part("loss", loss), x, y, weights, **options)
    expected = complex_gradient(objective, at)
    close = 1e-10 if dtype == np.float64 else 2e-4
    np.testing.assert_allclose(found, expected, rtol=close, atol=close / 100)
    assert float(steps.penalty) == pytest.approx(penalty(at).real, rel=close / 100)


@pytest.mark.parametrize("loss", ["mse", "half_sse"])
@pytest.mark.parametrize("size", [2, 6])
def test_alpha_and_weights_in_both_engines(loss, size):
    (x, y), found = data(6), []
    weights = np.array([0, 0.5, 1, 1.5, 2, 0.25]).reshape(-1, 1)
    for engine in ENGINES.values():
        net = network()
        steps = Steps(
            net, part("loss", loss), SGD.with_options(learning_rate=0.01), x, y, size, weights,
            regularization=Regularization(l2=0.2, l1=0.1, alpha=0.3), engine=engine,
        )  # fmt: skip
        penalties = np.empty(3)
        for order in (np.arange(6)[:size], np.arange(6)[-size:], np.arange(6)[:size]):
            steps.run_many(order, np.full(1, 0.01), np.empty(1), penalties[:1])
        found.append([*net.parameters, penalties[0]])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)


def test_alpha_beside_rows_that_weigh_nothing_is_no_penalty():
    x, y = data(6)
    found, _, steps = gradient(network(), part("loss", "mse"), x, y, np.zeros((6, 1)), alpha=1.0)
    assert not found.any()
    assert float(steps.penalty) == 0


def test_alpha_of_the_last_and_smaller_batch_is_divided_by_its_rows():
    (x, y), halves = data(5), []
    for cut in (slice(0, 3), slice(3, 5)):
        net = network() if not halves else halves[-1]
        gradient(net, part("loss", "mse"), x[cut], y[cut], alpha=0.3)
        halves.append(net)
    net = network()
    steps = Steps(net, part("loss", "mse"), SGD, x, y, 3, regularization=Regularization(alpha=0.3))
    for rows in (np.arange(3), np.arange(3, 5)):
        steps.run(rows)
    np.testing.assert_allclose(net.parameters, halves[-1].parameters, rtol=1e-12)


def test_the_penalty_of_one_weight_by_hand():
    net = Network(1, (), 1, activations=[], output_activation=part("activation", "identity"),
                  dtype=np.float64)  # fmt: skip
    net["output.weight"][...] = -3
    x, y = np.zeros((2, 1)), np.zeros((2, 1))
    found, total, steps = gradient(net, part("loss", "mse"), x, y, l2=2.0, l1=0.5)
    # ½·2·9 + 0.5·3 = 10.5, whose slope is 2·(-3) - 0.5; the loss is 0.
    assert (float(steps.penalty), total) == (10.5, 0.0)
    assert found.tolist() == [-6.5, 0.0]
    _, _, steps = gradient(net, part("loss", "mse"), x, y, l2=2.0)
    assert float(steps.penalty) == 3.5**2


# --- clipping ---------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "close"), [(np.float64, 1e-14), (np.float32, 1e-6)])
def test_a_long_gradient_is_scaled_to_the_limit(dtype, close):
    x, y = data(dtype=dtype)
    loss = part("loss", "mse")
    plain, _, _ = gradient(network(dtype=dtype), loss, x, y)
    length = np.linalg.norm(plain.astype(np.float64))
    for limit in (length / 1.001, length / 3, length / 1000):
        clipped, _, _ = gradient(network(dtype=dtype), loss, x, y, clip_global_norm=float(limit))
        np.testing.assert_allclose(clipped, plain * (limit / length), rtol=1e3 * close, atol=close)


def test_a_short_gradient_stays_as_it_is_to_the_bit():
    x, y = data()
    plain, _, _ = gradient(network(), part("loss", "mse"), x, y)
    limit = float(np.linalg.norm(plain) * 1.001)
    kept, _, _ = gradient(network(), part("loss", "mse"), x, y, clip_global_norm=limit)
    assert kept.tobytes() == plain.tobytes()
    # A gradient of exactly 0 has no direction to keep.
    net = network()
    zero, _, _ = gradient(net, part("loss", "mse"), x, forward(net, net.parameters, x),
                          clip_global_norm=1.0)  # fmt: skip
    assert np.abs(zero).max() < 1e-15


def test_the_penalty_is_clipped_too():
    x, y = data()
    plain, _, _ = gradient(network(), part("loss", "mse"), x, y, l2=3.0)
    clipped, _, _ = gradient(network(), part("loss", "mse"), x, y, l2=3.0, clip_global_norm=1.0)
    np.testing.assert_allclose(clipped, plain / np.linalg.norm(plain), rtol=1e-12)


@nnplug.loss
def steep(prediction, target):
    """The root of the error, whose derivative at 0 is infinite."""
    return np.sqrt(abs(prediction - target))


@nnplug.loss
def scaled(prediction, target):
    """A slope whose square overflows in float32, and which does not itself."""
    return 1e25 * (prediction - target)


def test_clipping_hides_no_infinite_gradient():
    net, (x, y) = network(), data()
    net.parameters[:] = 0
    with pytest.raises(DivergedError, match=r"the gradient of output\."):
        train_network(
            net, steep, SGD, x, 0 * y, epochs=1, batch_size=None, seed=0,
            regularization=Regularization(clip_global_norm=1.0),
        )  # fmt: skip
    assert not net.parameters.any()


def test_a_gradient_too_long_to_be_measured_stops_the_run():
    net, (x, y) = network(dtype=np.float32), data(dtype=np.float32)
    before = net.parameters.copy()
    with pytest.raises(DivergedError) as caught:
        train_network(
            net, scaled, SGD, x, y, epochs=1, batch_size=None, seed=0,
            regularization=Regularization(clip_global_norm=1.0),
        )  # fmt: skip
    assert "the length of all gradients, which clip_global_norm limits, is not" in str(caught.value)
    assert net.parameters.tobytes() == before.tobytes()


# --- dropout ----------------------------------------------------------------------------


@pytest.mark.parametrize("dropout", [(0.5, 0.25), (0.0, 0.9), (0.3, 0.0)])
def test_a_step_with_dropout_is_one_with_its_mask(dropout):
    net, (x, y) = network(dropout=dropout), data()
    at = net.parameters.copy()
    found, total, _ = gradient(net, part("loss", "mse"), x, y)
    # The noise of step 1, layer by layer, as randomness.py derives it.
    generator = derive_generator(11, "dropout", step=1)
    masks = [
        (generator.random((7, width)) >= share) / (1 - share) if share else 1
        for width, share in zip((5, 4), dropout, strict=True)
    ]

    def objective(parameters):
        return ((forward(net, parameters, x, masks) - y) ** 2).mean()

    assert total / y.size == pytest.approx(objective(at), rel=1e-13)
    np.testing.assert_allclose(found, complex_gradient(objective, at), rtol=1e-10, atol=1e-14)


def activated(net, number, hidden, at):
    """Apply a layer's activation, with the arrays that it has at some parameters."""
    part = net.layers[number].activation
    own = {name: net.span(f"hidden{number + 1}.{name}").view(at) for name in part.arrays}
    return part(hidden, **own)


@pytest.mark.parametrize("activation", REGISTRY.names("activation"))
def test_dropout_of_any_activation(activation):
    """Against the network whose first layer is what the mask leaves."""
    net, (x, y) = network(activation, dropout=(0.5, 0.0)), data()
    at = net.parameters.copy()
    generator = derive_generator(11, "dropout", step=1)
    mask = (generator.random((7, 5)) >= 0.5) * 2.0
    _, total, _ = gradient(net, part("loss", "mse"), x, y)
    hidden = x @ net.span("hidden1.weight").view(at) + net.span("hidden1.bias").view(at)
    hidden = activated(net, 0, hidden, at) * mask
    hidden = hidden @ net.span("hidden2.weight").view(at) + net.span("hidden2.bias").view(at)
    hidden = activated(net, 1, hidden, at)
    output = hidden @ net.span("output.weight").view(at) + net.span("output.bias").view(at)
    assert total == pytest.approx(((output - y) ** 2).sum(), rel=1e-12)


def test_every_step_drops_others_and_the_same_share():
    net = Network(1, (1000,), 1, activations=[part("activation", "identity")],
                  output_activation=part("activation", "identity"), dropout=(0.3,),
                  dtype=np.float32)  # fmt: skip
    x = np.ones((40, 1), np.float32)
    steps = Steps(net, part("loss", "mse"), SGD, x, x, 16, seed=2)  # fmt: skip
    noise, seen = steps.noise["hidden1.noise"], []
    for rows in (np.arange(16), np.arange(16), np.arange(5)):
        steps.run(rows)
        seen.append(noise[: len(rows)].copy())
    assert [array.shape for array in seen] == [(16, 1000), (16, 1000), (5, 1000)]
    assert (seen[0] == seen[1]).mean() < 0.001
    for array in seen:
        # Within four standard deviations of the share.
        assert abs((array < 0.3).mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / array.size)
        assert array.min() >= 0
        assert array.max() < 1


def test_an_evaluation_drops_nothing():
    net, (x, y) = network(dropout=(0.5, 0.5)), data()
    trained = Steps(net, part("loss", "mse"), SGD, x, y, None)  # fmt: skip
    trained.run(None)
    outputs, _ = Evaluator(net).run(x)
    np.testing.assert_allclose(outputs, forward(net, net.parameters, x), rtol=1e-13)


def test_dropout_trains_through_mini_batches_and_a_smaller_last_one():
    def trained(seed):
        net, (x, y) = network("relu", np.float32, dropout=(0.5, 0.2)), data(23, np.float32)
        train_network(
            net, part("loss", "mse"), part("optimizer", "adam"), x, y, epochs=3, batch_size=5,
            seed=seed,
        )  # fmt: skip
        return net.parameters.tobytes()

    assert trained(0) == trained(0)
    assert trained(0) != trained(1)


# --- the plan ---------------------------------------------------------------------------


def test_numbers_of_the_step_stand_before_the_update():
    net = network(hidden=(5,))
    program = plan_step(net, part("loss", "mse"), part("optimizer", "adam"), 7)
    last = [(section.phase, section.title) for section in program.sections][-2:]
    assert last == [("update", "update: adam, numbers"), ("update", "update: adam")]


def test_the_plan_shows_each_in_its_place():
    net = network(hidden=(5,), dropout=(0.5,))
    program = plan_step(
        net, part("loss", "mse"), SGD, 7, gather=False,
        regularization=Regularization(l2=0.01, clip_global_norm=1.0),
    )  # fmt: skip
    titles = [section.title for section in program.sections]
    assert titles[titles.index("backward: hidden1") + 1 :] == [
        "penalty: sums",
        "penalty: hidden1.weight",
        "penalty: output.weight",
        "clip: global norm 1",
        "clip: global norm 1",
        "update: sgd:learning_rate=1.0",
    ]
    text = describe(program, net)
    assert "\nparam' is written over the gradients; " in text
    assert [section.phase for section in program.sections] == [
        title.partition(":")[0] for title in titles
    ]
    assert "hidden1.kept" in text
    assert re.search(r"hidden1.kept +7×5 += hidden1.a \* (hidden1.t\d)\n", text)
    assert re.search(r"= where\(hidden1.t\d, 2, 0\)", text)


@pytest.mark.parametrize("loss", ["cross_entropy", "half_sse"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_second_batch_size_is_planned_as_the_first(loss, weighted):
    net, loss = network(dropout=(0.5, 0.2)), part("loss", loss)
    adam = part("optimizer", "adam")
    options = {
        "weighted": weighted,
        "regularization": Regularization(0.01, 0.1, clip_global_norm=1.0),
    }
    planner = StepPlanner(net, loss, adam, **options)
    planner.plan(9)
    second, alone = planner.plan(7), plan_step(net, loss, adam, 7, **options)
    assert describe(second, net) == describe(alone, net)
    assert second.allocation.sizes == alone.allocation.sizes
    titles = [section.title for section in second.sections]
    assert sum("update" in title for title in titles) == 2  # its numbers, and the vector


def test_nothing_asked_nothing_planned():
    program = plan_step(network(), part("loss", "mse"), SGD, 7, regularization=Regularization())
    titles = " ".join(section.title for section in program.sections)
    assert not any(word in titles for word in ("penalty", "clip"))


def test_steps_with_all_of_it_allocate_no_array():
    rows, width = 2048, 64
    net = Network(8, (width, width), 2, activations=[part("activation", "relu")] * 2,
                  dropout=(0.5, 0.5),
                  output_activation=part("activation", "identity"), dtype=np.float32)  # fmt: skip
    net.initialize(part("initializer", "he_normal"), 0)
    x = np.random.default_rng(0).standard_normal((rows, 8)).astype(np.float32)
    steps = Steps(
        net, part("loss", "mse"), part("optimizer", "adam"), x, x[:, :2], rows,
        regularization=Regularization(0.01, 0.01, 1.0),
    )  # fmt: skip
    order = np.arange(rows)
    with np.errstate(all="ignore"):
        for _ in range(2):
            steps.run(order)
        tracemalloc.start()
        steps.run(order)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for _ in range(20):
            steps.run(order)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    # A layer's outputs are 512 KiB; what a generator is made of is small.
    assert peak - before < rows * width * 4 / 4
