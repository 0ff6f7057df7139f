"""Whether a formula is pure: the same at every call.

A formula that draws random numbers, counts its calls or reads something that
changes would be one function while a network is trained, and another when the
network is loaded. So it is called twice on the same symbols, and must give the
same nodes. If something that it reads has changed in between, it is called some
more times: a coin may fall on the same side twice.
"""

from __future__ import annotations

import pickle
import random
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from nnplug.errors import ImpureFormulaError
from nnplug.formulas.digest import Reading, digest, graph_text, readings, unwrap, values
from nnplug.formulas.graph import Symbol

__all__ = ["Traces", "check_twice"]

_MORE_CALLS = 30
"""A coin falls on one side this many times in a row about once in 10⁹ times."""

_LARGEST = 1000
"""The largest container whose contents are compared."""

_CONTAINERS = (list, tuple, set, frozenset, dict)

_EVER_CHANGING = frozenset(
    {"time", "datetime", "secrets", "uuid", "random", "os", "posix", "nt", "itertools"}
)
"""Modules whose functions and objects may give something else at each call."""

Outputs = tuple[Symbol, ...]
States = Mapping[str, tuple[Reading, Any, Hashable]]
Changes = Sequence[tuple[Reading, Any]]


class Traces:
    """The earlier traces of one part's formula, in this process.

    A copy made by pickle starts empty, since it may be loaded in another process.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[str, States]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Traces, ()

    def check(
        self,
        function: Callable[..., Any],
        arguments: Sequence[Symbol],
        options: Mapping[str, Any],
        outputs: Outputs,
        again: Callable[[], Outputs | None],
        *,
        name: str,
        may_learn: bool = False,
    ) -> None:
        """Compare a trace with an earlier one or, if there is none, with a second call.

        Parameters
        ----------
        outputs : tuple of Symbol
            The formula's values.
        again : callable
            Calls it once more; returns None if that fails.
        name : str
            The part's name, for messages.
        may_learn : bool, optional
            Whether the part may have options that are learned.

        Raises
        ------
        ImpureFormulaError
            If they differ.
        """
        given = [(key, _argument(value)) for key, value in sorted(options.items())]
        key = (function, tuple(map(_argument, arguments)), tuple(given))
        text = digest(graph_text(outputs, repr))
        if key in self._known:
            before, states = self._known[key]
            if before != text:
                what = "the formula is not the one that was traced before"
                changed = _changed(states, _states(readings(function)))
                raise _impure(name, function, what, changed, _way_out(may_learn))
            return
        names = readings(function)
        states = _states(names)
        second = again()
        changed = _changed(states, _states(names))
        same = _is_same(outputs, second)
        if same and changed:
            same = not any(_generator(value) for _, value in changed) and all(
                _is_same(outputs, again()) for _ in range(_MORE_CALLS)
            )
        if not same:
            what = "the second call of the formula gave another one"
            raise _impure(name, function, what, changed, _way_out(may_learn))
        self._known[key] = text, states


def check_twice(
    name: str, function: Callable[..., Any], call: Callable[[], Any], way_out: str
) -> None:
    """Compare two calls on numbers, to the bit, of a function that is not traced.

    Parameters
    ----------
    call : callable
        Calls it, with the same arguments each time. An error that it raises is
        ignored here: the function may be right to raise it.

    Raises
    ------
    ImpureFormulaError
        If they differ.
    """
    names = readings(function)
    states = _states(names)
    try:
        first, second = np.array(call()), np.array(call())
    except Exception:
        return
    if (first.shape, first.tobytes()) != (second.shape, second.tobytes()):
        what = "two calls with the same arguments give two results"
        raise _impure(name, function, what, _changed(states, _states(names)), way_out)


def _impure(
    name: str, function: Callable[..., Any], what: str, changed: Changes, way_out: str
) -> ImpureFormulaError:
    """Make the error for an impure formula: how it showed, and what the formula reads."""
    code = getattr(unwrap(function), "__code__", None)
    place = "" if code is None else f"{code.co_filename}:{code.co_firstlineno}: "
    if changed:
        place = f"{changed[0][0].place}: "
    why = "it is random, counts its calls, or reads something that changes"
    if changed:
        why = "; ".join(_why(*change) for change in changed[:3])
    return ImpureFormulaError(
        f"{name}: {place}{what}: {why}.\n"
        "A formula must be the same at each call, since models and runs keep its name alone.\n"
        f"Way out: {way_out}."
    )


def _way_out(may_learn: bool) -> str:
    learned = ", or one that is learned, nnplug.trainable(0.5)" * may_learn
    return (
        f"make it an option, `*, value=0.5`{learned}; draw what is random once, outside the formula"
    )


def _why(reading: Reading, value: Any) -> str:
    if _generator(value) is not None:
        return f"`{reading.text}` draws random numbers"
    if _is_ever_changing(value):
        return f"`{reading.text}` gives something else each time"
    return f"`{reading.text}` has changed"


def _argument(value: Any) -> Hashable:
    return (value.name, value.shape) if isinstance(value, Symbol) else repr(value)


def _is_same(one: Outputs, other: Outputs | None) -> bool:
    # Equal nodes of one graph are one node.
    return other is not None and list(map(id, one)) == list(map(id, other))


# --- what a formula reads -------------------------------------------------------------


def _states(names: list[Reading]) -> States:
    """Record the state of everything that a formula reads."""
    found: dict[str, tuple[Reading, Any, Hashable]] = {}
    for reading, value in values(names):
        if reading.text not in found:
            found[reading.text] = (reading, value, _state(value))
    return found


def _changed(before: States, after: States) -> Changes:
    """List what has changed."""
    return [
        (reading, value)
        for name, (reading, value, state) in after.items()
        if name not in before or before[name][2] != state
    ]


def _state(value: Any) -> Hashable:
    """Give a state that is equal as long as a value does not change; None if it is not examined."""
    generator = _generator(value)
    if generator is not None:
        return _position(generator)
    if _is_ever_changing(value):
        return object()  # equal to nothing
    return _contents(value)


def _generator(value: Any) -> Any:
    """Find the random generator that a value is, or whose method it is."""
    owner = getattr(value, "__self__", value)
    numpy_random = sys.modules.get("numpy.random")
    kinds: tuple[type, ...] = (random.Random,)
    if numpy_random is not None:
        kinds += (numpy_random.Generator, numpy_random.RandomState)
    return owner if isinstance(owner, kinds) else None


def _position(generator: Any) -> Hashable:
    """Give a generator's position in its stream."""
    if isinstance(generator, random.SystemRandom):
        return object()  # it has no stream: equal to nothing
    if isinstance(generator, random.Random):
        return generator.getstate()
    bits = getattr(generator, "bit_generator", None) or generator._bit_generator
    return pickle.dumps(bits.state)


def _is_ever_changing(value: Any) -> bool:
    if hasattr(type(value), "__next__"):
        return True
    if isinstance(value, type(sys)):
        return False  # only what is read from a module counts
    module = getattr(value, "__module__", None) or type(value).__module__
    return isinstance(module, str) and (
        module in _EVER_CHANGING or module.startswith("numpy.random")
    )


def _contents(value: Any, depth: int = 2) -> Hashable:
    """Write plain values, and containers of them up to a depth; None for anything else."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return repr(value)
    if isinstance(value, _CONTAINERS) and depth and len(value) <= _LARGEST:
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return type(value).__name__, tuple(_contents(item, depth - 1) for item in inner)
    if isinstance(value, np.ndarray | np.generic) and value.size <= _LARGEST:
        return value.tobytes()
    return None
