"""PyTorch, eager, on its defaults; its threads are those of OMP_NUM_THREADS."""

from __future__ import annotations

from typing import Any

TITLE = "PyTorch"
RANK = 3
PACKAGES = ("torch",)


def supports(work: Any) -> bool:
    """Take any work."""
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
    functions = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "identity": nn.Identity}
    losses = {"mse": nn.MSELoss, "cross_entropy": nn.CrossEntropyLoss}
    optimizers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    with clock("plan"):
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
        model = nn.Sequential(*[step for step in steps if not isinstance(step, nn.Identity)])
        measure = losses[work.loss]()
        optimizer: Any = optimizers[work.optimizer](
            model.parameters(), lr=work.learning_rate, **options
        )
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
