"""PyTorch, eager, on its defaults; its threads are those of OMP_NUM_THREADS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TITLE = "PyTorch"
RANK = 4
PACKAGES = ("torch",)


def supports(work: Any) -> bool:
    """Take any work whose parts stand below."""
    return True


def run(work: Any, arrays: dict[str, Any], clock: Any, **options: Any) -> float:
    """Train, as its tutorials do, but for the loss, which is read once an epoch.

    Parameters
    ----------
    options
        Of the optimizer.
    """
    with clock("import"):
        import torch
        from torch import nn

        from tests.benchmarks.torch_parts import Lion
    losses = {"mse": nn.MSELoss, "cross_entropy": nn.CrossEntropyLoss}
    optimizers: dict[str, Any] = {
        "sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "lion": Lion,
    }  # fmt: skip
    with clock("plan"):
        model = _model(work, arrays)
        measure = losses[work.loss]()
        optimizer = optimizers[work.optimizer](model.parameters(), lr=work.learning_rate, **options)
        dtype = getattr(torch, work.dtype)
        inputs = torch.from_numpy(arrays["inputs"]).to(dtype)
        targets = torch.from_numpy(arrays["targets"])
        if work.loss == "mse":
            targets = targets.to(dtype)
        rows = len(inputs)
        size = work.batch_size or rows
        history = []
    with clock("loop"):
        for epoch in range(work.epochs):
            total = torch.zeros((), dtype=torch.float64)
            order = None if work.batch_size is None else torch.from_numpy(work.order(epoch, rows))
            for start in range(0, rows, size):
                if order is None:
                    x, y = inputs, targets
                else:
                    batch = order[start : start + size]
                    x, y = inputs[batch], targets[batch]
                optimizer.zero_grad()
                loss = measure(model(x), y)
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(x)
            history.append(total.item() / rows)
    return float(history[-1])


def predictor(work: Any, arrays: dict[str, Any], clock: Any) -> Callable[[Any], Any]:
    """Give the model's forward pass, in evaluation mode and without gradients."""
    with clock("import"):
        import torch
    with clock("plan"):
        model = _model(work, arrays).eval()

    def predict(x: Any) -> Any:
        with torch.no_grad():
            return model(torch.from_numpy(x)).argmax(dim=1).numpy()

    return predict


def _model(work: Any, arrays: dict[str, Any]) -> Any:
    import torch
    from torch import nn

    from tests.benchmarks.torch_parts import Squareplus

    functions: dict[str, type[nn.Module]] = {
        "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "squareplus": Squareplus,
        "identity": nn.Identity,
    }  # fmt: skip
    dtype = getattr(torch, work.dtype)
    steps: list[nn.Module] = []
    layers = list(zip(work.widths, work.widths[1:], strict=False))
    for number, (fan_in, fan_out) in enumerate(layers):
        linear = nn.Linear(fan_in, fan_out, dtype=dtype)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(arrays[f"weight{number}"].T))
            linear.bias.copy_(torch.from_numpy(arrays[f"bias{number}"]))
        last = number == len(layers) - 1
        steps += [linear, functions[work.output if last else work.hidden]()]
    return nn.Sequential(*[step for step in steps if not isinstance(step, nn.Identity)])
