"""From an author's function to a part: what the signature and the decorator say."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, TypeVar

from nnplug.errors import PartError
from nnplug.parts.declared import Declared, Interval, Trainable
from nnplug.parts.part import OptionValue, Part
from nnplug.parts.text import is_part_name, normalise_name

__all__ = ["Naming", "build_part", "check_dimensions", "declarations"]


class Naming(TypedDict, total=False):
    """The arguments that the decorator of every kind of part takes.

    Attributes
    ----------
    name : str
        The part's name; by default the function's own.
    aliases : tuple of str
        Other names that it is found by.
    ranges : mapping of str to str
        The numbers that options may be, as intervals: `{"rate": "[0, 1)"}`.
    expected_failures : mapping of str to str
        Checks that the part is known to fail, each with the reason; see
        `nnplug.testing.run`.
    """

    name: str | None
    aliases: tuple[str, ...]
    ranges: Mapping[str, str]
    expected_failures: Mapping[str, str] | None


def _plain(default: OptionValue) -> OptionValue:
    """Convert a default to one of Python's own types, unless it is trainable."""
    if isinstance(default, Trainable | bool):
        return default
    return next(kind(default) for kind in (int, float, str) if isinstance(default, kind))


def _wrong_option(parameter: inspect.Parameter) -> str | None:
    """Say why a keyword argument cannot be an option."""
    if isinstance(parameter.default, Declared):
        what, only = type(parameter.default).__name__.lower(), parameter.default.declared_by
        return f"{parameter.name!r} is a {what}, which only {only} may declare."
    if not isinstance(parameter.default, bool | int | float | str):
        return (
            f"the option {parameter.name!r} needs a default that is a number, a truth value or "
            "text: it declares type and value."
        )
    if normalise_name(parameter.name) != parameter.name:
        return (
            f"the option {parameter.name!r} cannot be named on the command line, where case does "
            "not count; write it in lower case."
        )
    return None


def _as_options(positional: Callable[[tuple[str, ...]], str | None], names: list[str]) -> str:
    """Say how to write surplus arguments as options; empty if that is not the fault."""
    for count in range(len(names) - 1, 0, -1):
        if positional(tuple(names[:count])) is None:
            options = [f"{name}=1.0" for name in names[count:]]
            listed = ", ".join([*names[:count], "*", *options])
            return f"\nOptions stand after a `*`, each with its default: ({listed})."
    return ""


def declarations(
    function: Callable[..., Any], kind: str, allowed: tuple[type[Declared], ...]
) -> dict[str, Declared]:
    """Find the arrays that a formula declares in its signature.

    Raises
    ------
    PartError
        If one stands after the `*`, or a part of this kind may not declare it.
    """
    found: dict[str, Declared] = {}
    for argument in inspect.signature(function).parameters.values():
        if isinstance(argument.default, Declared):
            what = type(argument.default).__name__.lower()
            name = f"{kind} {getattr(function, '__name__', '')!r}: {argument.name}"
            if argument.kind is argument.KEYWORD_ONLY:
                raise PartError(f"{name} is a {what}: it stands before the *, options after it.")
            if not isinstance(argument.default, allowed):
                only = argument.default.declared_by
                raise PartError(f"{name} is a {what}, which only {only} may declare.")
            found[argument.name] = argument.default
    return found


def check_dimensions(
    part: Part, declared: Mapping[str, Declared], allowed: Callable[[str | int], bool], known: str
) -> None:
    """Refuse arrays that have other dimensions than a kind of part knows.

    Parameters
    ----------
    allowed : callable
        Whether a dimension is known.
    known : str
        For the message: which are.

    Raises
    ------
    PartError
        With the first other dimension.
    """
    for name, array in declared.items():
        for dim in array.shape:
            if not allowed(dim):
                raise PartError(
                    f"{part.place}: {part.kind} {part.name!r}: {name} has the dimension {dim!r}, "
                    f"which is {known}."
                )


P = TypeVar("P", bound=Part)


def build_part(
    cls: type[P],
    function: Callable[..., Any],
    *,
    positional: Callable[[tuple[str, ...]], str | None],
    reserved: tuple[str, ...] = (),
    declared: Mapping[str, Declared] | None = None,
    naming: Naming,
    **attributes: Any,
) -> P:
    """Make a part from an author's function, and check its signature.

    Parameters
    ----------
    positional : callable
        Given the names of the positional arguments, says what is wrong with
        them, or returns None.
    reserved : tuple of str
        Keyword arguments that the framework passes, and that are not options.
    declared : mapping, optional
        The arrays that the function declares, by the names of its arguments;
        None for a kind that declares none.
    naming : Naming
        The arguments of the decorator that all kinds have.
    **attributes
        Attributes of the kind.

    Raises
    ------
    PartError
        If the signature or a name is not as the kind needs.
    """
    given = getattr(function, "__name__", "")
    if unknown := [key for key in naming if key not in Naming.__annotations__]:
        raise TypeError(f"{cls.kind}() got an unexpected keyword argument {unknown[0]!r}")
    label = naming.get("name") or normalise_name(given)
    aliases = tuple(naming.get("aliases", ()))
    ranges = {key: Interval(text) for key, text in naming.get("ranges", {}).items()}
    known_failures = dict(naming.get("expected_failures") or {})
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
    for name in (label, *aliases):
        if not is_part_name(name):
            raise wrong(f"the name {name!r} is not snake_case.")
    if unexplained := [name for name, why in known_failures.items() if not str(why or "").strip()]:
        raise wrong(f"expected_failures: {unexplained[0]!r} needs the reason why it fails.")
    try:
        defaults, arguments = _read(function, {*reserved, *(declared or {})})
        _check_ranges(ranges, defaults)
    except ValueError as error:
        raise wrong(str(error)) from None
    complaint = positional(tuple(arguments))
    if complaint is not None:
        raise wrong(
            f"{complaint}, not ({', '.join(arguments)}).{_as_options(positional, arguments)}"
        )
    attributes |= {} if declared is None else {"declared": declared}
    return cls(
        function=function,
        name=label,
        aliases=aliases,
        ranges=ranges,
        expected_failures=known_failures,
        defaults=defaults,
        # NumPy takes a float subclass for float64, which would widen float32 arrays.
        options={
            key: float(value) if isinstance(value, Trainable) else value
            for key, value in defaults.items()
        },
        **attributes,
    )


def _read(
    function: Callable[..., Any], passed: set[str]
) -> tuple[dict[str, OptionValue], list[str]]:
    """Read a signature: the options with their defaults, and the names of the other arguments.

    Parameters
    ----------
    passed : set of str
        Arguments with a default, or after the `*`, that are not options.

    Raises
    ------
    ValueError
        With what is wrong.
    """
    defaults: dict[str, OptionValue] = {}
    arguments: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            raise ValueError(f"it takes {stars}{parameter.name}; name each argument and option.")
        if parameter.kind is parameter.KEYWORD_ONLY or parameter.default is not parameter.empty:
            if parameter.name in passed:
                continue
            if complaint := _wrong_option(parameter):
                raise ValueError(complaint)
            defaults[parameter.name] = _plain(parameter.default)
        else:
            arguments.append(parameter.name)
    return defaults, arguments


def _check_ranges(ranges: Mapping[str, Interval], defaults: Mapping[str, OptionValue]) -> None:
    """Make sure that ranges are of options that are numbers, and that the defaults are in them.

    Raises
    ------
    ValueError
        With what is wrong.
    """
    for key, interval in ranges.items():
        default = defaults.get(key)
        if not isinstance(default, int | float) or isinstance(default, bool):
            raise ValueError(f"ranges: {key!r} is not an option that is a number.")
        if default not in interval:
            raise ValueError(f"{key}={default:g}: the default must be {interval.words}.")
