"""The training loop: batches, schedules, validation, divergence, memory."""

import tracemalloc

import numpy as np
import pytest

import nnplug
import nnplug.errors
from nnplug.errors import DivergedError
from nnplug.network.network import Network
from nnplug.parts import Optimizer
from nnplug.plugins.registry import Registry
from nnplug.randomness import derive_generator
from nnplug.training import Evaluator, Steps, train_network
from nnplug.training.evaluation import REMEMBERED

REGISTRY = Registry()


def part(kind, text):
    return REGISTRY.get(kind, text)


def network(inputs=3, hidden=(5,), outputs=2, activation="tanh", dtype=np.float64, seed=0):
    made = Network(
        inputs, hidden, outputs,
        activations=[part("activation", activation)] * len(hidden),
        output_activation=part("activation", "identity"), dtype=dtype,
    )  # fmt: skip
    made.initialize(part("initializer", "glorot_uniform"), seed)
    return made


def data(rows=23, inputs=3, outputs=2, dtype=np.float64):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((rows, inputs)).astype(dtype)
    return x, np.sin(x[:, :1] + np.arange(outputs)).astype(dtype)


def by_hand(net, x, y, batches, rate):
    """Gradient descent on the mean squared error, in plain NumPy."""
    w1, b1, w2, b2 = (
        net[name].copy()
        for name in ("hidden1.weight", "hidden1.bias", "output.weight", "output.bias")
    )
    losses = []
    for rows in batches:
        a, target = x[rows], y[rows]
        h = np.tanh(a @ w1 + b1)
        error = h @ w2 + b2 - target
        losses.append((error**2).mean())
        g = 2 * error / error.size
        d = (g @ w2.T) * (1 - h**2)
        w2 = w2 - rate * (h.T @ g)
        b2 = b2 - rate * g.sum(axis=0)
        w1 = w1 - rate * (a.T @ d)
        b1 = b1 - rate * d.sum(axis=0)
    return [w1, b1, w2, b2], losses


def test_mini_batches_with_a_partial_last_one_by_hand():
    net, (x, y) = network(), data(rows=23)
    batches = []
    for epoch in range(3):
        order = derive_generator(9, "shuffle", epoch).permutation(23)
        batches += [order[start : start + 5] for start in range(0, 23, 5)]
    assert [len(rows) for rows in batches[:5]] == [5, 5, 5, 5, 3]
    expected, losses = by_hand(net, x, y, batches, 0.1)
    history = train_network(
        net, part("loss", "mse"), part("optimizer", "sgd:learning_rate=0.1"), x, y,
        epochs=3, batch_size=5, seed=9,
    )  # fmt: skip
    names = ("hidden1.weight", "hidden1.bias", "output.weight", "output.bias")
    for name, value in zip(names, expected, strict=True):
        np.testing.assert_allclose(net[name], value, rtol=1e-12)
    # An epoch's loss weights its batches by their rows.
    weights = np.array([5, 5, 5, 5, 3]) / 23
    assert history["loss"] == pytest.approx(np.reshape(losses, (3, 5)) @ weights, rel=1e-12)


def test_only_the_training_rows_are_learned_from():
    rows = np.array([1, 4, 6, 7, 10])
    x, y = data(rows=12)
    one, other = network(), network()
    x_bad = x.copy()
    x_bad[[0, 2, 3, 5, 8, 9, 11]] = np.nan  # would spoil everything if it were read
    for size in (2, None):
        train_network(
            one, part("loss", "mse"), part("optimizer", "sgd"), x_bad, y,
            epochs=2, batch_size=size, seed=0, rows=rows,
        )  # fmt: skip
        train_network(
            other, part("loss", "mse"), part("optimizer", "sgd"), x[rows], y[rows],
            epochs=2, batch_size=size, seed=0,
        )  # fmt: skip
        assert one.parameters.tobytes() == other.parameters.tobytes()


def test_same_seed_same_bits_another_seed_others():
    def trained(seed):
        net, (x, y) = network(dtype=np.float32), data(dtype=np.float32)
        train_network(
            net, part("loss", "mse"), part("optimizer", "adam"), x, y,
            epochs=4, batch_size=4, seed=seed,
        )  # fmt: skip
        return net.parameters.tobytes()

    assert trained(3) == trained(3)
    assert trained(3) != trained(4)


def test_a_batch_larger_than_the_data_is_all_of_it():
    net, (x, y) = network(), data(rows=7)
    history = train_network(
        net, part("loss", "mse"), part("optimizer", "sgd"), x, y, epochs=1, batch_size=50, seed=0
    )
    assert len(history) == 1


def test_float64_data_trains_a_float32_network():
    x, y = data()
    wide, narrow = network(dtype=np.float32), network(dtype=np.float32)
    options = {"epochs": 3, "batch_size": 4, "seed": 0}
    for net, convert in ((wide, np.float64), (narrow, np.float32)):
        train_network(
            net, part("loss", "mse"), part("optimizer", "adam"),
            x.astype(convert), y.astype(convert), **options,
        )  # fmt: skip
    assert wide.parameters.dtype == np.float32
    assert wide.parameters.tobytes() == narrow.parameters.tobytes()


def test_the_schedule_scales_each_step():
    seen = []

    @nnplug.schedule
    def halving(epoch, epochs):
        """Halve each epoch."""
        seen.append((epoch, epochs))
        return 0.5**epoch

    net, (x, y) = network(), data(rows=4)
    start = net.parameters.copy()
    steps = []

    def on_epoch(_):
        steps.append(net.parameters - start)
        start[...] = net.parameters

    @nnplug.loss
    def linear(prediction, target):
        """A loss with a constant gradient by the output bias."""
        return prediction - 0 * target

    train_network(
        net, linear, part("optimizer", "sgd:learning_rate=1"), x, y,
        epochs=3, batch_size=2, seed=0, schedule=halving, on_epoch=on_epoch,
    )  # fmt: skip
    assert seen == [(0.0, 3), (0.5, 3), (1.0, 3), (1.5, 3), (2.0, 3), (2.5, 3)]
    bias = net.span("output.bias")
    moved = [float(bias.view(step)[0]) for step in steps]
    # Two steps an epoch, each of the rate times the gradient 1/2.
    expected = [-0.5 * (0.5**at + 0.5 ** (at + 0.5)) for at in (0, 1, 2)]
    assert moved == pytest.approx(expected)


def test_validation_loss_is_the_loss_after_the_epoch():
    net, (x, y) = network(), data()
    history = train_network(
        net, part("loss", "mse"), part("optimizer", "sgd"), x[:15], y[:15],
        epochs=2, batch_size=4, seed=0, validation=(x[15:], y[15:]),
    )  # fmt: skip
    h = np.tanh(x[15:] @ net["hidden1.weight"] + net["hidden1.bias"])
    output = h @ net["output.weight"] + net["output.bias"]
    assert history["validation_loss"][-1] == pytest.approx(((output - y[15:]) ** 2).mean())
    assert history.record(1).validation_loss == history["validation_loss"][1]


def test_evaluation_is_the_same_in_chunks():
    net = network(dtype=np.float32)
    x, y = data(rows=2500, dtype=np.float32)
    outputs, loss = Evaluator(net, part("loss", "mse")).run(x, y)
    h = np.tanh(x @ net["hidden1.weight"] + net["hidden1.bias"])
    expected = h @ net["output.weight"] + net["output.bias"]
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    assert loss == pytest.approx(((expected - y) ** 2).mean(), rel=1e-5)


def test_evaluations_of_many_sizes_keep_a_few_programs():
    net, (x, y) = network(), data(rows=REMEMBERED + 5)
    evaluator = Evaluator(net, part("loss", "mse"))
    whole = evaluator.run(x, y)[0]
    tracemalloc.start()
    for rows in range(1, len(x)):
        outputs, loss = evaluator.run(x[:rows], y[:rows])
        np.testing.assert_allclose(outputs, whole[:rows], rtol=1e-12)
        assert loss == pytest.approx(((outputs - y[:rows]) ** 2).mean(), rel=1e-12)
    few = tracemalloc.get_traced_memory()[0]
    for rows in [*range(1, len(x))] * 2:
        evaluator.run(x[:rows])
    assert tracemalloc.get_traced_memory()[0] < 1.5 * few
    tracemalloc.stop()


def test_on_epoch_can_end_the_run():
    net, (x, y) = network(), data()
    history = train_network(
        net, part("loss", "mse"), part("optimizer", "sgd"), x, y,
        epochs=50, batch_size=4, seed=0, on_epoch=lambda epoch: epoch == 6,
    )  # fmt: skip
    assert len(history) == 7


# --- divergence ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_divergence_stops_before_the_bad_step_and_names_the_place(dtype):
    net, (x, y) = network(activation="relu", dtype=dtype), data(dtype=dtype)
    kept = []
    with pytest.raises(DivergedError) as caught:
        train_network(
            net, part("loss", "mse"), part("optimizer", "sgd:learning_rate=100"), x, y,
            epochs=500, batch_size=6, seed=0, on_epoch=kept.append,
        )  # fmt: skip
    error = caught.value
    assert error.exit_code == 1
    assert np.isfinite(net.parameters).all()
    message = str(error)
    assert message.startswith(f"Training stopped at epoch {error.epoch}, step {error.step}: ")
    assert error.layer in message or "the loss" in message
    assert "learning rate that is too large: it is 100; the default is 0.01." in message
    assert error.epoch == len(kept)
    assert error.epoch * 4 < error.step <= (error.epoch + 1) * 4


def test_an_update_that_would_not_be_finite_is_not_taken():
    @nnplug.optimizer
    def dividing(param, grad, *, learning_rate=1.0):
        """Divide by the gradient, which is zero for a dead unit."""
        return param - learning_rate / grad

    net, (x, y) = network(activation="relu"), data()
    net["hidden1.weight"][:, 2] = 0
    net["hidden1.bias"][2] = -1  # never active: gradients of exactly 0
    before = net.parameters.copy()
    with pytest.raises(
        DivergedError, match=r"the new value of output\.weight is not finite"
    ) as caught:
        train_network(net, part("loss", "mse"), dividing, x, y, epochs=1, batch_size=None, seed=0)
    assert (caught.value.epoch, caught.value.step, caught.value.layer) == (0, 1, "output")
    assert net.parameters.tobytes() == before.tobytes()


def test_a_gradient_that_is_not_finite_stops_even_an_optimizer_that_hides_it():
    @nnplug.optimizer
    def signs(param, grad, *, learning_rate=0.1):
        """Move by the sign alone: finite even where the gradient is infinite."""
        return param - learning_rate * np.where(grad > 0, 1.0, -1.0)

    @nnplug.loss
    def steep(prediction, target):
        """The root of the error, whose derivative at 0 is infinite."""
        return np.sqrt(abs(prediction - target))

    net, (x, y) = network(), data()
    net.parameters[:] = 0
    with pytest.raises(DivergedError, match=r"the gradient of output\."):
        train_network(net, steep, signs, x, 0 * y, epochs=1, batch_size=None, seed=0)
    assert not net.parameters.any()


def test_large_but_finite_numbers_are_no_divergence():
    # Squares of 1e30 overflow in float32; the numbers themselves do not.
    net, (x, y) = network(dtype=np.float32), data(dtype=np.float32)

    @nnplug.optimizer
    def huge(param, grad, count, *, learning_rate=1.0):
        """Make the parameters large, whatever the gradient."""
        return 0 * grad + 1e30 * np.sign(param) * learning_rate, count + 1

    steps = Steps(net, part("loss", "mae"), huge, x, y, None)
    with np.errstate(over="ignore"):
        assert np.isfinite(steps.run(None))
        assert np.isfinite(steps.run(None))
    assert abs(net.parameters).max() == np.float32(1e30)
    # The state moved once a step, though the numbers were looked at twice.
    assert set(steps.slots["count"].tolist()) == {2.0}


# --- optimizers that are not elementwise ------------------------------------------------


def normalised(over):
    @nnplug.optimizer(over=over)
    def unit(param, grad, *, learning_rate=0.1):
        """Gradient descent with the gradient scaled to length one."""
        return param - learning_rate * grad / np.linalg.norm(grad)

    return unit


@pytest.mark.parametrize("over", ["tensor", "vector"])
def test_a_norm_spans_each_tensor_or_the_whole_vector(over):
    net, (x, y) = network(), data()
    before = net.parameters.copy()
    steps = Steps(net, part("loss", "mse"), normalised(over), x, y, None)
    with np.errstate(all="ignore"):
        steps.run(None)
    moved = net.parameters - before
    if over == "vector":
        assert np.linalg.norm(moved) == pytest.approx(0.1)
    else:
        lengths = [np.linalg.norm(span.view(moved)) for span in net.spans]
        assert lengths == pytest.approx([0.1] * 4)


def test_a_matrix_optimizer_sees_matrices():
    @nnplug.optimizer
    def whitened(param, grad, *, learning_rate=0.1):
        """Precondition matrices by their Gram matrix."""
        if param.ndim < 2:
            return param - learning_rate * grad
        return param - learning_rate * (grad @ grad.T) @ grad

    net, (x, y) = network(), data()
    plain = network()
    twin = Steps(plain, part("loss", "mse"), part("optimizer", "sgd:learning_rate=1"), x, y, None)
    before = plain.parameters.copy()
    steps = Steps(net, part("loss", "mse"), whitened, x, y, None)
    with np.errstate(all="ignore"):
        twin.run(None)
        steps.run(None)
    gradient = before - plain.parameters
    for span in net.spans:
        g = span.view(gradient)
        step = g @ g.T @ g if g.ndim == 2 else g
        np.testing.assert_allclose(
            span.view(net.parameters), span.view(before) - 0.1 * step, rtol=1e-10
        )


def test_an_optimizer_may_keep_the_old_gradient():
    @nnplug.optimizer
    def difference(param, grad, previous, *, learning_rate=0.1):
        """Use the last two gradients."""
        return param - learning_rate * (2 * grad - previous), grad

    net, (x, y) = network(), data()
    expected, previous = net.parameters.copy(), np.zeros(net.size)
    twin = network()
    probe = Steps(twin, part("loss", "mse"), part("optimizer", "sgd:learning_rate=1"), x, y, None)
    steps = Steps(net, part("loss", "mse"), difference, x, y, None)
    for _ in range(4):
        twin.parameters[:] = expected
        with np.errstate(all="ignore"):
            probe.run(None)
            gradient = expected - twin.parameters
            steps.run(None)
        expected = expected - 0.1 * (2 * gradient - previous)
        previous = gradient
        np.testing.assert_allclose(net.parameters, expected, rtol=1e-9)
        np.testing.assert_allclose(steps.slots["previous"], gradient, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    "name",
    [f"{part.name}[adam]" if part.holds else part.name for part, _ in REGISTRY.parts("optimizer")],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiles_change_nothing(name, dtype, monkeypatch):
    def trained():
        net, (x, y) = network(hidden=(40, 30), dtype=dtype), data(dtype=dtype)
        train_network(
            net, part("loss", "mse"), part("optimizer", name), x, y,
            epochs=2, batch_size=5, seed=0,
        )  # fmt: skip
        return net.parameters.tobytes()

    whole = trained()
    monkeypatch.setattr("nnplug.plans.program.TILE", 64)
    assert trained() == whole


@pytest.mark.parametrize("name", REGISTRY.names("activation"))
def test_tiles_of_rows_change_nothing(name, monkeypatch):
    def trained():
        net, (x, y) = network(hidden=(9, 7), activation=name), data()
        train_network(
            net, part("loss", "mse"), part("optimizer", "adam"), x, y,
            epochs=2, batch_size=10, seed=0,
        )  # fmt: skip
        return net.parameters.tobytes()

    whole = trained()
    monkeypatch.setattr("nnplug.plans.program.TILE", 18)
    assert trained() == whole


# --- memory ------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("activation", ["relu", "gelu", "softmax"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_steps_allocate_no_array(optimizer, activation, loss):
    rows, width = 2048, 64
    net = network(inputs=8, hidden=(width, width), activation=activation, dtype=np.float32)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2 * rows, 8)).astype(np.float32)
    loss = part("loss", loss)
    y = np.zeros((2 * rows, 1), int) if loss.against == "labels" else x[:, :2]
    steps = Steps(net, loss, part("optimizer", optimizer), x, y, rows)
    order = np.arange(rows)
    with np.errstate(all="ignore"):
        for _ in range(2):  # both turns of the two vectors
            steps.run(order)
        tracemalloc.start()
        steps.run(order)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(100):
            steps.run(order)
        after, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    # NumPy's own fixed buffers for mixed dtypes have 8,192 elements; an array
    # of a layer would have 131,072.
    assert peak - before < rows * width * 4 / 4
    assert after - before < 4096


def test_an_optimizer_is_traced_in_the_form_it_is_used():
    assert isinstance(part("optimizer", "adam"), Optimizer)
    assert part("optimizer", "adam").slots == ("m", "v")
    assert part("optimizer", "adam").uses_step
    assert not part("optimizer", "sgd").uses_step


@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_loss_over_rows_may_be_a_mean(keepdims, weighted):
    dtype = np.float32
    weights = np.linspace(0, 2, 23, dtype=dtype).reshape(-1, 1) if weighted else None

    @nnplug.loss
    def by_row(prediction, target):
        """Mean squared error, averaged over each row first: the same number."""
        return np.mean((prediction - target) ** 2, axis=-1, keepdims=keepdims)

    def trained(loss):
        net, (x, y) = network(dtype=dtype), data(dtype=dtype)
        history = train_network(
            net, loss, part("optimizer", "adam"), x, y, epochs=3, batch_size=4, seed=0,
            weights=weights,
        )  # fmt: skip
        return net.parameters, history["loss"]

    (ours, losses), (others, expected) = trained(by_row), trained(part("loss", "mse"))
    np.testing.assert_allclose(ours, others, rtol=1e-4)
    assert losses == pytest.approx(expected, rel=1e-5)


def test_an_activation_may_normalise_its_row():
    @nnplug.activation
    def centred(x):
        """Subtract the mean of the row."""
        return x - np.mean(x, axis=-1, keepdims=True)

    for dtype in (np.float32, np.float64):
        net, (x, y) = network(dtype=dtype), data(dtype=dtype)
        net = Network(
            3, (5,), 2, activations=[centred],
            output_activation=part("activation", "identity"), dtype=dtype,
        )  # fmt: skip
        net.initialize(part("initializer", "he_normal"), 0)
        history = train_network(
            net, part("loss", "mse"), part("optimizer", "adam"), x, y,
            epochs=20, batch_size=4, seed=0,
        )  # fmt: skip
        assert history["loss"][-1] < history["loss"][0]


def test_a_formula_that_cannot_be_traced_runs_as_it_stands():
    import math

    @nnplug.activation(derivative=lambda x, y: 1 - y * y)
    def slow_tanh(x):
        """The hyperbolic tangent, element by element in Python."""
        return np.array([[math.tanh(each) for each in row] for row in x], x.dtype)

    def trained(activation):
        net, (x, y) = network(activation="tanh"), data()
        net = Network(
            3, (5,), 2, activations=[activation],
            output_activation=part("activation", "identity"), dtype=np.float64,
        )  # fmt: skip
        net.initialize(part("initializer", "he_normal"), 0)
        train_network(
            net, part("loss", "mse"), part("optimizer", "adam"), x, y,
            epochs=3, batch_size=4, seed=0,
        )  # fmt: skip
        return net.parameters

    np.testing.assert_allclose(trained(slow_tanh), trained(part("activation", "tanh")), rtol=1e-12)


def test_a_function_of_the_wrong_shape_is_named():
    @nnplug.activation(derivative=lambda x, y: y)
    def first_column(x):
        """Give one column only."""
        return np.array(x)[:, :1] if isinstance(x, np.ndarray) else x[:, :1]

    net = Network(
        3, (5,), 2, activations=[first_column],
        output_activation=part("activation", "identity"), dtype=np.float64,
    )  # fmt: skip
    x, y = data()
    with pytest.raises(
        nnplug.errors.FormulaError, match=r"'first_column'.*\n?.*returned shape \(4, 1\)"
    ):
        train_network(
            net, part("loss", "mse"), part("optimizer", "sgd"), x, y,
            epochs=1, batch_size=4, seed=0,
        )  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_learned_slope_is_used_where_it_stands_now(dtype):
    @nnplug.activation
    def prelu(x, *, slope=nnplug.trainable(0.25)):  # noqa: B008  # a declaration, not a value
        """Parametric rectified linear unit (He et al., 2015, arXiv:1502.01852, eq. 1)."""
        return np.where(x > 0, x, slope * x)

    x, y = data(dtype=dtype)
    net = Network(
        3, (4,), 2, activations=[prelu],
        output_activation=part("activation", "identity"), dtype=dtype,
    )  # fmt: skip
    net.initialize(part("initializer", "he_normal"), 0)
    w1, w2 = net["hidden1.weight"].copy(), net["output.weight"].copy()
    b1, b2, slope = np.zeros(4), np.zeros(2), 0.25
    steps = Steps(net, part("loss", "mse"), part("optimizer", "sgd:learning_rate=0.1"), x, y, None)
    for _ in range(5):
        with np.errstate(all="ignore"):
            steps.run(None)
        z = x @ w1 + b1
        error = np.where(z > 0, z, slope * z) @ w2 + b2 - y
        g = 2 * error / error.size
        back = g @ w2.T
        delta = back * np.where(z > 0, 1, slope)
        h = np.where(z > 0, z, slope * z)
        slope = slope - 0.1 * (back * np.where(z > 0, 0, z)).sum()
        w2, b2 = w2 - 0.1 * h.T @ g, b2 - 0.1 * g.sum(axis=0)
        w1, b1 = w1 - 0.1 * x.T @ delta, b1 - 0.1 * delta.sum(axis=0)
    close = {"rtol": 1e-10} if dtype == np.float64 else {"rtol": 2e-5, "atol": 1e-6}
    np.testing.assert_allclose(net["hidden1.slope"], slope, **close)
    np.testing.assert_allclose(net["hidden1.weight"], w1, **close)
    np.testing.assert_allclose(net["output.weight"], w2, **close)


def test_a_choice_between_computed_numbers_is_made_anew_each_step():
    @nnplug.optimizer
    def trusting(param, grad, *, learning_rate=0.1):
        """Scale each array's step by a ratio of norms, where there is one."""
        norm = np.linalg.norm(param)
        return param - learning_rate * grad * np.where(norm > 0, norm, 2.0)

    net, (x, y) = network(), data()
    twin = network()
    probe = Steps(twin, part("loss", "mse"), part("optimizer", "sgd:learning_rate=1"), x, y, None)
    steps = Steps(net, part("loss", "mse"), trusting, x, y, None)
    for _ in range(3):
        before = net.parameters.copy()
        twin.parameters[:] = before
        with np.errstate(all="ignore"):
            probe.run(None)
            gradient = before - twin.parameters
            steps.run(None)
        for span in net.spans:
            old, g = span.view(before), span.view(gradient)
            norm = np.linalg.norm(old)
            expected = old - 0.1 * g * (norm if norm > 0 else 2.0)
            np.testing.assert_allclose(span.view(net.parameters), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [None, 4])
def test_shapes_are_strict_in_training_too(size):
    net, (x, y) = network(), data()
    for targets in (y[:, :1], y[0], y[:1], y[:-1]):
        with pytest.raises(nnplug.errors.ShapeError, match="Nothing is broadcast"):
            Steps(net, part("loss", "mse"), part("optimizer", "sgd"), x, targets, size)
        with pytest.raises(nnplug.errors.ShapeError, match="Nothing is broadcast"):
            Evaluator(net, part("loss", "mse")).run(x, targets)
    with pytest.raises(nnplug.errors.ShapeError, match=r"the network takes \(rows, 3\)"):
        Steps(net, part("loss", "mse"), part("optimizer", "sgd"), x[:, :2], y, size)
