"""What both importers bring a network to: steps, a part each with its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nnplug.errors import SettingError
from nnplug.parts import OptionValue
from nnplug.types import AnyArray

__all__ = ["Step", "UnfitError", "completed", "refuse"]


@dataclass(frozen=True)
class Step:
    """A layer of a foreign network.

    Attributes
    ----------
    where : str
        What it is called in messages.
    part : str
        The name of the part.
    options : mapping
    arrays : mapping of str to array
        Parameters and states, by the names of the part's arguments.
    """

    where: str
    part: str
    options: Mapping[str, OptionValue]
    arrays: Mapping[str, AnyArray]


class UnfitError(SettingError):
    """A layer cannot be taken in; of an argument of the user it is a plain `SettingError`."""


def refuse(where: str, reason: str, way_out: str) -> UnfitError:
    """Make the error about a layer that cannot be taken in."""
    return UnfitError(f"{where}: {reason}.\n{way_out}")


def completed(given: Mapping[str, AnyArray | None]) -> dict[str, AnyArray] | None:
    """Add the factors of 1 and sums of 0 that a layer was told not to have.

    Returns
    -------
    dict or None
        None if it has no array at all, and so no width of its own.
    """
    some = next((array for array in given.values() if array is not None), None)
    if some is None:
        return None
    start = {"gain": np.ones_like(some), "shift": np.zeros_like(some)}
    return {name: start[name] if array is None else array for name, array in given.items()}
