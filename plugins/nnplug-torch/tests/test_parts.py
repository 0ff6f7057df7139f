"""PyTorch's parts: found, the same as PyTorch and as nnplug's own, kept, refused."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import nnplug
import nnplug.testing
import numpy as np
import pytest
import torch
from nnplug.errors import OptionError, PartError, SettingError, UnknownPartError
from nnplug.network.network import Network
from nnplug.plugins.registry import Registry
from nnplug.testing import Check
from nnplug.training import Steps

REGISTRY = Registry()

ACTIVATIONS = (
    "Threshold", "ReLU", "Hardtanh", "ReLU6", "Sigmoid", "Hardsigmoid", "Tanh", "SiLU", "Mish",
    "Hardswish", "ELU", "CELU", "SELU", "GELU", "Hardshrink", "LeakyReLU", "LogSigmoid",
    "Softplus", "Softshrink", "Softsign", "Tanhshrink", "Softmin", "Softmax", "LogSoftmax",
)  # fmt: skip
LOSSES = (
    "L1Loss", "MSELoss", "HuberLoss", "SmoothL1Loss", "BCELoss", "BCEWithLogitsLoss",
    "SoftMarginLoss", "MultiLabelSoftMarginLoss", "PoissonNLLLoss", "CrossEntropyLoss",
    "MultiMarginLoss",
)  # fmt: skip
OPTIMIZERS = (
    "SGD", "SGD:momentum=0.9", "SGD:momentum=0.9,nesterov=true,weight_decay=0.1", "Adagrad",
    "Adadelta", "RMSprop", "RMSprop:centered=true,momentum=0.5", "Rprop", "Adam",
    "Adam:amsgrad=true,weight_decay=0.1", "AdamW", "Adamax", "NAdam", "RAdam", "ASGD:t0=3",
    "Adafactor", "Muon",
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "names"),
    [("activation", ACTIVATIONS), ("loss", LOSSES), ("optimizer", OPTIMIZERS)],
)
def test_each_is_found_by_pytorchs_name(kind: str, names: tuple[str, ...]) -> None:
    for name in names:
        part = REGISTRY.get(kind, f"torch/{name}")
        assert part.name == name.partition(":")[0].lower()
        assert REGISTRY.provider(part).package == "nnplug-torch"


def test_the_names_are_all_of_pytorchs_but_those_that_are_refused_with_the_reason() -> None:
    from torch.nn.modules import activation, loss

    optimizers = [name for name, made in vars(torch.optim).items() if isinstance(made, type)]
    for kind, names, have in (
        ("activation", activation.__all__, ACTIVATIONS),
        ("loss", loss.__all__, LOSSES),
        ("optimizer", optimizers, [name.partition(":")[0] for name in OPTIMIZERS]),
    ):
        for name in set(names) - set(have):
            with pytest.raises(PartError, match=f"{name} cannot be an? {kind}.*: it "):
                REGISTRY.get(kind, f"torch/{name}")


def test_what_there_is_not_is_said() -> None:
    with pytest.raises(UnknownPartError, match="There is no activation 'torch/gelux'"):
        REGISTRY.get("activation", "torch/GELUX")
    with pytest.raises(OptionError, match="optimizer 'nadam' has no option 'momentum'. It has"):
        REGISTRY.get("optimizer", "torch/NAdam:momentum=1")
    with pytest.raises(PartError, match="Muon refuses a tensor of shape .* only supports 2D"):
        nnplug.train("xor", optimizer="torch/Muon", epochs=1)


def test_options_have_pytorchs_names() -> None:
    part: Any = REGISTRY.get("optimizer", "torch/Adam:lr=0.5,beta2=0.9,amsgrad=true")
    assert part.learning_rate == 0.5
    assert part.slots == ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    assert REGISTRY.get("optimizer", "torch/SGD").slots == ()  # type: ignore[attr-defined]  # an optimizer has
    huber = REGISTRY.get("loss", "torch/HuberLoss:delta=2")
    assert huber(np.array([[5.0]]), np.array([[0.0]])).tolist() == [[8.0]]  # 2·(5 - 1)
    bent = REGISTRY.get("activation", "torch/GELU:approximate=tanh")
    x = np.linspace(-3, 3, 7)[None]
    wanted = REGISTRY.get("activation", "gelu_tanh")(x)
    np.testing.assert_allclose(bent(x), wanted, rtol=1e-12, atol=1e-15)


# --- the numbers -------------------------------------------------------------------------


@pytest.mark.parametrize("text", OPTIMIZERS)
@pytest.mark.parametrize("shape", [(3, 4), (5,), (1,)], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_ten_steps_are_pytorchs_to_the_bit(text: str, shape: Any, dtype: Any) -> None:
    if text == "Muon" and len(shape) < 2:
        return  # PyTorch refuses it
    part: Any = REGISTRY.get("optimizer", f"torch/{text}")
    generator = np.random.default_rng(5)
    param = generator.normal(size=shape).astype(dtype)
    grads = generator.normal(size=(10, *shape)).astype(dtype)
    weight = torch.nn.Parameter(torch.tensor(param))
    options: dict[str, Any] = {}
    for item in text.partition(":")[2].split(","):
        key, _, value = item.partition("=")
        options |= {key: True if value == "true" else float(value)} if key else {}
    theirs = getattr(torch.optim, text.partition(":")[0])([weight], **options)
    slots = [np.zeros(shape, dtype) for _ in part.slots]
    for step, grad in enumerate(grads, 1):
        weight.grad = torch.tensor(grad)
        theirs.step()
        made = part(param, grad, *slots, step=step)
        param, *slots = made
        assert all(slot.dtype == dtype for slot in slots)
        np.testing.assert_array_equal(param, weight.detach().numpy())


def _network() -> Network:
    parts = [
        REGISTRY.get("layer", "dense:5"), REGISTRY.get("activation", "tanh"),
    ]  # fmt: skip
    network = Network.of(
        4, parts, 3, output_activation=REGISTRY.get("activation", "identity"), dtype=np.float64
    )
    network.initialize(REGISTRY.get("initializer", "glorot_uniform"), 1)
    return network


def _ten_steps(optimizer: Any, loss: Any, target: Any) -> tuple[list[float], Any]:
    network = _network()
    rows = np.random.default_rng(0).normal(size=(12, 4))
    steps = Steps(network, loss, optimizer, rows, target, 12)
    return [steps.run(np.arange(12)) for _ in range(10)], network.parameters.copy()


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        ("sgd:learning_rate=0.1", "SGD:lr=0.1"),
        ("momentum:learning_rate=0.1", "SGD:lr=0.1,momentum=0.9"),
        ("nesterov:learning_rate=0.1", "SGD:lr=0.1,momentum=0.9,nesterov=true"),
        ("adam:learning_rate=0.01", "Adam:lr=0.01"),
        ("adamw:learning_rate=0.01,weight_decay=0.1", "AdamW:lr=0.01,weight_decay=0.1"),
        ("rmsprop:learning_rate=0.01", "RMSprop:lr=0.01"),
        ("adagrad:learning_rate=0.01", "Adagrad:lr=0.01"),
    ],
)
def test_ten_steps_of_a_network_are_those_of_nnplugs_own(own: str, theirs: str) -> None:
    labels = np.random.default_rng(1).integers(0, 3, (12, 1))
    loss = REGISTRY.get("loss", "cross_entropy")
    first = _ten_steps(REGISTRY.get("optimizer", own), loss, labels)
    called = REGISTRY.get("loss", "torch/CrossEntropyLoss")
    second = _ten_steps(REGISTRY.get("optimizer", f"torch/{theirs}"), called, labels)
    np.testing.assert_allclose(second[0], first[0], rtol=1e-12)
    np.testing.assert_allclose(second[1], first[1], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    ("own", "theirs"),
    [("mse", "MSELoss"), ("mae", "L1Loss"), ("huber:delta=0.5", "HuberLoss:delta=0.5"),
     ("binary_cross_entropy", "BCEWithLogitsLoss")],
)  # fmt: skip
def test_ten_steps_with_a_loss_are_those_of_nnplugs_own(own: str, theirs: str) -> None:
    target = np.random.default_rng(1).integers(0, 2, (12, 3)).astype(float)
    adam = REGISTRY.get("optimizer", "adam:learning_rate=0.01")
    first = _ten_steps(adam, REGISTRY.get("loss", own), target)
    second = _ten_steps(adam, REGISTRY.get("loss", f"torch/{theirs}"), target)
    np.testing.assert_allclose(second[0], first[0], rtol=1e-12)
    np.testing.assert_allclose(second[1], first[1], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    ("own", "theirs"),
    [("relu", "ReLU"), ("gelu", "GELU"), ("silu", "SiLU"), ("elu:alpha=0.5", "ELU:alpha=0.5"),
     ("selu", "SELU"), ("softmax", "Softmax"), ("log_softmax", "LogSoftmax"),
     ("leaky_relu:slope=0.2", "LeakyReLU:negative_slope=0.2")],
)  # fmt: skip
def test_an_activation_is_nnplugs_own(own: str, theirs: str) -> None:
    x = np.random.default_rng(2).normal(size=(50, 6)) * 3
    first = REGISTRY.get("activation", own)(x)
    second = REGISTRY.get("activation", f"torch/{theirs}")(x)
    np.testing.assert_allclose(second, first, rtol=1e-12, atol=1e-15)


# --- the conformance kit -----------------------------------------------------------------

KIT = [
    *[("activation", name) for name in ("GELU", "Softmax", "Threshold", "LogSigmoid")],
    *[("loss", name) for name in LOSSES],
    *[("optimizer", name) for name in ("SGD:momentum=0.9", "NAdam", "Rprop", "Adafactor")],
]


def _checks() -> list[object]:
    found: list[object] = []
    for kind, name in KIT:
        for check in nnplug.testing.checks(REGISTRY.get(kind, f"torch/{name}"), engine="numpy"):
            marks = [pytest.mark.xfail(reason=check.reason, strict=True)] if check.reason else []
            found.append(pytest.param(check, id=f"{name}-{check.name}", marks=marks))
    return found


@pytest.mark.parametrize("check", _checks())
def test_conformance(check: Check) -> None:
    check()


# --- a run -------------------------------------------------------------------------------

SETTINGS = {
    "hidden": 3, "activation": "torch/GELU", "optimizer": "torch/NAdam:lr=0.05", "epochs": 12,
    "loss": "torch/HuberLoss:delta=2", "seed": 3, "batch_size": 2, "dtype": "float32",
}  # fmt: skip


class _Stop:
    @nnplug.hookimpl
    def on_epoch_end(self, run: Any, record: Any) -> None:
        if record.epoch == 5:
            raise KeyboardInterrupt


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_run_is_kept_resumed_to_the_bit_and_loaded_in_a_fresh_process(
    tmp_path: Any, engine: str
) -> None:
    settings: Any = {**SETTINGS, "engine": engine}
    whole = nnplug.train("xor", **settings)
    with pytest.raises(KeyboardInterrupt):
        nnplug.train(
            "xor", **settings, output=tmp_path / "r", callbacks=[_Stop()], checkpoint_every=5
        )
    resumed = nnplug.resume(tmp_path / "r")
    assert resumed.history["loss"] == whole.history["loss"]
    mine, other = (run.model.network.parameters for run in (resumed, whole))
    assert mine.tobytes() == other.tobytes()
    resumed.save(tmp_path / "m.nnplug")
    code = (
        "import sys, nnplug; m = nnplug.load(sys.argv[1]); "
        "print(m.predict([[0.0, 1.0], [1.0, 1.0]]).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "m.nnplug")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str(resumed.model.predict([[0.0, 1.0], [1.0, 1.0]]).tolist())
    with pytest.raises(SettingError, match=r"torch\.nn\.GELU of torch .* runs as it stands"):
        resumed.model.export("numpy", tmp_path / "m.py")


def test_a_run_without_its_parts_does_not_import_pytorch() -> None:
    code = (
        "import sys, nnplug; nnplug.train('xor', epochs=1); "
        "assert not {'torch', 'nnplug_torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
