"""Write optimizers.json: ten steps of each optimizer, as other libraries take them.

Run by hand, from the repository's root, with PyTorch, Keras 3, optax and
pytorch_optimizer:

    KERAS_BACKEND=torch python -m tests.reference.make_optimizers

A network 3-4-2 (tanh, then none; mean squared error over rows and outputs)
learns from seven rows in float64, once with all rows in each step and once
in batches of unequal sizes. PyTorch computes the gradients. The file holds
all numbers of the run, so the test needs neither a library nor this script.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import optax
import pytorch_optimizer
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from tests.reference.writing import write_json

PLACE = Path(__file__).with_name("optimizers.json")
SHAPES = [(3, 4), (4,), (4, 2), (2,)]
STEPS = 10
ROWS = 7
# Three passes of 3 + 3 + 1 rows, the rows of each in another order, and one step more.
ORDERS = [(4, 0, 6, 2, 5, 1, 3), (1, 3, 5, 0, 2, 4, 6), (6, 5, 4, 3, 2, 1, 0)]
BATCHES = [order[start : start + 3] for order in ORDERS for start in (0, 3, 6)] + [(0, 3, 5)]

torch.set_default_dtype(torch.float64)  # otherwise NAdam keeps a product in float32
jax.config.update("jax_enable_x64", True)
keras.config.set_floatx("float64")

Runs = list[tuple[str, dict[str, float], Callable[..., Any], dict[str, Any]]]
# What nnplug is given beside what PyTorch is given. Where an optimizer's
# defaults are the same in both, both are left to their defaults.
RUNS: Runs = [
    ("sgd", {}, torch.optim.SGD, {"lr": 0.01}),
    ("sgd", {"learning_rate": 0.3}, torch.optim.SGD, {"lr": 0.3}),
    ("momentum", {}, torch.optim.SGD, {"lr": 0.01, "momentum": 0.9}),
    (
        "momentum",
        {"learning_rate": 0.1, "momentum": 0.5},
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.5},
    ),
    ("nesterov", {}, torch.optim.SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    (
        "nesterov",
        {"learning_rate": 0.1, "momentum": 0.5},
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.5, "nesterov": True},
    ),
    ("adagrad", {}, torch.optim.Adagrad, {}),
    # A large epsilon shows on which side of the root it stands.
    (
        "adagrad",
        {"learning_rate": 0.1, "epsilon": 0.01},
        torch.optim.Adagrad,
        {"lr": 0.1, "eps": 0.01},
    ),
    ("rmsprop", {}, torch.optim.RMSprop, {}),
    (
        "rmsprop",
        {"learning_rate": 0.03, "decay": 0.9, "epsilon": 0.01},
        torch.optim.RMSprop,
        {"lr": 0.03, "alpha": 0.9, "eps": 0.01},
    ),
    ("adam", {}, torch.optim.Adam, {}),
    (
        "adam",
        {"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 0.01},
        torch.optim.Adam,
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 0.01},
    ),
    ("adamw", {}, torch.optim.AdamW, {}),
    (
        "adamw",
        {
            "learning_rate": 0.05,
            "beta1": 0.8,
            "beta2": 0.95,
            "epsilon": 0.01,
            "weight_decay": 0.3,
        },
        torch.optim.AdamW,
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 0.01, "weight_decay": 0.3},
    ),
    ("adadelta", {}, torch.optim.Adadelta, {}),
    (
        "adadelta",
        {"learning_rate": 0.5, "decay": 0.8, "epsilon": 0.01},
        torch.optim.Adadelta,
        {"lr": 0.5, "rho": 0.8, "eps": 0.01},
    ),
    ("centered_rmsprop", {}, torch.optim.RMSprop, {"centered": True}),
    (
        "centered_rmsprop",
        {"learning_rate": 0.03, "decay": 0.9, "epsilon": 0.01},
        torch.optim.RMSprop,
        {"lr": 0.03, "alpha": 0.9, "eps": 0.01, "centered": True},
    ),
    ("rprop", {}, torch.optim.Rprop, {}),
    (
        "rprop",
        {"learning_rate": 0.1, "shrink": 0.3, "grow": 1.5, "smallest": 0.05, "largest": 0.2},
        torch.optim.Rprop,
        {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.05, 0.2)},
    ),
    ("adamax", {}, torch.optim.Adamax, {}),
    (
        "adamax",
        {"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 0.01},
        torch.optim.Adamax,
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 0.01},
    ),
    ("nadam", {}, torch.optim.NAdam, {}),
    (
        "nadam",
        {
            "learning_rate": 0.05,
            "beta1": 0.8,
            "beta2": 0.95,
            "epsilon": 0.01,
            "momentum_decay": 0.5,
        },
        torch.optim.NAdam,
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 0.01, "momentum_decay": 0.5},
    ),
    ("amsgrad", {}, torch.optim.Adam, {"amsgrad": True}),
    (
        "amsgrad",
        {"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.7, "epsilon": 0.01},
        torch.optim.Adam,
        {"lr": 0.05, "betas": (0.8, 0.7), "eps": 0.01, "amsgrad": True},
    ),
    ("radam", {}, torch.optim.RAdam, {}),
    (
        "radam",
        {"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 0.01},
        torch.optim.RAdam,
        {"lr": 0.05, "betas": (0.8, 0.95), "eps": 0.01},
    ),
    ("sgdw", {}, keras.optimizers.SGD, {"momentum": 0.9, "weight_decay": 0.01}),
    (
        "sgdw",
        {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.3},
        pytorch_optimizer.SGDW,
        {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.3},
    ),
    ("lion", {}, keras.optimizers.Lion, {"learning_rate": 1e-4}),
    (
        "lion",
        {"learning_rate": 0.01, "beta1": 0.8, "beta2": 0.7, "weight_decay": 0.3},
        optax.lion,
        {"learning_rate": 0.01, "b1": 0.8, "b2": 0.7, "weight_decay": 0.3},
    ),
    ("ema[sgd]", {}, torch.optim.SGD, {"lr": 0.01, "ema": 0.999}),
    (
        "ema[nadam]",
        {"learning_rate": 0.05, "decay": 0.7},
        torch.optim.NAdam,
        {"lr": 0.05, "ema": 0.7},
    ),
    # Others, where their conventions are the same, or made the same by an epsilon of almost 0.
    (
        "momentum",
        {"learning_rate": 0.1, "momentum": 0.5},
        keras.optimizers.SGD,
        {"learning_rate": 0.1, "momentum": 0.5},
    ),
    (
        "nesterov",
        {"learning_rate": 0.1, "momentum": 0.5},
        optax.sgd,
        {"learning_rate": 0.1, "momentum": 0.5, "nesterov": True},
    ),
    (
        "adagrad",
        {"learning_rate": 0.1, "epsilon": 1e-30},
        keras.optimizers.Adagrad,
        {"learning_rate": 0.1, "initial_accumulator_value": 0.0, "epsilon": 1e-60},
    ),
    (
        "adadelta",
        {"learning_rate": 0.5, "decay": 0.95, "epsilon": 1e-7},
        keras.optimizers.Adadelta,
        {"learning_rate": 0.5},
    ),
    (
        "adadelta",
        {"learning_rate": 0.5, "decay": 0.8, "epsilon": 0.01},
        optax.adadelta,
        {"learning_rate": 0.5, "rho": 0.8, "eps": 0.01},
    ),
    (
        "rmsprop",
        {"learning_rate": 0.03, "decay": 0.9, "epsilon": 0.01},
        optax.rmsprop,
        {"learning_rate": 0.03, "decay": 0.9, "eps": 0.01, "eps_in_sqrt": False},
    ),
    (
        "centered_rmsprop",
        {"learning_rate": 0.03, "decay": 0.9, "epsilon": 1e-30},
        keras.optimizers.RMSprop,
        {"learning_rate": 0.03, "rho": 0.9, "epsilon": 1e-60, "centered": True},
    ),
    (
        "adam",
        {"learning_rate": 0.05, "epsilon": 0.01},
        optax.adam,
        {"learning_rate": 0.05, "eps": 0.01},
    ),
    (
        "adam",
        {"learning_rate": 0.05, "epsilon": 1e-30},
        keras.optimizers.Adam,
        {"learning_rate": 0.05, "epsilon": 1e-30},
    ),
    (
        "adamw",
        {"learning_rate": 0.05, "weight_decay": 0.3},
        optax.adamw,
        {"learning_rate": 0.05, "weight_decay": 0.3},
    ),
    (
        "adamax",
        {"learning_rate": 0.05, "epsilon": 0.01},
        optax.adamax,
        {"learning_rate": 0.05, "eps": 0.01},
    ),
    (
        "nadam",
        {"learning_rate": 0.05, "epsilon": 0.01, "momentum_decay": 1.0},
        keras.optimizers.Nadam,
        {"learning_rate": 0.05, "epsilon": 0.01},
    ),
    (
        "amsgrad",
        {"learning_rate": 0.05, "beta2": 0.7, "epsilon": 1e-30},
        keras.optimizers.Adam,
        {"learning_rate": 0.05, "beta_2": 0.7, "epsilon": 1e-30, "amsgrad": True},
    ),
    (
        "radam",
        {"learning_rate": 0.05, "beta2": 0.95, "epsilon": 1e-30},
        optax.radam,
        {"learning_rate": 0.05, "b2": 0.95, "eps": 1e-30},
    ),
    (
        "sgdw",
        {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.3},
        keras.optimizers.SGD,
        {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.3},
    ),
    (
        "lion",
        {"learning_rate": 0.01, "weight_decay": 0.3},
        keras.optimizers.Lion,
        {"learning_rate": 0.01, "weight_decay": 0.3},
    ),
    (
        "lion",
        {"learning_rate": 0.01},
        pytorch_optimizer.Lion,
        {"lr": 0.01, "weight_decay": 0.0},
    ),
]


def stepper(
    kind: Callable[..., Any], options: dict[str, Any], params: list[torch.Tensor]
) -> Callable[[], None]:
    """Give a function that takes a step on the parameters, along their gradients."""
    if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer):
        step: Callable[[], None] = kind(params, **options).step
        return step
    if isinstance(kind, type):  # one of Keras's
        kept: Any = kind(**options)
        variables = [keras.Variable(param.detach().numpy(), dtype="float64") for param in params]
        kept.build(variables)

        def keras_step() -> None:
            kept.apply([param.grad for param in params])
            set_to([variable.numpy() for variable in variables])

        def set_to(arrays: list[Any]) -> None:
            for param, array in zip(params, arrays, strict=True):
                param.data = torch.tensor(np.array(array))

        return keras_step
    transform = kind(**options)
    values = [jax.numpy.array(param.detach().numpy()) for param in params]
    state = transform.init(values)

    def optax_step() -> None:
        nonlocal values, state
        grads = [jax.numpy.array(param.grad.numpy()) for param in params]  # type: ignore[union-attr]  # backward has set them
        updates, state = transform.update(grads, state, values)
        values = optax.apply_updates(values, updates)
        for param, value in zip(params, values, strict=True):
            param.data = torch.tensor(np.array(value))

    return optax_step


def train(
    kind: Callable[..., Any],
    options: dict[str, Any],
    start: list[np.ndarray],
    inputs: np.ndarray,
    targets: np.ndarray,
    batches: list[tuple[int, ...]],
) -> dict[str, list[Any]]:
    """Give the mean loss before each step, and all parameters after it, and their average."""
    options = dict(options)
    decay = options.pop("ema", None)
    model = torch.nn.ParameterList([torch.nn.Parameter(torch.tensor(array)) for array in start])
    params = list(model)
    w1, b1, w2, b2 = params
    step = stepper(kind, options, params)
    average = None
    if decay is not None:
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
    x, y = torch.tensor(inputs), torch.tensor(targets)
    found: dict[str, list[Any]] = {"losses": [], "parameters": []}
    for batch in batches:
        rows = list(batch)
        for param in params:
            param.grad = None
        prediction = torch.tanh(x[rows] @ w1 + b1) @ w2 + b2
        loss = torch.nn.functional.mse_loss(prediction, y[rows])
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch's
        step()
        found["losses"].append(loss.item())
        found["parameters"].append(flat(params))
        if average is not None:
            average.update_parameters(model)
            found.setdefault("shown", []).append(flat(average.parameters()))
    return found


def flat(params: Any) -> list[float]:
    """Give all parameters in one list."""
    return torch.cat([param.detach().reshape(-1) for param in params]).tolist()


def main() -> None:
    """Write the file."""
    generator = np.random.default_rng(20)
    inputs, targets = generator.normal(size=(ROWS, 3)), generator.normal(size=(ROWS, 2))
    start = [generator.uniform(-1, 1, shape) for shape in SHAPES]
    sequences = {"full": [tuple(range(ROWS))] * STEPS, "batches": BATCHES}
    runs = []
    for name, ours, kind, theirs in RUNS:
        for sequence, batches in sequences.items():
            given = ", ".join(f"{key}={value}" for key, value in theirs.items())
            runs.append(
                {
                    "optimizer": name,
                    "options": ours,
                    "library": kind.__module__.partition(".")[0],
                    "reference": f"{kind.__name__}({given})",
                    "batches": sequence,
                    **train(kind, theirs, start, inputs, targets, batches),
                }
            )
    write_json(
        PLACE,
        {
            "made_by": "tests/reference/make_optimizers.py",
            **{
                name: version(name).partition("+")[0]
                for name in ("torch", "keras", "optax", "pytorch_optimizer")
            },
            "layout": "weight 3x4, bias 4, weight 4x2, bias 2, each row by row",
            "inputs": inputs.tolist(),
            "targets": targets.tolist(),
            "initial": np.concatenate([array.reshape(-1) for array in start]).tolist(),
            "sequences": sequences,
            "runs": runs,
        },
    )
    print(f"{len(runs)} runs")


if __name__ == "__main__":
    main()
