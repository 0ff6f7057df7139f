"""Write parts.json: values and derivatives of activations and losses, as PyTorch has them.

Run by hand, with the torch of the `bench` extra, from the repository's root:

    python -m tests.reference.make_parts

Everything is float64. Losses are not reduced: each has the value of each
element or row, and the derivative of that value by the prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from tests.reference.writing import write_json

PLACE = Path(__file__).with_name("parts.json")

# Kinks and near them, the borders of other people's special cases (softplus
# has one at 20), and magnitudes at which a careless exp overflows.
POINTS = [
    *(0.0, 1e-300, 1e-12, 1e-8, 1e-4, 0.01, 0.1, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.5, 6.0),
    *(8.0, 12.5, 19.9, 20.0, 20.1, 37.0, 90.0, 710.0, 1e4),
]
X = [-x for x in POINTS[:0:-1]] + POINTS

# name, nnplug's options, PyTorch's function of one argument.
ELEMENTWISE: list[tuple[str, dict[str, float], Callable[[Any], Any]]] = [
    ("identity", {}, torch.nn.Identity()),
    ("sigmoid", {}, torch.sigmoid),
    ("log_sigmoid", {}, functional.logsigmoid),
    ("hard_sigmoid", {}, functional.hardsigmoid),
    ("tanh", {}, torch.tanh),
    ("hard_tanh", {}, functional.hardtanh),
    ("hard_tanh", {"low": -0.4, "high": 2.5}, lambda x: functional.hardtanh(x, -0.4, 2.5)),
    ("softsign", {}, functional.softsign),
    ("relu", {}, functional.relu),
    ("relu6", {}, functional.relu6),
    ("prelu", {}, lambda x: functional.prelu(x, torch.tensor([0.25], dtype=x.dtype))),
    ("leaky_relu", {}, functional.leaky_relu),
    ("leaky_relu", {"slope": 0.3}, lambda x: functional.leaky_relu(x, 0.3)),
    ("elu", {}, functional.elu),
    ("elu", {"alpha": 0.3}, lambda x: functional.elu(x, 0.3)),
    ("celu", {}, functional.celu),
    # PyTorch's derivative has 1 / alpha in float32: one that is exact there.
    ("celu", {"alpha": 0.25}, lambda x: functional.celu(x, 0.25)),
    ("selu", {}, functional.selu),
    ("softplus", {}, functional.softplus),
    ("silu", {}, functional.silu),
    ("hard_swish", {}, functional.hardswish),
    ("mish", {}, functional.mish),
    ("gelu", {}, functional.gelu),
    ("gelu_tanh", {}, lambda x: functional.gelu(x, approximate="tanh")),
]

ROWS = [
    [0.0, 0.0, 0.0, 0.0],
    [1.0, 2.0, 3.0, 4.0],
    [-0.3, 0.7, 0.1, -2.5],
    [5.0, 5.0, -5.0, 5.0],
    [30.0, 0.0, -30.0, 1.0],
    [800.0, 0.0, -800.0, 799.0],
    [-1e4, -1e4, -9999.5, -1e4],
    [1e-8, -1e-8, 0.0, 1e-4],
    [1e4, 0.0, 0.0, 0.0],
    [-40.0, 3.0, 2.9, 37.0],
]
PULLED = [0.7, -1.2, 0.4, 2.0]  # the derivative by a row's outputs

ROW_WISE: list[tuple[str, Callable[[Any], Any]]] = [
    ("softmax", lambda x: torch.softmax(x, -1)),
    ("log_softmax", lambda x: torch.log_softmax(x, -1)),
]

# Errors of 0 and of huber's corners stand among these pairs.
PREDICTIONS = X
TARGETS = [
    x + error for x, error in zip(X, [0.0, 0.3, -0.3, 1.0, -1.0, 2.5, -100.0] * 7, strict=True)
]
LOGIT_TARGETS = [(0.0, 1.0, 0.3, 0.5)[at % 4] for at in range(len(X))]

LOSSES: list[tuple[str, dict[str, float], str, Callable[[Any, Any], Any]]] = [
    ("mse", {}, "targets", lambda p, t: functional.mse_loss(p, t, reduction="none")),
    # PyTorch has no half, so this is half of its square.
    ("half_sse", {}, "targets", lambda p, t: functional.mse_loss(p, t, reduction="none") / 2),
    ("mae", {}, "targets", lambda p, t: functional.l1_loss(p, t, reduction="none")),
    ("huber", {}, "targets", lambda p, t: functional.huber_loss(p, t, reduction="none")),
    (
        "huber",
        {"delta": 0.3},
        "targets",
        lambda p, t: functional.huber_loss(p, t, reduction="none", delta=0.3),
    ),
    ("smooth_l1", {}, "targets", lambda p, t: functional.smooth_l1_loss(p, t, reduction="none")),
    (
        "smooth_l1",
        {"beta": 0.3},
        "targets",
        lambda p, t: functional.smooth_l1_loss(p, t, reduction="none", beta=0.3),
    ),
    ("poisson_nll", {}, "counts", lambda p, t: functional.poisson_nll_loss(p, t, reduction="none")),
    (
        "binary_cross_entropy",
        {},
        "probabilities",
        lambda p, t: functional.binary_cross_entropy_with_logits(p, t, reduction="none"),
    ),
]
COUNTS = [(0.0, 1.0, 7.0, 2.5)[at % 4] for at in range(len(X))]

SHARES = [
    *([1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25], [0.0, 0.5, 0.0, 0.5], [0.1, 0.2, 0.3, 0.4]),
    *([0.0, 0.0, 1.0, 0.0], [0.3, 0.0, 0.0, 0.7], [0.7, 0.1, 0.1, 0.1], [0.0, 0.0, 0.0, 1.0]),
    *([0.5, 0.5, 0.0, 0.0], [0.4, 0.3, 0.2, 0.1]),
]
ROW_LOSSES: list[tuple[str, str, Callable[[Any, Any], Any]]] = [
    (
        "categorical_cross_entropy",
        "shares",
        lambda z, t: functional.cross_entropy(z, t, reduction="none"),
    ),
    (
        "kl_div",
        "shares",
        lambda z, t: functional.kl_div(torch.log_softmax(z, -1), t, reduction="none").sum(-1),
    ),
]
LABELS = [0, 3, 1, 2, 1, 3, 2, 3, 0, 1]


def with_derivative(function: Callable[[Any], Any], x: list[Any], pulled: Any = None) -> Any:
    """Give the value and its derivative, times `pulled` where that is given."""
    point = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    value = function(point)
    by_value = torch.ones_like(value) if pulled is None else value.new_tensor(pulled)
    value.backward(by_value.expand_as(value))
    assert point.grad is not None
    return {"value": value.tolist(), "derivative": point.grad.tolist()}


def _against(function: Callable[[Any, Any], Any], target: Any, prediction: Any) -> Any:
    return function(prediction, target)


def main() -> None:
    """Write the file."""
    targets = {
        "targets": torch.tensor(TARGETS, dtype=torch.float64),
        "probabilities": torch.tensor(LOGIT_TARGETS, dtype=torch.float64),
        "counts": torch.tensor(COUNTS, dtype=torch.float64),
        "shares": torch.tensor(SHARES, dtype=torch.float64),
    }
    labels = torch.tensor(LABELS)
    write_json(
        PLACE,
        {
            "made_by": "tests/reference/make_parts.py",
            "torch": torch.__version__.partition("+")[0],
            "x": X,
            "activations": [
                {"name": name, "options": options, **with_derivative(function, X)}
                for name, options, function in ELEMENTWISE
            ],
            "rows": ROWS,
            "pulled": PULLED,
            "row_wise_activations": [
                {"name": name, **with_derivative(function, ROWS, PULLED)}
                for name, function in ROW_WISE
            ],
            "predictions": PREDICTIONS,
            "targets": TARGETS,
            "probabilities": LOGIT_TARGETS,
            "counts": COUNTS,
            "losses": [
                {
                    "name": name,
                    "options": options,
                    "against": against,
                    **with_derivative(partial(_against, function, targets[against]), PREDICTIONS),
                }
                for name, options, against, function in LOSSES
            ],
            "shares": SHARES,
            "row_losses": [
                {
                    "name": name,
                    "against": against,
                    **with_derivative(partial(_against, function, targets[against]), ROWS),
                }
                for name, against, function in ROW_LOSSES
            ],
            "labels": LABELS,
            "label_losses": [
                {
                    "name": "cross_entropy",
                    **with_derivative(
                        lambda z: functional.cross_entropy(z, labels, reduction="none"), ROWS
                    ),
                }
            ],
        },
    )
    print(f"{len(X)} points, {len(ROWS)} rows")


if __name__ == "__main__":
    main()
