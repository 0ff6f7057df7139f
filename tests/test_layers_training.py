"""Networks of layers in training: what they compute, keep, save and take up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nnplug
import nnplug.training.loop
from nnplug.cli import cli, main
from nnplug.engines.numba import binder
from nnplug.models import Checkpoints
from nnplug.network.layers import find_layers
from nnplug.network.network import Network
from nnplug.parts import normal, parameter, state, uniform
from nnplug.plans import Regularization
from nnplug.plugins.registry import Registry
from nnplug.randomness import derive_generator
from nnplug.runs.configuration import Configuration
from nnplug.runs.preparing import prepare
from nnplug.training import Evaluator, Steps
from nnplug.training.divergence import culprit
from tests.engines import ENGINES

REGISTRY = Registry()
IRIS = Path(__file__).parents[1] / "examples" / "iris.csv"
ALL = (
    "embedding:units=4 periodic_embedding:2,outputs=1,numbers=4,waves=8,units=8 scale dense:6 "
    "batch_norm relu parametric[tanh] layer_norm maxout:4 rms_norm glu:3 residual[dense:4 gelu "
    "dropout:0.2 batch_norm dense:3] swiglu:5 dropout:0.3"
)
"""Every built-in layer but monotone_dense, after which the output layer is another too."""

RNG = np.random.default_rng(6)
X, Y = RNG.standard_normal((13, 3)), RNG.standard_normal((13, 2))


def network(layers, inputs=3, outputs=2, dtype=np.float64):
    """Compose a network of layers given as text, or one by one, and draw its weights."""
    made = Network.of(
        inputs, find_layers(layers, REGISTRY), outputs,
        output_activation=REGISTRY.get("activation", "identity"), dtype=dtype,
    )  # fmt: skip
    made.initialize(REGISTRY.get("initializer", "glorot_uniform"), 0)
    return made


def steps_of(made, engine="numpy", size=5, **given):
    sgd = REGISTRY.get("optimizer", "sgd:learning_rate=0.1")
    x, y = X.astype(made.dtype), Y.astype(made.dtype)
    return Steps(
        made, REGISTRY.get("loss", "mse"), sgd, x, y, size, engine=ENGINES[engine], **given
    )


@pytest.fixture(params=["numpy", "numba"])
def engine(request, monkeypatch):
    # Loops of their own are compiled once for all networks; tests/test_layers_parity.py has both.
    monkeypatch.setattr(binder, "SMALL_PROGRAM", 0)
    return request.param


@pytest.fixture(autouse=True)
def _as_the_training_loop_has_it():
    with np.errstate(all="ignore"):
        yield


# --- values ------------------------------------------------------------------------------


def test_all_stands_for_every_layer():
    texts = " ".join(part.text.replace("[", " ") for part in find_layers(ALL, REGISTRY)).split()
    assert {text.partition(":")[0] for text in texts} >= {*REGISTRY.names("layer")} - {
        "monotone_dense"
    }


@pytest.mark.parametrize(
    ("engine", "dtype"),
    [("numpy", np.float32), ("numpy", np.float64), ("numba", np.float32)],
    indirect=["engine"],
)
def test_engines_compute_what_plain_numpy_does(engine, dtype):
    made = network(ALL, dtype=dtype)
    made.parameters += 0.3 * RNG.uniform(size=made.size).astype(dtype)
    outputs, _ = Evaluator(made, engine=ENGINES[engine]).run(X.astype(dtype))
    *_, (_, expected) = made.forward(X)
    assert outputs.dtype == expected.dtype == dtype
    np.testing.assert_allclose(outputs, expected, rtol=2e-5 if dtype == np.float32 else 1e-12)


def test_forward_gives_each_layer_its_outputs():
    made = network("dense:4 relu residual[dense:4] layer_norm")
    found = [(placed.name, outputs.shape) for placed, outputs in made.forward(X)]
    assert found == [
        ("hidden1", (13, 4)), ("hidden1", (13, 4)), ("residual1", (13, 4)),
        ("layer_norm1", (13, 4)), ("output", (13, 2)), ("output", (13, 2)),
    ]  # fmt: skip


# --- batch norm, states ------------------------------------------------------------------


def test_a_batch_of_one_row_has_no_variance_to_take_over(engine):
    made = network("batch_norm")
    made["batch_norm1.shift"][...] = [1.0, 2.0, 3.0]
    steps = steps_of(made, engine, 6)
    first, last = np.arange(6), np.array([12])
    steps.run(first)
    mean, variance = 0.1 * X[:6].mean(0), 0.9 + 0.1 * X[:6].var(0, ddof=1)
    np.testing.assert_allclose(made["batch_norm1.mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(made["batch_norm1.variance"], variance, rtol=1e-12)
    before = made["batch_norm1.variance"].copy()
    weight, bias = made["output.weight"].copy(), made["output.bias"].copy()
    shift, gain = made["batch_norm1.shift"].copy(), made["batch_norm1.gain"].copy()
    total = steps.run(last)
    # One row is its own mean: the outputs are those of the shift alone.
    error = shift @ weight + bias - Y[12]
    assert total == pytest.approx((error**2).sum(), rel=1e-12)
    np.testing.assert_allclose(made["output.bias"], bias - 0.1 * error, rtol=1e-12)
    np.testing.assert_allclose(made["batch_norm1.shift"], shift - 0.1 * weight @ error, rtol=1e-12)
    assert (made["batch_norm1.gain"] == gain).all()
    np.testing.assert_allclose(made["batch_norm1.mean"], 0.9 * mean + 0.1 * X[12], rtol=1e-12)
    # 0.9 v + 0.1 v, to a rounding
    np.testing.assert_allclose(made["batch_norm1.variance"], before, rtol=1e-15)
    assert np.isfinite(steps.run(first))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_goes_on_after_batches_of_one_row(dtype):
    run = prepare((X, Y), layers="dense:4 batch_norm tanh", batch_size=4, validation=0, epochs=5,
                  engine="numpy", dtype=dtype)  # fmt: skip
    run.trainer().run()  # 13 rows
    assert len(run.history["loss"]) == 5
    assert np.isfinite(run.network.parameters).all()
    assert (run.network["batch_norm1.variance"] != 1).all()


@nnplug.layer
def watch(x, met=state("D", start=2.0), steps=state()):
    """Count steps, and remember the largest of each input; the rows go on as they are."""
    return x, np.maximum(met, np.max(x, axis=0)), steps + 1


def test_a_layer_that_changes_nothing_may_have_states(engine):
    for layers in ([watch], ["dense:3", watch, "relu"], [watch, watch])[
        : 3 if engine == "numpy" else 1
    ]:
        made = network(layers)
        steps = steps_of(made, engine)
        for _ in range(3):
            steps.run(np.arange(5))
        assert made["watch1.steps"] == 3
        if layers[0] is watch:
            np.testing.assert_array_equal(made["watch1.met"], np.maximum(2, X[:5].max(0)))


def test_a_layer_need_not_apply_what_it_holds(engine):
    @nnplug.layer
    def sometimes(x, *, inner, training):
        """Leave them out in training."""
        return x if training else inner(x)

    made = network([sometimes.around(find_layers("batch_norm dense:3", REGISTRY))])
    before = {name: made[name].copy() for name in ("sometimes1.batch_norm1.variance",
                                                   "sometimes1.dense1.weight")}  # fmt: skip
    steps_of(made, engine).run(np.arange(5))
    for name, array in before.items():
        assert (made[name] == array).all()


def test_a_layer_may_apply_what_it_holds_twice():
    @nnplug.layer
    def twice(x, *, inner):
        """Apply them to what they give."""
        return inner(inner(x))

    made = network([twice.around(find_layers("dense:3 tanh", REGISTRY))])
    weight, bias = made["twice1.dense1.weight"], made["twice1.dense1.bias"]
    expected = np.tanh(np.tanh(X @ weight + bias) @ weight + bias) @ made["output.weight"]
    outputs, _ = Evaluator(made).run(X)
    np.testing.assert_allclose(outputs, expected, rtol=1e-12)

    def loss(moved):
        y = np.tanh(np.tanh(X[:5] @ moved) @ moved) @ head
        return ((y - Y[:5]) ** 2).mean()

    start, head = weight.copy(), made["output.weight"].copy()
    steps_of(made).run(np.arange(5))
    slopes = [
        (loss(start + 1e-6 * unit) - loss(start - 1e-6 * unit)) / 2e-6
        for unit in np.eye(9).reshape(9, 3, 3)
    ]
    np.testing.assert_allclose(
        (start - made["twice1.dense1.weight"]).ravel() / 0.1, slopes, rtol=1e-6, atol=1e-8
    )


def test_a_state_that_is_not_finite_stops_the_run():
    @nnplug.layer
    def broken(x, s=state()):
        """A state that becomes infinite."""
        return x, s + 1 / (s - 2)

    made = network([broken])
    made["broken1.s"][...] = 2
    before = made.parameters.copy()
    steps = steps_of(made)
    assert np.isnan(steps.run(np.arange(5)))
    assert (made.parameters == before).all()
    layer, what = culprit(steps, np.arange(5))
    assert layer == "broken1"
    assert "broken1.s" in what


# --- noise -------------------------------------------------------------------------------


@nnplug.layer
def noisy(x, own=normal("N", "D"), units=uniform("D"), one=normal(), *, training):
    """Noise for each number, for each input, and for all."""
    return x + own * units + one if training else x


@pytest.mark.parametrize(
    ("engine", "dtype"),
    [("numpy", np.float32), ("numpy", np.float64), ("numba", np.float32)],
    indirect=["engine"],
)
def test_noise_is_of_its_law_and_of_its_shape(engine, dtype):
    made = network(["dropout:0.3", noisy], dtype=dtype)
    weight, bias = made["output.weight"].copy(), made["output.bias"].copy()
    steps = steps_of(made, engine, seed=4)
    for number, rows in enumerate((np.arange(5), np.array([7, 3])), start=1):
        generator = derive_generator(4, "dropout", step=number)
        kept = generator.random((len(rows), 3), dtype=dtype) >= 0.3
        own = generator.standard_normal((len(rows), 3), dtype=dtype)
        units = generator.random(3, dtype=dtype)
        one = generator.standard_normal(dtype=dtype)
        x = X.astype(dtype)[rows] * kept / 0.7 + own * units + one
        error = x @ weight + bias - Y[rows]
        assert steps.run(rows) == pytest.approx((error**2).sum(), rel=1e-5)
        weight, bias = made["output.weight"].copy(), made["output.bias"].copy()
    np.testing.assert_array_equal(
        Evaluator(made, engine=ENGINES[engine]).run(X)[0],
        Evaluator(made, engine=ENGINES[engine]).run(X)[0],
    )


def test_normal_noise_has_mean_0_and_variance_1():
    made = network([noisy])
    steps = Steps(
        made, REGISTRY.get("loss", "mse"), REGISTRY.get("optimizer", "sgd"),
        np.zeros((5000, 3)), np.zeros((5000, 2)), None,
    )  # fmt: skip
    steps.run(None)
    drawn = steps.noise["noisy1.own"]
    assert abs(drawn.mean()) < 0.05
    assert abs(drawn.std() - 1) < 0.05


# --- penalties, clipping -----------------------------------------------------------------


def test_penalties_count_drawn_weights_alone():
    layers = "batch_norm dense:4 layer_norm maxout:3 glu:2 scale residual[dense:2] rms_norm"
    plain, penalised = network(layers), network(layers)
    weights = [
        span.name for span in plain.spans
        if span.name.rpartition(".")[2] in ("weight", "gate", "weights1", "weights2")
    ]  # fmt: skip
    assert len(weights) == 7
    start = {span.name: plain[span.name].copy() for span in plain.spans}
    steps_of(plain).run(np.arange(5))
    steps = steps_of(penalised, regularization=Regularization(l2=0.3, l1=0.01))
    steps.run(np.arange(5))
    for name, array in start.items():
        more = 0.1 * (0.3 * array + 0.01 * np.sign(array)) if name in weights else 0 * array
        np.testing.assert_allclose(
            plain[name] - penalised[name], more, rtol=1e-9, atol=1e-14, err_msg=name
        )
    squares = sum((start[name] ** 2).sum() for name in weights)
    magnitudes = sum(abs(start[name]).sum() for name in weights)
    assert steps.penalty == pytest.approx(0.15 * squares + 0.01 * magnitudes, rel=1e-12)


def test_what_is_penalised_may_be_declared():
    @nnplug.layer
    def own(x, w=parameter("D", "D", decay=False), v=parameter("D", start=2, decay=True)):
        """A matrix that penalties leave out, a vector that they count."""
        return x @ w * v

    made = network([own])
    assert [span.penalised for span in made.spans] == [0, 1, 1, 0]
    head = (made["output.weight"] ** 2).sum()
    steps = steps_of(made, regularization=Regularization(l2=1.0))
    steps.run(np.arange(5))
    assert steps.penalty == pytest.approx((3 * 4 + head) / 2, rel=1e-12)


def test_gradients_of_all_layers_are_clipped_and_states_are_not(engine):
    layers = ALL if engine == "numpy" else "dense:3 batch_norm relu"
    plain, clipped = network(layers), network(layers)
    start = plain.parameters.copy()
    steps_of(plain, engine).run(np.arange(5))
    limit = 0.01
    regularization = Regularization(clip_global_norm=limit)
    steps_of(clipped, engine, regularization=regularization).run(np.arange(5))
    n = plain.learned
    whole, short = (start - made.parameters for made in (plain, clipped))
    assert np.linalg.norm(whole[:n]) > 0.1 * limit
    np.testing.assert_allclose(
        short[:n], whole[:n] * 0.1 * limit / np.linalg.norm(whole[:n]), rtol=1e-9, atol=1e-13
    )
    np.testing.assert_allclose(short[n:], whole[n:], rtol=1e-12)


# --- runs --------------------------------------------------------------------------------


def iris(**settings):
    return prepare(IRIS, target="species", **{"epochs": 3, "seed": 5, **settings})


def test_the_short_form_is_a_row_of_layers(engine):
    text = "dense:16 relu dropout:0.1 dense:8 relu"
    long = iris(layers=text, engine=engine)
    short = iris(hidden=(16, 8), activation="relu", dropout=(0.1, 0), engine=engine)
    assert [a.name for a in long.network.spans] == [b.name for b in short.network.spans]
    for run in (long, short):
        run.trainer().run()
    assert long.network.parameters.tobytes() == short.network.parameters.tobytes()
    assert long.history.columns == short.history.columns
    assert long.settings.layers == text
    assert short.settings.layers is None


@pytest.mark.parametrize(
    ("engine", "dtype", "layers"),
    [
        ("numpy", "float32", ALL),
        ("numpy", "float64", ALL),
        ("numba", "float32", "dense:3 batch_norm relu dropout:0.3"),
    ],
    indirect=["engine"],
)
def test_a_run_that_is_left_within_an_epoch_goes_on_to_the_same_bits(
    engine, dtype, layers, tmp_path, monkeypatch
):
    monkeypatch.setattr(nnplug.training.loop, "PORTION_SECONDS", 0.0)
    settings = {"layers": layers, "l2": 1e-3, "engine": engine, "dtype": dtype}
    whole, first, second = iris(**settings), iris(**settings), iris(**settings)
    whole.trainer().run()
    left, asked = first.trainer(), iter(range(1000))
    left.run(should_stop=lambda: next(asked) == 6)  # of 4 steps an epoch
    assert left.ended is None
    arrays, numbers = left.state()
    Checkpoints(tmp_path).save(arrays, json.loads(json.dumps(numbers, allow_nan=False)))
    second.network.parameters[...] = 7.0
    found = Checkpoints(tmp_path).load()
    taken_up = second.trainer()
    taken_up.restore(found.arrays, found.numbers)
    taken_up.run()
    assert second.network.parameters.tobytes() == whole.network.parameters.tobytes()
    assert (whole.network["batch_norm1.mean"] != 0).all()
    assert second.history.columns == whole.history.columns


def test_states_are_saved_with_the_model(tmp_path):
    run = iris(layers=ALL, epochs=2)
    run.trainer().run()
    run.model.save(tmp_path / "model.nnplug")
    again = nnplug.load(tmp_path / "model.nnplug")
    assert again.network.parameters.tobytes() == run.model.network.parameters.tobytes()
    assert [span.name for span in again.network.spans] == [s.name for s in run.network.spans]
    np.testing.assert_array_equal(again.outputs(IRIS), run.model.outputs(IRIS))
    again.network["batch_norm1.mean"][...] += 1  # they are what the outputs are computed with
    assert (again.outputs(IRIS) != run.model.outputs(IRIS)).any()


def test_a_run_is_repeated_from_its_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["train", str(IRIS), "--target", "species", "--epochs", "3", "--engine", "numpy"]
    for given in (
        [*words, "--layers", ALL, "--output", "a"],
        ["train", "--config", "a/config.toml", "--output", "b"],
        ["train", "--config", "a", "--set", "layers=dense:4", "--output", "c"],
    ):
        done = CliRunner().invoke(cli, given)
        assert done.exit_code == 0, done.output
    for name in "ab":
        written = Configuration.read(tmp_path / name / "config.toml").settings["layers"]
        assert " ".join(part.text for part in find_layers(written, REGISTRY)) == ALL
    first, again, other = (
        nnplug.load(tmp_path / name / "model.safetensors").network for name in "abc"
    )
    assert first.parameters.tobytes() == again.parameters.tobytes()
    assert [span.name for span in other.spans] == [
        "hidden1.weight", "hidden1.bias", "output.weight", "output.bias"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--layers", "dense:4", "--hidden", "4"], "layers and hidden: both say what the network"),
        (["--layers", "dense:4 relu]"], "'dense:4 relu]': a ] without a [ before it."),
        (["--layers", "dens:4"], "There is no layer 'dens'. Did you mean 'dense'?"),
        (["--layers", "dense:0"], "layer 'dense:0': units=0: it must be at least 1."),
        (["--layers", "dropout:1.5"], "layer 'dropout': rate=1.5: it must be at least 0 and below"),
        (["--layers", "residual[dense:3]"], "it is given rows of 4 numbers, and the layers in it"),
    ],
)
def test_wrong_layers_are_an_error_of_usage(given, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["train", str(IRIS), "--target", "species", *given])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_rows_from_a_file_train_the_same_layers(tmp_path):
    table = tmp_path / "t.csv"
    rows = [f"{a:.6f},{b:.6f},{c:.6f}" for a, b, c in RNG.standard_normal((90, 3))]
    table.write_text("a,b,y\n" + "\n".join(rows) + "\n")
    settings = {"target": "y", "layers": ALL, "validation": 0, "batch_size": 16, "epochs": 2}
    runs = [prepare(table, stream=stream, **settings) for stream in (False, True)]
    for run in runs:
        run.trainer().run()
        assert np.isfinite(run.network.parameters).all()
        assert (run.network["batch_norm1.mean"] != 0).all()
