"""Write layers.json: ten steps of networks of layers, as PyTorch takes them.

Run by hand, with the torch of the `bench` extra, from the repository's root:

    python -m tests.reference.make_layers

Networks of five inputs and two outputs learn from twelve rows in float64, mean
squared error over rows and outputs: by SGD in batches of unequal sizes, and by
Adam with all rows in each step. The file holds all numbers of the run, so the
test needs neither torch nor this script.

Dropout drops what nnplug drops: of each step one generator, made as
`docs/explanation/numerics.md` says, gives uniform numbers layer by layer.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tests.reference.writing import write_json

PLACE = Path(__file__).with_name("layers.json")
SEED = 11
ROWS, INPUTS, OUTPUTS = 12, 5, 2
STEPS = 10
# Passes of 5 + 5 + 2 rows, the rows of each in another order.
ORDERS = [np.random.default_rng([20, number]).permutation(ROWS).tolist() for number in range(4)]
BATCHES = [order[start : start + 5] for order in ORDERS for start in (0, 5, 10)][:STEPS]

Module = nn.Module
Tensor = torch.Tensor


class Dropout(Module):
    """Dropout of a given share, by noise from outside."""

    def __init__(self, rate: float, noise: Noise) -> None:
        super().__init__()
        self.rate, self.noise = rate, noise

    def forward(self, x: Tensor) -> Tensor:
        """Drop in training."""
        if not self.training:
            return x
        kept = torch.tensor(self.noise.draw(*x.shape) >= self.rate)
        return torch.where(kept, x / (1 - self.rate), 0.0)


class Noise:
    """The uniform numbers of a step."""

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, step: int) -> None:
        """Begin a step, of which the first is 1."""
        entropy = (SEED, zlib.crc32(b"dropout"), 0, step)
        self._generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))

    def draw(self, rows: int, columns: int) -> np.ndarray:
        """Draw a layer's numbers."""
        return self._generator.random((rows, columns))


class Residual(Module):
    """x + what other layers make of it."""

    def __init__(self, *inner: Module) -> None:
        super().__init__()
        self.inner = nn.Sequential(*inner)

    def forward(self, x: Tensor) -> Tensor:
        """Add."""
        return x + self.inner(x)


class Gated(Module):
    """Two dense layers, put together by a function."""

    def __init__(self, inputs: int, units: int, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.value, self.gate = nn.Linear(inputs, units), nn.Linear(inputs, units)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Apply both, then the function."""
        return self.function(self.value(x), self.gate(x))


class Maxout(Module):
    """The largest of some dense layers; their weights come before their biases."""

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList(torch.zeros(units, inputs) for _ in range(pieces))
        self.biases = nn.ParameterList(torch.zeros(units) for _ in range(pieces))

    def forward(self, x: Tensor) -> Tensor:
        """Take the largest."""
        pairs = zip(self.weights, self.biases, strict=True)
        return torch.stack([functional.linear(x, w, b) for w, b in pairs]).amax(0)


class Scale(Module):
    """A factor for each input."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(inputs))

    def forward(self, x: Tensor) -> Tensor:
        """Multiply."""
        return self.factor * x


def swiglu(value: Tensor, gate: Tensor) -> Tensor:
    """Swish of the one, times the other."""
    return functional.silu(value) * gate


def gated(inputs: int, units: int) -> Gated:
    """PyTorch's gated linear unit, of which the second half is the gate."""
    return Gated(inputs, units, lambda a, b: functional.glu(torch.cat([a, b], -1)))


Linear = nn.Linear
# What nnplug is given beside what PyTorch is given, without the dense layer of the outputs.
CASES: list[tuple[str, Callable[[Noise], list[Module]], int]] = [
    ("dense:6 tanh dense:4 relu", lambda _: [
        Linear(5, 6), nn.Tanh(), Linear(6, 4), nn.ReLU()], 4),
    ("dense:1 tanh dense:3 sigmoid", lambda _: [
        Linear(5, 1), nn.Tanh(), Linear(1, 3), nn.Sigmoid()], 3),
    ("batch_norm dense:6 batch_norm tanh", lambda _: [
        nn.BatchNorm1d(5), Linear(5, 6), nn.BatchNorm1d(6), nn.Tanh()], 6),
    ("dense:6 batch_norm:momentum=0.3,epsilon=0.1 gelu", lambda _: [
        Linear(5, 6), nn.BatchNorm1d(6, momentum=0.3, eps=0.1), nn.GELU()], 6),
    ("dense:6 layer_norm gelu", lambda _: [
        Linear(5, 6), nn.LayerNorm(6), nn.GELU()], 6),
    ("layer_norm:0.1 dense:6 tanh", lambda _: [
        nn.LayerNorm(5, eps=0.1), Linear(5, 6), nn.Tanh()], 6),
    ("dense:6 rms_norm silu", lambda _: [
        Linear(5, 6), nn.RMSNorm(6, eps=1e-6), nn.SiLU()], 6),
    ("rms_norm:0.1 dense:6 tanh", lambda _: [
        nn.RMSNorm(5, eps=0.1), Linear(5, 6), nn.Tanh()], 6),
    ("dropout:0.2 dense:8 tanh dropout dense:6 silu dropout:0.3", lambda noise: [
        Dropout(0.2, noise), Linear(5, 8), nn.Tanh(), Dropout(0.5, noise),
        Linear(8, 6), nn.SiLU(), Dropout(0.3, noise)], 6),
    ("dense:6 residual[dense:4 tanh batch_norm dense:6] layer_norm", lambda _: [
        Linear(5, 6),
        Residual(Linear(6, 4), nn.Tanh(), nn.BatchNorm1d(4), Linear(4, 6)),
        nn.LayerNorm(6)], 6),
    ("residual[dense:6 dropout:0.2 gelu residual[rms_norm dense:6 silu] dropout:0.4 dense:5]",
     lambda noise: [Residual(
         Linear(5, 6), Dropout(0.2, noise), nn.GELU(),
         Residual(nn.RMSNorm(6, eps=1e-6), Linear(6, 6), nn.SiLU()),
         Dropout(0.4, noise), Linear(6, 5))], 5),
    ("dense:6 prelu dense:3 prelu", lambda _: [
        Linear(5, 6), nn.PReLU(6), Linear(6, 3), nn.PReLU(3)], 3),
    ("glu:7", lambda _: [gated(5, 7)], 7),
    ("swiglu:7 swiglu:3", lambda _: [
        Gated(5, 7, swiglu), Gated(7, 3, swiglu)], 3),
    ("maxout:4,pieces=3 maxout:3", lambda _: [Maxout(5, 4, 3), Maxout(4, 3, 2)], 3),
    ("scale dense:4 tanh scale", lambda _: [Scale(5), Linear(5, 4), nn.Tanh(), Scale(4)], 4),
    # All of them.
    ("scale dense:6 prelu layer_norm maxout:4 residual[dense:3 tanh dense:4] rms_norm glu:3 "
     "swiglu:5", lambda _: [
        Scale(5), Linear(5, 6), nn.PReLU(6), nn.LayerNorm(6), Maxout(6, 4, 2),
        Residual(Linear(4, 3), nn.Tanh(), Linear(3, 4)),
        nn.RMSNorm(4, eps=1e-6), gated(4, 3), Gated(3, 5, swiglu)], 5),
    ("dense:6 residual[dropout:0.2 dense:4 prelu batch_norm maxout:6,pieces=3] dropout:0.3",
     lambda noise: [
        Linear(5, 6),
        Residual(Dropout(0.2, noise), Linear(6, 4), nn.PReLU(4), nn.BatchNorm1d(4),
                 Maxout(4, 6, 3)),
        Dropout(0.3, noise)], 6),
]  # fmt: skip
"""With the width of the last layer."""

# Before a batch norm a bias has no gradient but roundings, which Adam would
# divide by their own size: a larger epsilon keeps them roundings.
OPTIMIZERS: list[tuple[str, str, Callable[..., torch.optim.Optimizer]]] = [
    ("sgd:learning_rate=0.05", "batches", lambda params: torch.optim.SGD(params, lr=0.05)),
    (
        "adam:learning_rate=0.02,epsilon=0.001",
        "full",
        lambda params: torch.optim.Adam(params, lr=0.02, eps=0.001),
    ),
]


def arrays_of(tensors: Any) -> list[Any]:
    """Give arrays as nnplug has them: a matrix's first dimension is that of the inputs."""
    return [
        (tensor.T if tensor.ndim == 2 else tensor).tolist()
        for tensor in (each.detach() for each in tensors)
    ]


def states_of(model: Module) -> list[Any]:
    """List running means and variances, not PyTorch's counts of batches."""
    return arrays_of(each for name, each in model.named_buffers() if "num_batches" not in name)


def main() -> None:
    """Write the file."""
    torch.set_default_dtype(torch.float64)
    generator = np.random.default_rng(21)
    inputs, targets = generator.normal(size=(ROWS, INPUTS)), generator.normal(size=(ROWS, OUTPUTS))
    x, y = torch.tensor(inputs), torch.tensor(targets)
    sequences = {"full": [list(range(ROWS))] * STEPS, "batches": BATCHES}
    runs = []
    for text, make, width in CASES:
        for ours, sequence, theirs in OPTIMIZERS:
            noise = Noise()
            model = nn.Sequential(*make(noise), Linear(width, OUTPUTS))
            params = list(model.parameters())
            with torch.no_grad():
                for param in params:
                    param.copy_(torch.tensor(generator.uniform(-0.7, 0.7, tuple(param.shape))))
            start = arrays_of(params)
            optimizer = theirs(params)
            losses = []
            for number, rows in enumerate(sequences[sequence]):
                noise.begin(number + 1)
                optimizer.zero_grad()
                loss = functional.mse_loss(model(x[rows]), y[rows])
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            model.eval()
            runs.append(
                {
                    "layers": text,
                    "optimizer": ours,
                    "batches": sequence,
                    "initial": start,
                    "losses": losses,
                    "parameters": arrays_of(params),
                    "states": states_of(model),
                    "outputs": model(x).tolist(),
                }
            )
    write_json(
        PLACE,
        {
            "made_by": "tests/reference/make_layers.py",
            "torch": torch.__version__.partition("+")[0],
            "layout": "arrays in order of the layers; a matrix has a row for each input",
            "seed": SEED,
            "inputs": inputs.tolist(),
            "targets": targets.tolist(),
            "sequences": sequences,
            "runs": runs,
        },
    )
    print(f"{len(runs)} runs")


if __name__ == "__main__":
    main()
