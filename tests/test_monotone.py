"""Monotone networks: made so by construction, and proved for all inputs."""

import os

import numpy as np
import pandas as pd
import pytest

import nnplug
from nnplug.errors import DataError, SettingError
from nnplug.network.layers import find_layers
from nnplug.network.monotone import constrain, directions, monotone_layers, why_not_rising
from nnplug.network.network import Network
from nnplug.parts.placing import place

REGISTRY = nnplug.Registry(allowed=())

NEVER_FALL = {
    "identity", "exponential", "sigmoid", "log_sigmoid", "hard_sigmoid", "tanh", "hard_tanh",
    "softsign", "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "softplus",
}  # fmt: skip
FALL = {"silu", "hard_swish", "mish", "gelu", "gelu_tanh"}
NOT_ELEMENTWISE = {"softmax", "log_softmax"}


# --- activations -------------------------------------------------------------------------


def why(part, given=None):
    (placed,) = place(2, [part])
    return why_not_rising(placed, given)


@pytest.mark.parametrize("name", [part.name for part, _ in REGISTRY.parts("activation")])
def test_of_every_built_in_activation_it_is_known(name):
    found = why(REGISTRY.get("activation", name))
    if name in NEVER_FALL:
        assert found is None
    elif name in FALL:
        assert found.startswith("falls between -")
    elif name in NOT_ELEMENTWISE:
        assert found == "is not elementwise"
    else:
        assert (name, found) == ("prelu", "learns a number with which it may fall")


@pytest.mark.parametrize("name", sorted(NEVER_FALL | FALL))
def test_samples_do_not_contradict_the_proof(name):
    points = np.concatenate([np.linspace(-30, 30, 100_001), np.geomspace(30, 700, 1001)])
    values = np.asarray(REGISTRY.get("activation", name)(np.sort([*points, *-points[-1001:]])))
    steps = np.diff(values) >= -1e-14 * np.maximum(1, abs(values[1:]))
    assert steps.all() == (name in NEVER_FALL)


def test_with_its_options_an_activation_may_fall():
    assert why(REGISTRY.get("activation", "leaky_relu:slope=-0.5")).startswith("falls between")
    assert why(REGISTRY.get("activation", "elu:alpha=-1")).startswith("falls between")


def test_a_learned_slope_is_known_in_a_trained_network():
    network = Network.of(
        2, find_layers("monotone_dense:3 prelu", REGISTRY), 1,
        output_activation=REGISTRY.get("activation", "identity"), dtype=np.float64,
    )  # fmt: skip
    network.initialize(REGISTRY.get("initializer", "glorot_uniform"), 0)
    assert not directions(network).down.any()
    (name,) = (span.name for span in network.spans if span.name.endswith("slope"))
    network[name][...] = -0.1
    found = directions(network)
    assert found.down.all()
    assert found.reasons[0].startswith("hidden1: prelu falls between -1.8e+308 and -")


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        (lambda x: np.where(x > 0, 0.0, 1.0), "jumps down at 0"),
        (lambda x: np.where(x > 0.3, x - 1, x), "jumps down at 0.3"),
        (lambda x: -1 / x, "is not proved never to fall"),
        (lambda x: np.where(x > 0.3, x + 1, x), None),
        (lambda x: -x, "falls between"),
        (np.floor, "is not proved to be without jumps"),
        (lambda x: x + 1.5 * np.sin(x), "falls between"),
        (lambda x: x + np.sin(x) / 2, None),
    ],
)
def test_a_slope_that_is_never_negative_is_not_enough(formula, reason):
    def made(x):
        return formula(x)

    part = nnplug.activation(made)
    found = why(part)
    assert found is None if reason is None else found.startswith(reason)


def test_an_author_s_derivative_is_not_believed_where_it_is_another():
    @nnplug.activation(derivative=lambda x, y: 1 + 0 * x)
    def surrogate(x):
        """Straight through, with a false slope."""
        return -x

    @nnplug.activation(derivative=lambda x, y: 1 + 0 * x)
    def opaque(x):
        """Runs as it stands."""
        return np.array([[float(each) for each in row] for row in x])

    assert why(surrogate).startswith("falls between")
    assert why(opaque) == "runs as it stands, without a formula"


# --- networks ----------------------------------------------------------------------------


def network_of(layers, signs, seed=0, outputs=1):
    parts = monotone_layers(find_layers(layers, REGISTRY))
    network = Network.of(
        len(signs), parts, outputs, output_activation=REGISTRY.get("activation", "identity"),
        dtype=np.float64,
    )  # fmt: skip
    network.initialize(REGISTRY.get("initializer", "glorot_uniform"), seed)
    constrain(network, signs)
    return network


def test_directions_by_hand():
    """Two inputs and two units of tanh, whose weights are given."""
    network = network_of("dense:2 tanh", [0, 0])
    for name, values in {
        "hidden1.weight": [[2.0, 0.0], [-1.0, 3.0]], "hidden1.sign": np.zeros((2, 2)),
        "output.weight": [[1.0], [-5.0]], "output.sign": np.zeros((2, 1)),
    }.items():  # fmt: skip
        network[name][...] = values
    found = directions(network)
    np.testing.assert_array_equal(found.up[:, 0], [True, False])
    np.testing.assert_array_equal(found.down[:, 0], [False, True])
    network["hidden1.weight"][1, 1] = -3.0
    found = directions(network)
    np.testing.assert_array_equal(found.up[:, 0] & found.down[:, 0], [False, True])
    network["output.weight"][...] = 0
    assert not (directions(network).up | directions(network).down).any()


def test_every_input_goes_the_way_that_is_asked_for():
    network = network_of("dense:8 relu dropout:0.1 dense:6 softplus dense:5 elu", [1, -1, 0])
    found = directions(network)
    np.testing.assert_array_equal(found.up[:, 0], [True, False, True])
    np.testing.assert_array_equal(found.down[:, 0], [False, True, True])


def test_with_relu_it_makes_convex_and_concave_functions():
    """Half of the units have sign -1: with one layer, each way of bending is there."""
    network = network_of("dense:4 relu", [1])
    np.testing.assert_array_equal(network["hidden1.sign"], [[1, -1, 1, -1]])
    np.testing.assert_array_equal(network["output.sign"], [[1], [-1], [1], [-1]])
    network["hidden1.bias"][...] = [0, 1, 0, 1]
    network["hidden1.weight"][...] = 1
    x = np.array([[-2.0], [-1.0], [0.0], [1.0], [2.0]])
    for unit, bend in ((0, 1), (1, -1)):
        network["output.weight"][...] = 0
        network["output.weight"][unit] = 1
        *_, (_, y) = network.forward(x)
        second = np.diff(y[:, 0], 2)
        assert (np.sign(second) * bend >= 0).all()
        assert second.any()


def test_layers_that_mix_rows_or_fall_prove_nothing_and_say_why():
    for layers, reason in (
        ("monotone_dense:3 gelu", "hidden1: gelu falls between"),
        ("layer_norm monotone_dense:3 relu", "layer_norm1: layer_norm mixes its inputs"),
    ):
        network = Network.of(
            2, find_layers(layers, REGISTRY), 1,
            output_activation=REGISTRY.get("activation", "identity"),
        )  # fmt: skip
        network.initialize(REGISTRY.get("initializer", "glorot_uniform"), 0)
        found = directions(network)
        assert (found.up & found.down).all()
        assert found.reasons[0].startswith(reason)


# --- training ----------------------------------------------------------------------------


def table(rows=600, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["a", "b", "c"])
    frame["kind"] = rng.choice(["x", "y"], rows)
    # It falls with a in places, and rises with b.
    frame["y"] = np.sin(2 * frame.a) + frame.b / 2 + frame.c**2 + (frame.kind == "x")
    frame["y"] += rng.normal(size=rows) / 10
    return frame


TABLE = table()
FEW = {"epochs": 15, "hidden": (16, 8), "learning_rate": 0.01}


def violations(model, pairs, seed=0):
    """Count random pairs of rows of which the greater has the smaller prediction."""
    rng, wrong, done = np.random.default_rng(seed), 0, 0
    while done < pairs:
        size = min(200_000, pairs - done)
        low = rng.normal(size=(size, model.network.inputs)) * rng.choice([0.1, 1, 10], (size, 1))
        high = low.copy()
        high[:, 0] += rng.exponential(size=size) * (rng.random(size) < 0.7)
        high[:, 1] -= rng.exponential(size=size) * (rng.random(size) < 0.7)
        before, after = model.run(low), model.run(high)
        # Up to the rounding of float64: products in blocks have orders of their own.
        wrong += int((after < before - 1e-12 * np.maximum(1, abs(before))).sum())
        done += size
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_no_pair_of_rows_is_the_wrong_way_round(activation):
    """Ten million pairs in all: a tenth of them unless NNPLUG_PAIRS says so."""
    model = nnplug.train(
        TABLE, target="y", increasing="a", decreasing="b", activation=activation,
        dtype="float64", **FEW,
    ).model  # fmt: skip
    pairs = int(os.environ.get("NNPLUG_PAIRS", "1000000"))
    assert violations(model, pairs // 2) == 0
    assert model.monotonicity().columns["a"] == ("increasing",)
    # The mutant whose signs are off is caught both ways.
    for span in model.network.spans:
        if span.name.endswith(".sign"):
            model.network[span.name][...] = 0
            weight = model.network[span.name.replace(".sign", ".weight")]
            weight[::2] *= -1
    assert violations(model, 10_000) > 100
    assert model.monotonicity().columns["a"] == ("not proved",)


def test_what_is_asked_for_is_proved_and_the_same_network_without_is_not(tmp_path):
    asked = {"increasing": ["a"], "decreasing": "b", "validation": 0.2, **FEW}
    run = nnplug.train(TABLE, target="y", **asked)
    found = run.model.monotonicity()
    assert found.answers == ("y",)
    assert found.columns == {
        "a": ("increasing",), "b": ("decreasing",), "c": ("not proved",),
    }  # fmt: skip
    assert run.settings.increasing == ("a",)
    assert run.settings.hidden == (16, 8)
    free = nnplug.train(TABLE, target="y", **FEW).model.monotonicity()
    assert set(free.columns.values()) == {("not proved",)}
    run.save(tmp_path / "m.safetensors")
    loaded = nnplug.load(tmp_path / "m.safetensors")
    assert loaded.monotonicity() == found
    np.testing.assert_array_equal(loaded.predict(TABLE), run.model.predict(TABLE))
    assert ("monotone", "increasing with a, decreasing with b") in loaded.info.described()


def test_it_learns_what_is_monotone():
    """Both bends and an interaction; a network that may do anything is hardly better."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.uniform(-3, 3, size=(800, 2)), columns=["a", "b"])
    frame["y"] = np.minimum(frame.a, frame.b) + np.maximum(frame.a, 0) - np.exp(-frame.b) / 5
    few = {"hidden": (32, 16), "epochs": 60, "learning_rate": 0.01, "metrics": "r2"}
    run = nnplug.train(frame, target="y", increasing=["a", "b"], **few)
    assert run.model.evaluate(frame)["r2"] > 0.98


def test_a_kept_run_is_resumed_with_its_signs(tmp_path):
    asked = {"increasing": "a", "decreasing": "b", "engine": "numpy"}
    few = {**FEW, "validation": 0}
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    whole = nnplug.train(tmp_path / "t.csv", target="y", **asked, **few)
    nnplug.train(tmp_path / "t.csv", target="y", output=tmp_path / "run", **asked,
                 **{**few, "epochs": 7})  # fmt: skip
    resumed = nnplug.resume(tmp_path / "run", epochs=15)
    np.testing.assert_array_equal(resumed.model.network.parameters, whole.model.network.parameters)
    assert resumed.model.monotonicity().columns["b"] == ("decreasing",)


def test_the_second_of_two_classes_and_labels_and_arrays():
    frame = TABLE.assign(good=TABLE.y > 0, late=TABLE.b < 0)
    model = nnplug.train(frame, target="good", increasing="a", drop=["y"], **FEW).model
    found = model.monotonicity()
    assert found.answers == ("good=True",)
    assert found.columns["a"] == ("increasing",)
    both = nnplug.train(
        frame, target=["good", "late"], increasing="a", drop=["y"], task="multilabel", **FEW
    ).model.monotonicity()
    assert both.columns["a"] == ("increasing",) * 2
    x = TABLE[["a", "b"]].to_numpy()
    arrays = nnplug.train((x, x @ [[1.0], [2.0]]), decreasing="x1", **FEW).model
    assert arrays.monotonicity().columns == {"x0": ("not proved",), "x1": ("decreasing",)}


def test_missing_values_and_a_target_on_a_logarithmic_scale():
    frame = TABLE.assign(y=np.exp(TABLE.y / 3))
    frame.loc[::7, "a"] = np.nan
    model = nnplug.train(
        frame, target="y", target_transform="log", increasing="a", dtype="float64", **FEW
    ).model
    assert model.monotonicity().columns["a"] == ("increasing",)
    rows = TABLE[["a", "b", "c", "kind"]].head(1)
    rows = pd.concat([rows] * 2001, ignore_index=True).assign(a=np.linspace(-40, 40, 2001))
    steps = np.diff(model.predict(rows)[:, 0])
    assert (steps >= -1e-12).all()
    assert (steps > 0).any()


@nnplug.loss(predict=lambda mean, spread: mean)
def narrowing(mean, spread, target):
    """A loss of two outputs."""
    return (mean - target) ** 2 + spread**2


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"increasing": "z"}, DataError, 'increasing: "z" is not a column to predict from'),
        ({"decreasing": "kind"}, DataError, 'decreasing: column "kind" is text, and only numbers'),
        ({"increasing": "a", "decreasing": "a"}, SettingError, '"a" is in increasing and in'),
        ({"increasing": "a", "activation": "gelu"}, SettingError,
         "activation 'gelu': falls between -1.23 and -1.13, so a network with it is not monotone"),
        ({"increasing": "a", "activation": "prelu"}, SettingError, "learns a number with which"),
        ({"increasing": "a", "hidden": ()}, SettingError, "a monotone network needs a hidden lay"),
        ({"increasing": "a", "hidden": None, "layers": "dense:4 batch_norm relu"}, SettingError,
         "layer 'batch_norm': only dense and dropout layers, with activations"),
        ({"increasing": "a", "output_activation": "silu"}, SettingError, "'silu': falls between"),
        ({"increasing": "a", "loss": narrowing}, SettingError, "takes several outputs for"),
        ({"increasing": 3}, SettingError, "increasing=3: it must be a text, or a list of texts"),
    ],
)  # fmt: skip
def test_what_cannot_be_monotone_is_refused(asked, error, message):
    few = {name: value for name, value in {**FEW, **asked}.items() if value is not None}
    with pytest.raises(error) as caught:
        nnplug.train(TABLE, target="y", **few)
    assert message in str(caught.value)


def test_classes_that_sum_to_one_are_refused():
    frame = TABLE.assign(third=pd.qcut(TABLE.y, 3, labels=["l", "m", "h"]).astype(str))
    with pytest.raises(SettingError, match=r"so not all can rise\.\nThey are for numbers, for lab"):
        nnplug.train(frame, target="third", increasing="a", drop=["y"], **FEW)
    two = TABLE.assign(good=TABLE.y > 0)
    with pytest.raises(SettingError, match="a loss of one output, such as binary_cross_entropy"):
        nnplug.train(two, target="good", increasing="a", loss="cross_entropy", drop=["y"], **FEW)


def test_classes_prove_nothing_and_say_why():
    frame = TABLE.assign(third=pd.qcut(TABLE.y, 3, labels=["l", "m", "h"]).astype(str))
    found = nnplug.train(frame, target="third", drop=["y"], epochs=1).model.monotonicity()
    assert found.answers == ("third=h", "third=l", "third=m")
    assert found.columns["a"] == ("not proved",) * 3
    assert found.reasons == (
        "the predictions do not come from one output each, so their directions are not known",
    )


def test_members_are_proved_together():
    run = nnplug.train(TABLE, target="y", increasing="a", members=3, epochs=3, hidden=8)
    assert run.model.monotonicity().columns["a"] == ("increasing",)
    network = run.model.networks[2]
    network["hidden1.sign"][...] = 0
    network["hidden1.weight"][0] = [1.0, -1.0] * 4
    network["hidden1.weight"][0, 0] = -1.0
    assert run.model.monotonicity().columns["a"] == ("not proved",)
