"""Labels: several for each row, and weights for the rows of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnplug.errors import DataError, SettingError, suggest
from nnplug.types import AnyArray

__all__ = ["class_weights", "label_matrix"]


def label_matrix(targets: Any, what: str, labels: int | None = None) -> AnyArray:
    """Check 0 or 1 for each label of each row, and give them as (N, K) whole numbers.

    Parameters
    ----------
    what : str
        For the message.
    labels : int, optional
        The number of labels that there must be, K.

    Raises
    ------
    DataError
        With the first number that is neither 0 nor 1.
    """
    found = np.asarray(targets)
    if found.ndim != 2 or labels not in (None, found.shape[1]) or found.dtype.kind not in "biuf":
        raise DataError(
            f"{what}: shape {found.shape} of {found.dtype}; needed is 0 or 1 for each label, "
            f"of shape (rows, {labels or 'labels'})."
        )
    wrong = np.argwhere((found != 0) & (found != 1))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(
            f"{what}: row {row}, label {column} is {found[row, column]}; a label is 0 or 1."
        )
    return found.astype(np.int64)


def class_weights(
    given: str | Mapping[Any, Any], classes: Sequence[Any], counts: AnyArray
) -> AnyArray:
    """Give the weight of a row of each class.

    Parameters
    ----------
    given : str or mapping
        `"balanced"`: N / (C·count of the class), so that all classes have the
        same total weight (King & Zeng, 2001); or a weight for some classes, by
        the class as the user knows it or its text. The others have weight 1.
    classes : sequence
    counts : array of int
        (C,), how many of the training rows are of each class.

    Returns
    -------
    array
        (C,).

    Raises
    ------
    SettingError
        If a class is unknown, or a weight is not a finite number, at least 0.
    """
    if given == "balanced":
        present = counts > 0
        weights = np.ones(len(classes))
        weights[present] = counts.sum() / (present.sum() * counts[present])
        return weights
    if not isinstance(given, Mapping):
        raise SettingError(
            f"class_weight={given!r}: it is 'balanced', or a weight for each class by its name."
        )
    weights = np.ones(len(classes))
    places = {str(name): number for number, name in enumerate(classes)}
    # A table has "true" where Python has True.
    folded = {text.casefold(): number for text, number in places.items()}
    for name, weight in given.items():
        text = str(name)
        place = places.get(text, folded.get(text.casefold()))
        if place is None:
            raise SettingError(
                f"class_weight: there is no class {text!r}.{suggest(text, places)}\n"
                f"The classes are {', '.join(list(places)[:20])}."
            )
        number = isinstance(weight, int | float | np.number) and not isinstance(weight, bool)
        if not number or not 0 <= weight < np.inf:
            raise SettingError(
                f"class_weight: class {text!r} weighs {weight!r}; a weight is a finite "
                "number, at least 0."
            )
        weights[place] = weight
    return weights
