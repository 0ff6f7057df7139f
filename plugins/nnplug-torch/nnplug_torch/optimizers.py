"""The optimizers of `torch.optim`.

What an optimizer of PyTorch keeps for a tensor is a dictionary of tensors. Each
of them has a slot of nnplug, of the parameter's shape: its numbers come first,
in their order, and zeros after them. The count of steps is nnplug's own.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import nnplug
import numpy as np
import torch
from nnplug import Opaque
from nnplug.errors import PartError
from nnplug.parts import Optimizer

from nnplug_torch.calling import Option, arguments_of, by_name, options_of, signed, tensor, title

_REASONS = {
    "lbfgs": "it evaluates the loss several times a step",
    "sparseadam": "it takes sparse gradients",
    "optimizer": "it is the base of the others",
}

_RANGES: dict[str, dict[str, str]] = {
    "rprop": {"eta1": "(0, 1)", "eta2": "(1, inf)"},
    "adafactor": {"d": "[1, inf)"},
}
"""Numbers that PyTorch accepts, where a usual change of the default is refused."""

Shape = tuple[int, ...]
Layout = tuple[tuple[str, Shape, torch.dtype], ...]
"""What is kept for a tensor, in order; NAdam keeps a float32 beside float64."""


def make_optimizer(name: str) -> Optimizer | None:
    """Make the part of a class of `torch.optim`; None if there is no such optimizer."""
    names = [own for own, value in vars(torch.optim).items() if inspect.isclass(value)]
    made = by_name(torch.optim, names, name)
    if made is None:
        return None
    if name in _REASONS:
        raise PartError(f"torch.optim.{made.__name__} cannot be an optimizer: {_REASONS[name]}.")
    options = options_of(made)
    rate = inspect.signature(made).parameters["lr"].default
    called = Opaque(title(made), _Step(made))

    def function(
        param: Any, grad: Any, *slots: Any, step: Any, learning_rate: Any, **given: Any
    ) -> Any:
        return called.several(1 + len(slots), param, grad, *slots, step, learning_rate, **given)

    doc = f"PyTorch's {made.__name__}: torch.optim.{made.__name__}, called as it stands."
    named = {"step": inspect.Parameter.empty, "learning_rate": float(rate), **options}
    slots = _slots(made, tuple(options.items()))
    signed(function, name, doc, ["param", "grad", *slots], named)
    part = nnplug.optimizer(name=name, ranges=_RANGES.get(name, {}))(function)
    return _TorchOptimizer(**{**vars(part), "made": made})


@dataclass(frozen=True, eq=False, repr=False)
class _TorchOptimizer(Optimizer):
    """An optimizer whose slots depend on its options, as on Adam's amsgrad.

    Attributes
    ----------
    made : type
        The class of `torch.optim`.
    """

    made: type = torch.optim.Optimizer

    def with_options(self, /, **values: Any) -> Any:
        """Make it with other options; `lr` is the learning rate."""
        if "lr" in values and "learning_rate" not in values:
            values["learning_rate"] = values.pop("lr")
        changed = super().with_options(**values)
        own = {key: value for key, value in changed.options.items() if key != "learning_rate"}
        return replace(changed, own_slots=_slots(self.made, tuple(own.items())))


@dataclass(frozen=True)
class _Step:
    """One step of an optimizer, from what it kept to what it keeps."""

    made: Any

    def __call__(self, param: Any, grad: Any, *given: Any, **options: Option) -> tuple[Any, ...]:
        *slots, step, rate = given
        weight = torch.nn.Parameter(tensor(param))
        own = tuple(options.items())
        layout = _layout(self.made, own, tuple(weight.shape), weight.dtype)
        places = {key: place for place, key in enumerate(_slots(self.made, own))}
        weight.grad = tensor(grad)
        arguments = arguments_of(self.made, options)
        optimizer = self.made([weight], lr=float(rate), **arguments)
        if float(step) > 1:
            kept: dict[str, Any] = {"step": torch.tensor(float(step) - 1)}
            for key, shape, dtype in layout:
                numbers = tensor(slots[places[_slot(key)]]).reshape(-1)
                kept[key] = numbers[: int(np.prod(shape))].reshape(shape).to(dtype)
            optimizer.state[weight] = kept
        optimizer.step()
        new = [np.zeros_like(param) for _ in slots]
        for key, shape, _ in layout:
            numbers = optimizer.state[weight][key]
            new[places[_slot(key)]].reshape(-1)[: int(np.prod(shape))] = numbers.reshape(-1)
        return (weight.detach().numpy(), *new)


def _slot(key: str) -> str:
    return key.strip("_")


@lru_cache(maxsize=1000)
def _layout(
    made: Any, options: tuple[tuple[str, Option], ...], shape: Shape, dtype: torch.dtype
) -> Layout:
    """Find what is kept for a tensor, by taking a step."""
    weight = torch.nn.Parameter(torch.full(shape, 0.5, dtype=dtype))
    weight.grad = torch.ones(shape, dtype=dtype)
    try:
        optimizer = made([weight], lr=1e-3, **arguments_of(made, dict(options)))
        optimizer.step()
    except Exception as error:
        raise PartError(
            f"torch.optim.{made.__name__} refuses a tensor of shape {shape}: {error}"
        ) from error
    found = []
    for key, value in optimizer.state[weight].items():
        if key == "step" or value is None:
            continue
        numbers = torch.as_tensor(value)
        if numbers.numel() > weight.numel():
            raise PartError(
                f"torch.optim.{made.__name__} keeps {key} of shape {tuple(numbers.shape)} for a "
                f"tensor of shape {shape}: more numbers than a slot of nnplug has."
            )
        found.append((key, tuple(numbers.shape), numbers.dtype))
    return tuple(found)


@lru_cache(maxsize=1000)
def _slots(made: Any, options: tuple[tuple[str, Option], ...]) -> tuple[str, ...]:
    """Name the slots: what is kept for a matrix or for a vector."""
    names: dict[str, None] = {}
    refused = []
    for shape in ((3, 4), (5,)):
        try:
            layout = _layout(made, options, shape, torch.float64)
            names |= dict.fromkeys(_slot(key) for key, *_ in layout)
        except PartError as error:
            refused.append(error)
    if len(refused) == 2:
        raise refused[0]
    return tuple(names)
