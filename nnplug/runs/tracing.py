"""`nnplug.trace`: the first step of a run with all its numbers, without training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnplug.microscope.trace import Trace
from nnplug.runs.preparing import default_registry, prepare

__all__ = ["trace"]


def trace(
    data: Any = "xor", rows: int | Sequence[int] = 0, *, elements: int = 8, **settings: Any
) -> Trace:
    """Show every number of the first training step on one sample, without training.

    Parameters
    ----------
    data : optional
        As `train` takes it.
    rows : int or sequence of int, optional
        The sample's place in the data, from 0; several are one batch.
    elements : int, optional
        How many rows and columns of each array have their formulas written.
    **settings
        Those of `train`: `target`, `hidden`, `activation`, `optimizer`, ...

    Returns
    -------
    Trace
        See `Run.trace`, which shows the next step of a run.

    Raises
    ------
    NnplugError
        If a part, a setting, the data or the row cannot be used.

    Examples
    --------
    >>> import nnplug
    >>> nnplug.trace("xor", 1)["loss"].round(4).item()
    0.4761
    """
    registry = settings.pop("registry", None) or default_registry()
    with registry.naming_culprits():
        run = prepare(data, registry=registry, usual_recipe=True, **settings)
    return run.trace(rows, elements=elements)
