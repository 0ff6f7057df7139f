"""The activations of `torch.nn`."""

from __future__ import annotations

from typing import Any

import nnplug
import torch
from nnplug import Opaque
from nnplug.errors import PartError
from nnplug.parts import Activation
from torch.nn.modules import activation as modules

from nnplug_torch.calling import arguments_of, by_name, options_of, signed, tensor, title

_REASONS = {
    "rrelu": "it is random in training",
    "glu": "it gives half as many numbers as it gets; nnplug's layer glu is one",
    "multiheadattention": "it takes sequences",
    "prelu": "it has a parameter of its own",
    "softmax2d": "it takes images",
}

_GIVES = {
    "sigmoid": "probabilities",
    "softmax": "probabilities",
    "softmin": "probabilities",
    "logsoftmax": "log_probabilities",
}


def make_activation(name: str) -> Activation | None:
    """Make the part of a module of `torch.nn`; None if there is no such activation."""
    made = by_name(torch.nn, modules.__all__, name)
    if made is None:
        return None
    if name in _REASONS:
        raise PartError(f"torch.nn.{made.__name__} cannot be an activation: {_REASONS[name]}.")
    along_rows = {"dim": -1} if name in ("softmax", "softmin", "logsoftmax") else {}

    def value(x: Any, **options: Any) -> Any:
        return made(**arguments_of(made, options), **along_rows)(tensor(x)).numpy()

    def pull_back(g: Any, x: Any, **options: Any) -> Any:
        inputs = tensor(x, learned=True)
        outputs = made(**arguments_of(made, options), **along_rows)(inputs)
        (slope,) = torch.autograd.grad(outputs, [inputs], tensor(g).to(outputs.dtype))
        return slope.numpy()

    called = Opaque(title(made), value, pull_back)

    def function(x: Any, **options: Any) -> Any:
        return called(x, **options)

    doc = f"PyTorch's {made.__name__}: torch.nn.{made.__name__}, called as it stands."
    signed(function, name, doc, ["x"], options_of(made))
    gives: Any = _GIVES.get(name, "")
    return nnplug.activation(name=name, gives=gives)(function)
