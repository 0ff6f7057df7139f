"""One training step with all its numbers, and the formulas of each."""

import json
import math

import numpy as np
import pytest

import nnplug
from nnplug.errors import SettingError, UnknownNameError
from nnplug.microscope.trace import Trace
from nnplug.runs.preparing import prepare

# The first step of the XOR network on its second row, x = (0, 1), t = 1, by hand: the weights
# are those that NumPy's legacy generator draws from seed 42, uniform on [-1, 1).
W1 = [[-0.250919762305275, 0.9014286128198323], [0.4639878836228102, 0.1973169683940732]]
W2 = [-0.687962719115127, -0.6880109593275947]


def by_hand():
    """Compute one step on one sample with the textbook's formulas, number by number."""

    def sigmoid(x):
        return 1 / (1 + math.exp(-x))

    a = [sigmoid(W1[1][0]), sigmoid(W1[1][1])]  # x1 is 0 and x2 is 1
    y = sigmoid(a[0] * W2[0] + a[1] * W2[1])
    delta = 2 * (y - 1) * y * (1 - y)
    return {
        "hidden1.a": [a],
        "output.a": [[y]],
        "loss": (y - 1) ** 2,
        "output.delta": [[delta]],
        "output.weight.grad": [[a[0] * delta], [a[1] * delta]],
        "hidden1.delta": [[delta * W2[j] * a[j] * (1 - a[j]) for j in (0, 1)]],
        "hidden1.bias'": [-delta * W2[j] * a[j] * (1 - a[j]) for j in (0, 1)],
        "output.weight'": [[W2[0] - a[0] * delta], [W2[1] - a[1] * delta]],
    }


def elements(trace, name):
    return {
        element.name: element
        for step in trace.steps
        if step.name == name
        for element in step.elements
    }


def test_the_xor_network_by_hand():
    trace = nnplug.trace("xor", 1)
    for name, expected in by_hand().items():
        np.testing.assert_allclose(trace[name], expected, rtol=1e-12, err_msg=name)


def test_each_number_has_its_formula_with_letters_and_with_numbers():
    trace = nnplug.trace("xor", 1)
    z = elements(trace, "hidden1.z")["z1"]
    assert z.formula == "z1 = x1 * w11 + x2 * w21 + b1"
    assert z.numbers == "z1 = 0 * (-0.25092) + 1 * 0.463988 + 0"
    delta = elements(trace, "hidden1.delta")["δ2"]
    assert delta.formula == "δ2 = da2 * (a2 * (1 - a2))"
    assert delta.numbers == "δ2 = 0.203087 * (0.54917 * (1 - 0.54917))"
    update = elements(trace, "output.weight'")["w21'"]
    assert update.formula == "w21' = w21 - learning_rate * dw21"
    assert update.numbers == "w21' = (-0.688011) - 1 * (-0.162104)"
    assert update.value == pytest.approx(-0.52590701, abs=1e-8)


def optimizers():
    names = nnplug.Registry.from_environment().names("optimizer")
    return ["ema[adam]" if name == "ema" else name for name in names]


@pytest.mark.parametrize("optimizer", optimizers())
def test_the_step_of_all_rows_is_the_step_that_training_takes(optimizer):
    settings = {"optimizer": optimizer, "schedule": "cosine", "l2": 0.01, "clip_global_norm": 0.5}
    kept: list[dict] = []

    class Watch:
        """Traces the fourth step before it is taken, and keeps the weights after it."""

        def on_batch_end(self, run, record):
            if record.epoch == 2:
                kept.append(run.trace(range(4), elements=1))
            if record.epoch == 3:
                kept.append({span.name: run.network[span.name].copy() for span in spans})

    spans = prepare("xor", **settings).network.spans
    nnplug.train("xor", epochs=6, callbacks=[Watch()], **settings)
    trace, after = kept
    for span in spans:
        new = trace[f"{span.name}'"]
        np.testing.assert_allclose(new, after[span.name], rtol=1e-12, err_msg=span.name)


def test_a_trace_leaves_the_run_as_it_is():
    run = nnplug.train("xor", epochs=2, optimizer="adam")
    weights = run.network.parameters.copy()
    state = {name: array.copy() for name, array in run.state.items()}
    first, second = run.trace(2), run.trace(2)
    np.testing.assert_array_equal(run.network.parameters, weights)
    for name, array in state.items():
        np.testing.assert_array_equal(run.state[name], array)
    assert first["step"] == second["step"] == 3
    assert first["output.weight'"].tolist() == second["output.weight'"].tolist()


LAYERS = {
    "dense": {"hidden": (5,), "activation": "gelu"},
    "norms": {"layers": "dense:6 batch_norm relu dense:6 layer_norm tanh dropout:0.2"},
    "around": {"layers": "dense:6 residual[dense:6 relu dense:6] prelu"},
}


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("data", ["gaussians", "waves"])
def test_gradients_of_any_layers_are_those_of_finite_differences(layers, data):
    run = prepare(data, dtype="float64", **layers)
    # Away from the starting values: a norm's shift of 0 hides mistakes.
    run.network.parameters[: run.network.learned] += 0.05
    rows = [0, 3, 4]
    trace = run.trace(rows)
    names = [span.name for span in run.network.spans if not span.is_state]
    assert {f"{name}.grad" for name in names} <= {step.name for step in trace.steps}
    for name in names:
        array, slope = run.network[name], trace[f"{name}.grad"]
        place = tuple(size // 2 for size in array.shape)
        losses = []
        for change in (1e-6, -2e-6):
            array[place] += change
            losses.append(float(run.trace(rows, elements=0)["loss"]))
        array[place] += 1e-6
        assert slope[place] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-5, abs=1e-8)


def evaluated(element):
    """Compute the numbers of an element's formula with Python's own arithmetic."""
    from nnplug import special

    known = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
    known |= {name: getattr(special, name) for name in special.__all__}
    known |= {"max": max, "min": min, "abs": abs}
    # A sum that is cut cannot be computed again.
    last = element.numbers.split("\n")[-1]
    return eval(last.partition(" = ")[2], {"__builtins__": {}}, known)  # our own text, in a test


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("optimizer", ["adam", "adagrad"])
def test_the_numbers_of_each_formula_give_its_value(layers, optimizer):
    trace = prepare("moons", dtype="float64", optimizer=optimizer, **layers).trace(0, elements=3)
    checked = 0
    for step in trace.steps:
        for element in step.elements:
            if "more)" not in element.numbers and "(…)" not in element.numbers:
                checked += 1
                value = evaluated(element)
                assert float(value) == pytest.approx(element.value, rel=1e-4, abs=1e-5), element
    assert checked > 50


def test_several_samples_are_numbered():
    trace = nnplug.trace("xor", [1, 2])
    grad = elements(trace, "hidden1.weight.grad")["dw11"]
    assert grad.formula == "dw11 = x11 * δ11 + x21 * δ21"


def test_a_long_sum_says_how_many_terms_it_leaves_out():
    trace = prepare("xor", hidden=(12,)).trace(0)
    z = elements(trace, "output.z")["z1"]
    assert z.formula == "z1 = a1 * w1,1 + a2 * w2,1 + a3 * w3,1 + (9 more) + b1"


def test_json_there_and_back():
    trace = nnplug.trace("xor", 1, optimizer="adam")
    again = Trace.from_dict(json.loads(json.dumps(trace.to_dict())))
    assert again.to_dict() == trace.to_dict()
    assert str(again) == str(trace)
    np.testing.assert_array_equal(again["output.weight'"], trace["output.weight'"])


def test_messages():
    run = prepare("xor")
    with pytest.raises(
        SettingError, match=r"row 4, counted from 0: there are 4 rows.\nGive one from 0 to 3"
    ):
        run.trace(4)
    with pytest.raises(SettingError, match="a step needs a sample"):
        run.trace([])
    for rows in (1.0, "1", None, True, np.array([True, False, True, False])):
        with pytest.raises(SettingError, match="give the place of a row"):
            run.trace(rows)
    with pytest.raises(SettingError, match="elements=-1: give a whole number"):
        run.trace(0, elements=-1)
    assert run.trace(np.array([1, -1])).rows == (1, 3)
    with pytest.raises(UnknownNameError, match="Did you mean"):
        run.trace(0)["hidden1.delt"]


def test_mathml_is_well_formed_and_has_the_same_numbers():
    from xml.etree import ElementTree

    trace = nnplug.trace("xor", 1)
    for step in trace.steps:
        for element in step.elements:
            for text in (element.mathml, element.mathml_numbers):
                ElementTree.fromstring(text.replace("&#160;", " "))
    z = elements(trace, "hidden1.z")["z1"]
    assert "<mn>0.463988</mn>" in z.mathml_numbers
