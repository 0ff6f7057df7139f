"""Write optimizers.json: ten steps of each optimizer, as PyTorch takes them.

Run by hand, with the torch of the `bench` extra, from the repository's root:

    python -m tests.reference.make_optimizers

A network 3-4-2 (tanh, then none; mean squared error over rows and outputs)
learns from seven rows in float64, once with all rows in each step and once
in batches of unequal sizes. The file holds all numbers of the run, so the
test needs neither torch nor this script.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.reference.writing import write_json

PLACE = Path(__file__).with_name("optimizers.json")
SHAPES = [(3, 4), (4,), (4, 2), (2,)]
STEPS = 10
ROWS = 7
# Three passes of 3 + 3 + 1 rows, the rows of each in another order, and one step more.
ORDERS = [(4, 0, 6, 2, 5, 1, 3), (1, 3, 5, 0, 2, 4, 6), (6, 5, 4, 3, 2, 1, 0)]
BATCHES = [order[start : start + 3] for order in ORDERS for start in (0, 3, 6)] + [(0, 3, 5)]

Runs = list[tuple[str, dict[str, float], type[torch.optim.Optimizer], dict[str, Any]]]
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
]


def train(
    kind: type[torch.optim.Optimizer],
    options: dict[str, Any],
    start: list[np.ndarray],
    inputs: np.ndarray,
    targets: np.ndarray,
    batches: list[tuple[int, ...]],
) -> tuple[list[float], list[list[float]]]:
    """Give the mean loss before each step, and all parameters after it."""
    params = [torch.tensor(array, requires_grad=True) for array in start]
    w1, b1, w2, b2 = params
    optimizer: Any = kind(params, **options)
    x, y = torch.tensor(inputs), torch.tensor(targets)
    losses, after = [], []
    for batch in batches:
        rows = list(batch)
        optimizer.zero_grad()
        prediction = torch.tanh(x[rows] @ w1 + b1) @ w2 + b2
        loss = torch.nn.functional.mse_loss(prediction, y[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        after.append(torch.cat([param.detach().reshape(-1) for param in params]).tolist())
    return losses, after


def main() -> None:
    """Write the file."""
    generator = np.random.default_rng(20)
    inputs, targets = generator.normal(size=(ROWS, 3)), generator.normal(size=(ROWS, 2))
    start = [generator.uniform(-1, 1, shape) for shape in SHAPES]
    sequences = {"full": [tuple(range(ROWS))] * STEPS, "batches": BATCHES}
    runs = []
    for name, ours, kind, theirs in RUNS:
        for sequence, batches in sequences.items():
            losses, after = train(kind, theirs, start, inputs, targets, batches)
            runs.append(
                {
                    "optimizer": name,
                    "options": ours,
                    "torch": f"{kind.__name__}({', '.join(f'{k}={v}' for k, v in theirs.items())})",
                    "batches": sequence,
                    "losses": losses,
                    "parameters": after,
                }
            )
    write_json(
        PLACE,
        {
            "made_by": "tests/reference/make_optimizers.py",
            "torch": torch.__version__.partition("+")[0],
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
