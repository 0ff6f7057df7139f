"""What a setting takes: how a value is read from the command line, and what is in range."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from nnplug.errors import suggest

__all__ = [
    "ClassWeights",
    "Interval",
    "Kind",
    "LayerTexts",
    "Names",
    "Number",
    "PartName",
    "Reading",
    "Several",
    "Text",
    "ToolName",
    "Truth",
    "Whole",
    "Words",
]

MOST = 2**53
"""The largest whole number: up to it, every whole number is a float64 too."""

# The rows of a table of settings are compared by identity and never printed; a dataclass
# with fewer methods is made in a fraction of the time, and this module is imported at
# every start of the command line.


class Kind:
    """What a setting takes.

    Attributes
    ----------
    metavar : str
        Stands for the value in the help of the command line.
    repeated : bool
        Whether the option may be given several times.
    """

    metavar = "TEXT"
    repeated = False

    def parse(self, text: str) -> Any:
        """Read a value from the command line.

        Raises
        ------
        ValueError
            Saying what the value must be: "it must be ...".
        """
        return self.check(text)

    def check(self, value: Any) -> Any:
        """Check a value of Python or TOML, and return it as a run records it.

        Raises
        ------
        ValueError
            Saying what the value must be: "it must be ...".
        """
        raise NotImplementedError


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


@dataclass(eq=False, repr=False)
class Whole(Kind):
    """A whole number, at least `least`; or one word, such as `full`."""

    least: int = 0
    word: str = ""
    metavar: str = "N"

    def parse(self, text: str) -> int | str:
        """Read digits, or the word."""
        try:
            value = text if self.word and text == self.word else int(text)
        except ValueError:
            raise ValueError(self._reason()) from None
        return self.check(value)

    def check(self, value: Any) -> int | str:
        """Check a number, or the word."""
        if self.word and isinstance(value, str) and value == self.word:
            return value
        whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if whole and value > MOST:
            raise ValueError(f"it must be a whole number, at most {MOST:,}")
        if not whole or value < self.least:
            raise ValueError(self._reason())
        return int(value)

    def _reason(self) -> str:
        also = f", or {self.word}" if self.word else ""
        return f"it must be a whole number, at least {self.least}{also}"


@dataclass(eq=False, repr=False)
class PowerOfTwo(Whole):
    """1, 2, 4, 8 and so on."""

    least: int = 1

    def check(self, value: Any) -> int | str:
        """Check a number."""
        number = super().check(value)
        if isinstance(number, int) and number & (number - 1):
            raise ValueError(f"it must be a power of two, such as {1 << number.bit_length()}")
        return number


@dataclass(eq=False, repr=False)
class Number(Kind):
    """A finite number: at least `least`, or above it, and below `below`."""

    least: float = 0.0
    below: float = math.inf
    above: bool = False
    metavar: str = "NUMBER"

    def parse(self, text: str) -> float:
        """Read a number."""
        try:
            return self.check(float(text))
        except ValueError:
            raise ValueError(self._reason()) from None

    def check(self, value: Any) -> float:
        """Check a number."""
        inside = _is_number(value) and self.least <= value < self.below
        if not inside or (self.above and value == self.least):
            raise ValueError(self._reason())
        return float(value)

    def _reason(self) -> str:
        below = f" and below {self.below:g}" if self.below < math.inf else ""
        start = "above" if self.above else "at least"
        return f"it must be a finite number, {start} {self.least:g}{below}"


@dataclass(eq=False, repr=False)
class Several(Kind):
    """A list: `64,32`, or one value for a list of one, and perhaps `none` for an empty one."""

    item: Kind
    example: str
    empty: bool = False
    metavar: str = "LIST"

    def parse(self, text: str) -> tuple[Any, ...]:
        """Read values with commas between them."""
        if self.empty and text.strip().lower() == "none":
            return ()
        try:
            return tuple(self.item.parse(piece.strip()) for piece in text.split(","))
        except ValueError as error:
            raise ValueError(self._reason(error)) from None

    def check(self, value: Any) -> tuple[Any, ...]:
        """Check a list, or a value that stands for a list of one."""
        values = value if isinstance(value, list | tuple) else (value,)
        try:
            found = tuple(map(self.item.check, values))
        except ValueError as error:
            raise ValueError(self._reason(error)) from None
        if not found and not self.empty:
            raise ValueError(f"it must not be empty; write {self.example}")
        return found

    def _reason(self, error: ValueError) -> str:
        return f"{str(error).replace('it must', 'each must', 1)}; write {self.example}"


@dataclass(eq=False, repr=False)
class Words(Kind):
    """One of some words."""

    words: tuple[str, ...]
    metavar: str = "NAME"

    def check(self, value: Any) -> str:
        """Check a word, or an object with such a name, as `numpy.float32`."""
        value = getattr(value, "name", getattr(value, "__name__", value))
        if not isinstance(value, str) or value not in self.words:
            hint = suggest(value, self.words) if isinstance(value, str) else ""
            raise ValueError(f"it must be {_listed(self.words)}{'.' * bool(hint)}{hint}")
        return value


def _listed(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


@dataclass(eq=False, repr=False)
class Text(Kind):
    """A text."""

    metavar: str = "TEXT"

    def check(self, value: Any) -> str:
        """Check a text."""
        if not isinstance(value, str):
            raise ValueError("it must be a text")
        return value


@dataclass(eq=False, repr=False)
class Names(Kind):
    """Names of columns."""

    metavar: str = "COLUMN"
    repeated: bool = True

    def check(self, value: Any) -> str | tuple[str, ...]:
        """Check a name, or a list of names."""
        if isinstance(value, str):
            return value
        if not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
            raise ValueError("it must be a text, or a list of texts")
        return tuple(value)


class Truth(Kind):
    """True or false."""

    def check(self, value: Any) -> bool:
        """Check a truth value."""
        if not isinstance(value, bool):
            raise ValueError("it must be true or false")
        return value


class Interval(Kind):
    """A number of epochs, or a time: `10`, `30s`, `5m`, `1h`."""

    metavar = "N|TIME"
    _form = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")
    _seconds: Mapping[str, float] = {"s": 1.0, "m": 60.0, "h": 3600.0}

    def check(self, value: Any) -> str:
        """Check a text, or a number of epochs."""
        text = str(value)
        self.split(text)
        return text

    def split(self, text: str) -> tuple[Literal["epochs", "seconds"], float]:
        """Tell whether a text gives epochs or seconds, and how many.

        Examples
        --------
        >>> Interval().split("5m")
        ('seconds', 300.0)
        """
        match = self._form.fullmatch(text.strip().lower())
        number = float(match[1]) if match is not None else 0.0
        if match is None or number <= 0 or (not match[2] and number != int(number)):
            raise ValueError("it must be a number of epochs, as 10, or a time, as 30s, 5m or 1h")
        return ("seconds", number * self._seconds[match[2]]) if match[2] else ("epochs", number)


@dataclass(eq=False, repr=False)
class PartName(Kind):
    """A part by its text form; the registry checks it."""

    kind: str
    repeated: bool = False
    metavar: str = "PART"

    def check(self, value: Any) -> Any:
        """Accept any value."""
        return value


@dataclass(eq=False, repr=False)
class ToolName(Kind):
    """A tool by its name, or a word in its place; the registry checks it."""

    kind: str
    word: str

    @property
    def metavar(self) -> str:  # type: ignore[override]  # it follows from the kind
        """The kind in capital letters."""
        return self.kind.upper()

    def check(self, value: Any) -> str:
        """Check a text."""
        if not isinstance(value, str):
            raise ValueError(f"it must be {self.word}, or the name of an {self.kind}")
        return value


class LayerTexts(Kind):
    """Layers by their text form, or a list of them; the registry checks them."""

    metavar = "LAYERS"

    def check(self, value: Any) -> Any:
        """Check a text or a list."""
        if not isinstance(value, str | list | tuple) or not value:
            raise ValueError("it must be a text such as 'dense:64 relu', or a list of layers")
        return value


class ClassWeights(Kind):
    """`balanced`, or a weight for each class: `yes=5,no=1`."""

    metavar = "WEIGHTS"

    def parse(self, text: str) -> str | dict[str, float]:
        """Read the weights; the name of a class may contain an equals sign."""
        if text == "balanced":
            return text
        try:
            return _pairs(text)
        except ValueError:
            raise ValueError(
                "it must be balanced, or a weight for each class, as yes=5,no=1"
            ) from None

    def check(self, value: Any) -> Any:
        """Accept any value: only the data says which classes there are."""
        return value


def _pairs(text: str) -> dict[str, float]:
    """Read `NAME=NUMBER,NAME=NUMBER`; a name may contain an equals sign, and is not empty."""
    found: dict[str, float] = {}
    for item in text.split(","):
        name, _, number = item.rpartition("=")
        if not name:
            raise ValueError(item)
        found[name] = float(number)
    return found


class Reading(Kind):
    """How a file is read: keys and values, which `nnplug.tables.ReadOptions` checks."""

    metavar = "KEY=VALUE"
    repeated = True

    def check(self, value: Any) -> Mapping[str, Any]:
        """Check a mapping."""
        if not isinstance(value, Mapping):
            raise ValueError("it must be a table")
        return value

    def parse(self, text: str) -> str:
        """Keep the text."""
        return text
