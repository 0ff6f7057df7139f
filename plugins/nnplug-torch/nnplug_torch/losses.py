"""The losses of `torch.nn` that are a number for each element or row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import nnplug
import torch
from nnplug import Opaque
from nnplug.errors import PartError
from nnplug.parts import Loss
from torch.nn.modules import loss as modules

from nnplug_torch.calling import arguments_of, by_name, options_of, signed, tensor, title


@dataclass(frozen=True)
class _Form:
    """What a loss takes, and how its target is written in PyTorch."""

    takes: Literal["prediction", "logits", "probabilities"] = "prediction"
    against: Literal["target", "labels"] = "target"
    by: Literal["element", "row"] = "element"
    link: Any = None
    targets: Any = None
    signs: bool = False
    """Whether a target of 0 is -1 in PyTorch."""
    fails: dict[str, str] | None = None
    """Checks of the conformance kit that PyTorch's loss fails."""


_FORMS = {
    "l1loss": _Form(),
    "mseloss": _Form(),
    "huberloss": _Form(),
    "smoothl1loss": _Form(),
    "bceloss": _Form(
        "probabilities", fails={"gradient": "PyTorch refuses a number that is not within [0, 1]"}
    ),
    "bcewithlogitsloss": _Form("logits"),
    "softmarginloss": _Form(
        "logits", signs=True, targets="binary", fails={"finite": "PyTorch's exponential overflows"}
    ),
    "multilabelsoftmarginloss": _Form("logits", by="row"),
    "poissonnllloss": _Form(link="log"),
    "crossentropyloss": _Form("logits", "labels", "row"),
    "multimarginloss": _Form("logits", "labels", "row"),
}


def make_loss(name: str) -> Loss | None:
    """Make the part of a module of `torch.nn`; None if there is no such loss."""
    made = by_name(torch.nn, modules.__all__, name)
    if made is None:
        return None
    form = _FORMS.get(name)
    if form is None:
        raise PartError(
            f"torch.nn.{made.__name__} cannot be a loss here: it takes something other than an "
            "output and a target, or what a network of nnplug does not give.\n"
            f"There are {', '.join(_FORMS)}."
        )

    def errors(inputs: torch.Tensor, target: Any, options: dict[str, Any]) -> torch.Tensor:
        wanted = tensor(target).to(inputs.dtype)
        if form.against == "labels":
            wanted = wanted[:, 0].long()
        elif form.signs:
            wanted = 2 * wanted - 1
        called: Any = made(**arguments_of(made, options), reduction="none")
        each: torch.Tensor = called(inputs, wanted)
        return each[:, None] if form.by == "row" else each

    def value(x: Any, target: Any, **options: Any) -> Any:
        return errors(tensor(x), target, options).numpy()

    def pull_back(g: Any, x: Any, target: Any, **options: Any) -> Any:
        inputs = tensor(x, learned=True)
        each = errors(inputs, target, options)
        (slope,) = torch.autograd.grad(each, [inputs], tensor(g).to(each.dtype))
        return slope.numpy()

    called = Opaque(title(made), value, pull_back, by=form.by)
    function = _named(called, form)
    doc = f"PyTorch's {made.__name__}: torch.nn.{made.__name__}, called as it stands."
    signed(function, name, doc, [form.takes, form.against], options_of(made))
    return nnplug.loss(
        name=name, link=form.link, targets=form.targets, expected_failures=form.fails
    )(function)


def _named(called: Opaque, form: _Form) -> Callable[..., Any]:
    """Make a function whose arguments have the names that say what it takes."""
    if form.against == "labels":

        def of_labels(logits: Any, labels: Any, **options: Any) -> Any:
            return called(logits, labels, **options)

        return of_labels
    if form.takes == "logits":

        def of_logits(logits: Any, target: Any, **options: Any) -> Any:
            return called(logits, target, **options)

        return of_logits
    if form.takes == "probabilities":

        def of_probabilities(probabilities: Any, target: Any, **options: Any) -> Any:
            return called(probabilities, target, **options)

        return of_probabilities

    def of_prediction(prediction: Any, target: Any, **options: Any) -> Any:
        return called(prediction, target, **options)

    return of_prediction
