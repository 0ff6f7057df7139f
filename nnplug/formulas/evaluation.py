"""Evaluation of an expression graph on arrays, node by node.

The simplest way, for checks, printing and single values; training runs plans,
which allocate nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnplug.formulas.graph import Symbol, walk
from nnplug.types import AnyArray

__all__ = ["evaluate"]


def evaluate(outputs: Sequence[Symbol], arguments: Mapping[str, Any]) -> list[AnyArray]:
    """Compute symbols from arrays for the arguments.

    Parameters
    ----------
    outputs : sequence of Symbol
        The symbols to compute.
    arguments : mapping of str to array or number
        The value of each argument by name. The size of a labelled dimension
        is that of the arrays, unless it is given.

    Returns
    -------
    list of numpy.ndarray
        One per output, of the dtype of the arrays; computed without warnings.

    Raises
    ------
    ValueError
        If an argument that an output needs is missing.
    """
    order = walk(outputs)
    sizes: dict[str, int] = {}
    for symbol in order:
        if symbol.is_input and symbol.name in arguments:
            shape = np.shape(arguments[symbol.name])
            sizes.update(
                (label, size)
                for label, size in zip(symbol.shape[::-1], shape[::-1], strict=False)
                if isinstance(label, str)
            )
    dtype = _common_dtype(order, arguments)
    own: set[int] = set()
    values: dict[int, Any] = {}
    for symbol in order:
        if symbol.is_input:
            # A dimension's label may also be the name of an argument.
            known = sizes if symbol.is_size and symbol.name in sizes else arguments
            if symbol.name not in known:
                raise ValueError(f"there is no value for the argument {symbol.name!r}")
            value = known[symbol.name]
            values[id(symbol)] = float(value) if symbol.is_size else value
        elif symbol.is_constant:
            truth = symbol.dtype_kind == "bool"
            values[id(symbol)] = bool(symbol.value) if truth else symbol.value
        else:
            inputs = [values[id(child)] for child in symbol.inputs]
            # Both branches of `where` are computed; the one not taken may be anything.
            with np.errstate(all="ignore"):
                value = symbol.operation.evaluate(*inputs, **dict(symbol.options))
            # An author's function that runs as it stands may widen the dtype of what uses it.
            if symbol.operation.opaque or not own.isdisjoint(map(id, symbol.inputs)):
                own.add(id(symbol))
            elif dtype is not None and symbol.shape and symbol.dtype_kind != "bool":
                value = np.asarray(value, dtype)
            values[id(symbol)] = value
    return [np.asarray(values[id(symbol)]) for symbol in outputs]


def _common_dtype(
    order: Sequence[Symbol], arguments: Mapping[str, Any]
) -> np.dtype[np.floating[Any]] | None:
    """Find the dtype of the formula's arrays, which its results keep.

    Without it, labels, and numbers in float64, would widen the results.
    """
    arrays = [
        arguments[symbol.name].dtype
        for symbol in order
        if symbol.is_input and symbol.shape and isinstance(arguments.get(symbol.name), np.ndarray)
    ]
    floats = [dtype for dtype in arrays if dtype.kind == "f"]
    return np.result_type(*floats) if floats else None
