"""Modules of PyTorch become models that compute the same."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import nnplug
from nnplug.errors import SettingError
from tests.importers.networks import PUBLIC, nn, outputs, rows, torch, used


def shown(model, x):
    """Give what a model says of rows in the form that a module gives."""
    if model.task == "regression":
        return model.predict(x)
    found = model.probabilities(x)
    return found[:, 1:] if model.task == "binary" and model.network.outputs == 1 else found


def share(module, x, task):
    """Give what a module says of rows as numbers or probabilities."""
    found, last = outputs(module, x), list(module)[-1]
    if isinstance(last, nn.LogSoftmax):
        return np.exp(found)
    if task == "multiclass" and not isinstance(last, nn.Softmax):
        return torch.softmax(torch.tensor(found), dim=1).numpy()
    return found


def close(model, module, x):
    wanted = share(module, x, model.task)
    rtol = 1e-12 if model.network.dtype == np.float64 else 1e-5
    np.testing.assert_allclose(shown(model, x), wanted, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_public_network_comes_in_trains_on_and_goes_out(name, dtype, tmp_path):
    make, asked, task = PUBLIC[name]
    torch.manual_seed(1)
    module = used(make())
    module = module.to(getattr(torch, dtype))
    model = nnplug.from_torch(module, task=asked)
    assert model.task == task
    assert model.network.dtype == dtype
    x = rows(model.network.inputs)
    close(model, module, x)

    path = tmp_path / "taken.safetensors"
    model.save(path)
    again = nnplug.load(path)
    np.testing.assert_array_equal(shown(again, x), shown(model, x))

    before = model.network.parameters.copy()
    k = model.head.width
    y = np.arange(len(x)) % k if task != "regression" else rows(k)
    run = nnplug.train((x, y), start=again, epochs=1, validation=0.0, learning_rate=0.01)
    assert np.array_equal(again.network.parameters, before)  # training has its own
    moved = np.abs(run.network.parameters - before)
    assert 0 < moved.max() < 1  # one epoch from those weights, not from others

    if dtype == "float64":
        onnxruntime = pytest.importorskip("onnxruntime")
        (file,) = run.model.export("onnx", tmp_path / "trained.onnx")
        session = onnxruntime.InferenceSession(str(file))
        given = {f"x{place}": x[:, [place]] for place in range(x.shape[1])}
        np.testing.assert_allclose(
            session.run(None, given)[-1][:, -1], np.asarray(
                run.predict(x) if task == "regression" else run.probabilities(x)
            )[:, -1], rtol=1e-12, atol=1e-12,
        )  # fmt: skip


ACTIVATIONS = [
    nn.Identity(), nn.ReLU(), nn.Sigmoid(), nn.Tanh(), nn.LeakyReLU(), nn.LeakyReLU(0.3),
    nn.ReLU6(), nn.Hardsigmoid(), nn.Hardtanh(), nn.Hardtanh(-0.5, 2.0), nn.Hardswish(), nn.Mish(),
    nn.CELU(), nn.CELU(0.5), nn.Softsign(), nn.LogSigmoid(),
    nn.ELU(), nn.ELU(0.5), nn.SELU(), nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.Softmax(dim=1),
    nn.Softmax(dim=-1), nn.LogSoftmax(dim=1), nn.RMSNorm(6), nn.RMSNorm(6, eps=0.1),
    nn.LayerNorm(6, eps=0.1), nn.BatchNorm1d(6, affine=False), nn.Flatten(), nn.Dropout(0.4),
]  # fmt: skip


@pytest.mark.parametrize("middle", ACTIVATIONS, ids=repr)
def test_a_layer_computes_what_that_of_pytorch_does(middle):
    module = used(nn.Sequential(nn.Linear(3, 6), middle, nn.Linear(6, 2)))
    close(nnplug.from_torch(module), module, 3 * rows(3))


@pytest.mark.parametrize("last", [each for each in ACTIVATIONS if not hasattr(each, "p")], ids=repr)
def test_an_activation_at_the_end_keeps_its_outputs_for_a_regression(last):
    if list(last.parameters()) or list(last.buffers()):
        return
    module = used(nn.Sequential(nn.Linear(3, 6), last))
    x = 3 * rows(3)
    found = nnplug.from_torch(module, task="regression").predict(x)
    np.testing.assert_allclose(found, outputs(module, x), rtol=1e-12, atol=1e-12)


def test_softplus_differs_where_pytorch_rounds_it():
    module = used(nn.Sequential(nn.Linear(3, 6), nn.Softplus(), nn.Linear(6, 2)))
    x = 30 * rows(3)
    np.testing.assert_allclose(nnplug.from_torch(module).predict(x), outputs(module, x), atol=1e-8)


@pytest.mark.parametrize(
    ("outs", "last", "given", "task", "classes"),
    [
        (1, nn.Sigmoid(), {}, "binary", (0, 1)),
        (3, nn.Sigmoid(), {}, "multilabel", (0, 1, 2)),
        (3, nn.Softmax(dim=1), {"classes": "abc"}, "multiclass", ("a", "b", "c")),
        (2, nn.Softmax(dim=1), {}, "binary", (0, 1)),
        (2, nn.Identity(), {"task": "multiclass"}, "binary", (0, 1)),
        (1, nn.Identity(), {"classes": ["no", "yes"]}, "binary", ("no", "yes")),
        (3, nn.Identity(), {}, "regression", ()),
    ],
)
def test_the_last_layer_or_the_user_says_what_the_outputs_are(outs, last, given, task, classes):
    module = used(nn.Sequential(nn.Linear(4, outs), last))
    model = nnplug.from_torch(module, **given)
    assert (model.task, model.classes) == (task, classes)
    x = rows(4)
    answers = model.predict(x)
    if task == "multilabel":
        np.testing.assert_array_equal(answers, outputs(module, x) > 0.5)
    elif task == "binary" and outs == 1:
        middle = 0.5 if isinstance(last, nn.Sigmoid) else 0.0
        wanted = (outputs(module, x)[:, 0] > middle).astype(int)
        assert answers.tolist() == [classes[k] for k in wanted]
    elif task != "regression":
        assert answers.tolist() == [classes[k] for k in outputs(module, x).argmax(1)]


class Doubling(nn.Linear):
    """Inherits from a layer, and computes something else."""

    def forward(self, x):
        return 2 * super().forward(x)


class Tutorial(nn.Module):
    """A network as PyTorch's quickstart has it."""

    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))

    def forward(self, x):
        return self.stack(x) + 1


def hooked():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    module[1].register_forward_hook(lambda *_: None)
    return module


def replaced():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    module[0].forward = torch.tanh
    return module


def nan():
    module = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        module[2].weight[0, 1] = torch.nan
    return module


def mixed():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    module[1].double()
    return module


def in_front(*layers):
    return nn.Sequential(*layers, nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Conv2d(1, 1, 3)), "layer 0 (Conv2d): no installed part is like it.\n"),
        (in_front(nn.Tanhshrink()), "Write a part tanhshrink: nnplug plugins new"),
        (in_front(nn.PReLU()), "layer 0 (PReLU): no installed part is like it."),
        (in_front(nn.AlphaDropout()), "layer 0 (AlphaDropout): no installed part is like it."),
        (in_front(nn.Softmax(dim=0)), "layer 0 (Softmax): dim is 0, and the part softmax has -1"),
        (in_front(nn.Softplus(beta=2)), "layer 0 (Softplus): beta is 2, and the part softplus"),
        (in_front(nn.Softplus(threshold=2)), "threshold is 2, and the part softplus has 20."),
        (in_front(nn.Flatten(0)), "it flattens dimensions 0 to -1."),
        (in_front(nn.LayerNorm((2, 2))), "layer 0 (LayerNorm): it normalises over 2 dimensions."),
        (in_front(nn.LayerNorm(2, elementwise_affine=False)), "(elementwise_affine=False)."),
        (in_front(nn.BatchNorm1d(2, momentum=None)), "momentum is None, a mean over all batches"),
        (
            in_front(nn.BatchNorm1d(2, track_running_stats=False)),
            "track_running_stats is False, and the part batch_norm has True.",
        ),
        (in_front(nn.Dropout(1.0)), "layer 0 (Dropout): layer 'dropout': rate=1: it must be"),
        (in_front(nn.Linear(2, 3)), "layer 1 (Linear): it takes 2 inputs, and what is before"),
        (in_front(nn.Sequential(nn.ReLU(), nn.RReLU())), "layer 0.1 (RReLU): no installed part"),
        (in_front(Doubling(2, 2)), "layer 0 (Doubling): it is not one of PyTorch's own layers"),
        (Tutorial(), "Give its Sequential, as model.layers; or export it with torch.onnx.export"),
        (hooked(), "layer 1 (Linear): it has hooks, or a forward of its own,"),
        (replaced(), "layer 0 (Linear): it has hooks, or a forward of its own,"),
        (nan(), "layer 2 (Linear): its weight holds a number that is not finite."),
        (mixed(), "layer 1 (Linear): its weight is float64, and arrays before it are float32."),
        (in_front(nn.ReLU()).half(), "layer 1 (Linear): its numbers are float16."),
        (in_front().to("meta"), "layer 0 (Linear): its arrays are on the device meta."),
        (nn.Sequential(nn.Linear(2, 2), nn.Dropout()), "layer 1 (Dropout): the last layer must"),
        (nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Tanh()), "at most one activation may follow"),
        (nn.Sequential(), "the module: it has no dense layer."),
        (nn.Sequential(nn.ReLU()), "the module: it has no dense layer."),
        ("linear", "the module (str): it is not one of PyTorch's own layers"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(module, message):
    with pytest.raises(SettingError) as caught:
        nnplug.from_torch(module)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("outs", "last", "given", "message"),
    [
        (3, None, {"task": "binary"}, "task='binary': the module has 3 outputs, and 2 at most"),
        (1, None, {"task": "multiclass"}, "task='multiclass': the module has one output."),
        (3, nn.Sigmoid(), {"task": "multiclass"}, "ends with sigmoid, which does not give"),
        (3, nn.Softmax(dim=1), {"task": "multilabel"}, "Use task multiclass, or regression"),
        (3, None, {"task": "ranking"}, "task='ranking': it must be regression, binary"),
        (3, None, {"classes": ["a", "b"]}, "classes=['a', 'b']: the module needs 3 different"),
        (3, None, {"classes": ["a", "b", "a"]}, "the module needs 3 different ones."),
        (3, None, {"task": "regression", "classes": "abc"}, "the task is regression, which has"),
    ],
)
def test_a_task_that_the_outputs_do_not_fit_is_refused(outs, last, given, message):
    layers = [nn.Linear(4, outs), *([] if last is None else [last])]
    with pytest.raises(SettingError) as caught:
        nnplug.from_torch(nn.Sequential(*layers), **given)
    assert message in str(caught.value)


def test_an_installed_activation_of_the_same_name_is_taken():
    registry = nnplug.Registry.from_environment()
    registry.register(tanhshrink)
    module = used(nn.Sequential(nn.Linear(3, 4), nn.Tanhshrink(), nn.Linear(4, 1)))
    close(nnplug.from_torch(module, registry=registry), module, rows(3))


@nnplug.activation
def tanhshrink(x):
    """What tanh takes away: x - tanh(x)."""
    return x - np.tanh(x)


def test_nothing_of_pytorch_is_imported_for_it():
    script = "import sys, nnplug.importers.torch_module; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_training_goes_on_as_in_pytorch():
    """Three steps of gradient descent, with the running averages of batch normalisation."""
    module = used(nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5, momentum=0.3), nn.Tanh(),
                                nn.LayerNorm(5), nn.Linear(5, 2)))  # fmt: skip
    x, y = rows(3), rows(2)
    run = nnplug.train(
        (x, y), start=nnplug.from_torch(module), optimizer="sgd", learning_rate=0.1, epochs=3,
        batch_size="full", validation=0.0,
    )  # fmt: skip
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module.train()
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.mse_loss(module(torch.tensor(x)), torch.tensor(y)).backward()
        optimizer.step()
    module.eval()
    np.testing.assert_allclose(run.predict(x), outputs(module, x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("data", "given", "message"),
    [
        ((rows(3), rows(2)), {"hidden": 4}, "hidden=4: the network is that of start"),
        ((rows(3), rows(2)), {"dtype": "float32"}, "dtype='float32': the network is that of"),
        ((rows(4), rows(2)), {}, "start: the model has inputs 3, and the data asks for 4.\nGive"),
        ((rows(3), rows(1)), {}, "start: the model has outputs 2, and the data asks for 1.\n"),
        ({"a": [1.0, 2.0] * 9, "y": [1.5, 2.5] * 9}, {"target": "y"}, "is a table.\nGive (inputs,"),
    ],
)
def test_a_start_that_the_data_does_not_fit_is_refused(data, given, message):
    start = nnplug.from_torch(nn.Sequential(nn.Linear(3, 2)).double())
    with pytest.raises(SettingError) as caught:
        nnplug.train(data, start=start, epochs=1, **given)
    assert message in str(caught.value)


def test_a_start_with_other_classes_is_refused():
    start = nnplug.from_torch(nn.Sequential(nn.Linear(3, 2)), classes=["no", "yes"])
    with pytest.raises(SettingError, match=r"classes \['no', 'yes'\], and the data asks for \[0,"):
        nnplug.train((rows(3), np.arange(40) % 2), start=start, epochs=1)


def test_a_model_of_a_table_is_no_start():
    trained = nnplug.train({"a": [1.0, 2.0] * 9, "y": [1.5, 2.5] * 9}, target="y", epochs=1)
    with pytest.raises(SettingError, match="start: the model was trained on a table"):
        nnplug.train((rows(1), rows(1)), start=trained.model, epochs=1)


def test_a_run_with_a_start_is_kept_and_not_resumed(tmp_path):
    start = nnplug.from_torch(nn.Sequential(nn.Linear(3, 2)))
    data = rows(3), rows(2)
    run = nnplug.train(data, start=start, epochs=1, validation=0.0, output=tmp_path / "run")
    kept = nnplug.load(tmp_path / "run" / "model.safetensors")
    np.testing.assert_array_equal(kept.predict(data[0]), run.predict(data[0]))
    with pytest.raises(SettingError, match=r"start is not in the configuration: it was an object"):
        nnplug.resume(tmp_path / "run", data=data, epochs=2)
