"""From a name after `optax/` to a part. JAX is imported when the first one is asked for."""

from __future__ import annotations

from typing import Any

from nnplug import hookimpl


@hookimpl
def find_part(kind: str, name: str) -> Any:
    """Make the part of a function of optax, by its name; None: it has no such function.

    Raises
    ------
    PartError
        If there is one, but it cannot be a part.
    """
    if kind != "optimizer":
        return None
    from nnplug_optax.optimizers import make_optimizer

    return make_optimizer(name)
