"""Attributions: what each input of a row contributes to a prediction."""

import numpy as np
import pytest
from scipy import integrate

import nnplug
from nnplug.errors import NotFiniteError
from nnplug.models.attributions import attribute
from nnplug.network.layers import find_layers
from nnplug.network.network import Network

REGISTRY = nnplug.Registry(allowed=())
ACTIVATIONS = [part.name for part, _ in REGISTRY.parts("activation")]
ROWS = np.random.default_rng(0).normal(size=(5, 3))
BASELINE = np.array([0.2, 0.0, -0.1])


def composed(layers, *, inputs=3, outputs=1, activation="identity", seed=0):
    parts = [REGISTRY.get("layer", text) if isinstance(text, str) else text for text in layers]
    network = Network.of(
        inputs, parts, outputs,
        output_activation=REGISTRY.get("activation", activation), dtype=np.float64,
    )  # fmt: skip
    network.initialize(REGISTRY.get("initializer", "glorot_uniform"), seed)
    return network


def outputs_of(network, rows):
    *_, (_, found) = network.forward(np.atleast_2d(rows))
    return found


def raw(outputs, rows):
    return outputs


def attributed(network, rows=ROWS, baseline=BASELINE, answer=raw, **options):
    return attribute(network, np.atleast_2d(rows), baseline, answer, **options)


@pytest.mark.parametrize("segments", [1, 64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_they_sum_to_the_difference_through_every_activation(name, segments):
    part = REGISTRY.get("activation", name)
    layers = ["dense:7", part] if name == "exponential" else ["dense:7", part, "dense:5", part]
    network = composed(layers, outputs=2)
    network["hidden1.bias"][...] = np.linspace(-1, 1, 7)
    found, answers, base = attributed(network, segments=segments)
    np.testing.assert_allclose(answers, outputs_of(network, ROWS), rtol=1e-12)
    np.testing.assert_allclose(base[0], outputs_of(network, BASELINE)[0], rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=2), answers - base, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "layers",
    [
        "layer_norm dense:6 relu", "rms_norm dense:6", "batch_norm dense:6 tanh", "maxout:6",
        "glu:6 swiglu:4", "dense:3 dropout residual[dense:3 relu] scale", "dense:6 softmax",
    ],
)  # fmt: skip
def test_they_sum_through_layers_of_every_kind(layers):
    network = composed(find_layers(layers, REGISTRY))
    if "batch_norm" in layers:
        network["batch_norm1.mean"][...] = [0.5, -1, 2]
    found, answers, base = attributed(network)
    np.testing.assert_allclose(answers, outputs_of(network, ROWS), rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=2), answers - base, rtol=0, atol=1e-12)


def test_the_sum_is_that_of_the_answer_behind_the_network():
    network = composed(["dense:6", REGISTRY.get("activation", "relu")], outputs=3)

    def share(outputs, rows):
        powers = np.exp(outputs)
        return (powers / powers.sum(axis=1, keepdims=True))[:, :1]

    found, answers, base = attributed(network, answer=share)
    np.testing.assert_allclose(answers, share(outputs_of(network, ROWS), None), rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=2), answers - base, rtol=0, atol=1e-14)


def integrated_gradients(network, row):
    """SciPy's quadrature of complex steps through plain NumPy, for layers of tanh."""
    names = [placed.name for placed in network.placed if placed.part.name == "dense"]
    arrays = [(network[f"{name}.weight"], network[f"{name}.bias"]) for name in names]

    def slope(share, place):
        x = (BASELINE + share * (row - BASELINE)).astype(complex)
        x[place] += 1e-30j
        for weight, bias in arrays[:-1]:
            x = np.tanh(x @ weight + bias)
        weight, bias = arrays[-1]
        return (x @ weight + bias)[0].imag / 1e-30

    return [
        integrate.quad(slope, 0, 1, (place,), epsabs=1e-12)[0] * (row - BASELINE)[place]
        for place in range(3)
    ]


ROW = np.array([1.5, -2.0, 0.7])
TANH = REGISTRY.get("activation", "tanh")


@pytest.mark.parametrize("segments", [1, 5])
def test_with_one_hidden_layer_they_are_integrated_gradients(segments):
    network = composed(["dense:4", TANH])
    found, *_ = attributed(network, ROW, segments=segments)
    np.testing.assert_allclose(found[0, 0], integrated_gradients(network, ROW), atol=1e-11)


def test_with_more_layers_the_error_falls_with_the_square_of_the_segments():
    network = composed(["dense:4", TANH, "dense:4", TANH])
    wanted = integrated_gradients(network, ROW)
    errors = [
        abs(attributed(network, ROW, segments=segments)[0][0, 0] - wanted).max()
        for segments in (32, 64, 512)
    ]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[2] < 1e-6


def test_a_step_is_shared_by_what_moved_the_unit_over_it():
    @nnplug.activation(derivative=lambda x, y: 0 * x)
    def step(x):
        """1 above 0."""
        return np.where(x > 0, 1.0, 0.0)

    network = composed(["dense:1", step], inputs=2)
    network["hidden1.weight"][...] = [[1.0], [2.0]]
    network["hidden1.bias"][...] = -1.5
    network["output.weight"][...] = 10.0
    network["output.bias"][...] = 3.0
    # The unit moves from -1.5 to 1.5: a third by the first input, and the output by 10.
    found, answers, base = attributed(network, [[1.0, 1.0]], np.zeros(2))
    assert (answers.item(), base.item()) == (13.0, 3.0)
    np.testing.assert_allclose(found[0, 0], [10 / 3, 20 / 3], rtol=1e-12)


def test_by_hand_through_a_kink():
    """|a| + |b| along the line from (-1, 1) to (1, 2): 0 for a, whose parts cancel, and 1 for b."""

    @nnplug.activation
    def size(x):
        """The absolute value."""
        return abs(x)

    network = composed(["dense:2", size], inputs=2)
    network["hidden1.weight"][...] = np.eye(2)
    network["output.weight"][...] = 1.0
    found, *_ = attributed(network, [[1.0, 2.0]], np.array([-1.0, 1.0]), segments=3)
    np.testing.assert_allclose(found[0, 0], [0, 1], atol=1e-15)


def test_inputs_that_cancel_in_a_unit_get_their_own_shares():
    """The unit does not move but for rounding, so the slope counts, and not its noise."""
    network = composed(["dense:1", REGISTRY.get("activation", "tanh")], inputs=2)
    network["hidden1.weight"][...] = [[1.0], [-1.0]]
    network["output.weight"][...] = 1.0
    found, *_ = attributed(network, [[0.3, 0.3 + 1e-17]], np.zeros(2))
    np.testing.assert_allclose(found[0, 0], [0.3, -0.3], rtol=1e-12)


def test_what_is_the_baseline_s_contributes_nothing():
    network = composed(["dense:6", REGISTRY.get("activation", "relu")])
    row = BASELINE.copy()
    row[1] = 2.0
    found, answers, base = attributed(network, row)
    np.testing.assert_array_equal(found[0, 0, [0, 2]], 0)
    np.testing.assert_allclose(found[0, 0, 1], (answers - base).item(), rtol=1e-12)


def test_rows_are_attributed_the_same_in_parts(monkeypatch):
    network = composed(["dense:6", REGISTRY.get("activation", "relu")], outputs=2)
    seen = []

    def answer(outputs, rows):
        seen.append(sorted(set(rows.tolist())))
        return outputs * (1 + rows[:, np.newaxis])

    whole = attributed(network, answer=answer)
    monkeypatch.setattr("nnplug.models.attributions._MOST_NUMBERS", 1)
    seen.clear()
    for one, other in zip(whole, attributed(network, answer=answer), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    assert seen[0] == [0]
    assert seen[-1] == [4]


def test_a_line_through_what_is_not_finite_is_refused():
    @nnplug.activation
    def root(x):
        """Root; not a number below 0."""
        return np.sqrt(x * x - 1)

    network = composed(["dense:1", root], inputs=1)
    network["hidden1.weight"][...] = 1.0
    with pytest.raises(NotFiniteError, match="between the baseline and row 1 of the rows"):
        attributed(network, [[3.0], [-2.0]], np.array([2.0]))
