"""What every part is: a named function with options."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from nnplug.errors import OptionError, PartError, suggest
from nnplug.formulas.authors import call_author
from nnplug.formulas.digest import code_text, digest
from nnplug.formulas.purity import Traces
from nnplug.formulas.refusal import author_line
from nnplug.parts.declared import Declared
from nnplug.parts.text import is_part_name, normalise_name, write_option, write_part

__all__ = ["OptionValue", "Part", "Trainable", "build_part", "trainable"]

OptionValue = bool | int | float | str


class Trainable(float):
    """An option that is learned: its value is where learning starts."""


def trainable(start: float) -> Any:
    """Declare an option as trainable, by its default.

    `def prelu(x, *, slope=nnplug.trainable(0.25))` gives each layer a slope
    of its own, which lives among the parameters and is updated like them.

    Parameters
    ----------
    start : float
        The value before training; one finite number.

    Raises
    ------
    PartError
        If it is anything else.
    """
    given: Any = start
    number = isinstance(given, int | float | np.integer | np.floating)
    if not number or isinstance(given, bool) or not math.isfinite(given):
        shown = repr(given) if np.ndim(given) == 0 else f"an array of shape {np.shape(given)}"
        raise PartError(
            f"{author_line()}nnplug.trainable takes one finite number, from which learning starts, "
            f"not {shown}.\nAn option is one number for a whole layer: nnplug.trainable(1.0)."
        )
    return Trainable(start)


@dataclass(frozen=True, eq=False, repr=False)
class Part:
    """A formula with a name: the base of every kind of part.

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
        Its keyword arguments with their declared defaults.
    options : mapping
        The same with the values of this instance.
    traces : Traces
        What the formula was when it was traced before; parts that differ in
        options alone share them.
    expected_failures : mapping of str to str
        Checks of the conformance kit that it is known to fail, each with the
        reason.
    """

    kind: ClassVar[str] = "part"
    plural: ClassVar[str] = "parts"

    function: Callable[..., Any]
    name: str
    aliases: tuple[str, ...] = ()
    defaults: Mapping[str, OptionValue] = field(default_factory=dict)
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    traces: Traces = field(default_factory=Traces)
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the digest: where it wakes up, the function may be another."""
        return {name: value for name, value in vars(self).items() if name != "digest"}

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the function with this instance's options, and those given here."""
        return call_author(
            f"{self.kind} {self.name!r}", self.function, *arguments, **{**self.options, **options}
        )

    def __repr__(self) -> str:
        return f"<{self.kind} {self.text}>"

    @property
    def text(self) -> str:
        """The text form, with the options that differ from their defaults."""
        given = self.options.items()
        return write_part(
            self.name, {key: value for key, value in given if value != self.defaults[key]}
        )

    @property
    def bare_option(self) -> str | None:
        """The option whose value the text form may give alone, as in `dense:64`."""
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
        """What tells its formula, with these options, from another.

        The same in any process; see `nnplug.formulas.digest`. Empty if there
        is nothing to tell it by, as for a function that was typed at a prompt
        and is not traced.

        Raises
        ------
        FormulaError
            If it is to be traced, and cannot be.
        """
        texts = self.formula_texts()
        return "" if None in texts else digest(self.kind, *map(str, texts))

    def formula_texts(self) -> list[str | None]:
        """Write what the part computes: for one that is not traced, its code and options."""
        return [code_text(self.function), repr(sorted(self.options.items()))]

    def with_options(self, /, **values: OptionValue) -> Self:
        """Make this part with other values for some of its options.

        Raises
        ------
        OptionError
            If an option is unknown or its value is not of its default's type.
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
        return replace(self, options=options)


_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _convert(part: Part, key: str, value: OptionValue) -> OptionValue:
    """Bring a value, possibly text, to the type of the option's default."""
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


def _plain(default: OptionValue) -> OptionValue:
    """Make a default of one of Python's own types, but a trainable one."""
    if isinstance(default, Trainable | bool):
        return default
    return next(kind(default) for kind in (int, float, str) if isinstance(default, kind))


def _wrong_option(parameter: inspect.Parameter) -> str | None:
    """Say why a keyword argument cannot be an option."""
    if isinstance(parameter.default, Declared):
        what = type(parameter.default).__name__.lower()
        return f"{parameter.name!r} is a {what}, which only a layer may declare."
    if not isinstance(parameter.default, bool | int | float | str):
        return (
            f"the option {parameter.name!r} needs a default that is a number, a truth value or "
            "text: it declares type and value."
        )
    if normalise_name(parameter.name) != parameter.name:
        return (
            f"the option {parameter.name!r} can not be named on the command line, where case does "
            "not count; write it in lower case."
        )
    return None


def _as_options(positional: Callable[[tuple[str, ...]], str | None], names: list[str]) -> str:
    """Say how arguments that are one too many are written as options."""
    for count in range(len(names) - 1, 0, -1):
        if positional(tuple(names[:count])) is None:
            options = [f"{name}=1.0" for name in names[count:]]
            listed = ", ".join([*names[:count], "*", *options])
            return f"\nOptions stand after a `*`, each with its default: ({listed})."
    return ""


def declarations(
    function: Callable[..., Any], kind: str, allowed: tuple[type[Declared], ...]
) -> dict[str, Declared]:
    """Find what a formula declares in its signature.

    Raises
    ------
    PartError
        If it stands after the `*`, or a part of this kind cannot be given it.
    """
    found: dict[str, Declared] = {}
    for each in inspect.signature(function).parameters.values():
        if isinstance(each.default, Declared):
            what = type(each.default).__name__.lower()
            name = f"{kind} {getattr(function, '__name__', '')!r}: {each.name}"
            if each.kind is each.KEYWORD_ONLY:
                raise PartError(f"{name} is a {what}: it stands before the *, options after it.")
            if not isinstance(each.default, allowed):
                raise PartError(f"{name} is a {what}, which only a layer may declare.")
            found[each.name] = each.default
    return found


P = TypeVar("P", bound=Part)


def build_part(
    cls: type[P],
    function: Callable[..., Any],
    *,
    positional: Callable[[tuple[str, ...]], str | None],
    reserved: tuple[str, ...] = (),
    declared: Mapping[str, Declared] | None = None,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    expected_failures: Mapping[str, str] | None = None,
    **attributes: Any,
) -> P:
    """Make a part from an author's function, checking its signature.

    Parameters
    ----------
    positional : callable
        Given the names of the positional arguments, says what is wrong with
        them, or None.
    reserved : tuple of str
        Keyword arguments that the framework passes; they are no options.
    declared : mapping, optional
        The arrays that a layer declares, by the names of its arguments; for
        another kind, None: they are refused.

    Raises
    ------
    PartError
        If the signature or a name is not as the kind needs.
    """
    given = getattr(function, "__name__", "")
    label = name or normalise_name(given)
    code = getattr(inspect.unwrap(function), "__code__", None)
    place = f"{code.co_filename}:{code.co_firstlineno}: " if code is not None else ""

    if label == "<lambda>":
        raise PartError(
            f"{place}{cls.kind}: a lambda has no name.\n"
            f'Give it one: nnplug.{cls.kind}(name="my_{cls.kind}")(lambda ...).'
        )

    def wrong(reason: str) -> PartError:
        return PartError(f"{place}{cls.kind} {label!r}: {reason}")

    if isinstance(function, Part) or code is None:
        raise PartError(f"{cls.kind}: {function!r} is not a plain function.")
    # The part takes the function's place in its module; pickle looks for the function there.
    function.__qualname__ = f"{function.__qualname__}.function"
    for each in (label, *aliases):
        if not is_part_name(each):
            raise wrong(f"the name {each!r} is not snake_case.")
    known_failures = dict(expected_failures or {})
    if unexplained := [name for name, why in known_failures.items() if not str(why or "").strip()]:
        raise wrong(f"expected_failures: {unexplained[0]!r} needs the reason why it fails.")
    defaults: dict[str, OptionValue] = {}
    arguments: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            raise wrong(f"it takes {stars}{parameter.name}; name each argument and option.")
        if parameter.kind is parameter.KEYWORD_ONLY or parameter.default is not parameter.empty:
            if parameter.name in reserved or parameter.name in (declared or {}):
                continue
            if complaint := _wrong_option(parameter):
                raise wrong(complaint)
            defaults[parameter.name] = _plain(parameter.default)
        else:
            arguments.append(parameter.name)
    complaint = positional(tuple(arguments))
    if complaint is not None:
        raise wrong(
            f"{complaint}, not ({', '.join(arguments)}).{_as_options(positional, arguments)}"
        )
    attributes |= {} if declared is None else {"declared": declared}
    return cls(
        function=function,
        name=label,
        aliases=tuple(aliases),
        expected_failures=known_failures,
        defaults=defaults,
        # A float subclass would widen float32 arrays, as NumPy sees it.
        options={
            key: float(value) if isinstance(value, Trainable) else value
            for key, value in defaults.items()
        },
        **attributes,
    )
