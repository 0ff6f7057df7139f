"""A setting: one row that options, files of settings, checks and docs are made from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from nnplug.errors import SettingError
from nnplug.runs.setting_kinds import Kind

__all__ = ["Setting", "asked", "declared", "kept"]


@dataclass(eq=False)
class Setting:
    """A row of the table of settings.

    Attributes
    ----------
    group : str
        Where it stands in the help and in files of settings.
    takes : Kind
    help : str
        The line of the command line's help and of the docs.
    default : object
        Where neither the user nor a dataset's recipe says; None: it follows
        from something else.
    unset : bool
        Whether it may be not set; `"none"` says so, whatever a recipe says.
    option : str
        Of the command line; "": none.
    name : str
        As an argument of `nnplug.train`, and as a key of a file.
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
        """Read a value from the command line; `none` stays as it is where it may be not set.

        Raises
        ------
        ValueError
            With what the value must be.
        """
        if self.unset and text == "none":
            return text
        try:
            return self.takes.parse(text)
        except ValueError as error:
            raise ValueError(self._reason(error)) from None

    def check(self, value: Any, where: str = "") -> Any:
        """Take a value.

        Parameters
        ----------
        where : str
            The file that says it, if one does.

        Raises
        ------
        SettingError
            If it takes another kind of value, or is out of range.
        """
        if self.unset and isinstance(value, str) and value == "none":
            return None
        try:
            return self.takes.check(value)
        except ValueError as error:
            equals = " = " if where else "="  # as a file has it, or Python
            said = f"{where}{self.name}{equals}{_shown(value)}"
            raise SettingError(f"{said}: {self._reason(error)}") from None

    def _reason(self, error: ValueError) -> str:
        text = str(error) + (", or none" if self.unset else "")
        return text if text.endswith("?") else f"{text}."


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        return "a number of thousands of digits"


def kept(
    group: str,
    takes: Kind,
    about: str,
    **more: Any,
) -> Any:
    """Declare a setting that a run records, as a field of a dataclass; see `Setting`."""
    return field(metadata={"setting": Setting(group, takes, about, **more)})


def asked(
    group: str,
    takes: Kind,
    about: str,
    **more: Any,
) -> Setting:
    """Declare a setting that a run records in another way, as a class variable."""
    return Setting(group, takes, about, **more)


def declared(table: type) -> dict[str, Setting]:
    """Give the rows of a table by name, in the order in which its class declares them."""
    of_fields = {each.name: each.metadata.get("setting") for each in fields(table)}
    rows: dict[str, Setting] = {}
    for name in table.__annotations__:
        row = of_fields.get(name, vars(table).get(name))
        if isinstance(row, Setting):
            if not row.name:
                row.__set_name__(table, name)
            rows[name] = row
    return rows
