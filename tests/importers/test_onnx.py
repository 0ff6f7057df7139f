"""ONNX files of dense networks become models that compute the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nnplug
from nnplug.errors import ModelFileError, SettingError, StorageError
from tests.cli.models import nnplug_command
from tests.importers.graphs import dense, graph, node, saved

onnxruntime = pytest.importorskip("onnxruntime")

RNG = np.random.default_rng(11)
X = RNG.normal(size=(30, 3))


def answer(path, x):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    dtype = np.float64 if given.type == "tensor(double)" else np.float32
    return session.run(None, {given.name: x.astype(dtype)})[0]


def agrees(path, x, **given):
    model = nnplug.from_onnx(path, **{"task": "regression", **given})
    rtol = 1e-12 if model.network.dtype == np.float64 else 2e-6
    np.testing.assert_allclose(model.predict(x), answer(path, x), rtol=rtol, atol=rtol)
    return model


# --- as PyTorch writes them ------------------------------------------------------------


@pytest.mark.parametrize("opset", [11, 13, 17, 20])
@pytest.mark.parametrize("name", ["mnist", "tanh_regression", "with_dropout", "with_batch_norm"])
def test_what_pytorch_exports_comes_in(name, opset, tmp_path):
    from tests.importers.networks import PUBLIC, rows, used, written  # needs torch

    module = used(PUBLIC[name][0]())
    inputs = next(iter(module.parameters())).shape[1]
    if name == "with_batch_norm" or opset == 20:
        module = module.float()  # ONNX Runtime has no LeakyRelu for float64
    path = written(module, (28, 28) if name == "mnist" else inputs, tmp_path / "m.onnx", opset)
    x = rows(inputs)
    model = nnplug.from_onnx(path, task="regression")
    found = answer(path, x.reshape(-1, 28, 28) if name == "mnist" else x)
    rtol = 1e-12 if model.network.dtype == np.float64 else 1e-5
    np.testing.assert_allclose(model.predict(x), found, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("opset", [17, 20])
def test_gelu_and_silu_come_in_as_one_node_or_as_several(opset, tmp_path):
    from tests.importers.networks import nn, used, written

    module = used(nn.Sequential(nn.Linear(3, 6), nn.GELU(), nn.LayerNorm(6), nn.Linear(6, 4),
                                nn.SiLU(), nn.Linear(4, 2))).float()  # fmt: skip
    model = agrees(written(module, 3, tmp_path / "m.onnx", opset), X)
    assert [placed.part.name for placed in model.network.placed] == [
        "dense", "gelu", "layer_norm", "dense", "silu", "dense", "identity",
    ]  # fmt: skip


# --- nodes one by one ------------------------------------------------------------------

W, B = RNG.normal(size=(3, 4)), RNG.normal(size=4)
LAST = RNG.normal(size=(4, 2))


@pytest.mark.parametrize(
    ("nodes", "arrays"),
    [
        ([node("Gemm", "x", "W", "B")], {"W": W, "B": B}),
        ([node("Gemm", "x", "W")], {"W": W}),
        ([node("Gemm", "x", "W", "B", transB=1, alpha=0.5, beta=2.0)], {"W": W.T, "B": B}),
        ([node("Gemm", "x", "W", "B")], {"W": W, "B": B[None, :]}),
        ([node("Gemm", "x", "W", "B")], {"W": W, "B": np.float64(0.3)}),
        ([node("MatMul", "x", "W")], {"W": W}),
        ([node("MatMul", "x", "W"), node("Add", "", "B")], {"W": W, "B": B}),
        ([node("MatMul", "x", "W"), node("Add", "B", "")], {"W": W, "B": B[None, :]}),
        ([node("Transpose", "W", out="V"), node("MatMul", "x", "V")], {"W": W.T}),
        ([node("Identity", "W", out="V"), node("MatMul", "x", "V")], {"W": W}),
        ([node("Flatten", "x"), node("MatMul", "", "W")], {"W": W}),
        ([node("Reshape", "x", "S"), node("MatMul", "", "W")], {"W": W, "S": np.array([-1, 3])}),
        ([node("Reshape", "x", "S"), node("MatMul", "", "W")], {"W": W, "S": np.array([0, -1])}),
        ([node("Cast", "x", to=11), node("MatMul", "", "W"), node("Identity", "")], {"W": W}),
        ([node("MatMul", "x", "W"), node("Dropout", "")], {"W": W}),
    ],
)  # fmt: skip
def test_the_forms_of_a_dense_layer(nodes, arrays, tmp_path):
    nodes = [*nodes, node("MatMul", "", "LAST")]
    agrees(saved(tmp_path, graph(nodes, {**arrays, "LAST": LAST})), X)


@pytest.mark.parametrize(
    "middle",
    [
        node("Relu", ""), node("Sigmoid", ""), node("Tanh", ""), node("Softmax", ""),
        node("LogSoftmax", "", axis=1), node("Elu", "", alpha=0.7), node("Selu", ""),
        node("LeakyRelu", "", alpha=0.2), node("LeakyRelu", ""), node("Softplus", ""),
        node("Celu", "", alpha=0.7), node("HardSigmoid", "", alpha=1 / 6), node("HardSwish", ""),
        node("Mish", ""), node("Softsign", ""), node("Exp", ""),
        node("Elu", ""), node("Gelu", ""), node("Gelu", "", approximate="tanh"),
        node("BatchNormalization", "", "G", "S", "M", "V", epsilon=0.1, momentum=0.75),
        node("LayerNormalization", "", "G", "S", epsilon=0.1),
        node("LayerNormalization", "", "G", axis=1),
    ],
    ids=lambda made: made[0],
)  # fmt: skip
def test_a_node_between_dense_layers(middle, tmp_path):
    arrays = {"G": RNG.normal(size=4), "S": B, "M": -B, "V": B**2 + 0.1, "W": W, "LAST": LAST}
    arrays = {key: value.astype(np.float32) for key, value in arrays.items()}
    nodes = [node("MatMul", "x", "W"), middle, node("MatMul", "", "LAST")]
    model = agrees(saved(tmp_path, graph(nodes, arrays)), X)
    if middle[0] == "BatchNormalization":
        # ONNX says what is kept of the old average; the part, what the new one adds.
        assert model.network.placed[1].part.options["momentum"] == 0.25


def test_a_network_is_kept_and_exported_again(tmp_path):
    path = saved(tmp_path, dense(outputs=3, last="Softmax"))
    model = nnplug.from_onnx(path, classes=["a", "b", "c"])
    model.save(tmp_path / "m.safetensors")
    again = nnplug.load(tmp_path / "m.safetensors")
    np.testing.assert_allclose(again.probabilities(X), answer(path, X), rtol=1e-12)
    assert again.predict(X).tolist() == np.array(list("abc"))[answer(path, X).argmax(1)].tolist()
    (file,) = again.export("onnx", tmp_path / "again.onnx")
    given = {f"x{k}": X[:, [k]] for k in range(3)}
    labels, shares = onnxruntime.InferenceSession(str(file)).run(None, given)
    np.testing.assert_allclose(shares, answer(path, X), rtol=1e-12)
    assert labels.tolist() == again.predict(X).tolist()


# --- what does not fit -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Conv", "x", "W")], "node t1 (Conv): no installed part is like it.\nKnown are Add,"),
        ([node("Shrink", "x")], "Write a part shrink: nnplug plugins new"),
        ([node("HardSigmoid", "x")], ", and the part hard_sigmoid has 0.1666"),
        ([node("Relu", "x"), node("Add", "", "x")], "2 of its inputs depend on the rows, and one"),
        ([node("MatMul", "x", "W"), node("Mul", "", "B")], "node t2 (Mul): no installed part is"),
        ([node("Relu", "x"), node("Add", "", "B")], "only what is added right after a MatMul or"),
        ([node("MatMul", "x", "W"), node("Add", "", "WIDE")], "what it adds is float64 of shape"),
        ([node("MatMul", "W", "x")], "the weights must be a matrix that is known, and multiply"),
        ([node("MatMul", "x", "CUBE")], "the weights must be a matrix that is known"),
        ([node("Gemm", "x", "W", transA=1)], "node t1 (Gemm): transA is 1.\nRows must not be"),
        ([node("Gemm", "x", "W", alpha=1)], "alpha is 1, which is not of the operator's type."),
        ([node("Gemm", "x", "W", "WIDE")], "what it adds has shape (3, 4), and it has 4 units."),
        ([node("Softmax", "x", axis=0)], "axis is 0, and the part softmax has -1 or 1."),
        ([node("Selu", "x", alpha=1.5)], "alpha is 1.5, and the part selu has 1.67326"),
        ([node("LeakyRelu", "x", alpha=float("nan"))], "alpha is nan.\nGive it a finite number."),
        ([node("Gelu", "x", approximate="erf")], "approximate is 'erf', and the part gelu has"),
        ([node("Flatten", "x", axis=0)], "it does more than flatten each row to a vector."),
        ([node("Reshape", "x", "SHAPE")], "it does more than flatten each row to a vector."),
        ([node("Cast", "x", to=1)], "it changes numbers to float32, and the network is float64."),
        ([node("Cast", "x", to=7)], "it changes numbers to no floating-point numbers"),
        ([node("Dropout", "x", "RATIO", "ON")], "node t1 (Dropout): training_mode is on."),
        ([node("BatchNormalization", "x", "B", "B", "B", "B", training_mode=1)],
         "training_mode is 1, and the part batch_norm has 0."),
        ([node("BatchNormalization", "x", "B", "B", "B")], "input 4 (variance) is not a known"),
        ([node("Relu", "x", domain="com.microsoft")], "it is of 'com.microsoft', and not an"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_node(nodes, message, tmp_path):
    arrays = {
        "W": W,
        "B": B,
        "WIDE": W,
        "CUBE": np.zeros((2, 3, 4)),
        "LAST": LAST,
        "SHAPE": np.array([3, -1]),
        "RATIO": np.float64(0.5),
        "ON": np.array(True),
    }
    path = saved(tmp_path, graph([*nodes, node("MatMul", "", "LAST")], arrays))
    with pytest.raises(ModelFileError) as caught:
        nnplug.from_onnx(path)
    assert str(caught.value).startswith(f"{path}: this ONNX file cannot be taken in: ")
    assert message in str(caught.value)


def test_a_task_that_does_not_fit_is_no_fault_of_the_file(tmp_path):
    path = saved(tmp_path, dense(outputs=3))
    with pytest.raises(SettingError, match=r"^task='binary': the network has 3 outputs"):
        nnplug.from_onnx(path, task="binary")


def test_no_such_file_is_an_error_of_storage(tmp_path):
    saved(tmp_path, dense())
    with pytest.raises(StorageError, match=r"no such file\. Did you mean 'network\.onnx'"):
        nnplug.from_onnx(tmp_path / "netwrok.onnx")


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(SettingError, match="pip install onnx"):
        nnplug.from_onnx(tmp_path / "any.onnx")


# --- the command -----------------------------------------------------------------------


def test_the_command_writes_a_model(tmp_path):
    path = saved(tmp_path, dense(outputs=3))
    target = str(tmp_path / "taken.safetensors")
    done = nnplug_command("import", str(path), "-o", target, "--task", "multiclass", "--classes",
                       "setosa, versicolor,virginica")  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{target}: <model of multiclass: 3-4-3, 31 parameters, float64>\n"
    assert nnplug.load(target).classes == ("setosa", "versicolor", "virginica")
    again = nnplug_command("import", str(path), "-o", target)
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    assert nnplug_command("import", str(path), "-o", target, "--overwrite").returncode == 0


def test_the_command_refuses_with_the_way_out(tmp_path):
    path = saved(tmp_path, graph([node("Conv", "x", "W")], {"W": W}))
    done = nnplug_command("import", str(path), "-o", str(tmp_path / "no"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"error: {path}: this ONNX file cannot be taken in: node t1 (Conv):"
    )
    assert not (tmp_path / "no").exists()


# --- activations of several nodes, and attributes --------------------------------------


def gelu(scale=("Div", 2**0.5), factor=0.5, one=1.0):
    arrays = {"W": W, "LAST": LAST, "scale": np.float64(scale[1]), "factor": np.float64(factor),
              "one": np.float64(one)}  # fmt: skip
    nodes = [
        node("MatMul", "x", "W", out="z"), node(scale[0], "z", "scale"), node("Erf", ""),
        node("Add", "", "one"), node("Mul", "z", ""), node("Mul", "", "factor"),
        node("MatMul", "", "LAST"),
    ]  # fmt: skip
    return graph(nodes, arrays)


@pytest.mark.parametrize("scale", [("Div", 2**0.5), ("Mul", 0.5**0.5)])
def test_gelu_of_several_nodes_is_one_activation(scale, tmp_path):
    model = nnplug.from_onnx(saved(tmp_path, gelu(scale)))
    erf = np.vectorize(math.erf)
    z = X @ W
    np.testing.assert_allclose(
        model.predict(X), (0.5 * z * (1 + erf(z / 2**0.5))) @ LAST, rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize(
    "given",
    [{"scale": ("Div", 1.5)}, {"scale": ("Mul", 0.8)}, {"factor": 0.6}, {"one": 1.1}],
    ids=str,
)
def test_what_only_looks_like_gelu_is_not_taken_for_it(given, tmp_path):
    with pytest.raises(ModelFileError, match=r"depend on the rows, and one must|no installed part"):
        nnplug.from_onnx(saved(tmp_path, gelu(**given)))


def test_attributes_of_a_float64_network_are_taken_as_a_runtime_does(tmp_path):
    nodes = [node("MatMul", "x", "W"), node("Elu", "", alpha=0.7), node("MatMul", "", "LAST")]
    model = nnplug.from_onnx(saved(tmp_path, graph(nodes, {"W": W, "LAST": LAST})))
    z = X @ W  # ONNX Runtime has no Elu for float64
    wanted = np.where(z > 0, z, float(np.float32(0.7)) * np.expm1(z)) @ LAST
    np.testing.assert_allclose(model.predict(X), wanted, rtol=1e-12, atol=1e-12)
