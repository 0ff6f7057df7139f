"""The errors that nnplug raises on purpose.

Each has a message for people: what is wrong, its value, the reason and the way
out. The command line prints the message without a traceback, and exits with the
error's `exit_code`; callers in Python catch the class.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Self

__all__ = [
    "DataError",
    "DivergedError",
    "FormulaError",
    "ImpureFormulaError",
    "ModelFileError",
    "NnplugError",
    "NnplugWarning",
    "NotFiniteError",
    "OptionError",
    "PartError",
    "PluginError",
    "SettingError",
    "ShapeError",
    "StorageError",
    "UnknownNameError",
    "UnknownPartError",
    "suggest",
]


_LISTED = 12
"""The most names that a message lists."""


class NnplugError(Exception):
    """Any error whose message is meant for the user."""

    exit_code = 2


class NnplugWarning(UserWarning):
    """A warning whose message is meant for the user."""


class FormulaError(NnplugError):
    """A formula uses something that cannot be traced or differentiated."""


class ImpureFormulaError(FormulaError):
    """A formula is not the same at every call: it is random, or reads something that changes."""


class PartError(NnplugError):
    """A part is declared in a way that nnplug cannot use."""


class OptionError(NnplugError):
    """A part's option is unknown, malformed, out of range or of the wrong type."""


class UnknownNameError(NnplugError, KeyError):
    """A column, an array or a number that does not exist was asked for by name."""

    __str__ = Exception.__str__  # a KeyError shows its message in quotes

    @classmethod
    def of(
        cls, lack: str, name: object, known: Collection[str], also: Collection[str] = ()
    ) -> Self:
        """Make the error with the nearest names, and with all of them if they are few.

        Parameters
        ----------
        lack : str
            What is missing: `"the network has no array"`.
        also : collection of str, optional
            Names that others of its kind have, and that may be meant.
        """
        listed = [*known][:_LISTED]
        more = f", and {len(known) - len(listed)} more" if len(known) > len(listed) else ""
        has = f" It has {', '.join(listed)}{more}." if listed else " It has none."
        return cls(f"{lack} {name!r}.{suggest(str(name), {*known, *also})}{has}")


class UnknownPartError(NnplugError):
    """No installed part has the name that was asked for."""


class PluginError(NnplugError):
    """A plugin that was asked for cannot be loaded, or two claim one name."""


class SettingError(NnplugError):
    """A setting of a run is out of range or contradicts another."""


class DataError(NnplugError):
    """A table or an array cannot be used as training data."""


class ShapeError(NnplugError):
    """Two arrays that must have the same shape do not."""


class StorageError(NnplugError):
    """A file cannot be written or read."""


class ModelFileError(NnplugError):
    """A model file or a checkpoint is damaged, or not one that nnplug can load."""


class DivergedError(NnplugError):
    """Training produced a number that is not finite; the run was stopped.

    Attributes
    ----------
    epoch, step : int
        Where it happened; epochs are counted from 0, steps (updates) from 1.
    layer : str
        The first layer, in the order of computation, that is not finite.
    """

    exit_code = 1

    def __init__(self, message: str, *, epoch: int, step: int, layer: str) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.step = step
        self.layer = layer


class NotFiniteError(NnplugError):
    """A prediction would be made from numbers that are not finite.

    Attributes
    ----------
    rows : tuple of int
        The first such rows, counted from 0; empty where the number belongs to no row.
    count : int
        How many there are.
    """

    exit_code = 1

    def __init__(self, message: str, *, rows: tuple[int, ...] = (), count: int = 0) -> None:
        super().__init__(message)
        self.rows = rows
        self.count = count


def suggest(wrong: str, known: Iterable[str]) -> str:
    """Find the known names that are nearest to a wrong one.

    Returns
    -------
    str
        `" Did you mean 'x'?"` with a leading space, or an empty string.
    """
    matches = difflib.get_close_matches(wrong, list(known), n=2, cutoff=0.6)
    if not matches:
        return ""
    return f" Did you mean {' or '.join(repr(match) for match in matches)}?"
