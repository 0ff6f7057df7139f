"""Write published.json: the parts of tests/plugins/published, as others compute them.

Run by hand, from the repository's root, with torch and pytorch_optimizer 4.1:

    python -m tests.reference.make_published

Optimizers take ten steps in float64 on a network 3-4-2 (tanh, then none; mean
squared error over rows and outputs) with seven rows. Adafactor is
PyTorch's; Shampoo, schedule-free SGD, SAM and Lookahead are
pytorch_optimizer's; Sophia and AdaHessian are written here as their papers
print them, with PyTorch's second derivatives. Biases are columns, so that
Shampoo takes them as matrices. Losses and activations are PyTorch's modules,
or formulas that PyTorch differentiates.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_optimizer import SAM, Lookahead, ScheduleFreeSGD, Shampoo
from pytorch_optimizer.optimizer import sam
from torch.nn import functional

from tests.reference.writing import write_json

PLACE = Path(__file__).with_name("published.json")
SHAPES = [(3, 4), (4, 1), (4, 2), (2, 1)]
STEPS, ROWS = 10, 7

torch.set_default_dtype(torch.float64)
generator = np.random.default_rng(21)
INPUTS, TARGETS = generator.normal(size=(ROWS, 3)), generator.normal(size=(ROWS, 2))
START = [generator.uniform(-1, 1, shape) for shape in SHAPES]
SIGNS = [np.where(generator.random(26) < 0.5, -1.0, 1.0) for _ in range(STEPS)]

Params = list[torch.nn.Parameter]


def squares(groups: Any, weight_adaptive: bool = True) -> torch.Tensor:
    """Sum the squares of all gradients in float64; pytorch_optimizer does in float32."""
    grads = [param.grad for group in groups for param in group["params"]]
    return torch.stack([torch.sum(grad**2) for grad in grads]).sum().reshape(1)


sam.get_global_gradient_norm = squares


def loss_of(params: Params) -> torch.Tensor:
    """Compute the mean squared error."""
    w1, b1, w2, b2 = params
    hidden = torch.tanh(torch.tensor(INPUTS) @ w1 + b1.T)
    return functional.mse_loss(hidden @ w2 + b2.T, torch.tensor(TARGETS))


def flat(params: Any) -> list[float]:
    """Give all parameters in one list."""
    return torch.cat([param.detach().reshape(-1) for param in params]).tolist()


def run(make: Callable[[Params], Any], closure: bool = False) -> dict[str, Any]:
    """Take ten steps."""
    params = [torch.nn.Parameter(torch.tensor(array)) for array in START]
    optimizer = make(params)
    after, shown = [], []
    for _ in range(STEPS):

        def again() -> torch.Tensor:
            optimizer.zero_grad()
            loss = loss_of(params)
            loss.backward()
            return loss

        again()
        optimizer.step(again) if closure else optimizer.step()
        after.append(flat(params))
        if isinstance(optimizer, ScheduleFreeSGD):
            optimizer.eval()
            shown.append(flat(params))
            optimizer.train()
    return {"parameters": after, **({"shown": shown} if shown else {})}


def run_curved(step: Callable[..., torch.Tensor]) -> dict[str, Any]:
    """Take ten steps of a formula that is given gradient and z·(H·z)."""
    theta = torch.tensor(np.concatenate([array.reshape(-1) for array in START]))
    sizes = [array.size for array in START]
    state: dict[str, torch.Tensor] = {}
    after = []
    for number in range(1, STEPS + 1):
        theta = theta.detach().requires_grad_()
        parts = [
            each.reshape(shape) for each, shape in zip(theta.split(sizes), SHAPES, strict=True)
        ]
        (grad,) = torch.autograd.grad(loss_of(parts), theta, create_graph=True)
        z = torch.tensor(SIGNS[number - 1])
        (product,) = torch.autograd.grad(grad, theta, grad_outputs=z)
        theta = step(theta.detach(), grad.detach(), z * product, number, state)
        after.append(theta.tolist())
    return {"parameters": after}


def sophia(theta: Any, g: Any, h_hat: Any, t: int, state: Any) -> Any:
    """Algorithm 3 of Liu et al., with η = 0.05, β = (0.9, 0.8), γ = 0.1, λ = 0.2, k = 3."""
    state["m"] = 0.9 * state.get("m", torch.zeros_like(g)) + (1 - 0.9) * g
    if t % 3 == 1:
        state["h"] = 0.8 * state.get("h", torch.zeros_like(g)) + (1 - 0.8) * h_hat
    theta = theta - 0.05 * 0.2 * theta
    return theta - 0.05 * torch.clamp(state["m"] / torch.clamp(0.1 * state["h"], min=1e-12), -1, 1)


def adahessian(theta: Any, g: Any, d: Any, t: int, state: Any) -> Any:
    """Algorithm 1 of Yao et al., with η = 0.05, β = (0.8, 0.95)."""
    state["m"] = 0.8 * state.get("m", torch.zeros_like(g)) + (1 - 0.8) * g
    state["v"] = 0.95 * state.get("v", torch.zeros_like(g)) + (1 - 0.95) * d * d
    m, v = state["m"] / (1 - 0.8**t), state["v"] / (1 - 0.95**t)
    return theta - 0.05 * m / (torch.sqrt(v) + 1e-8)


def optimizers() -> list[dict[str, Any]]:
    """Run all of them."""
    sgd, adam = torch.optim.SGD, torch.optim.Adam
    runs: dict[str, Callable[[], dict[str, Any]]] = {
        "adafactor:learning_rate=0.05": lambda: run(
            lambda p: torch.optim.Adafactor(p, lr=0.05, eps=(1e-30, 1e-3))
        ),
        "adafactor:learning_rate=0.8,d=1.2,decay=0.6": lambda: run(
            lambda p: torch.optim.Adafactor(p, lr=0.8, eps=(1e-30, 1e-3), d=1.2, beta2_decay=-0.6)
        ),
        "shampoo": lambda: run(lambda p: Shampoo(p, lr=0.1, matrix_eps=1.0)),
        "shampoo:learning_rate=0.3,epsilon=0.01": lambda: run(
            lambda p: Shampoo(p, lr=0.3, matrix_eps=0.01)
        ),
        "schedule_free:learning_rate=0.2": lambda: run(
            lambda p: ScheduleFreeSGD(p, lr=0.2, momentum=0.9)
        ),
        "schedule_free:learning_rate=0.1,beta=0.6": lambda: run(
            lambda p: ScheduleFreeSGD(p, lr=0.1, momentum=0.6)
        ),
        "lookahead:k=3[adam:learning_rate=0.05]": lambda: run(
            lambda p: Lookahead(adam(p, lr=0.05), k=3, alpha=0.5)
        ),
        "lookahead:k=4,alpha=0.3[momentum:learning_rate=0.1]": lambda: run(
            lambda p: Lookahead(sgd(p, lr=0.1, momentum=0.9), k=4, alpha=0.3)
        ),
        "sam[sgd:learning_rate=0.1]": lambda: run(lambda p: SAM(p, sgd, rho=0.05, lr=0.1), True),
        "sam:rho=0.5[adam:learning_rate=0.05]": lambda: run(
            lambda p: SAM(p, adam, rho=0.5, lr=0.05), True
        ),
        "lookahead:k=2[sam:rho=0.5[sgd:learning_rate=0.1]]": lambda: run(
            lambda p: Lookahead(SAM(p, sgd, rho=0.5, lr=0.1), k=2, alpha=0.5), True
        ),
        "sophia:learning_rate=0.05,beta1=0.9,beta2=0.8,gamma=0.1,weight_decay=0.2,k=3": lambda: (
            run_curved(sophia)
        ),
        "adahessian:learning_rate=0.05,beta1=0.8,beta2=0.95": lambda: run_curved(adahessian),
    }
    return [{"optimizer": text, **make()} for text, make in runs.items()]


def losses() -> list[dict[str, Any]]:
    """Give the mean loss and its derivative by the outputs."""
    draw = np.random.default_rng(22)

    def one(text: str, outputs: Any, target: Any, value: Callable[..., Any]) -> dict[str, Any]:
        x = torch.tensor(outputs, requires_grad=True)
        loss = value(x, torch.tensor(target))
        loss.backward()
        return {
            "loss": text, "outputs": outputs.tolist(), "target": target.tolist(),
            "value": loss.item(), "gradient": x.grad.tolist(),
        }  # fmt: skip

    def nll(x: Any, y: Any) -> Any:
        mean, log_variance = x[:, :2], x[:, 2:]
        return torch.nn.GaussianNLLLoss(eps=1e-300)(mean, y, torch.exp(log_variance))

    def hard(x: Any, y: Any) -> Any:
        distance = torch.cdist(x.detach(), x.detach())
        same = y == y.T
        positive = torch.where(same, distance, -1.0).argmax(1)
        negative = torch.where(same, torch.inf, distance).argmin(1)
        return torch.nn.TripletMarginLoss(margin=0.9, eps=0.0)(x, x[positive], x[negative])

    def dice(x: Any, y: Any) -> Any:
        return 1 - (2 * (x * y).sum() + 0.5) / (x.sum() + y.sum() + 0.5)

    shares = draw.random((6, 3))
    shares /= shares.sum(1, keepdims=True)
    labels = np.array([[0], [0], [1], [1], [2], [2], [2], [0]])
    return [
        one("gaussian_nll", draw.normal(size=(5, 4)), draw.normal(size=(5, 2)), nll),
        one("batch_hard:margin=0.9", draw.normal(size=(8, 3)), labels, hard),
        one("batch_dice:smooth=0.5", draw.random((6, 2)), 1.0 * (draw.random((6, 2)) > 0.5), dice),
        one("soft_cross_entropy", draw.normal(size=(6, 3)), shares, functional.cross_entropy),
    ]


def project(row: Any) -> Any:
    """Find τ with Σ max(z - τ, 0) = 1 by bisection, which needs no sort."""
    low, high = row.min() - 1, row.max()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(row - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(row - low, 0)


def activations() -> dict[str, Any]:
    """Give values and derivatives; the noise that RReLU drew is read from what it gave."""
    draw = np.random.default_rng(23)
    x, g = draw.normal(size=(6, 4)), draw.normal(size=(6, 4))
    given, rows = torch.tensor(g), torch.tensor(x, requires_grad=True)
    torch.manual_seed(5)
    module = torch.nn.RReLU(0.1, 0.6)
    y = module(rows)
    y.backward(given)
    assert rows.grad is not None
    slope = np.where(x < 0, y.detach().numpy() / x, 0.1)
    rrelu = {
        "noise": ((slope - 0.1) / 0.5).tolist(), "value": y.tolist(),
        "gradient": rows.grad.tolist(), "evaluated": module.eval()(rows).tolist(),
    }  # fmt: skip
    frequency = torch.tensor([0.5, 1.0, 3.0, 0.2], requires_grad=True)
    rows = torch.tensor(x, requires_grad=True)
    y = rows + torch.sin(frequency * rows) ** 2 / frequency
    y.backward(given)
    assert rows.grad is not None
    assert frequency.grad is not None
    snake = {
        "a": frequency.tolist(), "value": y.tolist(), "gradient": rows.grad.tolist(),
        "gradient_a": frequency.grad.tolist(),
    }  # fmt: skip
    arrays = {name: torch.tensor(draw.normal(size=size), requires_grad=True)
              for name, size in (("W", (4, 3)), ("V", (4, 3)), ("b", 3), ("c", 3))}  # fmt: skip
    rows = torch.tensor(x, requires_grad=True)
    out = functional.silu(rows @ arrays["W"] + arrays["b"]) * (rows @ arrays["V"] + arrays["c"])
    out.backward(given[:, :3])
    gated = {
        "arrays": {name: each.tolist() for name, each in arrays.items()}, "value": out.tolist(),
        "gradients": {name: each.grad.tolist() for name, each in arrays.items()},  # type: ignore[union-attr]  # backward was called
    }  # fmt: skip
    shares = np.array([project(row) for row in x])
    # Martins & Astudillo, eq. 11: a derivative goes to what is above 0, less its mean there.
    kept = shares > 0
    mean = (g * kept).sum(axis=1, keepdims=True) / kept.sum(axis=1, keepdims=True)
    sparsemax = {"value": shares.tolist(), "gradient": (kept * (g - mean)).tolist()}
    return {"x": x.tolist(), "g": g.tolist(), "rrelu": rrelu, "sparsemax": sparsemax,
            "unit_snake": snake, "gated_swish": gated}  # fmt: skip


def main() -> None:
    """Write the file."""
    write_json(
        PLACE,
        {
            "made_by": "tests/reference/make_published.py",
            "torch": torch.__version__.partition("+")[0],
            "pytorch_optimizer": version("pytorch_optimizer"),
            "inputs": INPUTS.tolist(),
            "targets": TARGETS.tolist(),
            "initial": np.concatenate([array.reshape(-1) for array in START]).tolist(),
            "signs": [signs.tolist() for signs in SIGNS],
            "optimizers": optimizers(),
            "losses": losses(),
            "activations": activations(),
        },
    )


if __name__ == "__main__":
    main()
