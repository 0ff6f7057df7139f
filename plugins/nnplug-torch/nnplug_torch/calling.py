"""Arrays as tensors and back, and the options of PyTorch's classes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

Option = bool | int | float | str

_PASSED = {"self", "params", "lr", "dim", "device", "dtype", "args", "kwargs"}
"""Arguments that are not options: nnplug gives them, or they have no meaning here."""

_LEFT_OUT = {
    "inplace", "min_value", "max_value", "reduction", "reduce", "size_average", "weight",
    "pos_weight", "ignore_index", "log_input", "foreach", "maximize", "capturable",
    "differentiable", "fused",
}  # fmt: skip
"""Arguments that keep PyTorch's default: how it computes, or what nnplug has of its own."""

TEXT = "none"
"""How an option is written that is None in PyTorch."""


def title(made: type) -> str:
    """Write a class with PyTorch's version, which stands for its formula."""
    module = made.__module__.partition(".modules")[0]
    module = "torch.optim" if module.startswith("torch.optim") else module
    return f"{module}.{made.__name__} of torch {torch.__version__}"


def tensor(array: Any, *, learned: bool = False) -> torch.Tensor:
    """Copy an array, or a number in float64."""
    numbers = np.asarray(array)
    if numbers.dtype.kind != "f":
        numbers = numbers.astype(np.float64)
    return torch.tensor(numbers, requires_grad=learned)


def options_of(made: type) -> dict[str, Option]:
    """Give the options of a class with their defaults, each a single number, truth value or text.

    A pair such as `betas` is written as `beta1` and `beta2`. What has no
    default begins at 0.
    """
    found: dict[str, Option] = {}
    for argument in inspect.signature(made).parameters.values():
        if argument.name in _PASSED | _LEFT_OUT:
            continue
        default = 0.0 if argument.default is argument.empty else argument.default
        if isinstance(default, tuple):
            base = _single(argument.name)
            found |= {
                f"{base}{place}": _plain(value, "float") for place, value in enumerate(default, 1)
            }
        else:
            found[argument.name] = _plain(default, str(argument.annotation))
    return found


def _single(name: str) -> str:
    """Name one of a pair: `beta` of betas, but `eps` of eps."""
    return name if name == "eps" else name.removesuffix("s")


def _plain(value: Any, annotation: str) -> Option:
    if value is None:
        return TEXT
    # Some numbers have a default that is written without a point.
    return float(value) if type(value) is int and "float" in annotation else value


def arguments_of(made: type, options: dict[str, Option]) -> dict[str, Any]:
    """Give the arguments of a class from a part's options."""
    given: dict[str, Any] = {}
    for argument in inspect.signature(made).parameters.values():
        if isinstance(argument.default, tuple):
            base = _single(argument.name)
            places = range(1, len(argument.default) + 1)
            given[argument.name] = tuple(
                _value(options[f"{base}{place}"], default)
                for place, default in zip(places, argument.default, strict=True)
            )
        elif argument.name in options:
            given[argument.name] = _value(options[argument.name], argument.default)
    return given


def _value(option: Option, default: Any) -> Any:
    """Read an option that is None by default: a number, or text."""
    if default is not None or not isinstance(option, str):
        return option
    if option == TEXT:
        return None
    try:
        return float(option)
    except ValueError:
        return option


def signed(
    function: Callable[..., Any],
    name: str,
    doc: str,
    positional: Iterable[str],
    named: dict[str, Any],
) -> Callable[..., Any]:
    """Give a function the name, the docstring and the signature from which a part is made.

    Parameters
    ----------
    named : dict
        The keyword arguments with their defaults; `inspect.Parameter.empty` for none.
    """
    kinds = inspect.Parameter
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    made = [kinds(each, kinds.POSITIONAL_OR_KEYWORD) for each in positional]
    made += [kinds(key, kinds.KEYWORD_ONLY, default=value) for key, value in named.items()]
    function.__signature__ = inspect.Signature(made)  # type: ignore[attr-defined]  # inspect reads it
    return function


def by_name(module: Any, names: Iterable[str], name: str) -> type | None:
    """Find a class by its name in lower case."""
    return next((getattr(module, own) for own in names if own.lower() == name), None)
