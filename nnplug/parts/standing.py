"""How a loss's first argument stands to its second: its link, and what its targets may be."""

from __future__ import annotations

from typing import cast

from nnplug.errors import PartError, suggest
from nnplug.parts.link import LINKS, Link
from nnplug.parts.targets import TARGETS, Targets

__all__ = ["find_link", "find_targets"]

_USUAL: dict[Link, Targets] = {
    "identity": "real",
    "log": "nonnegative",
    "logit": "unit",
    "softmax": "distribution",
}
"""The targets that a link is usually for."""

_FITTING: dict[Link, tuple[str, ...]] = {
    "identity": tuple(name for name in TARGETS if name != "labels"),
    "log": ("nonnegative", "positive", "count"),
    "logit": ("unit", "binary"),
    "softmax": ("distribution",),
}
"""The targets whose means a link turns into any numbers."""


def find_link(asked: str | None, takes: str, against: str) -> Link:
    """Find how the first argument stands to the mean."""
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


def find_targets(asked: str | None, link: Link, takes: str, against: str) -> Targets:
    """Find what the second argument may be."""
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
