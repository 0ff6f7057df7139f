"""From a name after `torch/` to a part. PyTorch is imported when the first one is asked for."""

from __future__ import annotations

from typing import Any

from nnplug import hookimpl


@hookimpl
def find_part(kind: str, name: str) -> Any:
    """Make the part of a class of PyTorch, by its name in lower case; None: it has no such class.

    Raises
    ------
    PartError
        If there is one, but it cannot be a part.
    """
    if kind == "activation":
        from nnplug_torch.activations import make_activation

        return make_activation(name)
    if kind == "loss":
        from nnplug_torch.losses import make_loss

        return make_loss(name)
    if kind == "optimizer":
        from nnplug_torch.optimizers import make_optimizer

        return make_optimizer(name)
    return None
