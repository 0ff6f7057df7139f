"""Layers that know what their inputs are: periodic embeddings of numbers, vectors of categories."""

import csv

import numpy as np
import pytest

import nnplug
from nnplug.network.layers import find_layers
from nnplug.network.network import Network
from nnplug.parts import InputColumn
from nnplug.plugins.registry import Registry
from nnplug.runs.preparing import prepare

REGISTRY = Registry(allowed=())
MIXED = (
    InputColumn("number", 0), *(InputColumn("category", 1) for _ in range(10)),
    InputColumn("other", 2), InputColumn("number", 3), *(InputColumn("category", 4),) * 3,
)  # fmt: skip
"""Two numbers, ten categories, a mark, and three categories: 16 inputs."""


def network(layers, columns=None, inputs=16):
    made = Network.of(
        inputs, find_layers(layers, REGISTRY), 1, dtype=np.float64, columns=columns,
        output_activation=REGISTRY.get("activation", "identity"),
    )  # fmt: skip
    made.initialize(REGISTRY.get("initializer", "glorot_uniform"), 0)
    return made


def outputs(made, x, layer=0):
    return list(made.forward(x))[layer][1]


@pytest.mark.parametrize(("relu", "itself"), [(False, True), (True, False)])
def test_each_number_gets_its_waves_and_the_others_are_passed_on(relu, itself):
    text = f"periodic_embedding:3,outputs=2,relu={relu},itself={itself}".lower()
    made = network(text, MIXED)
    x = np.random.default_rng(0).standard_normal((5, 16))
    w, b, mix, bias = (
        made[f"periodic_embedding1.{name}"] for name in ("frequency", "phase", "mix", "bias")
    )
    kept = [place for place in range(16) if itself or place not in (0, 12)]
    expected = [x[:, place] for place in kept]
    for number, place in enumerate((0, 12)):  # number by number, output by output
        for output in range(2):
            total = bias[number, output] + sum(
                np.cos(2 * np.pi * w[number * 3 + f] * x[:, place] + b[number * 3 + f])
                * mix[number * 3 + f, output]
                for f in range(3)
            )
            expected.append(np.maximum(total, 0) if relu else total)
    assert outputs(made, x) == pytest.approx(np.stack(expected, axis=1), abs=1e-12)
    assert w.shape == (6,)


def test_its_arrays_start_by_their_own_laws():
    made = network("periodic_embedding:400,sigma=0.1", inputs=5)
    frequency, phase, mix = (
        made[f"periodic_embedding1.{n}"] for n in ("frequency", "phase", "mix")
    )
    assert frequency.std() == pytest.approx(0.1, rel=0.1)
    assert abs(phase).max() == pytest.approx(np.pi, rel=0.01)
    assert abs(mix).max() == pytest.approx(400**-0.5, rel=0.01)


def test_a_category_of_a_column_with_many_has_a_row_of_the_table():
    made = network("embedding:4", MIXED)
    assert made.placed[0].part.text == "embedding:4,units=10"
    x = np.zeros((11, 16))
    x[:, [0, 11, 12, 14]] = 3.0, 1.0, -2.0, 1.0
    x[range(10), range(1, 11)] = 1  # in the last row no category is known
    found, table = outputs(made, x), made["embedding1.table"]
    assert found[:, 0].tolist() == [3.0] * 11
    assert found[:10, 1:5] == pytest.approx(table[1:11], abs=1e-12)
    assert found[10, 1:5].tolist() == [0.0] * 4
    assert found[:, 5:].tolist() == [[1.0, -2.0, 0.0, 1.0, 0.0]] * 11


def test_what_comes_after_another_such_layer_is_known_too():
    made = network("embedding:4 periodic_embedding:2,outputs=1", MIXED)
    assert made.placed[1].part.options["numbers"] == 2
    assert made.placed[1].outputs == 12
    # After any other layer all are numbers; without one there is a wave that is never reached.
    assert network("scale periodic_embedding:2", MIXED).placed[1].part.options["numbers"] == 16
    none = network("periodic_embedding:2,outputs=1", MIXED[1:12], inputs=11)
    x = np.random.default_rng(1).standard_normal((4, 11))
    assert np.array_equal(outputs(none, x)[:, :11], x)
    assert np.ptp(outputs(none, x)[:, 11]) == 0


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(5)
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["day", "kind", "size", "sure", "y"])
        for number in range(240):
            kind, size = f"k{rng.integers(12):02}", rng.standard_normal()
            rows.writerow([
                f"2024-{number % 12 + 1:02}-{number % 28 + 1:02}", kind,
                "" if number % 20 == 0 else round(size, 3), rng.choice(["true", "false"]),
                round(np.sin(4 * size) + int(kind[1:]) % 3, 3),
            ])  # fmt: skip
    return path


def test_a_tables_inputs_are_known_and_everything_else_works(table, tmp_path):
    layers = "embedding:3 periodic_embedding:4 dense:16 silu"
    given = {"target": "y", "layers": layers, "epochs": 3, "recipe": "fast"}
    run = nnplug.train(table, **given)
    kinds = [column.kind for column in run.rows.columns]
    names = dict(zip(run.rows.features, kinds, strict=True))
    assert (names["day.time"], names["size"]) == ("number", "number")
    assert (names["size=(missing)"], names["sure"], names["kind=k03"]) == (
        "other", "other", "category"
    )  # fmt: skip
    assert run.network["embedding1.table"].shape[1] == 3
    before = prepare(table, **given).network
    for name in ("embedding1.keep", "periodic_embedding1.pick"):  # training changes no state
        assert np.array_equal(run.network[name], before[name])
    for name in ("embedding1.table", "periodic_embedding1.frequency", "periodic_embedding1.bias"):
        assert not np.array_equal(run.network[name], before[name])
    run.save(tmp_path / "m.nnplug")
    model = nnplug.load(tmp_path / "m.nnplug")
    assert np.array_equal(model.predict(table), run.predict(table))
    again = nnplug.train(table, **{**given, "layers": run.settings.layers})
    assert again.network.parameters.tobytes() == run.network.parameters.tobytes()
    assert run.trace(0)["loss"].shape == ()
    members = nnplug.train(table, **{**given, "epochs": 1}, members=2)
    assert members.predict(table).shape == (240, 1)


def test_an_initializer_may_give_biases():
    rows = np.random.default_rng(2).standard_normal((300, 4)) * 3 + 1
    made = network("dense:50 relu dense:20 relu", inputs=4)
    made.initialize(REGISTRY.get("initializer", "data_driven"), 0, rows)
    x = rows
    for name in ("hidden1", "hidden2", "output"):
        sums = x @ made[f"{name}.weight"]
        assert sums.std(axis=0) == pytest.approx(1, rel=1e-9)
        # Minus a mean of sums of the data: each kink is between the smallest and the largest.
        kinks = -made[f"{name}.bias"]
        assert ((sums.min(0) <= kinks) & (kinks <= sums.max(0))).all()
        assert len(kinks) == 1 or kinks.std() > 0.1
        x = np.maximum(sums + made[f"{name}.bias"], 0)


def test_the_learned_amount_of_an_activation_begins_with_all_of_it():
    made = network("dense:6 parametric[selu]", inputs=16)
    x = np.random.default_rng(3).standard_normal((4, 16))
    hidden, whole = outputs(made, x, 0), outputs(made, x, 1)
    selu = REGISTRY.get("activation", "selu")
    assert whole == pytest.approx(selu(hidden), rel=1e-12)
    made["parametric1.amount"][...] = 0
    assert np.array_equal(outputs(made, x, 1), hidden)


@pytest.mark.parametrize("counts", [(10, 60, 30), (5, 5, 90), (80, 20), (30, 70)])
def test_categories_are_scaled_as_numbers_are(counts):
    """Each input is what `robust_clip` makes of the column of 0 and 1, or of -1 and 1."""
    one_hot = REGISTRY.get("encoding", "robust_one_hot")
    clip = REGISTRY.get("encoding", "robust_clip")
    x = np.repeat(np.arange(len(counts)), counts)
    found = one_hot(x.astype(float), tuple(map(float, counts)))
    if len(counts) == 2:
        columns, found = [np.where(x == 1, 1.0, -1.0)], (found,)
    else:
        columns = [np.where(x == place, 1.0, 0.0) for place in range(len(counts))]
    for column, own in zip(columns, found, strict=True):
        low, median, high = np.quantile(column, (0.25, 0.5, 0.75))
        wanted = clip(column, median, low, high, column.min(), column.max())
        assert own == pytest.approx(wanted, abs=1e-12)
    assert one_hot(np.array([1.0, -1.0]), (9.0,) * 9)[1].tolist() == [1.0, 0.0]


def test_labels_are_smoothed():
    rng = np.random.default_rng(6)
    z, labels = rng.standard_normal((5, 4)), rng.integers(0, 4, (5, 1))
    shares = 0.8 * (labels == np.arange(4)) + 0.05
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    loss = REGISTRY.get("loss", "cross_entropy:smoothing=0.2")
    assert loss(z, labels)[:, 0] == pytest.approx(-(shares * log_p).sum(1), rel=1e-12)
    loss, y = REGISTRY.get("loss", "binary_cross_entropy:smoothing=0.2"), labels % 2
    p = 1 / (1 + np.exp(-z[:, :1]))
    share = np.where(y == 1, 0.9, 0.1)
    wanted = -(share * np.log(p) + (1 - share) * np.log(1 - p))
    assert loss(z[:, :1], y) == pytest.approx(wanted, rel=1e-12)
