"""Shapes: tuples of labels, such as `("N", "C")` for N rows by C columns.

`1` is a dimension that a reduction kept, and `()` the shape of a number. A
formula is traced before any array exists, so a shape that cannot fit is found
without one.
"""

from __future__ import annotations

from typing import Any

from nnplug.formulas.refusal import refuse

__all__ = ["Dimension", "Label", "Shape", "broadcast_shapes", "shape_text"]


class Label(str):
    """The name of a dimension, such as "N"; its size is not known while tracing."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise refuse(
            "arithmetic with the size of an array",
            "a formula is traced before any array exists",
            "use np.mean in place of a sum divided by a size",
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __pow__ = __rpow__ = _refuse
    __neg__ = __int__ = __float__ = __index__ = __array_ufunc__ = __array__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse


Dimension = str | int
Shape = tuple[Dimension, ...]


def broadcast_shapes(name: str, *shapes: Shape) -> Shape:
    """Broadcast labelled shapes by NumPy's rule.

    Raises
    ------
    FormulaError
        If two dimensions differ and neither is 1.
    """
    full = {shape for shape in shapes if shape}
    if len(full) < 2:  # nothing is stretched but numbers
        return full.pop() if full else ()
    result: list[Dimension] = []
    for position in range(1, max(map(len, shapes), default=0) + 1):
        chosen: Dimension = 1
        for shape in shapes:
            if position > len(shape) or shape[-position] == 1:
                continue
            if chosen not in (1, shape[-position]):
                raise refuse(
                    f"`{name}` of shapes {' and '.join(map(shape_text, shapes))}",
                    f"the dimension {chosen} does not fit {shape[-position]}",
                    "reduce over the last axis, with axis=-1 and keepdims=True",
                )
            chosen = shape[-position]
        result.insert(0, chosen)
    return tuple(result)


def shape_text(shape: Shape) -> str:
    """Write a shape without the quotes of its labels."""
    return f"({', '.join(map(str, shape))})"
