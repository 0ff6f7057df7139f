"""Parts: named functions with options, of which a network and its training are made."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

from nnplug.errors import FormulaError, OptionError, suggest
from nnplug.formulas.digest import code_text, digest
from nnplug.formulas.graph import Graph, Symbol, walk
from nnplug.formulas.purity import Traces
from nnplug.formulas.refusal import call_author
from nnplug.parts.declared import Declared, Interval, Noise
from nnplug.parts.following import Followed, Following, followed, plain
from nnplug.parts.text import normalise_name, write_option, write_part

__all__ = ["OptionValue", "Part", "RowPart"]

OptionValue = bool | int | float | str


@dataclass(frozen=True, eq=False, repr=False)
class Part:
    """A function with a name and options: the base of every kind of part.

    Calling a part calls its function with its options.

    Attributes
    ----------
    function : callable
        The author's function.
    name : str
        In snake_case.
    aliases : tuple of str
        Other names it is found by.
    defaults : mapping
        Its options with their declared defaults.
    options : mapping
        Its options with the values of this instance.
    ranges : mapping of str to Interval
        The numbers that some options may be.
    traces : Traces
        Earlier traces of the formula, which parts that differ only in options
        share.
    expected_failures : mapping of str to str
        Checks of the conformance kit that it is known to fail, each with the
        reason.
    """

    kind: ClassVar[str] = "part"
    plural: ClassVar[str] = "parts"
    may_follow: ClassVar[bool] = False
    """Whether its options may follow a schedule."""

    function: Callable[..., Any]
    name: str
    aliases: tuple[str, ...] = ()
    defaults: Mapping[str, OptionValue] = field(default_factory=dict)
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    ranges: Mapping[str, Interval] = field(default_factory=dict)
    traces: Traces = field(default_factory=Traces)
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the digest: where the part is loaded, its function may be another."""
        return {name: value for name, value in vars(self).items() if name != "digest"}

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the function with this instance's options, and those given here.

        Raises
        ------
        OptionError
            If a given option is out of its range.
        """
        for key in self.ranges.keys() & options.keys():
            self._check_range(key, options[key])
        return call_author(
            f"{self.kind} {self.name!r}",
            self.function,
            *arguments,
            **{**plain(self.options), **options},
        )

    def __repr__(self) -> str:
        return f"<{self.kind} {self.text}>"

    def _repr_html_(self) -> str:
        """Show what it is and its author's code, which is its formula, in a notebook."""
        from nnplug.untrusted import clean  # noqa: PLC0415  # only a notebook shows it

        try:
            code = inspect.getsource(self.function)
        except (OSError, TypeError):  # it was typed at a prompt
            code = ""
        shown = f"<p><b>{clean(self.kind)} {clean(self.text)}</b></p>\n<p>{clean(self.summary)}</p>"
        return f"{shown}\n<pre>{clean(code)}</pre>" if code else shown

    @property
    def text(self) -> str:
        """The text form, with the options that differ from their defaults."""
        follow, given = followed(self.options), self.options.items()
        said = {key: value for key, value in given if key in follow or value != self.defaults[key]}
        return write_part(self.name, said)

    @property
    def still(self) -> Self:
        """The part without schedules for its options, as it is outside training."""
        return replace(self, options=plain(self.options)) if followed(self.options) else self

    def refuse_following(self, why: str) -> None:
        """Refuse options that follow a schedule.

        Raises
        ------
        OptionError
        """
        for option, value in followed(self.options).items():
            raise OptionError(
                f"{self.kind} {self.name!r}: {option}={value}: it cannot follow a schedule, since "
                f"{why}.\nWay out: give it a number."
            )

    @property
    def bare_option(self) -> str | None:
        """The option that the text form may give by its value alone, as in `dense:64`."""
        return None

    @property
    def doc(self) -> str:
        """The author's docstring, without indentation."""
        return inspect.getdoc(self.function) or ""

    @property
    def summary(self) -> str:
        """The first paragraph of the docstring on one line."""
        return " ".join(self.doc.partition("\n\n")[0].split())

    @property
    def place(self) -> str:
        """Where the author wrote it: `"file.py:12"`."""
        code = inspect.unwrap(self.function).__code__
        return f"{code.co_filename}:{code.co_firstlineno}"

    @cached_property
    def digest(self) -> str:
        """A digest of the formula with these options: equal for equal formulas in any process.

        See `nnplug.formulas.digest`. Empty if there is nothing to digest, as
        for a function that was typed at a prompt and is not traced.

        Raises
        ------
        FormulaError
            If the formula must be traced and cannot be.
        """
        texts = self.formula_texts()
        return "" if None in texts else digest(self.kind, *map(str, texts))

    def formula_texts(self) -> list[str | None]:
        """Write what the part computes; for one that is not traced, its code and options."""
        return [code_text(self.function), repr(sorted(self.options.items()))]

    def with_options(self, /, **values: OptionValue) -> Self:
        """Make this part with other values for some of its options.

        Raises
        ------
        OptionError
            If an option is unknown, or its value is out of range or not of its
            default's type.
        """
        options = dict(self.options)
        for written, value in values.items():
            key = normalise_name(written)
            if key not in self.defaults:
                has = f"It has {', '.join(self.defaults)}." if self.defaults else "It has none."
                raise OptionError(
                    f"{self.kind} {self.name!r} has no option {key!r}. {has}"
                    + suggest(key, self.defaults)
                )
            options[key] = _convert(self, key, value)
            self._check_range(key, options[key])
        return replace(self, options=options)

    def _check_range(self, key: str, value: Any) -> None:
        """Refuse a number that an option may not be; a symbol stands for any."""
        interval = self.ranges.get(key)
        if interval is not None and isinstance(value, int | float) and value not in interval:
            raise OptionError(
                f"{self.kind} {self.name!r}: {key}={value:g}: it must be {interval.words}."
            )


@dataclass(frozen=True, eq=False, repr=False)
class RowPart(Part):
    """A part that a network applies to rows: an activation or a layer.

    Attributes
    ----------
    declared : mapping of str to Declared
        The arrays that the formula takes beside x: parameters, states, noise.
    branches : bool
        Whether the formula is told if the network is training, by its argument
        `training`.
    """

    letter: ClassVar[str] = "D"
    """The label of the width of its input."""

    declared: Mapping[str, Declared] = field(default_factory=dict)
    branches: bool = False

    @property
    def arrays(self) -> Mapping[str, Declared]:
        """The arrays that the formula takes beside x, in order, each by itself."""
        return self.declared

    @property
    def dimensions(self) -> set[str]:
        """The options that are dimensions of its arrays: none."""
        return set()

    def arguments(self, graph: Graph) -> tuple[Symbol, dict[str, Symbol]]:
        """Make the symbols of x, (N, width), and of its arrays by name."""
        x = graph.input("x", ("N", self.letter))
        return x, {name: graph.input(name, array.shape) for name, array in self.arrays.items()}

    def trace(
        self,
        x: Symbol,
        arrays: Mapping[str, Symbol],
        *,
        training: bool,
        inner: Callable[[Symbol], Symbol] | None = None,
    ) -> tuple[Symbol, dict[str, Symbol]]:
        """Trace the formula.

        Parameters
        ----------
        x : Symbol
            (N, width).
        arrays : mapping of str to Symbol
            The arrays that it declares.
        training : bool
            Whether the network is training.
        inner : callable, optional
            Applies the layers that it holds.

        Returns
        -------
        tuple of Symbol and dict
            Its outputs, (N, ...), and each new state by name.

        Raises
        ------
        FormulaError
            If it cannot be traced, if its value is not one row for each row, if a
            new state has another shape than the old one, or if it reads noise
            outside training.
        """
        raise NotImplementedError

    def check_noise(self, outputs: Sequence[Symbol], arrays: Mapping[str, Symbol]) -> None:
        """Refuse a formula that is random outside training.

        Parameters
        ----------
        outputs : sequence of Symbol
            Its values outside training.
        arrays : mapping of str to Symbol
            Its arrays, by name.

        Raises
        ------
        FormulaError
            If it reads noise.
        """
        read = {id(node) for node in walk(outputs)}
        for name, array in self.arrays.items():
            if isinstance(array, Followed) and id(arrays[name]) in read:
                raise FormulaError(
                    f"{self.kind} {self.text!r}: {self.place}: it reads an option that follows a "
                    "schedule outside training too, where there is no time.\n"
                    "Way out: give that option a number."
                )
            if isinstance(array, Noise) and id(arrays[name]) in read:
                raise FormulaError(
                    f"{self.kind} {self.name!r}: {self.place}: it reads {name}, which is random, "
                    "outside training too.\nWay out: take the argument training after the *, and "
                    "compute without noise where it is false."
                )


_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _following(part: Part, key: str, value: OptionValue, schedule: str) -> Following:
    """Let an option follow a schedule, if it may."""
    way_out = ""
    if not schedule:
        way_out = "name it, as in dropout:rate=0.15*flat_cos"
    elif key == "learning_rate":
        way_out = "the learning rate follows the run's: give --schedule"
    elif not part.may_follow:
        way_out = "give a number; options of layers and optimizers may follow one"
    if way_out:
        raise OptionError(
            f"{part.kind} {part.name!r}: {key}={value}*{schedule}: it cannot follow a schedule.\n"
            f"Way out: {way_out}."
        )
    return Following(float(value), schedule)


def _convert(part: Part, key: str, value: OptionValue) -> OptionValue:
    """Convert a value, possibly text, to the type of the option's default."""
    default = part.defaults[key]
    wanted = "true or false" if isinstance(default, bool) else {
        int: "a whole number", str: "text"}.get(type(default), "a number")  # fmt: skip
    try:
        if isinstance(default, bool):
            return value if isinstance(value, bool) else _TRUTH[str(value).lower()]
        if isinstance(default, str):
            if isinstance(value, str):
                return value
        elif not isinstance(value, bool):
            if isinstance(value, Following):
                return _following(part, key, value, value.schedule)
            if type(default) is float and isinstance(value, str) and "*" in value:
                most, _, schedule = value.partition("*")
                return _following(part, key, _convert(part, key, most), schedule.strip())
            if isinstance(default, int):
                if float(value) == int(value):
                    return int(value)
            elif math.isfinite(number := float(value)):
                return number
    except (ValueError, KeyError, OverflowError, TypeError):
        pass
    raise OptionError(
        f"{part.kind} {part.name!r}: {key}={value} is not {wanted}.\n"
        f"Its default is {write_option(default)}."
    )
