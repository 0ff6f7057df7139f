"""Tools: what a plugin adds besides the parts of a network, found by name."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from nnplug.errors import OptionError, PartError, suggest
from nnplug.formulas.refusal import call_author
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

    def with_options(self, given: Mapping[str, str]) -> Self:
        """Return it with some options set, given as text: most tools have none.

        Raises
        ------
        OptionError
            If it has no such option, or cannot take the value.
        """
        raise OptionError(
            f"{self.kind} {self.name!r} has no options, such as {next(iter(given))!r}; give only "
            "its name."
        )

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
    """Writes a model for another program or language.

    Attributes
    ----------
    write : callable
        Takes an `nnplug.Model` and what the file is called, without its
        ending; options with defaults may follow a `*`. It returns the file's
        content as text or bytes, or, of several files, a mapping from their
        endings to their contents, the main one first. nnplug writes them.
    suffix : str
        The ending of the main file, with its dot: `".onnx"`.
    use : str
        How the file is used, in a line, for model cards.

    Raises
    ------
    PartError
        If the name, the function or the suffix is not valid.
    """

    kind: ClassVar[str] = "exporter"
    takes: ClassVar[tuple[str, ...]] = ("model", "name")

    write: Callable[..., Any]
    suffix: str
    use: str = field(default="", kw_only=True)
    options: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

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

    @property
    def defaults(self) -> dict[str, bool | int | float | str]:
        """Its options with their defaults."""
        try:
            parameters = inspect.signature(self.write).parameters.values()
        except ValueError:  # a C function without a signature
            return {}
        return {
            parameter.name: parameter.default
            for parameter in parameters
            if parameter.kind is parameter.KEYWORD_ONLY
            and isinstance(parameter.default, bool | int | float | str)
        }

    def with_options(self, given: Mapping[str, str]) -> Self:
        """Return it with some options set, given as text."""
        options = dict(self.options)
        for key, text in given.items():
            if key not in self.defaults:
                known = ", ".join(self.defaults) or "none"
                raise OptionError(
                    f"exporter {self.name!r} has no option {key!r}; its options: {known}."
                    f"{suggest(key, self.defaults)}"
                )
            options[key] = _as(self.defaults[key], text, f"exporter {self.name!r}: {key}")
        return replace(self, options=options)

    def files(self, model: Any, name: str) -> dict[str, bytes]:
        """Make the files, by their endings, the main one first.

        Raises
        ------
        PartError
            If the function does not return text, bytes, or a mapping of endings to those.
        """
        content: Any = call_author(
            f"exporter {self.name!r}", self.write, model, name, **self.options
        )
        files = content if isinstance(content, Mapping) else {self.suffix: content}
        found: dict[str, bytes] = {}
        for suffix, text in files.items():
            data = text.encode() if isinstance(text, str) else text
            plain = isinstance(suffix, str) and suffix.startswith(".") and "/" not in suffix
            if not plain or not isinstance(data, bytes | bytearray) or "\\" in suffix:
                raise PartError(
                    f"{self._where}exporter {self.name!r}: it must return text or bytes, or a "
                    f"mapping from endings such as {self.suffix!r} to those; it returned "
                    f"{type(text).__name__} for {suffix!r}."
                )
            found[suffix] = bytes(data)
        return found


def _as(default: bool | int | float | str, text: str, what: str) -> bool | int | float | str:
    """Read an option's text as a value of its default's kind."""
    if isinstance(default, str):
        return text
    if isinstance(default, bool):
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise OptionError(f"{what}={text} is neither true nor false.")
    try:
        return type(default)(text)
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise OptionError(f"{what}={text} is not {kind}.") from None
