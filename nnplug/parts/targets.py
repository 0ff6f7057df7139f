"""Targets and links: what a loss may be trained on, and how its first argument relates to that.

A network's outputs may be any numbers, while the mean of counts may not be
negative. So a loss for counts takes the logarithm of the mean, its link, and a
prediction is the exponential of an output (McCullagh & Nelder, 1989, section 2.2).
"""

from __future__ import annotations

from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from nnplug.errors import PartError, suggest
from nnplug.special import sigmoid, softmax

__all__ = [
    "LINKS",
    "TARGETS",
    "Link",
    "Targets",
    "bounds_of",
    "find_link",
    "find_targets",
    "linked",
    "mean_of",
    "outside",
]

# --- links -----------------------------------------------------------------------------

Link = Literal["identity", "log", "logit", "softmax"]

LINKS: tuple[str, ...] = get_args(Link)


def mean_of(link: Link, outputs: Any) -> Any:
    """Turn the first argument of a loss into the mean: the inverse of the link.

    Parameters
    ----------
    outputs : array of shape (N, C)

    Examples
    --------
    >>> mean_of("log", np.array([[0.0]])).tolist()
    [[1.0]]
    >>> mean_of("softmax", np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    with np.errstate(over="ignore"):
        if link == "log":
            return np.exp(outputs)
        if link == "logit":
            return sigmoid(outputs)
        return softmax(outputs) if link == "softmax" else outputs


def linked(link: Link, mean: Any) -> Any:
    """Turn a mean into the first argument of a loss; for a softmax, each row sums to 0.

    Examples
    --------
    >>> linked("log", np.array([[1.0]])).tolist()
    [[0.0]]
    """
    if link == "identity":
        return mean
    scores = np.log(mean)
    if link == "logit":
        return scores - np.log1p(-mean)
    return scores - scores.mean(axis=-1, keepdims=True) if link == "softmax" else scores


def find_link(asked: str | None, takes: str, against: str) -> Link:
    """Find the link of a loss: the one that is asked for, or the usual one.

    Raises
    ------
    PartError
        If its first argument does not have that link.
    """
    usual = "identity" if takes != "logits" else "softmax" if against == "labels" else "logit"
    possible = {
        "prediction": LINKS,
        "logits": (usual, "softmax"),
        "probabilities": ("identity",),
    }[takes]
    if asked is None:
        asked = usual
    elif asked not in possible:
        listed = " or ".join(map(repr, dict.fromkeys(possible)))
        raise PartError(
            f"link={asked!r}: it takes {takes}, whose link is {listed}.{suggest(asked, possible)}"
        )
    return cast(Link, asked)


# --- targets ---------------------------------------------------------------------------

Targets = Literal[
    "real", "nonnegative", "positive", "count", "unit", "binary", "distribution", "labels"
]

TARGETS: dict[str, str] = {
    "real": "numbers",
    "nonnegative": "numbers that are at least 0",
    "positive": "numbers above 0",
    "count": "whole numbers that are at least 0",
    "unit": "numbers from 0 to 1",
    "binary": "0 and 1",
    "distribution": "numbers from 0 to 1 that sum to 1 in each row",
    "labels": "classes",
}
"""The kinds of targets, each with its description."""

_USUAL: dict[Link, Targets] = {
    "identity": "real",
    "log": "nonnegative",
    "logit": "unit",
    "softmax": "distribution",
}
"""The targets that each link is usually for."""

_FITTING: dict[Link, tuple[str, ...]] = {
    "identity": tuple(name for name in TARGETS if name != "labels"),
    "log": ("nonnegative", "positive", "count"),
    "logit": ("unit", "binary"),
    "softmax": ("distribution",),
}
"""The targets whose means each link can turn into any number."""


def find_targets(asked: str | None, link: Link, takes: str, against: str) -> Targets:
    """Find the targets of a loss: those that are asked for, or the usual ones of its link.

    Raises
    ------
    PartError
        If they do not go with the link.
    """
    if against == "labels":
        if asked not in (None, "labels"):
            raise PartError(f"targets={asked!r}: it takes labels, which are classes.")
        return "labels"
    possible = _FITTING[link] if takes == "prediction" else ("unit", "binary", "distribution")
    if asked is None:
        usual = _USUAL[link]
        asked = usual if usual in possible else "unit"
    elif asked not in possible:
        raise PartError(
            f"targets={asked!r}: with {takes} and the link {link!r} they are "
            f"{' or '.join(map(repr, possible))}.{suggest(asked, possible)}"
        )
    return cast(Targets, asked)


def bounds_of(kind: Targets) -> tuple[float, float]:
    """Give the smallest and the largest number that a target of a kind can be.

    Examples
    --------
    >>> bounds_of("count")
    (0.0, inf)
    """
    if kind in ("unit", "binary", "distribution"):
        return 0.0, 1.0
    return (0.0 if kind in ("nonnegative", "positive", "count") else -np.inf), np.inf


def outside(kind: Targets, targets: Any) -> npt.NDArray[np.bool_]:
    """Find the targets, (N, C), that are not of a kind.

    Examples
    --------
    >>> outside("count", np.array([[0.0, 2.5, -1.0]])).tolist()
    [[False, True, True]]
    """
    y = np.asarray(targets)
    inside: Any = np.isfinite(y)
    if kind in ("nonnegative", "count"):
        inside &= y >= 0
    elif kind == "positive":
        inside &= y > 0
    elif kind in ("unit", "distribution"):
        inside &= (y >= 0) & (y <= 1)
    elif kind == "binary":
        inside &= (y == 0) | (y == 1)
    if kind == "count":
        inside &= y == np.floor(y)
    if kind == "distribution":
        # float32 adds up a row's shares about this exactly.
        inside &= abs(y.sum(axis=-1, keepdims=True) - 1) <= 1e-4
    wrong: npt.NDArray[np.bool_] = ~inside
    return wrong
