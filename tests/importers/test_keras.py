"""Sequential models of Keras 3 become models that compute the same."""

from __future__ import annotations

import contextlib
import os

import numpy as np
import pytest

import nnplug
from nnplug.errors import SettingError

torch = pytest.importorskip("torch", reason="Keras computes with PyTorch here: pip install torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras", reason="networks of Keras need it: pip install keras")
layers = keras.layers
# Keras's own arrays have not the signature that NumPy 2 asks for.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# With PyTorch, Keras 3.15 multiplies float64 matrices in float32: keras.ops.matmul is off by 1e-7.
CLOSE = {"rtol": 1e-5, "atol": 2e-6}

X = np.random.default_rng(5).normal(size=(40, 4))


@contextlib.contextmanager
def floats(dtype):
    """Have Keras make and convert arrays in a precision."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


def used(*parts, dtype="float64", inputs=4):
    """Build a model, with weights and averages as training leaves them."""
    with floats(dtype):
        model = keras.Sequential([make() for make in parts])
        model.build((None, inputs))
    generator = np.random.default_rng(6)
    for variable in model.weights:
        noise = 0.2 * generator.normal(size=variable.shape)
        positive = "variance" in variable.name
        variable.assign(variable.numpy() + (np.abs(noise) if positive else noise))
    return model


def outputs(model, x):
    dtype = model.weights[0].dtype
    with floats(dtype):
        found = model(torch.tensor(x, dtype=getattr(torch, dtype)), training=False)
    return found.detach().cpu().numpy()


def dense(units, activation=None):
    return lambda: layers.Dense(units, activation=activation)


@pytest.mark.parametrize(
    "middle",
    [
        *[dense(5, name) for name in ("relu", "tanh", "sigmoid", "elu", "selu", "silu", "gelu",
                                      "leaky_relu", "softmax", "log_softmax", "linear", "relu6",
                                      "hard_sigmoid", "hard_silu", "hard_tanh", "celu", "mish",
                                      "log_sigmoid", "softsign", "exponential")],
        lambda: layers.ReLU(max_value=6),
        layers.ReLU, lambda: layers.LeakyReLU(negative_slope=0.1),
        lambda: layers.ELU(alpha=0.5), layers.Softmax,
        lambda: layers.Activation("gelu"), lambda: layers.Dropout(0.3), layers.Flatten,
        lambda: layers.BatchNormalization(momentum=0.9), layers.LayerNormalization,
        lambda: layers.BatchNormalization(center=False),
        lambda: layers.LayerNormalization(scale=False, epsilon=0.1),
        lambda: layers.Dense(5, use_bias=False),
        lambda: keras.Sequential([layers.Dense(5), layers.ReLU()]),
    ],
)  # fmt: skip
def test_a_layer_computes_what_that_of_keras_does(middle):
    model = used(dense(6), middle, dense(2))
    taken = nnplug.from_keras(model)
    np.testing.assert_allclose(taken.predict(X), outputs(model, X), **CLOSE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_classifier_comes_in_and_trains_on(dtype):
    model = used(dense(16, "relu"), lambda: layers.BatchNormalization(momentum=0.75),
                 lambda: layers.Dropout(0.2), dense(3, "softmax"), dtype=dtype)  # fmt: skip
    taken = nnplug.from_keras(model, classes=["a", "b", "c"])
    assert (taken.task, taken.network.dtype) == ("multiclass", dtype)
    assert taken.network.placed[2].part.options["momentum"] == 0.25
    np.testing.assert_allclose(taken.probabilities(X), outputs(model, X), **CLOSE)
    y = np.array(["a", "b", "c"])[np.arange(len(X)) % 3]
    run = nnplug.train((X, y), start=taken, epochs=1, validation=0.0)
    assert 0 < np.abs(run.network.parameters - taken.network.parameters).max() < 1


@pytest.mark.parametrize(
    ("middle", "message"),
    [
        (lambda: layers.Conv1D(1, 1, name="c"), "layer c (Conv1D): no installed part is like it."),
        (lambda: layers.ReLU(max_value=5, name="r"), "layer r (ReLU): max_value is 5"),
        (lambda: layers.Activation("soft_shrink", name="m"), "Write a part soft_shrink: nnplug"),
        (dense(2, keras.ops.sin), "(Dense): its activation sin is not one of Keras itself."),
        (
            lambda: layers.LayerNormalization(center=False, scale=False),
            "it has no arrays of its own (center=False, scale=False).",
        ),
        (lambda: layers.Dense(2, dtype="bfloat16"), "and computes in bfloat16."),
    ],
)
def test_what_does_not_fit_is_refused_by_name(middle, message):
    inputs = (4,) if "Conv" not in message else (4, 4)
    model = keras.Sequential([keras.Input(inputs), middle(), layers.Dense(2)])
    with pytest.raises(SettingError) as caught:
        nnplug.from_keras(model)
    assert message in str(caught.value)


def test_a_model_without_weights_or_with_code_of_its_own_is_refused():
    with pytest.raises(SettingError, match="it has no weights yet"):
        nnplug.from_keras(keras.Sequential([layers.Dense(2, name="first")]))
    rows = keras.Input((4,))
    with pytest.raises(SettingError, match=r"\(Functional\): it is neither a Sequential nor a"):
        nnplug.from_keras(keras.Model(rows, layers.Dense(2)(rows)))
