"""Tools: what a plugin adds besides the parts of a network, found by name."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from nnplug.errors import PartError
from nnplug.parts.text import is_part_name

__all__ = ["Exporter", "Tool"]


@dataclass(frozen=True, eq=False, repr=False)
class Tool(ABC):
    """An engine or an exporter that a plugin registers under a name.

    Attributes
    ----------
    name : str
        In snake_case.
    about : str
        A one-line description.
    """

    kind: ClassVar[str] = "tool"
    takes: ClassVar[tuple[str, ...]] = ()
    """The arguments of its function; those after `"*"` are passed by name."""
    reserved: ClassVar[tuple[str, ...]] = ()
    """Names that mean something else where a tool of this kind is named."""

    name: str
    about: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        name: Any = self.name
        if not isinstance(name, str) or not is_part_name(name):
            raise PartError(
                f"{self._where}{self.kind} {self.name!r}: a name is in snake_case: small letters, "
                "digits and underscores, beginning with a letter."
            )
        if self.name in self.reserved:
            raise PartError(
                f"{self._where}{self.kind} {self.name!r}: {self.name!r} already means something "
                "else on the command line. Give it another name."
            )
        reason = _does_not_take(self.function, self.takes)
        if reason:
            raise PartError(
                f"{self._where}{self.kind} {self.name!r}: {reason}; write "
                f"def {self.name}({', '.join(self.takes)})."
            )

    @property
    @abstractmethod
    def function(self) -> Callable[..., Any]:
        """The author's function."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names that it is found by: none."""
        return ()

    @property
    def text(self) -> str:
        """Its text form on the command line: its name."""
        return self.name

    @property
    def summary(self) -> str:
        """A description of one line."""
        return self.about

    @property
    def place(self) -> str:
        """Where its function is defined: `"file.py:12"`; empty if unknown."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return "" if code is None else f"{code.co_filename}:{code.co_firstlineno}"

    @property
    def _where(self) -> str:
        function: Any = self.function
        place = self.place if callable(function) else ""
        return f"{place}: " if place else ""

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


def _does_not_take(function: Any, names: tuple[str, ...]) -> str:
    """Explain why a function cannot be called with some arguments; empty if it can."""
    if not callable(function):
        return f"{function!r} is not a function"
    star = names.index("*") if "*" in names else len(names)
    by_name: dict[str, None] = dict.fromkeys(names[star + 1 :])
    try:
        inspect.signature(function).bind(*names[:star], **by_name)
    except TypeError as error:
        return f"its function takes other arguments ({error})"
    except ValueError:  # a C function without a signature
        return ""
    return ""


@dataclass(frozen=True, eq=False, repr=False)
class Exporter(Tool):
    """Writes a model in another format.

    Attributes
    ----------
    write : callable
        Takes an `nnplug.Model` and the path to write to, and returns nothing.
    suffix : str
        The usual ending of such files, with its dot: `".onnx"`.

    Raises
    ------
    PartError
        If the name, the function or the suffix is not valid.
    """

    kind: ClassVar[str] = "exporter"
    takes: ClassVar[tuple[str, ...]] = ("model", "path")

    write: Callable[[Any, str], None]
    suffix: str

    def __post_init__(self) -> None:
        super().__post_init__()
        suffix: Any = self.suffix
        if not isinstance(suffix, str) or not suffix.startswith("."):
            raise PartError(
                f"{self._where}exporter {self.name!r}: suffix={self.suffix!r} must be the ending "
                "of a file's name with its dot, such as '.onnx'."
            )

    @property
    def function(self) -> Callable[..., Any]:
        """The function that writes."""
        return self.write
