"""What both importers bring a network to: steps, a part each with its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nnplug.errors import SettingError
from nnplug.parts import OptionValue
from nnplug.types import AnyArray

__all__ = ["Step", "UnfitError", "refuse"]


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
