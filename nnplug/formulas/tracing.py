"""Calling an author's formula on symbols, and expanding it for an engine."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from operator import is_
from typing import Any

from nnplug.errors import FormulaError, OptionError, PartError
from nnplug.formulas.alternatives import instead_of
from nnplug.formulas.authors import call_author
from nnplug.formulas.graph import Symbol, walk
from nnplug.formulas.purity import Traces
from nnplug.formulas.refusal import UnsupportedError, is_authors

__all__ = ["lower", "mixed_rows", "trace"]

_AS_IT_STANDS = " Or give the activation `derivative=`, and it runs as it stands, on arrays."


def trace(
    function: Callable[..., Any],
    arguments: Sequence[Symbol],
    options: Mapping[str, Any],
    *,
    name: str,
    traces: Traces | None = None,
    may_run: bool = False,
    may_learn: bool = False,
) -> tuple[Symbol, ...]:
    """Call a formula on symbols, and make sure that it gives the same again.

    Parameters
    ----------
    function : callable
        The author's function.
    arguments : sequence of Symbol
        Its positional arguments.
    options : mapping
        Its keyword arguments, numbers or symbols.
    name : str
        The part's name, for messages.
    traces : Traces, optional
        Those of the part so far.
    may_run : bool, optional
        Whether the part may run as it stands, if it is given its derivative.
    may_learn : bool, optional
        Whether the part may have options that are learned.

    Returns
    -------
    tuple of Symbol
        What it returns; a single value gives a tuple of one.

    Raises
    ------
    FormulaError
        If it uses something that cannot be traced: with the author's file
        and line, the reason and the way out.
    ImpureFormulaError
        If it is not the same at each call.
    """
    outputs = _call(function, arguments, options, name, may_run)

    def again() -> tuple[Symbol, ...] | None:
        try:
            return _call(function, arguments, options, name, may_run)
        except FormulaError:
            return None

    (traces or Traces()).check(
        function, arguments, options, outputs, again, name=name, may_learn=may_learn
    )
    return outputs


def _call(
    function: Callable[..., Any],
    arguments: Sequence[Symbol],
    options: Mapping[str, Any],
    name: str,
    may_run: bool,
) -> tuple[Symbol, ...]:
    """Call a formula on symbols; see `trace`."""
    as_it_stands = _AS_IT_STANDS * may_run
    try:
        result = call_author(name, function, *arguments, **options)
    except (PartError, OptionError):  # no other way to compute it helps
        raise
    except UnsupportedError as error:
        raise FormulaError(f"{name}: {error}{as_it_stands}") from None
    except FormulaError as error:
        raise FormulaError(f"{name}: {error}") from None
    except Exception as error:
        said = str(error).rstrip(".")
        way_out = "use plain NumPy on the arguments"
        if isinstance(error, AttributeError) and error.name is not None:
            way_out = instead_of(error.name) or way_out
        raise FormulaError(
            f"{name}: {_place(error)}{type(error).__name__} while tracing the formula: {said}"
            f"{'' if said.endswith('?') else '.'}\nWay out: {way_out}.{as_it_stands}"
        ) from error
    if isinstance(result, list):
        raise FormulaError(
            f"{name}: {_definition(function)}the formula returns a list.\n"
            "Way out: return a tuple, as in `return param, m`, or one array alone."
        )
    outputs = result if isinstance(result, tuple) else (result,)
    graph = arguments[0].graph
    for output in outputs:
        if output is None:
            raise FormulaError(
                f"{name}: {_definition(function)}the formula returns nothing.\n"
                "Way out: end it with `return`."
            )
    try:
        return tuple(graph.symbol(output) for output in outputs)
    except FormulaError:
        kinds = ", ".join(type(output).__name__ for output in outputs)
        raise FormulaError(
            f"{name}: {_definition(function)}the formula returns {kinds}, which does not come "
            "from its arguments.\nWay out: compute the result from the arguments with NumPy."
        ) from None


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if is_authors(frame.filename):
            return f"{frame.filename}:{frame.lineno}: "
    return ""


def _definition(function: Callable[..., Any]) -> str:
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}: " if code is not None else ""


def mixed_rows(output: Symbol, arguments: Sequence[Symbol]) -> Symbol | None:
    """Find where a formula lets one row look at another.

    Returns
    -------
    Symbol or None
        The first node that is computed from the arguments and does not have
        their rows as its first dimension, and only there.
    """
    (rows,) = arguments[0].shape[:1]
    computed = {id(argument) for argument in arguments}
    for symbol in walk([output]):
        if any(id(child) in computed for child in symbol.inputs):
            computed.add(id(symbol))
            if symbol.shape[:1] != (rows,) or rows in symbol.shape[1:]:
                return symbol
    return None


def lower(outputs: Sequence[Symbol]) -> list[Symbol]:
    """Rewrite composite operations in primitives, down to single array calls."""
    lowered: dict[int, Symbol] = {}
    return [_lower(symbol, lowered) for symbol in outputs]


def _lower(output: Symbol, lowered: dict[int, Symbol]) -> Symbol:
    """Lower what a node needs and is not known, going through each node once."""
    for symbol in walk([output], lowered):
        inputs = tuple([lowered[id(child)] for child in symbol.inputs])
        rewrite = symbol.operation.lower
        if rewrite is not None:
            result = symbol.graph.symbol(rewrite(*inputs, **dict(symbol.options)))
            # A rewriting may use what has to be rewritten too; its inputs are done.
            lowered.update((id(child), child) for child in inputs)
            if result.operation is not symbol.operation:
                result = _lower(result, lowered)
        elif all(map(is_, inputs, symbol.inputs)):
            result = symbol
        else:
            result = symbol.graph.apply(symbol.operation, *inputs, **dict(symbol.options))
        lowered[id(symbol)] = result
    return lowered[id(output)]
