"""A row of the table of settings, from which its option, key, check and docs are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nnplug.errors import SettingError
from nnplug.runs.setting_kinds import Kind

__all__ = ["Setting", "asked", "kept"]


@dataclass(eq=False, repr=False)
class Setting:
    """A row of the table of settings.

    Attributes
    ----------
    group : str
        Its heading in the help and in files of settings.
    takes : Kind
        What values it takes.
    help : str
        Its line in the command line's help and in the docs.
    default : object
        Used where neither the user nor a recipe gives a value. None:
        the value follows from something else.
    unset : bool
        Whether it may be unset; the value `"none"` does that, whatever a
        recipe says.
    option : str
        Its option on the command line; empty if it has none.
    name : str
        Its name as an argument of `nnplug.train` and as a key of a file.
    """

    group: str
    takes: Kind
    help: str
    default: Any = None
    unset: bool = False
    option: str | None = None
    name: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        if self.option is None:
            self.option = "--" + name.replace("_", "-")

    def parse(self, text: str) -> Any:
        """Read a value from the command line; `none` is kept as it is where `unset` allows it.

        Raises
        ------
        ValueError
            Saying what the value must be.
        """
        if self.unset and text == "none":
            return text
        try:
            return self.takes.parse(text)
        except ValueError as error:
            raise ValueError(self._reason(error)) from None

    def check(self, value: Any, where: str = "") -> Any:
        """Check a value, and return it as a run records it.

        Parameters
        ----------
        where : str
            The file that gives the value, if it is from one.

        Raises
        ------
        SettingError
            If it is of the wrong kind or out of range.
        """
        if self.unset and isinstance(value, str) and value == "none":
            return None
        try:
            return self.takes.check(value)
        except ValueError as error:
            equals = " = " if where else "="  # as written in a file, or in Python
            given = f"{where}{self.name}{equals}{_shown(value)}"
            raise SettingError(f"{given}: {self._reason(error)}") from None

    def _reason(self, error: ValueError) -> str:
        text = str(error) + (", or none" if self.unset else "")
        return text if text.endswith("?") else f"{text}."


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # Python does not write an integer of thousands of digits
        return "a number of thousands of digits"


def kept(group: str, takes: Kind, about: str, **more: Any) -> Any:
    """Declare a setting that is recorded in a field of its own; see `Setting`."""
    return field(metadata={"setting": Setting(group, takes, about, **more)})


def asked(group: str, takes: Kind, about: str, **more: Any) -> Setting:
    """Declare a setting that is recorded in another field, as a class variable."""
    return Setting(group, takes, about, **more)
