"""Evaluation of an expression graph on arrays, node by node.

The plainest reading of a graph, for checking, printing and one-off values;
training runs plans, which allocate nothing.
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
        What to compute.
    arguments : mapping of str to array or number
        The value of each argument by name. The size of a labelled dimension
        is taken from the arrays unless it is given.

    Returns
    -------
    list of numpy.ndarray
        One per output.
    """
    order = walk(outputs)
    sizes: dict[str, Any] = {}
    for symbol in order:
        if symbol.is_input and symbol.name in arguments:
            shape = np.shape(arguments[symbol.name])
            sizes.update(
                (label, size)
                for label, size in zip(symbol.shape[::-1], shape[::-1], strict=False)
                if isinstance(label, str)
            )
    values: dict[int, Any] = {}
    for symbol in order:
        if symbol.is_input:
            if symbol.name in arguments:
                values[id(symbol)] = arguments[symbol.name]
            elif symbol.shape:  # a shape to broadcast to, whose values are not used
                values[id(symbol)] = np.empty([sizes.get(str(dim), dim) for dim in symbol.shape])
            else:
                values[id(symbol)] = sizes[symbol.name]
        elif symbol.is_constant:
            values[id(symbol)] = bool(symbol.value) if symbol.dtype_kind == "bool" else symbol.value
        else:
            inputs = [values[id(child)] for child in symbol.inputs]
            values[id(symbol)] = symbol.operation.evaluate(*inputs, **dict(symbol.options))
    return [np.asarray(values[id(symbol)]) for symbol in outputs]
