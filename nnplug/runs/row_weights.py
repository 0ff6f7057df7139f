"""What each row counts for in the loss: its own weight, times that of its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnplug.errors import SettingError
from nnplug.network.labels import class_weights
from nnplug.tables import Rows
from nnplug.types import AnyArray

__all__ = ["weigh_rows", "weights_of_classes"]


def weigh_rows(
    class_weight: str | Mapping[Any, float] | None,
    rows: Rows,
    members: int,
) -> AnyArray | None:
    """Compute what each row counts for.

    Raises
    ------
    SettingError
        If no row of a part counts: it has no mean loss.
    """
    weights = rows.weights
    if class_weight is not None:
        weights = _weigh_classes(class_weight, rows, weights)
    if weights is None:
        return None
    for name, part in (
        (name, getattr(rows.parts.of_member(member), name))
        for member in range(members)
        for name in ("training", "validation")
    ):
        if rows.dealt is not None and name == "training":  # these are with the rows
            counted = not rows.dealt.weighted or rows.dealt.weight > 0
        else:
            counted = bool(weights[part].any())
        if len(part) and not counted:
            raise SettingError(
                f"weights: all {len(part):,} rows for {name} have weight 0, so they have no mean "
                "loss.\nGive some of them a weight, or choose other rows for validation: "
                "--split, --validation."
            )
    return weights


def _weigh_classes(
    given: str | Mapping[Any, float], rows: Rows, weights: AnyArray | None
) -> AnyArray:
    """Multiply the weights of rows by those of their classes."""
    by_class = weights_of_classes(given, rows)
    assert by_class is not None
    by_row = by_class[rows.targets].reshape(-1, 1)
    return by_row if weights is None else weights * by_row


def weights_of_classes(given: str | Mapping[Any, float] | None, rows: Rows) -> AnyArray | None:
    """Compute what a row of each class counts for, (C,); None if all count for one."""
    if given is None:
        return None
    if rows.task not in ("binary", "multiclass"):
        raise SettingError(
            f"class_weight={given!r}: a row of a {rows.task} task does not have one class.\n"
            "Give weights of rows instead: sample_weight."
        )
    return class_weights(given, rows.classes, rows.class_counts())
