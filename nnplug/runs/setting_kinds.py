"""What a setting takes: how a value is read from the command line, and what is in range."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnplug.errors import suggest

__all__ = [
    "ClassWeights",
    "Factors",
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
"""The largest whole number: up to it each is a number of float64, too."""


class Kind:
    """What a setting takes.

    Attributes
    ----------
    metavar : str
        Names the value in the help of the command line.
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
            With what the value must be: "it must be ...".
        """
        return self.check(text)

    def check(self, value: Any) -> Any:
        """Take a value of Python or TOML, and give it as a run records it.

        Raises
        ------
        ValueError
            With what the value must be: "it must be ...".
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number, at least `least`; or one word, such as `full`."""

    least: int = 0
    word: str = ""
    metavar: str = "N"

    def parse(self, text: str) -> Any:
        """Read digits, or the word."""
        try:
            value = text if self.word and text == self.word else int(text)
        except ValueError:
            raise ValueError(self._reason()) from None
        return self.check(value)

    def check(self, value: Any) -> Any:
        """Take a number, or the word."""
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


@dataclass(frozen=True)
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
        """Take a number."""
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not number or not self.least <= value < self.below or (self.above and value == 0):
            raise ValueError(self._reason())
        return float(value)

    def _reason(self) -> str:
        below = f" and below {self.below:g}" if self.below < math.inf else ""
        return f"it must be a finite number, {'above' if self.above else 'at least'} " + (
            f"{self.least:g}{below}"
        )


@dataclass(frozen=True)
class Several(Kind):
    """A list: `64,32`, or one value for a list of one, and perhaps `none` for an empty one."""

    each: Kind
    example: str
    empty: bool = False
    metavar: str = "LIST"

    def parse(self, text: str) -> tuple[Any, ...]:
        """Read values with commas between them."""
        if self.empty and text.strip().lower() == "none":
            return ()
        try:
            return tuple(self.each.parse(each.strip()) for each in text.split(","))
        except ValueError as error:
            raise ValueError(self._reason(error)) from None

    def check(self, value: Any) -> tuple[Any, ...]:
        """Take a list, or a value that stands for a list of one."""
        values = value if isinstance(value, list | tuple) else (value,)
        try:
            found = tuple(map(self.each.check, values))
        except ValueError as error:
            raise ValueError(self._reason(error)) from None
        if not found and not self.empty:
            raise ValueError(f"it must not be empty; write {self.example}")
        return found

    def _reason(self, error: ValueError) -> str:
        return f"{str(error).replace('it must', 'each must', 1)}; write {self.example}"


@dataclass(frozen=True)
class Words(Kind):
    """One of some words."""

    words: tuple[str, ...]
    metavar: str = "NAME"

    def check(self, value: Any) -> str:
        """Take one of them, or what has it as its name, such as `numpy.float32`."""
        value = getattr(value, "name", getattr(value, "__name__", value))
        if not isinstance(value, str) or value not in self.words:
            hint = suggest(value, self.words) if isinstance(value, str) else ""
            raise ValueError(f"it must be {_listed(self.words)}{'.' * bool(hint)}{hint}")
        return value


def _listed(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


@dataclass(frozen=True)
class Text(Kind):
    """A text, which may be a whole number too where that is said."""

    metavar: str = "TEXT"
    or_whole: bool = False

    def check(self, value: Any) -> str:
        """Take a text."""
        if self.or_whole and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise ValueError("it must be a text")
        return value


@dataclass(frozen=True)
class Names(Kind):
    """Names of columns."""

    metavar: str = "COLUMN"
    repeated: bool = True

    def check(self, value: Any) -> Any:
        """Take a name, or a list of names."""
        if isinstance(value, str):
            return value
        if not isinstance(value, Sequence) or not all(isinstance(each, str) for each in value):
            raise ValueError("it must be a text, or a list of texts")
        return tuple(value)


class Truth(Kind):
    """True or false."""

    def check(self, value: Any) -> bool:
        """Take a truth value."""
        if not isinstance(value, bool):
            raise ValueError("it must be true or false")
        return value


@dataclass(frozen=True)
class PartName(Kind):
    """A part by its text form; the registry checks it."""

    kind: str
    repeated: bool = False
    metavar: str = "PART"

    def check(self, value: Any) -> Any:
        """Take it as it is."""
        return value


@dataclass(frozen=True)
class ToolName(Kind):
    """A tool by its name, or a word in its place; the registry checks it."""

    kind: str
    word: str

    @property
    def metavar(self) -> str:  # type: ignore[override]  # it follows from the kind
        """Name it by its kind."""
        return self.kind.upper()

    def check(self, value: Any) -> str:
        """Take a text."""
        if not isinstance(value, str):
            raise ValueError(f"it must be {self.word}, or the name of an {self.kind}")
        return value


@dataclass(frozen=True)
class LayerTexts(Kind):
    """Layers by their text form, or a list of them; the registry checks them."""

    metavar: str = "LAYERS"

    def check(self, value: Any) -> Any:
        """Take a text or a list."""
        if not isinstance(value, str | list | tuple) or not value:
            raise ValueError("it must be a text such as 'dense:64 relu', or a list of layers")
        return value


@dataclass(frozen=True)
class ClassWeights(Kind):
    """`balanced`, or a weight for each class: `yes=5,no=1`."""

    metavar: str = "WEIGHTS"

    def parse(self, text: str) -> str | dict[str, float]:
        """Read the weights; a class's name may hold an equals sign."""
        if text == "balanced":
            return text
        weights: dict[str, float] = {}
        for item in text.split(","):
            name, _, weight = item.rpartition("=")
            try:
                weights[name] = float(weight)
            except ValueError:
                name = ""
            if not name:
                raise ValueError("it must be balanced, or a weight for each class, as yes=5,no=1")
        return weights

    def check(self, value: Any) -> Any:
        """Take `balanced` or a mapping; the data knows which classes there are."""
        return value


@dataclass(frozen=True)
class Factors(Kind):
    """Factors by patterns of names: `*.bias=0.1`, several with commas between them."""

    metavar: str = "PATTERN=FACTOR"
    repeated: bool = True

    def parse(self, text: str) -> dict[str, float]:
        """Read the factors."""
        factors: dict[str, Any] = {}
        for item in text.split(","):
            pattern, _, factor = item.rpartition("=")
            try:
                factors[pattern.strip()] = float(factor)
            except ValueError:
                raise ValueError(self._reason()) from None
        return self.check(factors)

    def check(self, value: Any) -> dict[str, float]:
        """Take a mapping, or several that were given one after the other."""
        if isinstance(value, list | tuple):
            value = {key: factor for each in value for key, factor in self.check(each).items()}
        if not isinstance(value, Mapping):
            raise ValueError(self._reason())
        for pattern, factor in value.items():
            number = isinstance(factor, numbers.Real) and not isinstance(factor, bool)
            if (
                not isinstance(pattern, str)
                or not pattern
                or not number
                or not (0 <= factor < math.inf)
            ):
                raise ValueError(self._reason())
        return {pattern: float(factor) for pattern, factor in value.items()}

    def _reason(self) -> str:
        return "it must be factors, at least 0, by names of arrays, as '*.bias=0.1'"


@dataclass(frozen=True)
class Reading(Kind):
    """How a file is read: keys and values; `nnplug.tables.ReadOptions` knows which."""

    metavar: str = "KEY=VALUE"
    repeated: bool = True

    def parse(self, text: str) -> str:
        """Leave it to whoever knows the keys."""
        return text

    def check(self, value: Any) -> Mapping[str, Any]:
        """Take a mapping."""
        if not isinstance(value, Mapping):
            raise ValueError("it must be a table")
        return value
