"""A run's rows on disk, as the training loop takes them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from nnplug.network.tasks import Head
from nnplug.runs.row_weights import weights_of_classes
from nnplug.tables import Rows
from nnplug.training import Batches
from nnplug.types import AnyArray

__all__ = ["streamed"]


def streamed(
    rows: Rows,
    head: Head,
    targets: AnyArray,
    weights: AnyArray | None,
    class_weight: str | Mapping[Any, float] | None,
    batch_size: int,
    seed: int,
    member: int,
) -> Batches:
    """Return the rows of an epoch, load by load.

    Parameters
    ----------
    targets, weights : array, and array or None
        As the loss takes them: of all rows, or of the validation rows if the others
        are dealt out, with their targets and weights.
    member : int
        Whose rows, from 0.
    """
    assert rows.disk is not None
    if rows.dealt is None:
        return rows.disk.stream(targets, weights, batch_size, seed, member)
    encode = partial(head.encode, dtype=rows.inputs.dtype)
    by_class = weights_of_classes(class_weight, rows)
    return rows.dealt.deal(targets, weights, batch_size, seed, encode, by_class)
